export function calibrate(scores, labels, bins) {
  return { platt: platt(scores, labels), isotonic: isotonic(scores, labels), ece: ece(scores, labels, bins) };
}

function platt(scores, labels) {
  const ones = labels.reduce((a, b) => a + b, 0);
  const zeros = labels.length - ones;
  const targets = labels.map((y) => (y === 1 ? (ones + 1) / (ones + 2) : 1 / (zeros + 2)));
  const loss = (a, b) => scores.reduce((sum, s, i) => sum + Math.log1p(Math.exp(-Math.abs(a * s + b))) + Math.max(0, a * s + b) - targets[i] * (a * s + b), 0);
  let [a, b] = [0, 0];
  for (let round = 0; round < 200; round++) {
    let [ga, gb, aa, ab, bb] = [0, 0, 1e-9, 0, 1e-9];
    scores.forEach((s, i) => {
      const p = 1 / (1 + Math.exp(-a * s - b));
      const w = p * (1 - p);
      ga += s * (p - targets[i]);
      gb += p - targets[i];
      aa += w * s * s;
      ab += w * s;
      bb += w;
    });
    if (Math.abs(ga) + Math.abs(gb) < 1e-10) break;
    const det = aa * bb - ab * ab;
    const da = (bb * ga - ab * gb) / det;
    const db = (aa * gb - ab * ga) / det;
    let step = 1;
    const before = loss(a, b);
    while (step > 1e-12 && loss(a - step * da, b - step * db) > before) step /= 2;
    a -= step * da;
    b -= step * db;
  }
  return { a, b };
}

function isotonic(scores, labels) {
  const order = scores.map((_, i) => i).sort((i, j) => scores[i] - scores[j]);
  const blocks = [];
  for (const i of order) {
    const last = blocks[blocks.length - 1];
    if (last && last.score === scores[i]) {
      last.sum += labels[i];
      last.rows.push(i);
    } else blocks.push({ score: scores[i], sum: labels[i], rows: [i] });
  }
  const stack = [];
  for (const block of blocks) {
    let merged = { sum: block.sum, count: block.rows.length, rows: block.rows };
    while (stack.length > 0 && stack[stack.length - 1].sum / stack[stack.length - 1].count >= merged.sum / merged.count) {
      const below = stack.pop();
      merged = { sum: below.sum + merged.sum, count: below.count + merged.count, rows: [...below.rows, ...merged.rows] };
    }
    stack.push(merged);
  }
  const out = Array.from({ length: scores.length });
  for (const { sum, count, rows } of stack) for (const i of rows) out[i] = sum / count;
  return out;
}

function ece(scores, labels, bins) {
  const parts = Array.from({ length: bins }, () => ({ score: 0, label: 0, n: 0 }));
  scores.forEach((s, i) => {
    const part = parts[Math.min(bins - 1, Math.floor(s * bins))];
    part.score += s;
    part.label += labels[i];
    part.n += 1;
  });
  let total = 0;
  for (const { score, label, n } of parts) if (n > 0) total += (n / scores.length) * Math.abs(score / n - label / n);
  return total;
}
