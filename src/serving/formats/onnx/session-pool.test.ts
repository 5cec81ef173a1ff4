import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../model.ts";
import { openModel, parseModel } from "../open.ts";
import { openSessionPool } from "./session-pool.ts";

const { cases } = JSON.parse(gunzipSync(readFileSync(new URL("../../../../test/reference/models-onnx.json.gz", import.meta.url))).toString()) as {
  cases: { name: string; modelBase64: string }[];
};
const network = new Uint8Array(Buffer.from(cases.find(({ name }) => name === "network of two layers")!.modelBase64, "base64"));
const row: Tensor = { name: "X", datatype: "FP32", shape: [1, 5], data: Float32Array.of(1, 2, 3, 4, 5) };

describe("sessions in worker threads", () => {
  it("refuse a batch over the bound of the queue, and answer those accepted, also when closed meanwhile", async () => {
    const pool = await openSessionPool(network, { maxWaiting: 2 });
    const runs = Array.from({ length: 5 }, () => pool.run([row], ["probabilities"]));
    expect(pool.waiting()).toBe(2);
    const closed = pool.close();
    const settled = await Promise.allSettled(runs);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected", "rejected"]);
    await expect(runs[4]).rejects.toMatchObject({ code: "MODEL_QUEUE_FULL", retryable: true });
    await closed;
    await expect(pool.run([row], ["probabilities"])).rejects.toMatchObject({ code: "MODEL_RUN_FAILED" });
    await pool.close();
  });

  it("leave the caller's arrays alone", async () => {
    const model = await openModel(parseModel("model.onnx", network), { workers: 2 });
    const [first] = await model.predict([row]);
    const [second] = await model.predict([row]);
    expect(row.data).toEqual(Float32Array.of(1, 2, 3, 4, 5));
    expect(second).toEqual(first);
    expect([...(first!.data as Float32Array)].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    await model.close();
  });

  it("refuse inputs that do not fit the model before anything is queued", async () => {
    const model = await openModel(parseModel("model.onnx", network));
    const refusal = (change: Partial<Tensor>) => () => model.predict([{ ...row, ...change }]);
    expect(refusal({ shape: [1, 4], data: new Float32Array(4) })).toThrow(/X: shape is \[1, 4\], the model takes \[-1, 5\]/);
    expect(refusal({ datatype: "FP64", data: new Float64Array(5) })).toThrow(/datatype is FP64/);
    expect(refusal({ name: "Y" })).toThrow(/Y: is no input; there are X/);
    expect(refusal({ data: new Float32Array(3) })).toThrow(/3 elements/);
    // scikit-learn's KNeighborsClassifier ended the whole process with it (SIGFPE in TopK).
    expect(refusal({ shape: [0, 5], data: new Float32Array(0) })).toThrow(/X: shape is \[0, 5\]: a tensor without elements is not handed/);
    expect(() => model.predict([row], ["label"])).toThrow(/label: is no output/);
    await model.close();
  });

  it("say what the runtime holds against a file", async () => {
    const broken = network.slice();
    const at = Buffer.from(broken).indexOf("Softmax");
    broken.set(new TextEncoder().encode("Mystery"), at);
    await expect(openModel(parseModel("model.onnx", broken))).rejects.toMatchObject({
      code: "MODEL_FILE_INVALID",
      message: expect.stringMatching(/ONNX Runtime refuses it.*Mystery/),
    });
  });
});
