import { KarkhanaError } from "../../kernel/error.ts";
import type { ByteRange } from "../../storage/blobs/port.ts";

/**
 * The one range of bytes a request asks for; undefined where it asks for all, or for several at once, which may be answered with all.
 * @see RFC 9110, section 14
 * @throws RANGE_REFUSED if it begins beyond the end
 */
export function byteRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/i.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [first, last] = [match[1]!, match[2]!];
  if (first === "" && last === "") return undefined;
  const from = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const to = first === "" || last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (first !== "" && last !== "" && Number(last) < from) return undefined;
  if (from >= sizeBytes || (first === "" && Number(last) === 0)) throw new KarkhanaError("RANGE_REFUSED", { range: header?.slice(0, 60), sizeBytes });
  return { from, to };
}
