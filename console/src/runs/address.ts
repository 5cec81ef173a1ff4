/** What the address of the runs page says: a table that can be sent to someone. */
import type { Columns, Selection } from "../run-requests.ts";

export interface RunsAddress {
  /** Experiment ids. */
  readonly e?: string | undefined;
  /** Filter. */
  readonly q?: string | undefined;
  /** "m.auc" ascending, "-m.auc" descending; "p." param, "t." tag, "a." attribute. */
  readonly sort?: string | undefined;
  /** "m.auc,p.lr"; absent: the ones most runs have. */
  readonly cols?: string | undefined;
  /** "p.lr": one row a value. */
  readonly group?: string | undefined;
  readonly deleted?: string | undefined;
  /** Name of the saved view it came from. */
  readonly view?: string | undefined;
}

const names = ["e", "q", "sort", "cols", "group", "deleted", "view"] as const;

export function readAddress(search: Readonly<Record<string, unknown>>): RunsAddress {
  return Object.fromEntries(names.flatMap((name) => (typeof search[name] === "string" && search[name] !== "" ? [[name, search[name]]] : [])));
}

/** The address without the name of its view: what is saved. */
export function addressText(address: RunsAddress): string {
  const { view: _view, ...rest } = address;
  return new URLSearchParams(Object.entries(rest).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))).toString();
}

export function selectionOf(address: RunsAddress, experimentId: string): Selection {
  return { experiments: (address.e ?? experimentId).split(","), filter: address.q ?? "", deleted: address.deleted === "1" };
}

const kinds: Readonly<Record<string, string>> = { m: "metrics", p: "params", t: "tags", a: "attributes" };

/** "m.val loss" in the search language: metrics.`val loss`. */
export function fieldOf(column: string): string {
  return `${kinds[column.slice(0, 1)] ?? "attributes"}.\`${column.slice(2)}\``;
}

export function orderOf(sort: string | undefined): string | null {
  if (sort === undefined) return null;
  const descending = sort.startsWith("-");
  return `${fieldOf(descending ? sort.slice(1) : sort)} ${descending ? "DESC" : "ASC"}`;
}

export function columnsOf(list: readonly string[]): Columns {
  const of = (kind: string): string[] => list.flatMap((c) => (c.startsWith(`${kind}.`) ? [c.slice(2)] : []));
  return { metrics: of("m"), params: of("p"), tags: of("t") };
}

/** A condition on one value; undefined where the search language has no quotes for it. */
export function conditionOf(column: string, value: string | null): string | undefined {
  if (value === null) return column.startsWith("a.") ? undefined : `${fieldOf(column)} IS NULL`;
  if (!value.includes("'")) return `${fieldOf(column)} = '${value}'`;
  return value.includes('"') ? undefined : `${fieldOf(column)} = "${value}"`;
}

export function and(filter: string, condition: string): string {
  if (filter === "") return condition;
  return /\bor\b/i.test(filter) ? `(${filter}) AND ${condition}` : `${filter} AND ${condition}`;
}
