/**
 * The most frequent texts of a stream in bounded memory, mergeable: a value of frequency above count / capacity is among them, and its count
 * is too low by at most that.
 * @see Misra, Gries: Finding repeated elements (1982); merging: Agarwal et al., Mergeable summaries (PODS 2012)
 */
const capacity = 64;
const maxTextLength = 100;

export class TopValues {
  #counts = new Map<string, number>();
  #count = 0;

  /** Weight of all values, those let go of included. */
  get count(): number {
    return this.#count;
  }

  /** Long text is cut: two that begin alike count as one. */
  add(value: string, weight = 1): void {
    this.#count += weight;
    const text = value.length > maxTextLength ? value.slice(0, maxTextLength) : value;
    this.#counts.set(text, (this.#counts.get(text) ?? 0) + weight);
    // Twice as many are let in, so that the cut is paid for once in a while.
    if (this.#counts.size > 2 * capacity) this.#cut();
  }

  merge(other: TopValues): void {
    this.#count += other.#count;
    for (const [text, n] of other.#counts) this.#counts.set(text, (this.#counts.get(text) ?? 0) + n);
    if (this.#counts.size > 2 * capacity) this.#cut();
  }

  /** Most frequent first, then by text; counts are lower bounds. */
  top(limit: number = capacity): (readonly [string, number])[] {
    return [...this.#counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, limit);
  }

  countOf(value: string): number {
    return this.#counts.get(value.slice(0, maxTextLength)) ?? 0;
  }

  store(): { readonly count: number; readonly values: readonly (readonly [string, number])[] } {
    return { count: this.#count, values: this.top(2 * capacity) };
  }

  static read(stored: unknown): TopValues {
    const top = new TopValues();
    if (typeof stored !== "object" || stored === null || !("values" in stored) || !Array.isArray(stored.values)) return top;
    for (const pair of stored.values as unknown[])
      if (Array.isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "number" && pair[1] > 0) top.#counts.set(pair[0], pair[1]);
    if ("count" in stored && typeof stored.count === "number") top.#count = stored.count;
    return top;
  }

  #cut(): void {
    const ranked = this.top(this.#counts.size);
    const taken = ranked[capacity]?.[1] ?? 0;
    this.#counts = new Map(ranked.slice(0, capacity).flatMap(([text, n]): [string, number][] => (n > taken ? [[text, n - taken]] : [])));
  }
}
