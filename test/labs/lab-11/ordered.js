// Puts the steps in order first, then walks it.
export function runPipeline(steps, cached, run) {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const waiting = new Map();
  const next = new Map(steps.map(({ name }) => [name, []]));
  for (const { name, after } of steps) {
    waiting.set(name, after.length);
    for (const need of after) {
      if (!byName.has(need)) throw new Error(`${name} needs ${need}, which is not there`);
      next.get(need).push(name);
    }
  }
  const order = steps.filter(({ after }) => after.length === 0).map(({ name }) => name);
  for (const name of order)
    for (const other of next.get(name)) {
      waiting.set(other, waiting.get(other) - 1);
      if (waiting.get(other) === 0) order.push(other);
    }
  if (order.length < steps.length) throw new Error("the steps hold a cycle");
  const kept = new Set(cached);
  const results = {};
  for (const name of order) {
    const { after, attempts } = byName.get(name);
    const states = after.map((need) => results[need].state);
    if (states.includes("failed") || states.includes("skipped")) results[name] = { state: "skipped", attempts: 0 };
    else if (kept.has(name) && states.every((state) => state === "cached")) results[name] = { state: "cached", attempts: 0 };
    else {
      let tries = 0;
      let worked = false;
      while (!worked && tries < attempts) {
        tries++;
        worked = run(name);
      }
      results[name] = { state: worked ? "done" : "failed", attempts: tries };
    }
  }
  return results;
}
