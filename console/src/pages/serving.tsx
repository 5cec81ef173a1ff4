import { useQuery } from "@tanstack/react-query";
import { Fragment, useEffect, useState, type ReactNode } from "react";
import type { Monitoring, Prediction, Serving, ServingModel, TrafficWindow } from "../../../src/server/api.ts";
import { Plot } from "../charts/plot.tsx";
import { extent, linePath } from "../charts/scale.ts";
import { WhenVisible } from "../charts/visible.tsx";
import { clockTime, count, day, figure, fixed, milliseconds, moment, short } from "../format.ts";
import { Block, Empty, Page, Readings, Trouble } from "../parts/block.tsx";
import { Key } from "../parts/state.tsx";
import { ask, queries } from "../requests.ts";
import { ByStage, ByVersion, costOf, Split } from "./serving-model.tsx";
import { LanguageModels, ModelFiles } from "./serving-files.tsx";
import { Explained } from "./explained.tsx";

export function ServingPage(): ReactNode {
  const serving = useQuery(ask.serving());
  // The server reads the serving process every five seconds; while this page is looked at, it follows.
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void queries.invalidateQueries({ queryKey: ["serving"] });
    }, 5000);
    return () => clearInterval(timer);
  }, []);
  const s = serving.data;
  return (
    <Page
      title="Serving"
      lede={
        s?.url == null ? (
          "A process of its own: it answers while this one is down."
        ) : (
          <>
            {(s.room?.processes ?? 1) > 1 ? `${s.room?.processes} processes of their own` : "A process of its own"} at <code>{s.url}</code>:{" "}
            {(s.room?.processes ?? 1) > 1 ? "they answer" : "it answers"} while this one is down.
          </>
        )
      }
    >
      <Trouble error={serving.error} />
      {s === undefined ? null : (
        <>
          {s.reachable || s.url === null ? null : (
            <div className="trouble">
              <p className="bad">The serving process does not answer{s.problem === null ? "" : `: ${s.problem}`}.</p>
              <p className="note">`karkhana up` starts it; what was counted before it stopped is not shown.</p>
            </div>
          )}
          {s.room === null ? null : (
            <Block title="Room" note="Requests that may be under way at once follow the time they take; what does not fit is refused at once.">
              <Readings
                items={[
                  ...(s.room.processes > 1 ? [{ name: "Processes", value: count(s.room.processes), sub: "on one port, counted together" }] : []),
                  { name: "Under way", value: count(s.room.inFlight), sub: `of ${count(s.room.concurrencyLimit)} there is room for` },
                  { name: "Turned away", value: count(s.room.overloaded), sub: "no room" },
                  { name: "Over their share", value: count(s.room.overShare), sub: "of a model or tenant" },
                  { name: "Out of time", value: count(s.room.timedOut), sub: "answered late by a refusal" },
                ]}
              />
            </Block>
          )}
          {s.samples.length > 1 ? <LiveTraffic serving={s} /> : null}
          {s.models.map((m) => (
            <OfModel key={m.model} model={m} serving={s} />
          ))}
          {s.models.length === 0 ? <Predicted /> : null}
          <LanguageModels backends={s.backends} />
          <ModelFiles files={s.files} />
        </>
      )}
    </Page>
  );
}

function LiveTraffic({ serving }: { serving: Serving }): ReactNode {
  const { samples } = serving;
  const x = [samples[0]!.atUs, samples.at(-1)!.atUs] as const;
  const rate = Math.max(1, ...samples.map((p) => p.ratePerSecond));
  const stops = samples.map((p) => p.atUs);
  const find = (at: number): Serving["samples"][number] | undefined => samples.find((p) => p.atUs === at);
  return (
    <div className="columns">
      <Block title="Traffic now" note="Predictions a second, last half hour at most.">
        <Plot
          label="Predictions a second"
          height={200}
          time
          x={x}
          y={[0, rate * 1.1]}
          yFormat={short}
          stops={stops}
          legend=""
          readout={(at) => (
            <span>
              {clockTime(at)} <b>{figure(find(at)?.ratePerSecond)}</b> /s
            </span>
          )}
        >
          {(a) => (
            <>
              <path
                className="area is-champion"
                d={`${linePath(
                  samples.map((p) => [p.atUs, p.ratePerSecond]),
                  a.x,
                  a.y,
                )}L${a.x(x[1])} ${a.bottom}L${a.x(x[0])} ${a.bottom}Z`}
              />
              <path
                className="line is-champion"
                d={linePath(
                  samples.map((p) => [p.atUs, p.ratePerSecond]),
                  a.x,
                  a.y,
                )}
              />
            </>
          )}
        </Plot>
      </Block>
      <Block title="Latency now" note="Inside the server, over the last minute; milliseconds, log scale.">
        <Latency points={samples.map((p) => ({ ...p, x: p.atUs }))} x={x} height={200} name={clockTime} />
      </Block>
    </div>
  );
}

interface LatencyPoint {
  readonly x: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

const quantiles = [
  { key: "p50Us", name: "p50", kind: "champion", light: false },
  { key: "p95Us", name: "p95", kind: "champion", light: true },
  { key: "p99Us", name: "p99", kind: "baseline", light: false },
] as const;

function Latency({
  points,
  x,
  height,
  name,
}: {
  points: readonly LatencyPoint[];
  x: readonly [number, number];
  height: number;
  name: (us: number) => string;
}): ReactNode {
  // Log scale: the median of microseconds and the tail of milliseconds on one picture.
  const span = extent(points.flatMap((p) => [p.p50Us, p.p99Us])) ?? [100, 1000];
  const y = [Math.log10(span[0] / 1200), Math.log10((span[1] / 1000) * 1.2)] as const;
  const ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map(Math.log10).filter((t) => t >= y[0] && t <= y[1]);
  const thinned = ticks.length > 7 ? ticks.filter((t) => Math.abs(t - Math.round(t)) < 1e-9) : ticks;
  return (
    <Plot
      label="Latency quantiles"
      height={height}
      time
      x={x}
      y={y}
      yTicks={thinned}
      yFormat={(v) => figure(Number((10 ** v).toPrecision(2)))}
      stops={points.map((p) => p.x)}
      legend={
        <span className="legend">
          {quantiles.map((q) => (
            <span key={q.key}>
              <svg viewBox="0 0 20 10" aria-hidden="true">
                <path className={`line is-${q.kind} ${q.light ? "is-light" : ""}`} d="M0 5H20" />
              </svg>
              {q.name}
            </span>
          ))}
        </span>
      }
      readout={(at) => {
        const p = points.find((c) => c.x === at);
        return (
          <>
            <span>{name(at)}</span>
            {quantiles.map((q) => (
              <span key={q.key}>
                {q.name} <b>{milliseconds(p?.[q.key])}</b> ms
              </span>
            ))}
          </>
        );
      }}
    >
      {(a) =>
        quantiles.map((q) => (
          <path
            key={q.key}
            className={`line is-${q.kind} ${q.light ? "is-light" : ""}`}
            d={linePath(
              points.map((p) => [p.x, p[q.key] === null ? null : Math.log10(p[q.key]! / 1000)]),
              a.x,
              a.y,
            )}
          />
        ))
      }
    </Plot>
  );
}

function OfModel({ model: m, serving }: { model: ServingModel; serving: Serving }): ReactNode {
  const refused = Object.values(m.refused).reduce((sum, n) => sum + n, 0);
  const answered = m.versions.filter((v) => v.role !== "shadow").reduce((sum, v) => sum + (v.outcomes["ok"] ?? 0), 0);
  const all = m.latency["champion"]?.sinceStart;
  return (
    <>
      <Block title={m.model}>
        <Readings
          items={[
            { name: "Rate", value: figure(Number(m.ratePerSecond.toPrecision(3))), unit: "/s", sub: "last minute" },
            { name: "Answered", value: count(answered), sub: "since it started" },
            {
              name: "Refused",
              value: count(refused),
              sub:
                Object.entries(m.refused)
                  .filter(([, n]) => n > 0)
                  .map(([k, n]) => `${count(n)} ${k}`)
                  .join(", ") || "none",
            },
            ...costOf(serving),
            { name: "p50", value: milliseconds(all?.p50Us), unit: "ms", sub: "champion, since start" },
            { name: "p95", value: milliseconds(all?.p95Us), unit: "ms" },
            { name: "p99", value: milliseconds(all?.p99Us), unit: "ms" },
          ]}
        />
        <Split model={m} />
        <ByVersion model={m} />
      </Block>
      <ByStage model={m} />
      <EventTraffic model={m.model} />
      <Recent model={m.model} />
    </>
  );
}

/** Without the serving process, what the records hold. */
function Predicted(): ReactNode {
  const models = useQuery(ask.models());
  const name = models.data?.[0]?.name;
  return name === undefined ? (
    <Empty what="There is no model to serve." command="karkhana up" />
  ) : (
    <>
      <EventTraffic model={name} />
      <Recent model={name} />
    </>
  );
}

function EventTraffic({ model }: { model: string }): ReactNode {
  const monitoring = useQuery(ask.monitoring(model));
  const m = monitoring.data;
  if (m === undefined || m.traffic.length === 0) return <Trouble error={monitoring.error} />;
  return <EventTrafficCharts monitoring={m} />;
}

function EventTrafficCharts({ monitoring: m }: { monitoring: Monitoring }): ReactNode {
  const x = extent(m.traffic.flatMap((t) => [t.fromUs, t.toUs]))!;
  const champions = m.traffic.filter((t) => t.role === "champion");
  const byTime = [...Map.groupBy(m.traffic, (t) => t.fromUs).entries()].sort((a, b) => a[0] - b[0]);
  const highest = Math.max(1, ...byTime.map(([, ws]) => ws.reduce((sum, w) => sum + (w.role === "shadow" ? 0 : w.rows), 0)));
  const seen = (t: TrafficWindow): number => (t.fromUs + t.toUs) / 2;
  return (
    <div className="columns">
      <Block title="Asked, by window" note="By event time; stacked by who answered.">
        <WhenVisible height={220}>
          {() => (
            <Plot
              label="Predictions by window"
              height={200}
              time
              x={x}
              y={[0, highest * 1.08]}
              yFormat={short}
              stops={byTime.map(([at]) => at)}
              legend={
                <span className="legend">
                  <Key kind="champion">champion</Key>
                  <Key kind="challenger">challenger</Key>
                </span>
              }
              readout={(at) => <WindowReading windows={byTime.find(([t]) => t === at)?.[1] ?? []} />}
            >
              {(a) =>
                byTime.map(([at, windows]) => {
                  const width = Math.max(1, a.x(windows[0]!.toUs) - a.x(at) - 1);
                  let base = 0;
                  return (
                    <g key={at}>
                      {windows
                        .filter((w) => w.role !== "shadow")
                        .map((w) => {
                          const y = a.y(base + w.rows);
                          const h = a.y(base) - y;
                          base += w.rows;
                          return (
                            <rect
                              key={`${w.role} ${w.version}`}
                              fill={w.role === "champion" ? "var(--champion)" : "var(--challenger)"}
                              fillOpacity={0.75}
                              x={a.x(at)}
                              y={y}
                              width={width}
                              height={h}
                            />
                          );
                        })}
                    </g>
                  );
                })
              }
            </Plot>
          )}
        </WhenVisible>
      </Block>
      <Block title="Latency, by window" note="Of the champion, inside the server; milliseconds, log scale.">
        <WhenVisible height={220}>{() => <Latency points={champions.map((t) => ({ ...t, x: seen(t) }))} x={x} height={200} name={day} />}</WhenVisible>
      </Block>
    </div>
  );
}

function WindowReading({ windows }: { windows: readonly TrafficWindow[] }): ReactNode {
  return (
    <>
      <span>{windows[0] === undefined ? "" : day(windows[0].fromUs)}</span>
      {windows.map((w) => (
        <span key={`${w.role} ${w.version}`} className={w.role === "champion" ? "champion" : "challenger"}>
          {w.role} v{w.version} <b>{count(w.rows)}</b>
        </span>
      ))}
    </>
  );
}

function Recent({ model }: { model: string }): ReactNode {
  const predictions = useQuery(ask.predictions(model));
  const [open, setOpen] = useState<string | null>(null);
  const rows = predictions.data;
  return (
    <Block title="Recent predictions" note="As logged, each with the features it was made from.">
      <Trouble error={predictions.error} />
      {rows === undefined ? null : rows.length === 0 ? (
        <Empty what="Nothing has been asked." command="karkhana run" />
      ) : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Asked (UTC)</th>
                <th>Question</th>
                <th>Answered by</th>
                <th className="num">Score</th>
                <th>Outcome</th>
                <th className="num">Took</th>
                <th>Features</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((p) => (
                <PredictionRow
                  key={`${p.id} ${p.role}`}
                  model={model}
                  prediction={p}
                  open={open === `${p.id} ${p.role}`}
                  onOpen={() => setOpen(open === `${p.id} ${p.role}` ? null : `${p.id} ${p.role}`)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Block>
  );
}

function PredictionRow({ model, prediction: p, open, onOpen }: { model: string; prediction: Prediction; open: boolean; onOpen: () => void }): ReactNode {
  return (
    <Fragment>
      <tr>
        <td className="num" style={{ textAlign: "left" }}>
          {moment(p.askedUs)}
        </td>
        <td>{Object.values(p.fields).map(String).join(", ")}</td>
        <td className={p.role === "champion" ? "champion" : "challenger"}>
          {p.instead?.by === "rule" ? "rule" : `${p.role} v${p.version}`}
          {p.instead === null ? null : <span className="quiet"> for v{p.instead.version}</span>}
        </td>
        <td className="num">{fixed(p.score)}</td>
        <td>{p.label === null ? <span className="quiet">not known yet</span> : p.label === 1 ? <b>yes</b> : "no"}</td>
        <td className="num">{milliseconds(p.latencyUs)} ms</td>
        <td>
          <button
            type="button"
            className="plain"
            aria-expanded={open}
            onClick={onOpen}
            style={{ textDecoration: "underline", textDecorationColor: "var(--hair)" }}
          >
            {open ? "hide" : `why? ${p.features.length} values`}
          </button>
        </td>
      </tr>
      {open ? (
        <tr>
          <td colSpan={7}>
            <Explained model={model} prediction={p} />
          </td>
        </tr>
      ) : null}
    </Fragment>
  );
}
