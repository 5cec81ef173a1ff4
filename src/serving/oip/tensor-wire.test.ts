import { expect, test } from "vitest";
import type { Tensor } from "../formats/model.ts";
import { classify } from "./classification.ts";
import { fromBytes, fromJson, toBytes, toJson } from "./tensor-wire.ts";

const int64 = (...values: bigint[]): Tensor => ({ name: "ids", datatype: "INT64", shape: [values.length], data: BigInt64Array.from(values) });
const fp64 = (shape: number[], ...values: number[]): Tensor => ({ name: "p", datatype: "FP64", shape, data: Float64Array.from(values) });

test("whole numbers of 64 bits keep all their digits in JSON answers", () => {
  expect(JSON.stringify(toJson(int64(9_007_199_254_740_993n, -9_223_372_036_854_775_807n, 5n)))).toBe("[9007199254740993,-9223372036854775807,5]");
  const large: Tensor = { name: "ids", datatype: "UINT64", shape: [1], data: BigUint64Array.of(18_446_744_073_709_551_615n) };
  expect(JSON.stringify(toJson(large))).toBe("[18446744073709551615]");
});

test("a whole number that JSON's reader has rounded is refused, and the largest one it has not is read", () => {
  const read = (text: string): unknown => fromJson("ids", "INT64", [1], 1, JSON.parse(text));
  expect(read("[9007199254740991]")).toEqual(BigInt64Array.of(9_007_199_254_740_991n));
  for (const text of ["[9007199254740993]", "[-9223372036854775808]"])
    expect(() => read(text)).toThrow(expect.objectContaining({ code: "TENSOR_REFUSED", message: expect.stringMatching(/element 0 is beyond 2\^53.*binary/) }));
});

test("bytes keep whole numbers of 64 bits as they are", () => {
  const ids = int64(9_007_199_254_740_993n, -1n);
  expect(fromBytes("ids", "INT64", 2, toBytes(ids))).toEqual(ids.data);
});

test("classification writes values as C does, integers without a fraction, and NaN last", () => {
  expect(classify(fp64([1, 5], 0.5, Number.NaN, Infinity, -Infinity, 0.5), 5).data).toEqual(["inf:2", "0.500000:0", "0.500000:4", "-inf:3", "nan:1"]);
  expect(classify({ name: "n", datatype: "INT32", shape: [2, 2], data: Int32Array.of(1, 7, 9, 9) }, 1).data).toEqual(["7:1", "9:0"]);
});

test("classification of text is refused by name", () => {
  const labels: Tensor = { name: "label", datatype: "BYTES", shape: [1], data: ["late"] };
  expect(() => classify(labels, 1)).toThrow(expect.objectContaining({ code: "INFER_REFUSED", message: expect.stringMatching(/output "label" is text/) }));
});
