// Waves: whatever is ready, until nothing is left; a wave without anything is a cycle, so the waves are drawn before anything runs.
export function runPipeline(steps, cached, run) {
  const known = Object.fromEntries(steps.map((step) => [step.name, step]));
  const level = new Map();
  let left = steps;
  for (let wave = 0; left.length > 0; wave++) {
    const ready = left.filter(({ after }) => after.every((need) => level.get(need) < wave));
    if (ready.length === 0) throw new Error(`these cannot start: ${left.map(({ name }) => name).join(", ")}`);
    for (const { name } of ready) level.set(name, wave);
    left = left.filter(({ name }) => !level.has(name));
  }
  const out = {};
  for (const name of level.keys()) {
    const { after, attempts } = known[name];
    const worst = after.map((need) => out[need].state);
    const result = { state: "failed", attempts: 0 };
    if (worst.some((state) => state === "failed" || state === "skipped")) result.state = "skipped";
    else if (cached.includes(name) && !worst.includes("done")) result.state = "cached";
    else
      while (result.state === "failed" && result.attempts < attempts) {
        result.attempts++;
        if (run(name)) result.state = "done";
      }
    out[name] = result;
  }
  return out;
}
