import type { StatsReport } from "../serving/peers/process-reports.ts";

/** What the serving processes at an address say; undefined if nobody answers. */
export async function servingStats(url: string, token: string): Promise<StatsReport | undefined> {
  try {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(new URL("/v1/stats", url), { headers, signal: AbortSignal.timeout(3000) });
    return response.ok ? ((await response.json()) as StatsReport) : undefined;
  } catch {
    return undefined;
  }
}
