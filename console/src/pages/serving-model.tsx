/** What one model's answers cost, who gave them, and where their time went. */
import { Fragment, type ReactNode } from "react";
import type { Serving, ServingModel } from "../../../src/server/api.ts";
import { count, milliseconds } from "../format.ts";
import { Block } from "../parts/block.tsx";

/** What 1,000 predictions cost at the rate of the last minute: an idle machine costs as much as a busy one. */
export function costOf({ price, models }: Serving): { name: string; value: string; unit?: string; sub?: string }[] {
  if (price === null) return [];
  const rate = models.reduce((sum, m) => sum + m.ratePerSecond, 0);
  const sub = `at this rate; an hour costs ${price.perHour} ${price.currency}`;
  if (rate === 0) return [{ name: "Cost of 1,000", value: "-", sub }];
  return [{ name: "Cost of 1,000", value: String(Number(((price.perHour / 3600 / rate) * 1000).toPrecision(2))), unit: price.currency, sub }];
}

const answeredBy = (m: ServingModel): { readonly version: number; readonly role: string; readonly ok: number }[] =>
  m.versions.filter((v) => v.role !== "shadow" && (v.outcomes["ok"] ?? 0) > 0).map((v) => ({ version: v.version, role: v.role, ok: v.outcomes["ok"] ?? 0 }));

/** Who answered, as shares of one bar. */
export function Split({ model: m }: { model: ServingModel }): ReactNode {
  const parts = answeredBy(m);
  const total = parts.reduce((sum, p) => sum + p.ok, 0);
  if (total === 0) return null;
  const label = parts.map((p) => `${p.role} v${p.version} ${Math.round((100 * p.ok) / total)} %`).join(", ");
  let at = 0;
  return (
    <figure className="split">
      <svg viewBox="0 0 1000 14" preserveAspectRatio="none" width="100%" height="14" role="img" aria-label={`Answered by ${label}`}>
        {parts.map((p) => {
          const width = (1000 * p.ok) / total;
          const x = at;
          at += width;
          return (
            <rect
              key={`${p.role} ${p.version}`}
              x={x}
              y={0}
              width={Math.max(0, width - 2)}
              height={14}
              fill={p.role === "champion" ? "var(--champion)" : "var(--challenger)"}
              fillOpacity={0.75}
            />
          );
        })}
      </svg>
      <figcaption className="note">Answered since it started: {label}</figcaption>
    </figure>
  );
}

export function ByVersion({ model: m }: { model: ServingModel }): ReactNode {
  if (m.versions.length === 0) return <p className="note">No version has been asked since it started.</p>;
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            <th>Version</th>
            <th>Role</th>
            <th className="num">Answered</th>
            <th className="num">Failed</th>
            <th className="num">Late</th>
            <th className="num">In its stead</th>
            <th className="num">Dropped</th>
            <th className="num">p50 ms</th>
            <th className="num">p95 ms</th>
            <th className="num">p99 ms</th>
          </tr>
        </thead>
        <tbody>
          {m.versions.map((v) => {
            const latency = m.latency[v.role]?.lastMinute;
            return (
              <tr key={`${v.role} ${v.version}`}>
                <td>v{v.version}</td>
                <td className={v.role === "champion" ? "champion" : "challenger"}>{v.role}</td>
                <td className="num">{count(v.outcomes["ok"])}</td>
                <td className="num">{count(v.outcomes["failed"])}</td>
                <td className="num">{count(v.outcomes["late"])}</td>
                <td className="num">{count(v.outcomes["fallback"])}</td>
                <td className="num">{count(v.outcomes["dropped"])}</td>
                <td className="num">{milliseconds(latency?.p50Us)}</td>
                <td className="num">{milliseconds(latency?.p95Us)}</td>
                <td className="num">{milliseconds(latency?.p99Us)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function microseconds(us: number | null | undefined): string {
  return us === null || us === undefined ? "–" : us < 10 ? us.toFixed(1) : count(Math.round(us));
}

const stageNames = [
  ["parse", "Read the question"],
  ["lookup", "Look up features"],
  ["queue", "Wait for the model"],
  ["compute", "Compute"],
  ["log", "Log"],
  ["serialise", "Write the answer"],
  ["total", "All of it"],
] as const;

/** Where the time of a request goes, for each version that answers. */
export function ByStage({ model: m }: { model: ServingModel }): ReactNode {
  const versions = m.versions.filter((v) => (v.stages["total"]?.count ?? 0) > 0);
  if (versions.length === 0) return null;
  return (
    <Block title="Where the time goes" note="Mean of each stage since it started, and the bound that 99 of 100 stay under; microseconds.">
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Stage</th>
              {versions.map((v) => (
                <Fragment key={`${v.role} ${v.version}`}>
                  <th className="num">
                    {v.role} v{v.version}, mean
                  </th>
                  <th className="num">p99</th>
                </Fragment>
              ))}
            </tr>
          </thead>
          <tbody>
            {stageNames
              .filter(([stage]) => versions.some((v) => (v.stages[stage]?.count ?? 0) > 0))
              .map(([stage, name]) => (
                <tr key={stage}>
                  <td>{stage === "total" ? <b>{name}</b> : name}</td>
                  {versions.map((v) => (
                    <Fragment key={`${v.role} ${v.version}`}>
                      <td className="num">{microseconds(v.stages[stage]?.meanUs)}</td>
                      <td className="num">{microseconds(v.stages[stage]?.p99Us)}</td>
                    </Fragment>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}
