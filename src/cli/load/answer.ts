/**
 * Where one answer of HTTP/1.1 ends on a connection that asks one question at a time: by content-length, by chunks (what many Python servers
 * send), or with its head where no body can follow.
 * @see RFC 9112 section 6.3
 */
export class AnswerReader {
  #pending: Buffer | undefined;
  /** Of the answer under way, once its head has been read. */
  #body: { readonly status: string; readonly start: number; readonly length: number | "chunked" } | undefined;
  /** Up to here the chunks of the answer under way have been counted. */
  #at = 0;

  /** @returns the status once the whole answer has come, else undefined. An answer without any length ends with its connection. */
  read(chunk: Buffer): string | undefined {
    const all = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#body ??= this.#readHead(all);
    if (this.#body === undefined || !this.#isWhole(all, this.#body)) {
      this.#pending = all;
      return undefined;
    }
    const { status } = this.#body;
    this.#pending = this.#body = undefined;
    return status;
  }

  #readHead(all: Buffer): { status: string; start: number; length: number | "chunked" } | undefined {
    const end = all.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const head = all.toString("latin1", 0, end + 2);
    const status = head.slice(9, 12);
    const start = end + 4;
    this.#at = start;
    if (status === "204" || status === "304") return { status, start, length: 0 };
    if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) return { status, start, length: "chunked" };
    return { status, start, length: Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.POSITIVE_INFINITY) };
  }

  #isWhole(all: Buffer, { start, length }: { readonly start: number; readonly length: number | "chunked" }): boolean {
    if (length !== "chunked") return all.length >= start + length;
    for (;;) {
      const line = all.indexOf("\r\n", this.#at);
      if (line < 0) return false;
      const bytes = Number.parseInt(all.toString("latin1", this.#at, line), 16);
      // After the last chunk: lines of trailers, then an empty one.
      if (bytes === 0) return all.indexOf("\r\n\r\n", line) >= 0;
      const next = line + 2 + bytes + 2;
      if (!(all.length >= next)) return false;
      this.#at = next;
    }
  }
}
