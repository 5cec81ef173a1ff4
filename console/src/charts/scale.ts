/** Scales and ticks: the arithmetic of every chart, without the DOM. */

export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
  invert(pixel: number): number;
}

export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const width = domain[1] - domain[0] || 1;
  const slope = (range[1] - range[0]) / width;
  const scale = (value: number): number => range[0] + (value - domain[0]) * slope;
  return Object.assign(scale, { domain, invert: (pixel: number): number => domain[0] + (pixel - range[0]) / slope });
}

/** Round values inside [low, high], about `wanted` of them. */
export function niceTicks(low: number, high: number, wanted: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find((m) => m * power >= raw) ?? 10);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Widened to round values, so that the ends of an axis are ticks. */
export function niceDomain(low: number, high: number, wanted = 4): [number, number] {
  if (low === high) return [low - Math.abs(low || 1) * 0.1, high + Math.abs(high || 1) * 0.1];
  const ticks = niceTicks(low, high, wanted);
  const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : high - low;
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

const second = 1e6;
const steps = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600].map((s) => s * second);
const dayUs = 86_400 * second;

/** Instants that people name: months first, else days, hours, minutes, seconds. */
export function timeTicks(from: number, to: number, wanted: number): { at: number; label: string }[] {
  const raw = (to - from) / Math.max(1, wanted);
  if (raw > 14 * dayUs) return monthTicks(from, to, Math.max(1, Math.ceil(raw / (31 * dayUs))));
  const step = steps.find((s) => s >= raw) ?? 14 * dayUs;
  const ticks: { at: number; label: string }[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push({ at, label: tickLabel(at, step) });
  return ticks;
}

/** Round durations: seconds, then minutes, then hours. */
export function secondTicks(seconds: number, wanted: number): number[] {
  const raw = seconds / Math.max(1, wanted);
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600].find((s) => s >= raw);
  if (step === undefined || raw < 0.05) return niceTicks(0, seconds, wanted);
  return Array.from({ length: Math.floor(seconds / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function monthTicks(from: number, to: number, every: number): { at: number; label: string }[] {
  const start = new Date(from / 1000);
  const ticks: { at: number; label: string }[] = [];
  for (let m = start.getUTCMonth(); ; m += every) {
    const at = Date.UTC(start.getUTCFullYear(), m, 1) * 1000;
    if (at > to) return ticks;
    const date = new Date(at / 1000);
    if (at >= from) ticks.push({ at, label: date.getUTCMonth() === 0 ? String(date.getUTCFullYear()) : monthNames[date.getUTCMonth()]! });
  }
}

function tickLabel(at: number, step: number): string {
  const d = new Date(at / 1000);
  if (step >= dayUs) return `${d.getUTCDate()} ${monthNames[d.getUTCMonth()]}`;
  const two = (n: number): string => String(n).padStart(2, "0");
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  return step >= 60 * second ? time : `${time}:${two(d.getUTCSeconds())}`;
}

/** Path of a line; a null breaks it. */
export function linePath(points: readonly (readonly [number, number | null])[], x: Scale, y: Scale): string {
  let path = "";
  let down = false;
  for (const [px, py] of points) {
    if (py === null || !Number.isFinite(py)) {
      down = false;
      continue;
    }
    path += `${down ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`;
    down = true;
  }
  return path;
}

/** Path of the band between `low` and `high`; broken where either is absent. */
export function bandPath(points: readonly { readonly x: number; readonly low: number | null; readonly high: number | null }[], x: Scale, y: Scale): string {
  let path = "";
  let run: { x: number; low: number; high: number }[] = [];
  const flush = (): void => {
    if (run.length > 1) {
      const up = run.map((p) => `${x(p.x).toFixed(1)} ${y(p.high).toFixed(1)}`);
      const down = run.toReversed().map((p) => `${x(p.x).toFixed(1)} ${y(p.low).toFixed(1)}`);
      path += `M${up.join("L")}L${down.join("L")}Z`;
    }
    run = [];
  };
  for (const p of points) {
    if (p.low === null || p.high === null) flush();
    else run.push({ x: p.x, low: p.low, high: p.high });
  }
  flush();
  return path;
}

/** Smallest and largest of what is there. */
export function extent(values: Iterable<number | null | undefined>): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v === null || v === undefined || !Number.isFinite(v)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : null;
}
