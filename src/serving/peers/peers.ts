import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../../kernel/error.ts";
import { mergeStatistics, type StatisticsReport } from "../oip/statistics.ts";
import type { PushOrigin } from "../faces.ts";
import type { ProcessState } from "./process-reports.ts";

export interface PeersOptions {
  /** Number of this process, and how many there are. */
  readonly process: number;
  readonly processes: number;
  readonly token: string;
}

export interface Peer {
  readonly process: number;
  /** Its loopback port for the others. */
  readonly port: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const reportTimeoutMs = 1000;
/** Loading a version of a large model. */
const changeTimeoutMs = 30_000;

/** The other serving processes on this machine's ports. One that is just being started again has nothing to say, and reads the deployments itself. */
export class Peers {
  readonly process: number;
  readonly #options: PeersOptions;
  #others: readonly Peer[] = [];
  #wereAllUp = false;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.process = options.process;
  }

  /** From the supervisor, whenever it changes. */
  set(peers: readonly Peer[]): void {
    this.#others = peers.filter((peer) => peer.process !== this.process);
    this.#wereAllUp ||= peers.length >= this.#options.processes;
  }

  /** All processes have been up at the same time: before, the machine has not its full room yet. */
  get wereAllUp(): boolean {
    return this.#wereAllUp;
  }

  async states(): Promise<ProcessState[]> {
    return (await this.#reports("/state")).map(({ text }) => JSON.parse(text) as ProcessState);
  }

  metrics(contentType: string): Promise<{ readonly process: number; readonly text: string }[]> {
    return this.#reports(`/metrics?type=${encodeURIComponent(contentType)}`);
  }

  /** @param own of this process @returns the sums over all */
  async statistics(name: string | undefined, version: string | undefined, own: readonly StatisticsReport[]): Promise<StatisticsReport[]> {
    const query = new URLSearchParams({ ...(name === undefined ? {} : { name }), ...(version === undefined ? {} : { version }) });
    const others = await this.#reports(`/statistics?${query.toString()}`);
    return mergeStatistics([own, ...others.map(({ text }) => JSON.parse(text) as StatisticsReport[])]);
  }

  /** @throws DEPLOYMENTS_UNREADABLE */
  refresh(): Promise<void> {
    return this.#change("/refresh");
  }

  load(name: string): Promise<void> {
    return this.#change(`/load?name=${encodeURIComponent(name)}`);
  }

  unload(name: string): Promise<void> {
    return this.#change(`/unload?name=${encodeURIComponent(name)}`);
  }

  /**
   * Has process 0 take pushed rows: it alone writes the log of pushed rows.
   * @throws STORAGE_UNREACHABLE while it is being started again; what `OnlineFace.ingest` throws
   */
  async push(source: string, rows: readonly unknown[], { producer, sequence }: PushOrigin): Promise<unknown> {
    const first = this.#others.find((peer) => peer.process === 0);
    const away = (problem: string, cause?: unknown): KarkhanaError =>
      new KarkhanaError("STORAGE_UNREACHABLE", { store: "The log of pushed rows", address: "serving process 0", problem }, { cause });
    if (first === undefined) throw away("it is not up");
    let answer: Answer;
    try {
      answer = await this.#ask(first, "POST", "/push", changeTimeoutMs, JSON.stringify({ source, rows, producer, sequence }));
    } catch (error) {
      throw away(error instanceof Error ? error.message : String(error), error);
    }
    const body = JSON.parse(answer.text) as unknown;
    if (answer.status !== 200) throw fromErrorRecord(body as ErrorRecord);
    return body;
  }

  /** Of those that answer; a version that is loaded here and not yet there has nothing to report there. */
  async #reports(path: string): Promise<{ readonly process: number; readonly text: string }[]> {
    const answers = await Promise.all(
      this.#others.map(async (peer) => {
        const answer = await this.#ask(peer, "GET", path, reportTimeoutMs).catch(() => undefined);
        return answer?.status === 200 ? [{ process: peer.process, text: answer.text }] : [];
      }),
    );
    return answers.flat();
  }

  async #change(path: string): Promise<void> {
    await Promise.all(
      this.#others.map(async (peer) => {
        let answer: Answer;
        try {
          answer = await this.#ask(peer, "POST", path, changeTimeoutMs);
        } catch (cause) {
          // A refused connection is a process that has ended; its successor begins with what is deployed. Silence is something else.
          if (!(cause instanceof DOMException)) return;
          throw new KarkhanaError(
            "DEPLOYMENTS_UNREADABLE",
            { problem: `serving process ${peer.process} did not follow within ${changeTimeoutMs / 1000} s` },
            { cause },
          );
        }
        if (answer.status !== 200) throw fromErrorRecord(JSON.parse(answer.text) as ErrorRecord);
      }),
    );
  }

  async #ask({ port }: Peer, method: string, path: string, timeoutMs: number, body?: string): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#options.token}` },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, text: await response.text() };
  }
}
