/** Value of a smooth function at `x`; writes its gradient, shape [x.length]. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface LbfgsOptions {
  readonly maxIterations: number;
  /** Done when no component of the gradient is larger. */
  readonly gradientTolerance: number;
}

const memory = 10;

/**
 * Minimum of a smooth convex function by limited-memory BFGS with a backtracking (Armijo) line search; deterministic.
 * @param start shape [n], not changed
 * @see Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), algorithms 7.4 and 7.5
 */
export function minimizeLbfgs(
  objective: Objective,
  start: Float64Array,
  { maxIterations, gradientTolerance }: LbfgsOptions,
): { x: Float64Array; value: number; iterations: number; converged: boolean } {
  let x = start.slice();
  let gradient = new Float64Array(x.length);
  let value = objective(x, gradient);
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    if (maxAbs(gradient) <= gradientTolerance) return { x, value, iterations: iteration, converged: true };
    const direction = descent(gradient, pairs);
    const slope = dot(direction, gradient);
    let step = pairs.length === 0 ? Math.min(1, 1 / maxAbs(gradient)) : 1;
    let next = new Float64Array(x.length);
    const nextGradient = new Float64Array(x.length);
    let nextValue = Infinity;
    for (let halving = 0; halving < 60; halving++, step /= 2) {
      next = x.map((xi, i) => xi + step * direction[i]!);
      nextValue = objective(next, nextGradient);
      if (nextValue <= value + 1e-4 * step * slope) break;
    }
    // No step goes down any more: the limit of float64 is reached.
    if (!(nextValue < value)) return { x, value, iterations: iteration, converged: maxAbs(gradient) <= 1e3 * gradientTolerance };
    const s = next.map((xi, i) => xi - x[i]!);
    const y = nextGradient.map((gi, i) => gi - gradient[i]!);
    const curvature = dot(s, y);
    if (curvature > 1e-12 * dot(y, y)) pairs.push({ s, y, rho: 1 / curvature });
    if (pairs.length > memory) pairs.shift();
    x = next;
    gradient = nextGradient;
    value = nextValue;
  }
  return { x, value, iterations: maxIterations, converged: maxAbs(gradient) <= gradientTolerance };
}

/** The two-loop recursion: minus the inverse Hessian's estimate times the gradient. */
function descent(gradient: Float64Array, pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[]): Float64Array {
  const q = gradient.slice();
  const alphas = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y, rho } = pairs[k]!;
    alphas[k] = rho * dot(s, q);
    addScaled(q, -alphas[k]!, y);
  }
  const last = pairs.at(-1);
  const scale = last === undefined ? 1 : 1 / (last.rho * dot(last.y, last.y));
  for (let i = 0; i < q.length; i++) q[i]! *= scale;
  for (let k = 0; k < pairs.length; k++) {
    const { s, y, rho } = pairs[k]!;
    addScaled(q, alphas[k]! - rho * dot(y, q), s);
  }
  return q.map((qi) => -qi);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, factor: number, other: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * other[i]!;
}

function maxAbs(values: Float64Array): number {
  let max = 0;
  for (const value of values) max = Math.max(max, Math.abs(value));
  return max;
}
