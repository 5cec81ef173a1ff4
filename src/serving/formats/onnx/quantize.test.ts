import { describe, expect, it } from "vitest";
import { seededRng } from "../../../kernel/rng.ts";
import { sha256 } from "../../../kernel/hashing.ts";
import type { Tensor } from "../model.ts";
import { inputs, network } from "./made-network.fixture.ts";
import { openOnnx, readOnnx } from "./open.ts";
import { compareQuantized } from "./quantization-compare.ts";
import { checkQuantization } from "./quantization-report.ts";
import { quantizeOnnx } from "./quantize.ts";

const question = (rows: number): Tensor => {
  const rng = seededRng(9);
  return { name: "X", datatype: "FP32", shape: [rows, inputs], data: new Float32Array(rows * inputs).map(() => (rng.next() - 0.5) * 4) };
};
const ticking = () => {
  let now = 0;
  return () => (now += 0.25);
};

describe("making an ONNX model smaller", () => {
  it.each([
    ["int8" as const, 0.03, 0.4],
    ["fp16" as const, 0.001, 0.57],
  ])("%s: runs, answers nearly the same, and is smaller", async (kind, tolerance, size) => {
    const original = network();
    const quantized = quantizeOnnx(original, kind);
    expect(quantized.bytes.length / original.length).toBeLessThan(size);
    expect(quantized.changed.length).toBe(2);
    expect(quantized.left.some((why) => /small/.test(why))).toBe(true);
    const report = await compareQuantized({
      kind,
      original,
      quantized,
      batches: [[question(40)]],
      rowsFrom: "test",
      repeats: 3,
      timerMs: ticking(),
      madeAt: "now",
    });
    const [output] = report.outputs;
    expect(output).toMatchObject({ name: "probabilities" });
    expect(output!.maxAbsolute).toBeGreaterThan(0);
    expect(output!.maxAbsolute).toBeLessThan(tolerance);
    expect(output!.meanAbsolute).toBeLessThanOrEqual(output!.maxAbsolute);
    expect(output!.sameTop).toBeGreaterThan(0.9);
    expect(report).toMatchObject({
      rows: 40,
      originalBytes: original.length,
      quantizedHash: sha256(quantized.bytes),
      latency: { batch: 40, originalP50Ms: 0.25 },
    });
  });

  it("is refused where nothing is gained, the operator set is too old, or it was done before", () => {
    expect(() => quantizeOnnx(network({ opset: 10 }), "int8")).toThrow(/operator set 10 is older than 11/);
    expect(() => quantizeOnnx(network({ irVersion: 3 }), "fp16")).toThrow(/IR version 3/);
    expect(() => quantizeOnnx(quantizeOnnx(network(), "fp16").bytes, "int8")).toThrow(/already is fp16/);
    expect(quantizeOnnx(network({ alpha: 2 }), "int8").left).toContain("h3_node: alpha, beta or transA are used");
  });

  it("is deployed only with the report of that very file", async () => {
    const original = network();
    const quantized = quantizeOnnx(original, "int8");
    const model = readOnnx(quantized.bytes);
    const hash = sha256(quantized.bytes);
    const report = await compareQuantized({
      kind: "int8",
      original,
      quantized,
      batches: [[question(4)]],
      rowsFrom: "test",
      repeats: 1,
      timerMs: ticking(),
      madeAt: "now",
    });
    const bytes = (value: unknown) => async () => new TextEncoder().encode(JSON.stringify(value));
    await expect(checkQuantization(model, hash, bytes(report))).resolves.toBeUndefined();
    await expect(checkQuantization(model, hash, async () => undefined)).rejects.toMatchObject({
      code: "QUANTIZATION_UNREPORTED",
      message: expect.stringMatching(/no quantization.json/),
    });
    await expect(checkQuantization(model, "other", bytes(report))).rejects.toThrow(/of another file/);
    await expect(checkQuantization(model, hash, bytes({ ...report, outputs: [] }))).rejects.toThrow(/no comparison/);
    await expect(checkQuantization(model, hash, async () => new TextEncoder().encode("{"))).rejects.toThrow(/not JSON/);
    await expect(checkQuantization(readOnnx(original), sha256(original), async () => undefined)).resolves.toBeUndefined();
  });

  it("leaves the answers of what it did not change alone", async () => {
    const before = await openOnnx(readOnnx(network(), "runtime"));
    const after = await openOnnx(readOnnx(quantizeOnnx(network(), "fp16").bytes, "runtime"));
    expect(after.inputs).toEqual(before.inputs);
    expect(after.outputs).toEqual(before.outputs);
    await Promise.all([before.close(), after.close()]);
  });
});
