import type { ExchangeRecord } from "../../feedback/exchanges.ts";
import type { ExchangeFace } from "../faces.ts";

/** Records under way to the log at once, at most: a disk that hangs must not fill the memory. */
const maxPending = 1000;

/** Writes exchanges down behind the answers' back: what cannot be written is counted, and delays nobody. */
export class ExchangeRecorder {
  readonly #log: ExchangeFace | undefined;
  readonly #pending = new Set<Promise<void>>();
  /** Exchanges that are in no log since it refused them or could not keep up. */
  lost = 0;

  constructor(log: ExchangeFace | undefined) {
    this.#log = log;
  }

  readonly record = (record: ExchangeRecord): void => {
    if (this.#log === undefined) return;
    if (this.#pending.size >= maxPending) {
      this.lost++;
      return;
    }
    const written = this.#write(this.#log, record).then(() => void this.#pending.delete(written));
    this.#pending.add(written);
  };

  async #write(log: ExchangeFace, record: ExchangeRecord): Promise<void> {
    try {
      await log.logExchanges([record]);
    } catch {
      this.lost++;
    }
  }

  /** Resolves once all that was recorded is written or given up. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}
