// Depth first with a stack: a step is done when everything it needs is.
export function runPipeline(steps, cached, run) {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const order = [];
  const state = new Map();
  for (const root of byName.keys()) {
    const stack = [root];
    while (stack.length > 0) {
      const name = stack[stack.length - 1];
      const step = byName.get(name);
      if (step === undefined) throw new Error(`unknown step ${name}`);
      if (state.get(name) === "closed") {
        stack.pop();
        continue;
      }
      state.set(name, "open");
      const open = step.after.filter((need) => state.get(need) !== "closed");
      if (open.some((need) => state.get(need) === "open")) throw new Error(`a cycle through ${name}`);
      if (open.length > 0) stack.push(open[0]);
      else {
        state.set(name, "closed");
        order.push(step);
      }
    }
  }
  const results = new Map();
  for (const { name, after, attempts } of order) {
    const needs = after.map((need) => results.get(need).state);
    const attempt = (tries) => (tries > attempts ? ["failed", attempts] : run(name) ? ["done", tries] : attempt(tries + 1));
    const blocked = needs.some((s) => s !== "done" && s !== "cached");
    const fresh = cached.includes(name) && needs.every((s) => s === "cached");
    const [result, tries] = blocked ? ["skipped", 0] : fresh ? ["cached", 0] : attempt(1);
    results.set(name, { state: result, attempts: tries });
  }
  return Object.fromEntries(results);
}
