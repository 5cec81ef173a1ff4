/*
 * Small dense linear algebra for making cases and holding answers against. Matrices are lists of rows. Slow and plain on purpose: clarity is
 * what a reference is for.
 */

export type Matrix = number[][];
type Rows = readonly (readonly number[])[];

export function identity(n: number): Matrix {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
}

export function transpose(a: Rows): Matrix {
  return Array.from({ length: a[0]?.length ?? 0 }, (_, j) => a.map((row) => row[j]!));
}

export function multiply(a: Rows, b: Rows): Matrix {
  const columns = b[0]?.length ?? 0;
  return a.map((row) => {
    const out = Array.from({ length: columns }, () => 0);
    for (let k = 0; k < row.length; k++) for (let j = 0; j < columns; j++) out[j]! += row[k]! * b[k]![j]!;
    return out;
  });
}

/** a' a */
export function gram(a: Rows): Matrix {
  return multiply(transpose(a), a);
}

export function apply(a: Rows, x: readonly number[]): number[] {
  return a.map((row) => dot(row, x));
}

export function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export function norm(a: readonly number[]): number {
  return Math.sqrt(dot(a, a));
}

/** Largest absolute difference of two matrices of one shape. */
export function distance(a: Rows, b: Rows): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) for (let j = 0; j < a[i]!.length; j++) largest = Math.max(largest, Math.abs(a[i]![j]! - b[i]![j]!));
  return largest;
}

/** Orthonormal columns by Gram and Schmidt, done twice for the digits. @param a shape [n][k], k <= n, full rank */
export function orthonormal(a: Rows): Matrix {
  const columns: number[][] = [];
  for (const column of transpose(a)) {
    const v = [...column];
    for (let pass = 0; pass < 2; pass++)
      for (const u of columns) {
        const c = dot(u, v);
        for (let i = 0; i < v.length; i++) v[i]! -= c * u[i]!;
      }
    const length = norm(v);
    columns.push(v.map((x) => x / length));
  }
  return transpose(columns);
}

/** Eigenvalues (descending) and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations. */
export function symmetricEigen(matrix: Rows): { values: number[]; vectors: Matrix } {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = identity(n);
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) off += a[i]![j]! ** 2;
    if (off === 0) break;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (a[p]![q] === 0) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) [a[k]![p], a[k]![q]] = [c * a[k]![p]! - s * a[k]![q]!, s * a[k]![p]! + c * a[k]![q]!];
        for (let k = 0; k < n; k++) [a[p]![k], a[q]![k]] = [c * a[p]![k]! - s * a[q]![k]!, s * a[p]![k]! + c * a[q]![k]!];
        for (let k = 0; k < n; k++) [v[k]![p], v[k]![q]] = [c * v[k]![p]! - s * v[k]![q]!, s * v[k]![p]! + c * v[k]![q]!];
        a[p]![q] = a[q]![p] = 0;
      }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j]![j]! - a[i]![i]!);
  return { values: order.map((i) => a[i]![i]!), vectors: v.map((row) => order.map((i) => row[i]!)) };
}
