// Nelder and Mead: a simplex of n + 1 configurations that reflects, stretches and shrinks towards better ground.
export function search(train, space, budget) {
  const n = space.length;
  const account = { left: budget };
  let best = { loss: Infinity };
  const measure = (raw) => {
    const u = raw.map((x) => Math.min(1, Math.max(0, x)));
    if (account.left === 0) return { u, loss: Infinity };
    account.left--;
    const configuration = {};
    space.forEach(({ name, low, high, scale, whole }, i) => {
      const value = scale === "log" ? low * (high / low) ** u[i] : low + (high - low) * u[i];
      configuration[name] = Math.min(high, Math.max(low, whole ? Math.round(value) : value));
    });
    const loss = train(configuration);
    const trial = { u, configuration, loss: Number.isNaN(loss) ? Infinity : loss };
    if (trial.loss < best.loss) best = trial;
    return trial;
  };
  let start = measure(space.map(() => 0.5));
  // A failed start says nothing: go down the first parameter until something trains.
  while (start.loss === Infinity && account.left > 0) start = measure(start.u.map((x, i) => (i === 0 ? x - 0.1 : x)));
  while (account.left > 0) {
    const centre = best.u ?? start.u;
    let simplex = [{ ...best }, ...space.map((_, i) => measure(centre.map((x, j) => (j === i ? x - 0.15 : x))))];
    for (let turns = 0; turns < 60 && account.left > 0; turns++) {
      simplex.sort((a, b) => a.loss - b.loss);
      const worst = simplex[n];
      const middle = space.map((_, j) => simplex.slice(0, n).reduce((sum, s) => sum + s.u[j], 0) / n);
      const along = (t) => measure(middle.map((m, j) => m + t * (worst.u[j] - m)));
      const mirrored = along(-1);
      if (mirrored.loss < simplex[0].loss) {
        const further = along(-2);
        simplex[n] = further.loss < mirrored.loss ? further : mirrored;
      } else if (mirrored.loss < simplex[n - 1].loss) simplex[n] = mirrored;
      else {
        const nearer = along(mirrored.loss < worst.loss ? -0.5 : 0.5);
        if (nearer.loss < Math.min(worst.loss, mirrored.loss)) simplex[n] = nearer;
        else simplex = [simplex[0], ...simplex.slice(1).map((s) => measure(s.u.map((x, j) => (x + simplex[0].u[j]) / 2)))];
      }
    }
  }
  return { best: best.configuration, loss: best.loss };
}
