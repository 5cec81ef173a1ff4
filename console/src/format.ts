/** Numbers and times as people read them. Everything is UTC: event times are, and one clock a page is enough. */

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number): string => String(n).padStart(2, "0");
const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? "–" : grouped.format(n);
}

/** 12.3k, 4.5M: for axes and narrow places. */
export function short(n: number): string {
  const a = Math.abs(n);
  if (a >= 1e6) return `${trim(n / 1e6)}M`;
  if (a >= 1e3) return `${trim(n / 1e3)}k`;
  return trim(n);
}

function trim(n: number): string {
  return Number(n.toPrecision(3)).toString();
}

export function fixed(n: number | null | undefined, digits = 3): string {
  return n === null || n === undefined || !Number.isFinite(n) ? "–" : n.toFixed(digits);
}

export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined || !Number.isFinite(share) ? "–" : `${(100 * share).toFixed(digits)} %`;
}

/** A figure of unknown size: four significant digits, no exponent where people can read without. */
export function figure(n: number | null | undefined): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  if (Number.isInteger(n)) return grouped.format(n);
  const a = Math.abs(n);
  return a !== 0 && (a < 1e-4 || a >= 1e7) ? n.toExponential(2) : String(Number(n.toPrecision(4)));
}

export function milliseconds(us: number | null | undefined): string {
  if (us === null || us === undefined || !Number.isFinite(us)) return "–";
  const ms = us / 1000;
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}

export function bytes(n: number | null): string {
  if (n === null) return "–";
  if (n >= 1e9) return `${trim(n / 1e9)} GB`;
  if (n >= 1e6) return `${trim(n / 1e6)} MB`;
  return n >= 1e3 ? `${trim(n / 1e3)} kB` : `${n} B`;
}

export function day(us: number | null): string {
  if (us === null) return "–";
  const d = new Date(us / 1000);
  return `${d.getUTCDate()} ${months[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
}

export function dayShort(us: number): string {
  const d = new Date(us / 1000);
  return `${d.getUTCDate()} ${months[d.getUTCMonth()]}`;
}

export function moment(us: number | null): string {
  if (us === null) return "–";
  const d = new Date(us / 1000);
  return `${day(us)} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
}

export function clockTime(us: number): string {
  const d = new Date(us / 1000);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.floor(seconds / 60)} min ${two(Math.round(seconds % 60))} s`;
  if (seconds >= 3 * 86_400) return `${Number((seconds / 86_400).toFixed(seconds < 30 * 86_400 ? 1 : 0))} d`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.round((seconds % 3600) / 60))} min`;
}

export function shortHash(hash: string): string {
  return hash.slice(0, 10);
}

/** `from_origin.late_share_1h` and `offline-evaluation` in words. */
export function words(name: string): string {
  return name.replaceAll(/[-_]/g, " ");
}
