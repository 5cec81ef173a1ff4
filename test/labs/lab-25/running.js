// One pass per row: a running maximum and a running sum that is rescaled when the maximum moves.
export function crossEntropy(logits, labels, smoothing) {
  const gradient = [];
  let [total, count] = [0, 0];
  for (let i = 0; i < logits.length; i++) {
    const row = logits[i];
    gradient.push(new Float64Array(row.length));
    if (labels[i] < 0) continue;
    count++;
    let [top, sum] = [-Infinity, 0];
    for (const z of row) {
      if (z > top) [sum, top] = [sum * Math.exp(top - z) + 1, z];
      else sum += Math.exp(z - top);
    }
    for (let k = 0; k < row.length; k++) {
      const target = (k === labels[i] ? 1 - smoothing : 0) + smoothing / row.length;
      total += target * (Math.log(sum) + top - row[k]);
      gradient[i][k] = Math.exp(row[k] - top) / sum - target;
    }
  }
  return { loss: total / Math.max(count, 1), gradient: gradient.map((row) => Array.from(row, (g) => g / Math.max(count, 1))) };
}
