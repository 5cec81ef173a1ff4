import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type ReactNode } from "react";
import type { Alert, Mark, Monitoring, QualityWindow } from "../../../src/server/api.ts";
import { Heatmap, type HeatCell } from "../charts/heatmap.tsx";
import { Plot, type Area } from "../charts/plot.tsx";
import { bandPath, extent, linePath, niceDomain } from "../charts/scale.ts";
import { WhenVisible } from "../charts/visible.tsx";
import { count, day, dayShort, fixed, moment } from "../format.ts";
import { Block, Empty, Page, Readings, Trouble } from "../parts/block.tsx";
import { Key, State } from "../parts/state.tsx";
import { ask } from "../requests.ts";
import { Slot } from "./features.tsx";

export function MonitoringPage(): ReactNode {
  const models = useQuery(ask.models());
  const [chosen, setChosen] = useState<string | null>(null);
  const name = chosen ?? models.data?.[0]?.name;
  return (
    <Page title="Monitoring" lede="Event-time windows of what the model was asked and how it did, once outcomes are known.">
      <Trouble error={models.error} />
      {(models.data?.length ?? 0) > 1 ? (
        <label className="row" style={{ marginBottom: 16 }}>
          Model
          <select value={name} onChange={(e) => setChosen(e.target.value)}>
            {models.data?.map((m) => (
              <option key={m.name}>{m.name}</option>
            ))}
          </select>
        </label>
      ) : null}
      {name === undefined ? (
        models.data === undefined ? null : (
          <Empty what="There is no model to watch." command="karkhana run" />
        )
      ) : (
        <Watched key={name} name={name} />
      )}
    </Page>
  );
}

function Watched({ name }: { name: string }): ReactNode {
  const query = useQuery(ask.monitoring(name));
  const alerts = useQuery(ask.alerts());
  const m = query.data;
  if (m === undefined) return <Trouble error={query.error} />;
  const own = (alerts.data ?? []).filter((a) => a.model === name);
  if (m.quality.length === 0 && m.drift.length === 0) return <Empty what={`No window of ${name} has closed yet.`} command="karkhana run" />;
  const latest = m.quality.findLast((q) => q.role === "champion" && q.auc !== null);
  const drift = m.drift.at(-1);
  const over = drift === undefined ? 0 : drift.psi.filter((p, i) => p !== null && p > (drift.threshold[i] ?? Infinity)).length;
  return (
    <>
      <Readings
        items={[
          {
            name: "AUC, live",
            value: <span className="champion">{fixed(latest?.auc?.value)}</span>,
            sub: latest === undefined ? "no matured window" : `${fixed(latest.auc!.low)} to ${fixed(latest.auc!.high)}, ${dayShort(latest.fromUs)}`,
          },
          { name: "Held out", value: fixed(m.aucHoldout?.value), sub: latest?.threshold == null ? "" : `alarm below ${fixed(latest.threshold)}` },
          { name: "Outcomes known", value: count(latest?.matured), sub: latest === undefined ? "" : `of ${count(latest.rows)} asked that window` },
          { name: "Features over their alarm", value: count(over), sub: `of ${m.slots.length}, latest window` },
          { name: "Open alerts", value: count(own.filter((a) => a.state === "open").length), sub: `${own.length} in all` },
        ]}
      />
      <Quality monitoring={m} alerts={own} />
      <Drift monitoring={m} />
      <Alerts alerts={own} />
    </>
  );
}

const roleNames = { champion: "champion", challenger: "challenger", shadow: "shadow" } as const;

export function Quality({ monitoring: m, alerts, height = 300 }: { monitoring: Monitoring; alerts: readonly Alert[]; height?: number }): ReactNode {
  const measured = m.quality.filter((q) => q.auc !== null);
  const spanX = extent(m.quality.flatMap((q) => [q.fromUs, q.toUs]));
  const spanY = extent(measured.flatMap((q) => [q.auc!.low, q.auc!.high, q.threshold]));
  if (spanX === null || spanY === null) return null;
  const series = [...Map.groupBy(m.quality, (q) => `${q.role} ${q.version}`).values()];
  const roles = new Set(m.quality.map((q) => q.role));
  const middle = (q: QualityWindow): number => (q.fromUs + q.toUs) / 2;
  const stops = [...new Set(measured.map(middle))].sort((a, b) => a - b);
  const marks: readonly Mark[] = [...m.marks, ...alerts.map((a) => ({ atUs: a.raisedUs, kind: "alert", version: a.version, text: a.text }))];
  return (
    <Block
      title="Realised AUC"
      note="One point a window, by the time the question was asked, with its 95 % interval; circled where the champion's whole interval lies below the alarm."
    >
      <Plot
        label="Realised AUC over event time"
        height={height}
        time
        x={spanX}
        y={niceDomain(spanY[0], Math.min(1, spanY[1]), 7)}
        yFormat={(v) => v.toFixed(2)}
        stops={stops}
        readout={(at) => <QualityReading windows={measured.filter((q) => middle(q) === at)} />}
        legend={
          <span className="legend">
            {(["champion", "challenger", "shadow"] as const)
              .filter((r) => roles.has(r))
              .map((r) => (
                <Key key={r} kind={r}>
                  {roleNames[r]}
                </Key>
              ))}
            <Key kind="threshold">alarm</Key>
            <span>
              <span className="bad">▼</span> alert
            </span>
            <span>▽ deploy</span>
          </span>
        }
      >
        {(a) => (
          <>
            {series.map((s) => (
              <Series key={`${s[0]!.role} ${s[0]!.version}`} windows={s} area={a} />
            ))}
            <path className="line is-threshold" d={linePath(thresholdSteps(m.quality), a.x, a.y)} />
            <Marks marks={marks} area={a} />
          </>
        )}
      </Plot>
    </Block>
  );
}

/** The champion's threshold as steps: it changes with the champion. */
function thresholdSteps(quality: readonly QualityWindow[]): [number, number | null][] {
  return quality
    .filter((q) => q.role === "champion" && q.threshold !== null)
    .flatMap((q) => [[q.fromUs, q.threshold] as [number, number | null], [q.toUs, q.threshold] as [number, number | null]]);
}

function Series({ windows, area }: { windows: readonly QualityWindow[]; area: Area }): ReactNode {
  const { role } = windows[0]!;
  const points = windows.map((q) => ({ q, x: (q.fromUs + q.toUs) / 2 }));
  return (
    <>
      <path
        className={`area is-${role}`}
        d={bandPath(
          points.map(({ q, x }) => ({ x, low: q.auc?.low ?? null, high: q.auc?.high ?? null })),
          area.x,
          area.y,
        )}
      />
      <path
        className={`line is-${role}`}
        d={linePath(
          points.map(({ q, x }) => [x, q.auc?.value ?? null]),
          area.x,
          area.y,
        )}
      />
      {points
        .filter(({ q }) => role === "champion" && q.auc !== null && q.breach)
        .map(({ q, x }) => (
          <circle key={q.fromUs} className="point is-bad" cx={area.x(x)} cy={area.y(q.auc!.value)} r={3.5} />
        ))}
    </>
  );
}

/** Deploys and alerts along the top; lines close to each other share a label place. */
function Marks({ marks, area }: { marks: readonly Mark[]; area: Area }): ReactNode {
  let lastLabel = -Infinity;
  return marks
    .filter((m) => m.atUs >= area.x.domain[0] && m.atUs <= area.x.domain[1])
    .toSorted((a, b) => a.atUs - b.atUs)
    .map((mark, i, all) => {
      const x = area.x(mark.atUs);
      const next = all[i + 1];
      const isAlert = mark.kind === "alert";
      const label = isAlert ? "" : mark.version === null ? mark.kind : `v${mark.version}`;
      const isLabelled = label !== "" && x - lastLabel > 40 && (next === undefined || area.x(next.atUs) - x > 28);
      if (isLabelled) lastLabel = x;
      return (
        <g key={`${mark.kind} ${mark.atUs} ${mark.text}`}>
          <title>{`${moment(mark.atUs)}: ${mark.kind}${mark.version === null ? "" : ` v${mark.version}`}: ${mark.text}`}</title>
          <path className={`mark-line ${isAlert ? "is-alert" : ""}`} strokeOpacity={0.5} d={`M${x} ${area.top}V${area.bottom}`} />
          <path
            d={`M${x - 5} ${area.top - 8}H${x + 5}L${x} ${area.top}Z`}
            fill={isAlert ? "var(--bad)" : "var(--paper)"}
            stroke={isAlert ? "var(--bad)" : "var(--ink)"}
          />
          {isLabelled ? (
            <text x={x + 8} y={area.top + 2}>
              {label}
            </text>
          ) : null}
        </g>
      );
    });
}

function QualityReading({ windows }: { windows: readonly QualityWindow[] }): ReactNode {
  return (
    <>
      <span>{windows[0] === undefined ? "" : day(windows[0].fromUs)}</span>
      {windows.map((q) => (
        <span key={`${q.role} ${q.version}`} className={q.role === "champion" ? "champion" : "challenger"}>
          {q.role} v{q.version} <b>{fixed(q.auc?.value)}</b> ({fixed(q.auc?.low)} to {fixed(q.auc?.high)}), {count(q.matured)} of {count(q.rows)} known
        </span>
      ))}
    </>
  );
}

function Drift({ monitoring: m }: { monitoring: Monitoring }): ReactNode {
  const [picked, setPicked] = useState<HeatCell | null>(null);
  // Slots that ever came near their alarm first: the eye should not search.
  const order = useMemo(() => {
    const worst = m.slots.map((_, s) => Math.max(0, ...m.drift.map((w) => (w.psi[s] ?? 0) / (w.threshold[s] ?? 0.25))));
    return m.slots.map((_, s) => s).sort((a, b) => worst[b]! - worst[a]!);
  }, [m]);
  const column = picked === null ? undefined : m.drift[picked.column];
  const slot = picked === null ? undefined : m.slots[order[picked.row]!];
  if (m.drift.length === 0) return null;
  return (
    <Block
      title="Drift"
      note="Population stability index of every feature in every window, against bins frozen at training. An alarm needs PSI above both the policy's band and what sampling alone explains."
    >
      <WhenVisible height={m.slots.length * 14 + 50}>
        {() => (
          <Heatmap
            label="PSI of features by window"
            rows={order.map((s) => m.slots[s]!)}
            columns={m.drift}
            value={(c) => m.drift[c.column]?.psi[order[c.row]!] ?? null}
            threshold={(c) => m.drift[c.column]?.threshold[order[c.row]!] ?? null}
            picked={picked}
            onPick={setPicked}
          />
        )}
      </WhenVisible>
      {column === undefined || slot === undefined ? (
        <p className="note">Pick a cell to see the bins behind it.</p>
      ) : (
        <CellBins model={m.model} slot={slot} atUs={column.fromUs} />
      )}
    </Block>
  );
}

function CellBins({ model, slot, atUs }: { model: string; slot: string; atUs: number }): ReactNode {
  const query = useQuery(ask.distributions(model, atUs));
  const found = query.data?.fromUs === atUs ? query.data.slots.find((s) => s.slot === slot) : undefined;
  if (query.error !== null) return <Trouble error={query.error} />;
  return (
    <div style={{ maxWidth: 560, minHeight: 220, marginTop: 12 }} aria-live="polite">
      {found === undefined || query.data === undefined ? null : (
        <>
          <div className="legend">
            <Key kind="reference">training, {count(found.reference.reduce((sum, n) => sum + n, 0))} rows</Key>
            <Key kind="current">
              {day(atUs)}, {count(query.data.currentRows)} rows
            </Key>
          </div>
          <Slot slot={found} of={query.data} height={160} />
        </>
      )}
    </div>
  );
}

function Alerts({ alerts }: { alerts: readonly Alert[] }): ReactNode {
  return (
    <Block title="Alerts">
      {alerts.length === 0 ? (
        <p className="quiet">None has been raised.</p>
      ) : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>State</th>
                <th>Kind</th>
                <th>Raised (event time)</th>
                <th>Closed</th>
                <th className="num">Version</th>
                <th>What</th>
              </tr>
            </thead>
            <tbody>
              {alerts.map((a) => (
                <tr key={a.id}>
                  <td>
                    <State tone={a.state === "open" ? "bad" : "good"}>{a.state}</State>
                  </td>
                  <td>{a.kind}</td>
                  <td>{moment(a.raisedUs)}</td>
                  <td>{moment(a.closedUs)}</td>
                  <td className="num">{a.version === null ? "–" : `v${a.version}`}</td>
                  <td className="wide">{a.text}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Block>
  );
}
