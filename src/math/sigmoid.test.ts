import { expect, it } from "vitest";
import { logit, sigmoid, softplus } from "./sigmoid.ts";

it("stays within [0, 1] and keeps tiny chances where e^x over- or underflows", () => {
  expect(sigmoid(0)).toBe(0.5);
  expect(sigmoid(-745)).toBeGreaterThan(0);
  expect(sigmoid(-1e6)).toBe(0);
  expect(sigmoid(1e6)).toBe(1);
  expect(sigmoid(-40)).toBeCloseTo(4.248354255291589e-18, 30);
});

it("logit undoes sigmoid", () => {
  for (const x of [-20, -1, 0, 0.3, 5]) expect(logit(sigmoid(x))).toBeCloseTo(x, 8);
});

it("softplus is log(1 + e^x) at either end", () => {
  expect(softplus(1000)).toBe(1000);
  expect(softplus(-800)).toBe(0);
  expect(softplus(1)).toBeCloseTo(Math.log(1 + Math.E), 15);
});
