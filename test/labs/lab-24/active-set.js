// Lasso as a search over which weights are on and with which sign, each solved exactly; ridge as least squares with d more rows.
export function fit(x, y, lambda, kind) {
  const n = x.length;
  const means = x[0].map((_, j) => x.reduce((sum, row) => sum + row[j], 0) / n);
  const meanY = y.reduce((a, b) => a + b, 0) / n;
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const columns = means.map((m, j) => x.map((row) => row[j] - m));
  const centred = y.map((value) => value - meanY);
  const solve = (matrix, right) => {
    const a = matrix.map((row, i) => [...row, right[i]]);
    for (let i = 0; i < a.length; i++) {
      const best = a.slice(i).reduce((p, row, r) => (Math.abs(row[i]) > Math.abs(a[p][i]) ? r + i : p), i);
      [a[i], a[best]] = [a[best], a[i]];
      if (Math.abs(a[i][i]) < 1e-12) return undefined;
      for (let r = i + 1; r < a.length; r++) {
        const factor = a[r][i] / a[i][i];
        for (let j = i; j <= a.length; j++) a[r][j] -= factor * a[i][j];
      }
    }
    const out = right.map(() => 0);
    for (let i = a.length - 1; i >= 0; i--) out[i] = (a[i][a.length] - a[i].slice(i + 1, -1).reduce((s, value, j) => s + value * out[i + 1 + j], 0)) / a[i][i];
    return out;
  };
  const answer = (weights) => ({ weights, intercept: meanY - dot(means, weights) });
  if (kind === "ridge") {
    const extra = columns.map((column, i) => [...column, ...columns.map((_, j) => (i === j ? Math.sqrt(n * lambda) : 0))]);
    return answer(
      solve(
        extra.map((a) => extra.map((b) => dot(a, b))),
        columns.map((a) => dot(a, centred)),
      ),
    );
  }
  const d = columns.length;
  for (let code = 0; code < 3 ** d; code++) {
    const signs = columns.map((_, j) => [0, 1, -1][Math.floor(code / 3 ** j) % 3]);
    const on = signs.flatMap((s, j) => (s === 0 ? [] : [j]));
    const part = solve(
      on.map((i) => on.map((j) => dot(columns[i], columns[j]) / n)),
      on.map((i) => dot(columns[i], centred) / n - lambda * signs[i]),
    );
    if (part === undefined || part.some((value, i) => value * signs[on[i]] <= 0)) continue;
    const w = signs.map(() => 0);
    on.forEach((j, i) => (w[j] = part[i]));
    const residual = centred.map((value, i) => value - columns.reduce((sum, column, j) => sum + column[i] * w[j], 0));
    if (columns.every((column, j) => signs[j] !== 0 || Math.abs(dot(column, residual)) / n <= lambda + 1e-9)) return answer(w);
  }
  throw new Error("no set of signs fits");
}
