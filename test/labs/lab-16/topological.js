// Kahn's order, finish times along it, and the path read backwards.
export function analyse(steps, changed) {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const next = new Map(steps.map((step) => [step.name, []]));
  const open = new Map(steps.map((step) => [step.name, step.after.length]));
  for (const step of steps) for (const before of step.after) next.get(before).push(step.name);
  const order = steps.filter((step) => step.after.length === 0).map((step) => step.name);
  const finish = new Map();
  const from = new Map();
  for (let i = 0; i < order.length; i++) {
    const step = byName.get(order[i]);
    let start = 0;
    for (const before of step.after) {
      if (finish.get(before) >= start) {
        start = finish.get(before);
        from.set(step.name, before);
      }
    }
    finish.set(step.name, start + step.seconds);
    for (const other of next.get(step.name)) {
      open.set(other, open.get(other) - 1);
      if (open.get(other) === 0) order.push(other);
    }
  }
  if (order.length < steps.length) {
    const stuck = (name) => open.get(name) > 0;
    const seen = [];
    let at = steps.find((step) => stuck(step.name)).name;
    while (!seen.includes(at)) {
      seen.push(at);
      at = byName.get(at).after.find(stuck);
    }
    return { cycle: seen.slice(seen.indexOf(at)).reverse(), seconds: null, path: null, affected: null };
  }
  let last = order[0];
  for (const name of order) if (finish.get(name) > finish.get(last)) last = name;
  const path = [];
  for (let name = last; name !== undefined; name = from.get(name)) path.push(name);
  const affected = new Set([changed]);
  for (const name of order) if (byName.get(name).after.some((before) => affected.has(before))) affected.add(name);
  affected.delete(changed);
  return { cycle: null, seconds: finish.get(last), path: path.reverse(), affected: [...affected].sort() };
}
