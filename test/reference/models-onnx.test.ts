import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/serving/formats/model.ts";
import { openOnnx, readOnnx } from "../../src/serving/formats/onnx/open.ts";
import { maxUlps } from "./golden-models.ts";

interface OnnxCase {
  name: string;
  engine: "trees" | "runtime";
  modelBase64: string;
  input: string;
  double: boolean;
  numRows: number;
  rows: string;
  outputs: { name: string; datatype: string; shape: number[]; values?: string; texts?: string[] }[];
}

const { cases } = JSON.parse(gunzipSync(readFileSync(new URL("models-onnx.json.gz", import.meta.url))).toString()) as { cases: OnnxCase[] };
const floats = (text: string): Float64Array => {
  const bytes = Buffer.from(text, "base64");
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};
const inputOf = ({ input, double, numRows, rows }: OnnxCase): Tensor => {
  const data = floats(rows);
  const shape = [numRows, data.length / numRows];
  return double ? { name: input, datatype: "FP64", shape, data } : { name: input, datatype: "FP32", shape, data: Float32Array.from(data) };
};

/** Holds outputs against ONNX Runtime's: labels equal, numbers within `ulps` of the last place of float32. */
async function expectRuntimeAnswers(golden: OnnxCase, engine: "runtime" | undefined, ulps: number): Promise<void> {
  const model = await openOnnx(readOnnx(new Uint8Array(Buffer.from(golden.modelBase64, "base64")), engine));
  try {
    expect(model.runs).toBe(engine === "runtime" || golden.engine === "runtime" ? "worker" : "inline");
    const outputs = await model.predict([inputOf(golden)]);
    expect(outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] }))).toEqual(
      golden.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    );
    for (const [i, { values, texts }] of golden.outputs.entries()) {
      const { data } = outputs[i]!;
      const far = texts === undefined ? maxUlps(Float64Array.from(data as Float32Array, Number), floats(values!), true) : 0;
      expect(far).toBeLessThanOrEqual(ulps);
      expect(texts === undefined ? undefined : data).toEqual(texts);
    }
  } finally {
    await model.close();
  }
}

describe("ONNX models answer as ONNX Runtime 1.31 does on one thread", () => {
  it("holds the whole golden set", () => {
    expect(cases.filter(({ engine }) => engine === "trees").length).toBe(13);
    expect(cases.filter(({ engine }) => engine === "runtime").length).toBe(5);
  });

  it.each(cases.filter(({ engine }) => engine === "trees").map((golden) => [golden.name, golden] as const))("%s: evaluated here", async (_name, golden) => {
    await expectRuntimeAnswers(golden, undefined, 2);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))("%s: by onnxruntime-node in a worker", async (_name, golden) => {
    await expectRuntimeAnswers(golden, "runtime", 8);
  });
});
