/** Figures of `features.ts` as text for a person, and what they come to: ours over each of Feast's. */
import type { Quantiles } from "../src/cli/load/client.ts";
import type { JoinFigures } from "./features-join.ts";
import type { ServerFigures } from "./features-lookups.ts";

export interface Ratio {
  readonly what: string;
  readonly beside: string;
  /** Above 1: ours is that many times better. */
  readonly ratio: number;
}

export function ratiosOf(servers: readonly ServerFigures[], joins: readonly JoinFigures[]): Ratio[] {
  const [ours, ...others] = servers;
  const ratios: Ratio[] = [];
  const add = (what: string, beside: string, ratio: number | null): void => {
    if (ratio !== null && Number.isFinite(ratio)) ratios.push({ what, beside, ratio });
  };
  for (const other of ours === undefined ? [] : others) {
    for (const [i, shape] of ours!.shapes.entries()) {
      const theirs = other.shapes[i]!;
      add(`requests/s, ${shape.entities} x 50`, other.name, shape.requestsPerSecond / theirs.requestsPerSecond);
      add(`p99, ${shape.entities} x 50`, other.name, theirs.latencyMs.p99 / shape.latencyMs.p99);
    }
    add("rows loaded/s", other.name, ours!.rowsLoadedPerSecond / other.rowsLoadedPerSecond);
    add("bytes an entity", other.name, over(other.bytesPerEntity, ours!.bytesPerEntity));
    add("push to readable, p50", other.name, over(other.pushToReadableMs?.p50, ours!.pushToReadableMs?.p50));
  }
  for (const { name, spineRows, rowsPerSecond } of joins.filter((one) => one.name.startsWith("feast"))) {
    const own = joins.find((one) => one.name === "karkhana, latest value" && one.spineRows === spineRows);
    add(`joined rows/s, ${spineRows} questions`, name, over(own?.rowsPerSecond, rowsPerSecond));
  }
  return ratios;
}

function over(a: number | null | undefined, b: number | null | undefined): number | null {
  return typeof a === "number" && typeof b === "number" && b !== 0 ? a / b : null;
}

export function lookupTable(servers: readonly ServerFigures[]): string {
  const ours = servers[0];
  if (ours === undefined) return "";
  const head = ["server", "lookup", "p50 ms", "p95 ms", "p99 ms", "at/s", "requests/s", "ours/theirs", "errors"];
  const lookups = servers.flatMap(({ name, shapes }) =>
    shapes.flatMap((one, i) => {
      const times = ({ p50, p95, p99 }: Quantiles, rate: number): string[] => [...[p50, p95, p99].map(shown), String(rate)];
      const ratio = name === ours.name ? "" : shown(ours.shapes[i]!.requestsPerSecond / one.requestsPerSecond);
      const what = [name, `${one.entities} x 50`];
      const row = [...what, ...times(one.latencyMs, one.latencyRate), one.requestsPerSecond.toFixed(0), ratio, String(one.errors)];
      return one.brisk === null ? [row] : [row, [...what, ...times(one.brisk.latencyMs, one.brisk.rate), "", "", ""]];
    }),
  );
  const second = ["server", "rows loaded", "rows/s", "rows/CPU s", "bytes an entity", "push to readable p50 ms", "p99 ms"];
  const others = servers.map((one) => [
    one.name,
    String(one.rowsLoaded),
    one.rowsLoadedPerSecond.toFixed(0),
    one.rowsLoadedPerCpuSecond.toFixed(0),
    one.bytesPerEntity?.toFixed(0) ?? "unknown",
    shown(one.pushToReadableMs?.p50),
    shown(one.pushToReadableMs?.p99),
  ]);
  return `${tableOf([head, ...lookups])}\n\n${tableOf([second, ...others])}`;
}

export function joinTable(joins: readonly JoinFigures[]): string {
  if (joins.length === 0) return "";
  const rows = joins.map(({ name, spineRows, seconds, rowsPerSecond, problem }) => {
    const own = joins.find((one) => one.name === "karkhana, latest value" && one.spineRows === spineRows);
    const ratio = name.startsWith("feast") ? over(own?.rowsPerSecond, rowsPerSecond) : null;
    return [name, String(spineRows), seconds === null ? (problem ?? "") : shown(seconds), rowsPerSecond?.toFixed(0) ?? "", ratio === null ? "" : shown(ratio)];
  });
  return tableOf([["join", "questions", "seconds", "rows/s", "ours/theirs"], ...rows]);
}

function shown(value: number | undefined): string {
  return value === undefined ? "unknown" : value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ")).join("\n");
}
