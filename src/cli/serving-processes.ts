import type { StatsReport } from "../serving/peers/process-reports.ts";

/** The serving processes that answer at an address; none if nobody does. */
export async function servingProcesses(url: string, token: string): Promise<StatsReport["processes"]> {
  try {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(new URL("/v1/stats", url), { headers, signal: AbortSignal.timeout(3000) });
    return response.ok ? ((await response.json()) as StatsReport).processes : [];
  } catch {
    return [];
  }
}
