/**
 * One connection that is kept, one request at a time on it, driven by hand: a full HTTP client costs more than the request it measures, and
 * what it costs is added to both servers' times alike. Bytes that arrive go through one buffer and leave no garbage.
 */
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** Empty if it was only counted. */
  readonly body: Buffer;
}

export interface Ask {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: Buffer | undefined;
  readonly type?: string | undefined;
  /** The body of the answer is counted and dropped. */
  readonly countOnly?: boolean;
}

const readBytes = 1024 * 1024;

export class TrackingClient {
  readonly #host: string;
  readonly #port: number;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(readBytes);
  #socket: Socket | undefined;
  #reader: AnswerReader | undefined;
  #settle: { resolve: (answer: Answer) => void; reject: (error: unknown) => void } | undefined;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** @throws for an answer other than 200 */
  async ask({ method, path, body, type, countOnly = false }: Ask): Promise<Answer> {
    const socket = (this.#socket ??= this.#open());
    const reader = new AnswerReader(countOnly);
    this.#reader = reader;
    const answered = new Promise<Answer>((resolve, reject) => (this.#settle = { resolve, reject }));
    const length = body === undefined ? "" : `content-type: ${type ?? "application/json"}\r\ncontent-length: ${body.length}\r\n`;
    socket.cork();
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${this.#host}:${this.#port}\r\naccept: */*\r\n${length}\r\n`);
    if (body !== undefined) socket.write(body);
    socket.uncork();
    const answer = await answered;
    // A server may end the connection with its answer.
    if (reader.closes) this.close();
    if (answer.status !== 200) throw new Error(`${method} ${path.slice(0, 200)} answered ${answer.status}: ${answer.body.toString("utf8").slice(0, 300)}`);
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true, onread: { buffer: this.#buffer, callback: (n) => this.#take(n) } });
    const lost = (problem: unknown): void => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      const settle = this.#settle;
      this.#settle = undefined;
      settle?.reject(problem);
    };
    socket.on("error", lost);
    socket.on("close", () => lost(new Error("the server ended the connection before its answer was whole")));
    return socket;
  }

  #take(bytes: number): boolean {
    const answer = this.#reader?.take(this.#buffer.subarray(0, bytes));
    if (answer === undefined) return true;
    const settle = this.#settle;
    this.#settle = undefined;
    this.#reader = undefined;
    settle?.resolve(answer);
    return true;
  }
}

/** One answer with a length or in chunks. @see RFC 9112 */
class AnswerReader {
  readonly #countOnly: boolean;
  readonly #parts: Buffer[] = [];
  #head = "";
  #state: "head" | "length" | "chunk-size" | "chunk" | "chunk-end" | "trailer" = "head";
  #left = 0;
  #line = "";
  #bytes = 0;
  #status = 0;

  constructor(countOnly: boolean) {
    this.#countOnly = countOnly;
  }

  get closes(): boolean {
    return /\r\nconnection: *close/i.test(this.#head);
  }

  take(bytes: Buffer): Answer | undefined {
    let at = 0;
    while (at < bytes.length || (this.#state === "length" && this.#left === 0)) {
      if (this.#state === "head") {
        const seen = this.#head.length;
        this.#head += bytes.toString("latin1", at);
        const end = this.#head.indexOf("\r\n\r\n", Math.max(0, seen - 3));
        if (end < 0) return undefined;
        at += end + 4 - seen;
        this.#head = this.#head.slice(0, end);
        this.#begin();
      } else if (this.#state === "length" || this.#state === "chunk") {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#left -= part.length;
        this.#bytes += part.length;
        // The buffer is filled again by what comes next.
        if (!this.#countOnly || this.#status !== 200) this.#parts.push(Buffer.from(part));
        if (this.#left === 0 && this.#state === "length") return this.#end();
        if (this.#left === 0) this.#state = "chunk-end";
      } else {
        const newline = bytes.indexOf(10, at);
        this.#line += bytes.toString("latin1", at, newline < 0 ? bytes.length : newline);
        if (newline < 0) return undefined;
        at = newline + 1;
        const line = this.#line.trim();
        this.#line = "";
        if (this.#state === "chunk-end") this.#state = "chunk-size";
        else if (this.#state === "trailer") {
          if (line === "") return this.#end();
        } else {
          this.#left = Number.parseInt(line, 16);
          this.#state = this.#left === 0 ? "trailer" : "chunk";
        }
      }
    }
    return undefined;
  }

  #begin(): void {
    this.#status = Number(this.#head.slice(9, 12));
    if (/\r\ntransfer-encoding: *chunked/i.test(this.#head)) this.#state = "chunk-size";
    else {
      this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0);
      this.#state = "length";
    }
  }

  #end(): Answer {
    return { status: this.#status, bytes: this.#bytes, body: Buffer.concat(this.#parts) };
  }
}
