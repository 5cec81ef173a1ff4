/**
 * Gradients of the binary log loss at the raw scores: `p - y`, and its hessian `p (1 - p)`.
 * @param gradients shape [numRows, 2], written
 * @returns the mean log loss before the step these gradients lead to
 */
export function logLossGradients(scores: Float64Array, labels: Uint8Array, gradients: Float64Array): number {
  const loss = new LogLossSum();
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    const z = Math.exp(score < 0 ? score : -score);
    const inverse = 1 / (1 + z);
    const label = labels[i]!;
    const p = score < 0 ? z * inverse : inverse;
    gradients[2 * i] = p - label;
    gradients[2 * i + 1] = z * inverse * inverse;
    loss.add(score, z, label);
  }
  return loss.mean(scores.length);
}

/** Mean binary log loss of raw scores (log-odds), in nats; no clipping is needed, since it is taken from the scores themselves. */
export function meanLogLoss(scores: Float64Array, labels: Uint8Array): number {
  const loss = new LogLossSum();
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    loss.add(score, Math.exp(score < 0 ? score : -score), labels[i]!);
  }
  return loss.mean(scores.length);
}

/** Sums log(1 + z) with one logarithm for many rows: each factor lies in [1, 2], so 512 of them cannot overflow. */
class LogLossSum {
  #product = 1;
  #factors = 0;
  #sum = 0;

  /** @param z e^-|score| */
  add(score: number, z: number, label: number): void {
    this.#product *= 1 + z;
    if (++this.#factors === 512) this.#fold();
    if (label === 1 ? score < 0 : score > 0) this.#sum += score < 0 ? -score : score;
  }

  mean(count: number): number {
    this.#fold();
    return this.#sum / count;
  }

  #fold(): void {
    this.#sum += Math.log(this.#product);
    this.#product = 1;
    this.#factors = 0;
  }
}
