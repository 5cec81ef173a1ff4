import type { LoadReport } from "./client.ts";

const [width, height, left, right, top, bottom] = [720, 360, 64, 24, 48, 44];

/** Latency by quantile, both on log scales, as a drawing that stands alone: its file can be opened, mailed, put into a report. */
export function drawLatency(report: LoadReport, title: string, subtitle: string): string {
  const points = report.curve.filter(({ ms }) => Number.isFinite(ms) && ms > 0);
  if (points.length === 0) return frame(title, "nothing was answered", "");
  const nines = Math.max(1, Math.ceil(-Math.log10(1 - points.at(-1)!.quantile)));
  const low = Math.floor(Math.log10(points[0]!.ms));
  const high = Math.max(low + 1, Math.ceil(Math.log10(points.at(-1)!.ms)));
  const x = (quantile: number): number => left + (-Math.log10(1 - quantile) / nines) * (width - left - right);
  const y = (ms: number): number => height - bottom - ((Math.log10(ms) - low) / (high - low)) * (height - top - bottom);
  const across = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)).map(
    (ms) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(ms).toFixed(1)}" y2="${y(ms).toFixed(1)}"/><text x="${left - 8}" y="${(y(ms) + 4).toFixed(1)}" text-anchor="end">${plain(ms)} ms</text>`,
  );
  const names = ["p0", "p90", "p99", "p99.9", "p99.99", "p99.999", "p99.9999"];
  const down = Array.from({ length: nines + 1 }, (_, nine) => {
    const at = (left + (nine / nines) * (width - left - right)).toFixed(1);
    return `<line class="grid" x1="${at}" x2="${at}" y1="${top}" y2="${height - bottom}"/><text x="${at}" y="${height - bottom + 18}" text-anchor="middle">${names[nine] ?? ""}</text>`;
  });
  const line = `<polyline class="line" points="${points.map(({ quantile, ms }) => `${x(quantile).toFixed(1)},${y(ms).toFixed(1)}`).join(" ")}"/>`;
  const marks = (["p50", "p95", "p99", "p999"] as const).map((name) => {
    const ms = report.latencyMs[name];
    const quantile = { p50: 0.5, p95: 0.95, p99: 0.99, p999: 0.999 }[name];
    return Number.isFinite(ms) && -Math.log10(1 - quantile) <= nines
      ? `<circle class="mark" r="3.5" cx="${x(quantile).toFixed(1)}" cy="${y(ms).toFixed(1)}"/><text class="value" x="${x(quantile).toFixed(1)}" y="${(y(ms) - 9).toFixed(1)}" text-anchor="middle">${plain(ms)}</text>`
      : "";
  });
  return frame(title, subtitle, [...across, ...down, line, ...marks].join("\n"));
}

function frame(title: string, subtitle: string, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
  svg { background: #fbfaf7; font: 12px system-ui, sans-serif } text { fill: #55524c } .title { font-size: 15px; font-weight: 600; fill: #1d1b18 }
  .grid { stroke: #dcd8cf; stroke-width: 1 } .line { fill: none; stroke: #0b6e6e; stroke-width: 2 } .mark { fill: #0b6e6e } .value { fill: #1d1b18 }
  @media (prefers-color-scheme: dark) { svg { background: #191817 } text { fill: #a9a59c } .title, .value { fill: #eeece6 } .grid { stroke: #34322e } .line { stroke: #4fb3b3 } .mark { fill: #4fb3b3 } }
</style>
<text class="title" x="${left}" y="20">${escaped(title)}</text>
<text x="${left}" y="37">${escaped(subtitle)}</text>
${content}
</svg>
`;
}

function plain(ms: number): string {
  return String(Number(ms.toPrecision(ms < 1 ? 2 : 3)));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
