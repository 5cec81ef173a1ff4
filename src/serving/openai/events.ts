/** Server-sent events out of a stream of bytes: whole ones, as they came. @see https://html.spec.whatwg.org/multipage/server-sent-events.html */

export interface ServerEvent {
  /** As it came, with the empty line that ends it. */
  readonly text: string;
  /** Its data lines put together; undefined: it has none (a comment that keeps the connection alive). */
  readonly data: string | undefined;
}

export class BadEvents extends Error {}

const lineFeed = 10;

/** @throws BadEvents for an event larger than `maxBytes` or one that the stream breaks off, and what reading the bytes throws */
export async function* readEvents(bytes: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<ServerEvent> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const part of bytes) {
    pending = pending.length === 0 ? Buffer.from(part.buffer, part.byteOffset, part.length) : Buffer.concat([pending, part]);
    let from = 0;
    for (let end = endOfEvent(pending, from); end !== -1; end = endOfEvent(pending, from)) {
      yield eventOf(pending.toString("utf8", from, end));
      from = end;
    }
    pending = pending.subarray(from);
    if (pending.length > maxBytes) throw new BadEvents(`an event is larger than ${maxBytes} bytes`);
  }
  if (pending.toString().trim() !== "") throw new BadEvents("the stream ends within an event");
}

/** One past the empty line that ends the event, or -1. */
function endOfEvent(bytes: Buffer, from: number): number {
  let line = from;
  for (let at = bytes.indexOf(lineFeed, from); at !== -1; at = bytes.indexOf(lineFeed, line)) {
    const length = at - line - (at > line && bytes[at - 1] === 13 ? 1 : 0);
    if (length === 0 && line > from) return at + 1;
    line = at + 1;
    // Empty lines before an event belong to it.
    if (length === 0) return line;
  }
  return -1;
}

function eventOf(text: string): ServerEvent {
  const data = text
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).replace(/^ /, ""));
  return { text, data: data.length === 0 ? undefined : data.join("\n") };
}
