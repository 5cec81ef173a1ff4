import { KarkhanaError } from "../kernel/error.ts";

// Lanczos approximation, g = 7, 9 terms (Godfrey's coefficients).
const lanczos = [
  0.999_999_999_999_809_93, 676.520_368_121_885_1, -1259.139_216_722_402_8, 771.323_428_777_653_13, -176.615_029_162_140_59, 12.507_343_278_686_905,
  -0.138_571_095_265_720_12, 9.984_369_578_019_571_6e-6, 1.505_632_735_149_311_6e-7,
];

/** ln Gamma(x) for x > 0; relative error about 1e-14. @see Lanczos (1964); Press et al., Numerical Recipes, 6.1 */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  let sum = lanczos[0]!;
  for (let i = 1; i < lanczos.length; i++) sum += lanczos[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * Regularised upper incomplete gamma function Q(a, x) = Gamma(a, x) / Gamma(a).
 * The tail that is small is computed itself and never as 1 minus the other, so that p-values far below 1e-16 keep their digits.
 * @param a shape, > 0 @param x >= 0
 * @see Numerical Recipes, 6.2: series for x < a + 1, Lentz's continued fraction otherwise
 */
export function upperGammaRatio(a: number, x: number): number {
  checkArguments(a, x);
  return x < a + 1 ? 1 - series(a, x) : continuedFraction(a, x);
}

/** Regularised lower incomplete gamma function P(a, x) = 1 - Q(a, x). @param a shape, > 0 @param x >= 0 */
export function lowerGammaRatio(a: number, x: number): number {
  checkArguments(a, x);
  return x < a + 1 ? series(a, x) : 1 - continuedFraction(a, x);
}

function series(a: number, x: number): number {
  if (x === 0) return 0;
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < 10_000 && term > sum * 1e-17; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a));
}

function continuedFraction(a: number, x: number): number {
  if (x === Infinity) return 0;
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 10_000; i++) {
    const an = -i * (i - a);
    b += 2;
    d = an * d + b;
    if (Math.abs(d) < tiny) d = tiny;
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    d = 1 / d;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return h * Math.exp(a * Math.log(x) - x - logGamma(a));
}

function checkArguments(a: number, x: number): void {
  if (!(a > 0 && a < Infinity)) throw new KarkhanaError("INVALID_ARGUMENT", { field: "shape", problem: "expected a finite number above 0", value: a });
  if (!(x >= 0)) throw new KarkhanaError("INVALID_ARGUMENT", { field: "x", problem: "expected a number of at least 0", value: x });
}
