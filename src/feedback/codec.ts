/*
 * Records of the feedback log, little-endian. The segment log guards each record with a CRC; what is checked here is the shape,
 * so that a record of a newer program, or of another log, is refused rather than misread.
 *
 *   prediction: u8 format = 1 · u8 'P' · u8 role · u8 parts · u32 version · u32 numSlots · u16 numFields
 *               parts: who answered instead (0 nobody, 1 the version before, 2 a rule), plus 128 where applied offsets follow
 *               f64 askedUs · f64 servedUs · f64 score · f64 latencyUs
 *               where another answered instead: u32 version · u8 role of who was to
 *               text id · text model · text serviceHash
 *               numFields x (text name · u8 kind: 0 null, 1 number, 2 text · nothing, f64 or text)
 *               numSlots x f64
 *               where there are applied offsets: u16 numSources · numSources x (text source · f64 offset)
 *   label:      u8 format = 1 · u8 'L' · u8 label · u8 0 · f64 knownUs · text id · text model
 *   text:       u16 length in bytes · UTF-8
 */
import { KarkhanaError } from "../kernel/error.ts";
import type { AnsweredInstead, AppliedOffsets, LabelRecord, PredictionRecord, PredictionRole } from "./prediction.ts";

const format = 1;
const predictionTag = 0x50;
const labelTag = 0x4c;
const roles: readonly PredictionRole[] = ["champion", "challenger", "shadow"];
const fieldNull = 0;
const fieldNumber = 1;
const fieldText = 2;
const maxTextBytes = 65_535;
const predictionHead = 14 + 32;
const insteadBy: readonly (AnsweredInstead["by"] | undefined)[] = [undefined, "previous", "rule"];
const insteadBytes = 5;
const appliedPart = 0x80;

/** Grows to the largest record seen; a record is written here first and then copied at its exact size. */
let scratch = Buffer.alloc(4096);

/** @returns a buffer of its own. @throws INVALID_ARGUMENT for a text above 65,535 bytes or one that is not well-formed Unicode */
export function encodePrediction(record: PredictionRecord): Buffer {
  const { id, model, serviceHash, vector, fields, applied } = record;
  const names = Object.keys(fields);
  // UTF-8 takes at most 3 bytes a UTF-16 unit.
  let bound = predictionHead + insteadBytes + 8 + 3 * (id.length + model.length + serviceHash.length) + 8 * vector.length;
  for (const name of names) {
    const value = fields[name];
    bound += 13 + 3 * (name.length + (typeof value === "string" ? value.length : 0));
  }
  if (applied !== undefined) for (const source of applied.sources) bound += 10 + 3 * source.length;
  if (bound > scratch.length) scratch = Buffer.alloc(2 * bound);
  const out = scratch;
  out[0] = format;
  out[1] = predictionTag;
  out[2] = roles.indexOf(record.role);
  out[3] = (record.instead === undefined ? 0 : insteadBy.indexOf(record.instead.by)) | (applied === undefined ? 0 : appliedPart);
  out.writeUInt32LE(record.version, 4);
  out.writeUInt32LE(vector.length, 8);
  out.writeUInt16LE(names.length, 12);
  out.writeDoubleLE(record.askedUs, 14);
  out.writeDoubleLE(record.servedUs, 22);
  out.writeDoubleLE(record.score, 30);
  out.writeDoubleLE(record.latencyUs, 38);
  let at = predictionHead;
  if (record.instead !== undefined) {
    at = out.writeUInt32LE(record.instead.version, at);
    out[at++] = roles.indexOf(record.instead.role);
  }
  at = writeText(out, at, "id", id);
  at = writeText(out, at, "model", model);
  at = writeText(out, at, "serviceHash", serviceHash);
  for (const name of names) {
    at = writeText(out, at, "fields", name);
    const value = fields[name];
    if (typeof value === "number") {
      out[at] = fieldNumber;
      at = out.writeDoubleLE(value, at + 1);
    } else if (typeof value === "string") {
      out[at] = fieldText;
      at = writeText(out, at + 1, `fields.${name}`, value);
    } else {
      out[at++] = fieldNull;
    }
  }
  for (let i = 0; i < vector.length; i++) at = out.writeDoubleLE(vector[i]!, at);
  if (applied !== undefined) {
    at = out.writeUInt16LE(applied.sources.length, at);
    for (let i = 0; i < applied.sources.length; i++) at = out.writeDoubleLE(applied.offsets[i]!, writeText(out, at, "applied", applied.sources[i]!));
  }
  return Buffer.from(out.subarray(0, at));
}

/** @throws FEEDBACK_RECORD_CORRUPT */
export function decodePrediction(payload: Uint8Array): PredictionRecord {
  const input = new RecordReader("prediction", payload);
  input.head(predictionTag);
  const role = roles[input.u8()];
  if (role === undefined) throw input.refused("unknown role");
  const parts = input.u8();
  const insteadCode = parts & ~appliedPart;
  const by = insteadBy[insteadCode];
  if (insteadCode >= insteadBy.length) throw input.refused("a reserved byte is in use");
  const version = input.u32();
  const numSlots = input.u32();
  const numFields = input.u16();
  const askedUs = input.f64();
  const servedUs = input.f64();
  const score = input.f64();
  const latencyUs = input.f64();
  const instead = by === undefined ? undefined : input.instead(by);
  const id = input.text();
  const model = input.text();
  const serviceHash = input.text();
  const fields: [string, string | number | null][] = [];
  for (let i = 0; i < numFields; i++) fields.push([input.text(), input.fieldValue()]);
  const vector = input.doubles(numSlots);
  const applied = parts & appliedPart ? input.applied() : undefined;
  input.end();
  return {
    id,
    model,
    version,
    role,
    askedUs,
    servedUs,
    score,
    vector,
    serviceHash,
    fields: Object.fromEntries(fields),
    latencyUs,
    ...(applied && { applied }),
    ...(instead && { instead }),
  };
}

/** When a prediction was served, without reading the rest; 0 for what is no prediction, which is refused once it is read. */
export function servedTimeOf(payload: Uint8Array): number {
  return timeAt(payload, predictionTag, 22);
}

/** When a label became known, likewise. */
export function knownTimeOf(payload: Uint8Array): number {
  return timeAt(payload, labelTag, 4);
}

function timeAt(payload: Uint8Array, tag: number, position: number): number {
  if (payload.length < position + 8 || payload[1] !== tag) return 0;
  const us = new DataView(payload.buffer, payload.byteOffset + position, 8).getFloat64(0, true);
  return Number.isNaN(us) ? 0 : us;
}

/** @throws INVALID_ARGUMENT as `encodePrediction` */
export function encodeLabel(record: LabelRecord): Buffer {
  const { id, model } = record;
  const out = Buffer.alloc(16 + 3 * (id.length + model.length));
  out[0] = format;
  out[1] = labelTag;
  out[2] = record.label;
  out.writeDoubleLE(record.knownUs, 4);
  const end = writeText(out, writeText(out, 12, "id", id), "model", model);
  return out.subarray(0, end);
}

/** @throws FEEDBACK_RECORD_CORRUPT */
export function decodeLabel(payload: Uint8Array): LabelRecord {
  const input = new RecordReader("label", payload);
  input.head(labelTag);
  const label = input.u8();
  if (label !== 0 && label !== 1) throw input.refused(`label ${label}`);
  input.zero();
  const knownUs = input.f64();
  const id = input.text();
  const model = input.text();
  input.end();
  return { id, model, label, knownUs };
}

function writeText(out: Buffer, at: number, field: string, text: string): number {
  // A lone surrogate would come back as U+FFFD, and two ids could become one.
  if (!text.isWellFormed())
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "expected well-formed Unicode text", value: JSON.stringify(text.slice(0, 80)) });
  const length = out.write(text, at + 2, "utf8");
  if (length > maxTextBytes)
    throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: `expected at most ${maxTextBytes} bytes`, value: `${text.slice(0, 80)}…` });
  out.writeUInt16LE(length, at);
  return at + 2 + length;
}

/** Reads in order and never past the end, whatever the lengths in the record claim. */
class RecordReader {
  readonly #kind: "prediction" | "label";
  readonly #view: Buffer;
  #at = 0;

  constructor(kind: "prediction" | "label", payload: Uint8Array) {
    this.#kind = kind;
    this.#view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  refused(problem: string): KarkhanaError {
    return new KarkhanaError("FEEDBACK_RECORD_CORRUPT", { kind: this.#kind, problem: `${problem}, at byte ${this.#at} of ${this.#view.length}` });
  }

  head(tag: number): void {
    const found = this.u8();
    if (found !== format) throw this.refused(`format ${found}, this program reads ${format}`);
    if (this.u8() !== tag) throw this.refused("it is not of this kind");
  }

  zero(): void {
    if (this.u8() !== 0) throw this.refused("a reserved byte is in use");
  }

  end(): void {
    if (this.#at !== this.#view.length) throw this.refused("bytes are left over");
  }

  instead(by: AnsweredInstead["by"]): AnsweredInstead {
    const version = this.u32();
    const role = roles[this.u8()];
    if (role === undefined) throw this.refused("unknown role");
    return { by, version, role };
  }

  applied(): AppliedOffsets {
    const count = this.u16();
    const sources: string[] = [];
    const offsets: number[] = [];
    for (let i = 0; i < count; i++) {
      sources.push(this.text());
      offsets.push(this.f64());
    }
    return { sources, offsets };
  }

  u8(): number {
    return this.#view[this.#take(1)]!;
  }

  u16(): number {
    return this.#view.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#view.readUInt32LE(this.#take(4));
  }

  f64(): number {
    return this.#view.readDoubleLE(this.#take(8));
  }

  text(): string {
    const length = this.u16();
    const from = this.#take(length);
    return this.#view.toString("utf8", from, from + length);
  }

  fieldValue(): string | number | null {
    const kind = this.u8();
    if (kind === fieldNull) return null;
    if (kind === fieldNumber) return this.f64();
    if (kind === fieldText) return this.text();
    throw this.refused(`unknown kind of field ${kind}`);
  }

  doubles(count: number): Float64Array {
    const from = this.#take(8 * count);
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) values[i] = this.#view.readDoubleLE(from + 8 * i);
    return values;
  }

  #take(bytes: number): number {
    const from = this.#at;
    if (from + bytes > this.#view.length) throw this.refused(`${bytes} bytes wanted, the record ends`);
    this.#at += bytes;
    return from;
  }
}
