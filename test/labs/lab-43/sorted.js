// Sorts once and reads the counts off the positions of the edges.
export function stability(reference, current, edges, epsilon) {
  const countsOf = (values) => {
    const present = Float64Array.from(values.filter((x) => x !== null && !Number.isNaN(x))).sort();
    const before = (edge) => {
      let [low, high] = [0, present.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (present[middle] < edge) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    const positions = [0, ...edges.map(before), present.length];
    return [...positions.slice(1).map((position, i) => position - positions[i]), values.length - present.length];
  };
  const [left, right] = [countsOf(reference), countsOf(current)];
  const contributions = left.map((count, i) => {
    const r = Math.max(count / reference.length, epsilon);
    const c = Math.max(right[i] / current.length, epsilon);
    return c * Math.log(c / r) + r * Math.log(r / c);
  });
  let psi = 0;
  for (const part of contributions) psi += part;
  const floor = ((edges.length + 1) * (reference.length + current.length)) / (reference.length * current.length);
  return { contributions, psi, floor, drifted: psi / floor > 3 };
}
