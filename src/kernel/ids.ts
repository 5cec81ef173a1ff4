import type { Clock } from "./clock.ts";

/** Bytes that cannot be guessed; the program passes the operating system's, tests a seeded one. */
export type RandomBytes = (length: number) => Uint8Array;

/** Makes ids. Passed to whoever creates records, so that tests get the same ids every time. */
export type NewId = () => string;

/**
 * 32 lowercase hex digits, as MLflow's run ids look; the first 12 are the millisecond, so ids sort by creation
 * (the layout of UUID version 7 without its dashes).
 * @see RFC 9562, section 5.7
 */
export function idMaker(clock: Clock, random: RandomBytes): NewId {
  return () => {
    const ms = Math.floor(clock.nowUs() / 1000);
    const bytes = random(10);
    bytes[0] = (bytes[0]! & 0x0f) | 0x70;
    bytes[2] = (bytes[2]! & 0x3f) | 0x80;
    let text = ms.toString(16).padStart(12, "0");
    for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
    return text;
  };
}
