import type { ViewPlan } from "../view-plan.ts";
import type { IncomingRows } from "./incoming-rows.ts";
import { KeyRows } from "./key-rows.ts";
import { headKeyMaker, tupleOffset } from "./keys.ts";
import type { SourceValues } from "../measure.ts";

/** Keys remembered from batch to batch; beyond, all are forgotten. */
const maxKept = 100_000;

type Parts = Map<unknown, Parts | KeyRows>;

/** The keys of one view that a batch has rows for. Found by their parts as they are: a key's bytes are made once, not for each row. */
export class KeyGroups {
  readonly plan: ViewPlan;
  readonly rows: IncomingRows;
  readonly #headKeyOf: ReturnType<typeof headKeyMaker>;
  readonly #byName = new Map<string, KeyRows>();
  #byParts: Parts = new Map();
  #kept = 0;
  #touched: KeyRows[] = [];

  constructor(plan: ViewPlan, rows: IncomingRows) {
    this.plan = plan;
    this.rows = rows;
    this.#headKeyOf = headKeyMaker(plan.hash, plan.keyTypes);
  }

  /** Forgets the rows of the batch before, whatever became of it. */
  start(): void {
    for (const group of this.#touched) group.clear();
    this.#touched = [];
    this.rows.clear();
  }

  /** Before batches that are written together: within them a key must stay the same object. */
  trim(): void {
    if (this.#kept <= maxKept) return;
    this.#byParts = new Map();
    this.#byName.clear();
    this.#kept = 0;
  }

  get touched(): readonly KeyRows[] {
    return this.#touched;
  }

  /** @param at the row's place in `rows` @param values of a row whose key columns have the right types @returns the rows of its key */
  add(values: SourceValues, at: number, index: number): KeyRows {
    const { keyColumns } = this.plan;
    let parts = this.#byParts;
    const last = keyColumns.length - 1;
    for (let i = 0; i < last; i++) {
      const part = values[keyColumns[i]!];
      let next = parts.get(part);
      if (!(next instanceof Map)) parts.set(part, (next = new Map()));
      parts = next;
    }
    const part = values[keyColumns[last]!];
    let group = parts.get(part);
    if (!(group instanceof KeyRows)) {
      group = new KeyRows(this.plan, this.#headKeyOf(keyColumns.map((column) => values[column]))!, this.rows);
      parts.set(part, group);
      this.#kept++;
    }
    this.#take(group, at, index);
    return group;
  }

  /** The same by the key's bytes; of one source either this or `add` is used, or a key would have two groups. */
  addTo(headKey: Buffer, at: number, index: number): void {
    const name = headKey.toString("latin1", tupleOffset);
    let group = this.#byName.get(name);
    if (group === undefined) {
      this.#byName.set(name, (group = new KeyRows(this.plan, headKey, this.rows)));
      this.#kept++;
    }
    this.#take(group, at, index);
  }

  #take(group: KeyRows, at: number, index: number): void {
    if (group.isEmpty) this.#touched.push(group);
    group.add(at, index);
  }
}
