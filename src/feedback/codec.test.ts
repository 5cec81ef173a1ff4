import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeLabel, decodePrediction, encodeLabel, encodePrediction } from "./codec.ts";
import type { LabelRecord, PredictionRecord } from "./prediction.ts";

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const micros = fc.integer({ min: 0, max: 9_000_000_000_000_000 });
const applied = fc
  .array(fc.tuple(text, fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })), { maxLength: 4 })
  .map((pairs) => ({ sources: pairs.map(([source]) => source), offsets: pairs.map(([, offset]) => offset) }));
const instead = fc.record({
  by: fc.constantFrom("previous", "rule"),
  version: fc.integer({ min: 1, max: 4_294_967_295 }),
  role: fc.constantFrom("champion", "challenger", "shadow"),
});
const plain = {
  id: text,
  model: text,
  version: fc.integer({ min: 1, max: 4_294_967_295 }),
  role: fc.constantFrom("champion", "challenger", "shadow"),
  askedUs: micros,
  servedUs: micros,
  score: fc.double(),
  vector: fc.float64Array({ maxLength: 80 }),
  serviceHash: text,
  fields: fc.dictionary(text, fc.oneof(text, fc.double(), fc.constant(null)), { maxKeys: 8, noNullPrototype: true }),
  latencyUs: fc.double({ min: 0, noNaN: true }),
};
const predictions: fc.Arbitrary<PredictionRecord> = fc.oneof(
  fc.record(plain),
  fc.record({ ...plain, applied }),
  fc.record({ ...plain, instead }),
  fc.record({ ...plain, applied, instead }),
);
const labels: fc.Arbitrary<LabelRecord> = fc.record({ id: text, model: text, label: fc.constantFrom(0, 1), knownUs: micros });

const example: PredictionRecord = {
  id: "UA-17",
  model: "late_arrival",
  version: 3,
  role: "shadow",
  askedUs: 986_083_200_000_000,
  servedUs: 986_083_200_000_512,
  score: 0.25,
  vector: Float64Array.of(1, Number.NaN, -0, Number.POSITIVE_INFINITY),
  serviceHash: "ab".repeat(32),
  fields: { origin: "ATL", distance: 606, carrier: null, name: "Zürich ✈" },
  latencyUs: 812.5,
};

function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return "nothing thrown";
}

describe("records of the feedback log", () => {
  it("come back as they were, missing slots and signed zeros included", () => {
    expect(decodePrediction(encodePrediction(example))).toEqual(example);
    fc.assert(
      fc.property(predictions, labels, (prediction, label) => {
        expect(decodePrediction(encodePrediction(prediction))).toEqual(prediction);
        expect(decodeLabel(encodeLabel(label))).toEqual(label);
      }),
    );
  });

  it("do not change when the next one is encoded, and keep nothing of the buffer they were read from", () => {
    const first = encodePrediction(example);
    const copy = Buffer.from(first);
    encodePrediction({ ...example, id: "another", vector: new Float64Array(200) });
    expect(first.equals(copy)).toBe(true);
    const decoded = decodePrediction(first);
    first.fill(0);
    expect(decoded).toEqual(example);
  });

  it("say who was to answer, where another did, and take no room where none did", () => {
    for (const by of ["previous", "rule"] as const)
      for (const role of ["champion", "challenger", "shadow"] as const) {
        const record = { ...example, instead: { by, version: 4_000_000_000, role } };
        expect(decodePrediction(encodePrediction(record))).toEqual(record);
      }
    const [plain, instead] = [example, { ...example, instead: { by: "rule", version: 1, role: "champion" } as const }].map(encodePrediction);
    expect(instead!.length - plain!.length).toBe(5);
    for (let length = 0; length < instead!.length; length++)
      expect(codeOf(() => decodePrediction(instead!.subarray(0, length)))).toBe("FEEDBACK_RECORD_CORRUPT");
  });

  it("say how far the logs of pushed rows were applied, and take no room where none was read", () => {
    const record = { ...example, applied: { sources: ["orders", "Käufe"], offsets: [0, 2 ** 53 - 1] } };
    const whole = encodePrediction(record);
    expect(decodePrediction(whole)).toEqual(record);
    expect(whole.length - encodePrediction(example).length).toBe(2 + 16 + 16);
    for (let length = 0; length < whole.length; length++) expect(codeOf(() => decodePrediction(whole.subarray(0, length)))).toBe("FEEDBACK_RECORD_CORRUPT");
  });

  it("written before offsets were kept are read as they were, without any", () => {
    // Written by the program before: bytes as they lie in a log.
    const old =
      "01500002030000000200000002000000d716b3060c430010d716b3060c43000000000000d03f00000000006489400700000002050055412d31370c006c6174655f6172726976616c020061" +
      "6206006f726967696e02030041544c07006361727269657200000000000000f03f000000000000f87f";
    const record: PredictionRecord = {
      id: "UA-17",
      model: "late_arrival",
      version: 3,
      role: "champion",
      askedUs: 986_083_200_000_000,
      servedUs: 986_083_200_000_512,
      score: 0.25,
      vector: Float64Array.of(1, Number.NaN),
      serviceHash: "ab",
      fields: { origin: "ATL", carrier: null },
      latencyUs: 812.5,
      instead: { by: "rule", version: 7, role: "shadow" },
    };
    expect(decodePrediction(Buffer.from(old, "hex"))).toEqual(record);
    expect(encodePrediction(record).toString("hex")).toBe(old);
  });

  it("are refused at every length but their own", () => {
    const whole = encodePrediction(example);
    const label = encodeLabel({ id: "a", model: "m", label: 1, knownUs: 5 });
    for (let length = 0; length < whole.length; length++) expect(codeOf(() => decodePrediction(whole.subarray(0, length)))).toBe("FEEDBACK_RECORD_CORRUPT");
    for (let length = 0; length < label.length; length++) expect(codeOf(() => decodeLabel(label.subarray(0, length)))).toBe("FEEDBACK_RECORD_CORRUPT");
    expect(codeOf(() => decodePrediction(Buffer.concat([whole, Buffer.of(0)])))).toBe("FEEDBACK_RECORD_CORRUPT");
    expect(codeOf(() => decodeLabel(Buffer.concat([label, Buffer.of(0)])))).toBe("FEEDBACK_RECORD_CORRUPT");
  });

  it("never make the reader fail in another way, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 120 }), fc.boolean(), (bytes, asPrediction) => {
        bytes.set(asPrediction ? [1, 0x50] : [1, 0x4c]);
        expect([undefined, "nothing thrown", "FEEDBACK_RECORD_CORRUPT"]).toContain(codeOf(() => (asPrediction ? decodePrediction(bytes) : decodeLabel(bytes))));
      }),
    );
  });

  it("of a newer format, of the other kind, or with an unknown role or label are refused, saying so", () => {
    const change = (at: number, value: number): Buffer => {
      const bytes = encodePrediction(example);
      bytes[at] = value;
      return bytes;
    };
    expect(() => decodePrediction(change(0, 2))).toThrow("format 2, this program reads 1");
    expect(() => decodePrediction(change(2, 3))).toThrow("unknown role");
    expect(() => decodePrediction(change(3, 3))).toThrow("a reserved byte is in use");
    expect(() => decodeLabel(encodePrediction(example))).toThrow("it is not of this kind");
    const label = encodeLabel({ id: "a", model: "m", label: 1, knownUs: 5 });
    label[2] = 2;
    expect(() => decodeLabel(label)).toThrow("label 2");
  });

  it("cannot claim more slots than they have bytes", () => {
    const bytes = encodePrediction(example);
    bytes.writeUInt32LE(0xff_ff_ff_ff, 8);
    expect(codeOf(() => decodePrediction(bytes))).toBe("FEEDBACK_RECORD_CORRUPT");
  });

  it("refuse text that would not come back: above 65,535 bytes, or with half a surrogate pair", () => {
    expect(() => encodePrediction({ ...example, id: "é".repeat(33_000) })).toThrow("id: expected at most 65535 bytes");
    expect(() => encodePrediction({ ...example, fields: { origin: "\ud800" } })).toThrow("fields.origin: expected well-formed Unicode text");
    expect(decodePrediction(encodePrediction({ ...example, id: "x".repeat(65_535) })).id).toHaveLength(65_535);
  });
});
