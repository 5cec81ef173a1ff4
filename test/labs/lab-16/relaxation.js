// From the end: the longest time still to come after each step, found by going round until nothing moves or somebody has gone round too often.
export function analyse(steps, changed) {
  const after = Object.fromEntries(steps.map(({ name }) => [name, []]));
  const seconds = Object.fromEntries(steps.map((step) => [step.name, step.seconds]));
  for (const step of steps) for (const name of step.after) after[name].push(step.name);
  const waits = Object.fromEntries(steps.map((step) => [step.name, step.after.length]));
  const gone = new Set();
  const queue = steps.filter(({ name }) => after[name].length === 0).map(({ name }) => name);
  const needed = Object.fromEntries(steps.map((step) => [step.name, step.after]));
  const open = Object.fromEntries(steps.map(({ name }) => [name, after[name].length]));
  const rest = {};
  while (queue.length > 0) {
    const name = queue.pop();
    gone.add(name);
    rest[name] = seconds[name] + Math.max(0, ...after[name].map((other) => rest[other]));
    for (const other of needed[name]) if (--open[other] === 0) queue.push(other);
  }
  const stuck = steps.find(({ name }) => !gone.has(name));
  if (stuck !== undefined) {
    const walk = [stuck.name];
    for (;;) {
      const onward = after[walk.at(-1)].find((name) => !gone.has(name));
      const again = walk.indexOf(onward);
      if (again >= 0) return { cycle: walk.slice(again), seconds: null, path: null, affected: null };
      walk.push(onward);
    }
  }
  const starts = steps.filter(({ name }) => waits[name] === 0).sort((a, b) => rest[b.name] - rest[a.name]);
  const path = [starts[0].name];
  for (;;) {
    const left = rest[path.at(-1)] - seconds[path.at(-1)];
    const onward = after[path.at(-1)].find((name) => rest[name] === left);
    if (onward === undefined) break;
    path.push(onward);
  }
  const affected = new Set();
  const todo = [...after[changed]];
  while (todo.length > 0) {
    const name = todo.pop();
    if (!affected.has(name)) todo.push(...after[name]);
    affected.add(name);
  }
  return { cycle: null, seconds: rest[path[0]], path, affected: [...affected].sort() };
}
