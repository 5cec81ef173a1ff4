import { expect, it } from "vitest";
import { minimizeLbfgs } from "./lbfgs.ts";

it("finds the minimum of a badly scaled bowl", () => {
  const centre = [3, -1, 0.5, 10];
  const weight = [1, 1e4, 1e-2, 30];
  const fit = minimizeLbfgs(
    (x, gradient) => {
      let value = 0;
      for (let i = 0; i < 4; i++) {
        const gap = x[i]! - centre[i]!;
        value += 0.5 * weight[i]! * gap * gap;
        gradient[i] = weight[i]! * gap;
      }
      return value;
    },
    new Float64Array(4),
    { maxIterations: 200, gradientTolerance: 1e-9 },
  );
  expect(fit.converged).toBe(true);
  centre.forEach((c, i) => expect(fit.x[i]).toBeCloseTo(c, 6));
});

it("says so when it runs out of iterations", () => {
  const fit = minimizeLbfgs((x, gradient) => ((gradient[0] = 4 * (x[0]! - 9) ** 3), (x[0]! - 9) ** 4), Float64Array.of(0), {
    maxIterations: 2,
    gradientTolerance: 1e-12,
  });
  expect(fit.converged).toBe(false);
  expect(fit.iterations).toBe(2);
});
