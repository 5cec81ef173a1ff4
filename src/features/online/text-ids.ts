/**
 * Rows are numbers, so a text lies in them as one: up to six bytes in the number itself, longer ones by 52 bits of their hash, under which
 * the text is stored once ("f t <id>"). Where two texts share a hash the later one takes the next free id, so equal ids are equal texts.
 * Texts are never removed: a row anywhere may speak of them.
 */
import { createHash } from "node:crypto";
import type { KeyValue } from "../../storage/kv/port.ts";
import { textKey } from "./keys.ts";
import type { StoreReads } from "./pending-writes.ts";

const inlineBytes = 6;
const hashed = 2 ** 52;
const scratch = Buffer.alloc(inlineBytes + 2);

/** The id of a text that fits a number itself. */
export function inlineId(text: string): number | undefined {
  if (text.length > inlineBytes || Buffer.byteLength(text) > inlineBytes) return undefined;
  const length = scratch.write(text, 0, "utf8");
  let id = length;
  for (let i = 0; i < inlineBytes; i++) id = id * 256 + (i < length ? scratch[i]! : 0);
  return id;
}

/** The text of an id that holds it; undefined for ids of stored texts. */
function inlineText(id: number): string | undefined {
  if (id >= hashed) return undefined;
  const length = Math.floor(id / 2 ** 48);
  let rest = id - length * 2 ** 48;
  for (let i = inlineBytes - 1; i >= 0; i--) {
    scratch[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return scratch.toString("utf8", 0, length);
}

function firstId(text: string): number {
  return hashed + Number(`0x${createHash("sha256").update(text).digest("hex").slice(0, 13)}`);
}

const maxCached = 100_000;
/** Vectors of stores made by earlier versions are texts too, and long ones. */
const maxCachedLength = 16_000_000;
const maxKnownLength = 200;

/** Ids of texts for a writer. */
export class TextIds {
  readonly #store: StoreReads;
  /** Texts seen in the store, or pending. */
  readonly #known = new Map<string, number>();

  constructor(store: StoreReads) {
    this.#store = store;
  }

  /** After a write that failed: what it would have added is not there. */
  forget(): void {
    this.#known.clear();
  }

  /** @param texts distinct, none of which fits a number @returns their ids, and what to write with the rows that hold them */
  async idsOf(texts: readonly string[]): Promise<{ readonly ids: ReadonlyMap<string, number>; readonly puts: readonly KeyValue[] }> {
    const ids = new Map<string, number>();
    const puts: KeyValue[] = [];
    const taken = new Map<number, string>();
    let asking: { text: string; id: number }[] = [];
    for (const text of texts) {
      const id = this.#known.get(text);
      if (id === undefined) asking.push({ text, id: firstId(text) });
      else ids.set(text, id);
    }
    if (this.#known.size > maxCached) this.#known.clear();
    while (asking.length > 0) {
      const found = await this.#store.getMany(asking.map(({ id }) => textKey(id)));
      const again: typeof asking = [];
      for (const [i, { text, id }] of asking.entries()) {
        const there = found[i] === undefined ? taken.get(id) : Buffer.from(found[i]).toString("utf8");
        if (there === undefined) {
          taken.set(id, text);
          puts.push({ key: textKey(id), value: Buffer.from(text, "utf8") });
          ids.set(text, id);
        } else if (there === text) {
          ids.set(text, id);
          if (text.length <= maxKnownLength) this.#known.set(text, id);
        } else again.push({ text, id: id + 1 });
      }
      asking = again;
    }
    return { ids, puts };
  }
}

/** Texts of ids for a reader; what has been read is kept, up to a bound. */
export class Texts {
  readonly #cache = new Map<number, string>();
  #length = 0;

  get(id: number): string | undefined {
    return inlineText(id) ?? this.#cache.get(id);
  }

  /** Before a read: what it learns must stay until it is answered. */
  trim(): void {
    if (this.#cache.size <= maxCached && this.#length <= maxCachedLength) return;
    this.#cache.clear();
    this.#length = 0;
  }

  learn(id: number, bytes: Uint8Array): void {
    this.#cache.set(id, Buffer.from(bytes).toString("utf8"));
    this.#length += bytes.length;
  }
}
