export function crossEntropy(logits, labels, smoothing) {
  const counted = labels.filter((y) => y >= 0).length;
  let loss = 0;
  const gradient = logits.map((row, i) => {
    if (labels[i] < 0) return row.map(() => 0);
    const top = Math.max(...row);
    const logSum = top + Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0));
    return row.map((z, k) => {
      const target = smoothing / row.length + (k === labels[i] ? 1 - smoothing : 0);
      loss += (target * (logSum - z)) / counted;
      return (Math.exp(z - logSum) - target) / counted;
    });
  });
  return { loss, gradient };
}
