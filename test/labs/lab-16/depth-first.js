// Depth first with a stack of its own: three colours find the cycle, the way back gives the times.
export function analyse(steps, changed) {
  const index = new Map(steps.map((step, i) => [step.name, i]));
  const before = steps.map((step) => step.after.map((name) => index.get(name)));
  const colour = new Uint8Array(steps.length);
  const finish = new Float64Array(steps.length);
  const reach = new Uint8Array(steps.length);
  const from = new Int32Array(steps.length).fill(-1);
  const target = index.get(changed);
  for (let root = 0; root < steps.length; root++) {
    const stack = colour[root] === 0 ? [[root, 0]] : [];
    colour[root] ||= 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const [node, at] = top;
      if (at < before[node].length) {
        top[1]++;
        const child = before[node][at];
        if (colour[child] === 1) {
          const names = stack.map(([n]) => n);
          const loop = names.slice(names.indexOf(child)).map((n) => steps[n].name);
          return { cycle: loop.reverse(), seconds: null, path: null, affected: null };
        }
        if (colour[child] === 0) {
          colour[child] = 1;
          stack.push([child, 0]);
        }
        continue;
      }
      stack.pop();
      colour[node] = 2;
      for (const child of before[node]) {
        if (from[node] < 0 || finish[child] > finish[from[node]]) from[node] = child;
        if (child === target || reach[child]) reach[node] = 1;
      }
      finish[node] = steps[node].seconds + (from[node] < 0 ? 0 : finish[from[node]]);
    }
  }
  let last = finish.indexOf(Math.max(...finish));
  const seconds = finish[last];
  const path = [];
  for (; last >= 0; last = from[last]) path.unshift(steps[last].name);
  return {
    cycle: null,
    seconds,
    path,
    affected: steps
      .filter((_, i) => reach[i])
      .map(({ name }) => name)
      .sort(),
  };
}
