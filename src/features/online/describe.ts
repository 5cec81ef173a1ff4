import { isSum, type PlannedWindow, type ViewPlan } from "../view-plan.ts";

/** What the online engine keeps for a key of a view and how it answers, a line each, for people. */
export function describeOnline(plan: ViewPlan): string[] {
  const lines = [`a head for each (${plan.view.entity.keys.join(", ")}): the newest rows, and an index of sealed blocks`];
  if (plan.where !== undefined) lines.push(`rows are left out unless ${plan.where.text}`);
  const sums = plan.measures.filter((m) => m.kind === "sum");
  const values = plan.measures.filter((m) => m.kind !== "sum");
  if (sums.length > 0)
    lines.push(`each block carries the row count and sums of: ${sums.map((m) => m.text + (m.scale === 1 ? "" : " (as millionths)")).join("; ")}`);
  if (values.length > 0) lines.push(`each row carries: ${values.map((m) => m.text).join("; ")}`);
  for (const [at, window] of plan.windows.entries()) {
    const own = plan.features.filter((f) => f.window === at);
    const bySums = own.filter(isSum).map((f) => f.name);
    const byRows = own.filter((f) => !isSum(f)).map((f) => f.name);
    if (bySums.length > 0) lines.push(`${nameOf(window)}: whole blocks by their sums, rows only at the edges: ${bySums.join(", ")}`);
    if (byRows.length > 0) lines.push(`${nameOf(window)}: looks at each row of the window: ${byRows.join(", ")}`);
  }
  const newest = plan.features.filter((f) => f.window < 0).map((f) => f.name);
  if (newest.length > 0) lines.push(`newest row known at t: ${newest.join(", ")}`);
  return lines;
}

function nameOf({ lengthUs, hopUs }: PlannedWindow): string {
  if (lengthUs === Number.POSITIVE_INFINITY) return "all time";
  const seconds = lengthUs / 1e6;
  const length =
    seconds % 86_400 === 0
      ? `${seconds / 86_400} d`
      : seconds % 3600 === 0
        ? `${seconds / 3600} h`
        : seconds % 60 === 0
          ? `${seconds / 60} min`
          : `${seconds} s`;
  return hopUs === 1 ? `[t - ${length}, t)` : `[t - ${length} back to its hop of ${hopUs / 1e6} s, t)`;
}
