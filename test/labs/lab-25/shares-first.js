// Normalises the exponentials first and takes the loss from log-sum-exp and the mean logit.
export function crossEntropy(logits, labels, smoothing) {
  const rows = labels.map((y, i) => i).filter((i) => labels[i] !== -1);
  const gradient = logits.map((row) => row.map(() => 0));
  const losses = rows.map((i) => {
    const z = logits[i].map((value) => value - Math.max(...logits[i]));
    const weights = z.map(Math.exp);
    const sum = weights.reduce((a, b) => a + b);
    const uniform = smoothing / z.length;
    gradient[i] = weights.map((w) => (w / sum - uniform) / rows.length);
    gradient[i][labels[i]] -= (1 - smoothing) / rows.length;
    const meanLogit = z.reduce((a, b) => a + b) / z.length;
    return Math.log(sum) - (1 - smoothing) * z[labels[i]] - smoothing * meanLogit;
  });
  return { loss: losses.length === 0 ? 0 : losses.reduce((a, b) => a + b) / losses.length, gradient };
}
