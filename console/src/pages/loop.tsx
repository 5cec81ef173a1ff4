import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { LoopEvent, LoopSummary, Overview, Phase } from "../../../src/server/api.ts";
import { useWidth } from "../charts/visible.tsx";
import { count, dayShort, duration, fixed, short } from "../format.ts";
import { useLive } from "../live.tsx";
import { Block, Empty, Page, Readings, Trouble } from "../parts/block.tsx";
import { State } from "../parts/state.tsx";
import { ask } from "../requests.ts";
import { LoopPicture, stopPages } from "./loop-picture.tsx";
import { Quality } from "./monitoring.tsx";

export function LoopPage(): ReactNode {
  const overview = useQuery(ask.overview());
  const { progress } = useLive();
  const [ref, width] = useWidth();
  const narrow = width < 640;
  const running = progress.phases.filter((p) => p.state === "running");
  const title = overview.data?.project ?? "Karkhana";
  const working = new Set(running.map((p) => stopOfPhase(p.id)));
  const shown = overview.data === undefined ? undefined : withWork(overview.data, working);
  return (
    <Page title={title} lede={running.length > 0 ? `Now: ${running.map((p) => p.title).join(", ")}` : undefined}>
      <Trouble error={overview.error} />
      <div className="loop">
        <div ref={ref}>
          {shown === undefined || width === 0 ? (
            <div style={{ minHeight: 480 }} />
          ) : (
            <>
              <LoopPicture overview={shown} replayUs={progress.replayUs ?? shown.replay?.atUs ?? null} narrow={narrow} />
              {narrow ? <StopList overview={shown} /> : null}
              {shown.models[0] === undefined ? null : <LiveQuality name={shown.replay?.model ?? shown.models[0].name} />}
            </>
          )}
        </div>
        <div>
          {overview.data === undefined ? null : <AttentionList items={overview.data.attention} />}
          <Progress phases={progress.phases} />
          <News events={progress.recent} />
        </div>
      </div>
      {progress.summary === null ? null : <Summary summary={progress.summary} />}
    </Page>
  );
}

/** How the model has done so far, under the picture of how it came to be. */
function LiveQuality({ name }: { name: string }): ReactNode {
  const monitoring = useQuery(ask.monitoring(name));
  const alerts = useQuery(ask.alerts());
  if (monitoring.data === undefined || monitoring.data.quality.length === 0) return null;
  return (
    <div style={{ marginTop: 24 }}>
      <Quality monitoring={monitoring.data} alerts={(alerts.data ?? []).filter((a) => a.model === name)} height={210} />
    </div>
  );
}

const phaseStops: Readonly<Record<string, string>> = {
  train: "training",
  evaluate: "training",
  register: "registry",
  promote: "registry",
  replay: "serving",
  retrain: "retraining",
  materialize: "features",
  parity: "monitoring",
};

function stopOfPhase(id: string): string {
  return phaseStops[id] ?? id;
}

/** A stop whose phase runs is at work, whatever the last answer of the server said. */
function withWork(overview: Overview, working: ReadonlySet<string>): Overview {
  return { ...overview, stops: overview.stops.map((s) => (working.has(s.id) && s.state !== "attention" ? { ...s, state: "working" } : s)) };
}

function StopList({ overview }: { overview: Overview }): ReactNode {
  return (
    <ul className="stops">
      {overview.stops.map((stop) => (
        <li key={stop.id}>
          <Link to={stopPages[stop.id]}>
            <h3>{stop.title}</h3>
            <div className="figure">
              {stop.figure ?? "–"}
              <span className="unit">{stop.unit}</span>
            </div>
            <p className="note">{stop.note}</p>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function AttentionList({ items }: { items: Overview["attention"] }): ReactNode {
  return (
    <Block title="Needs attention">
      {items.length === 0 ? (
        <p className="quiet">Nothing now.</p>
      ) : (
        <ul className="news">
          {items.map((item) => (
            <li key={`${item.text} ${item.atUs}`}>
              <State tone={item.severity === "act" ? "bad" : "watch"}>
                {item.atUs === null ? (item.severity === "act" ? "act" : "watch") : dayShort(item.atUs)}
              </State>
              <a href={item.page}>{item.text}</a>
            </li>
          ))}
        </ul>
      )}
    </Block>
  );
}

function Progress({ phases }: { phases: readonly Phase[] }): ReactNode {
  return (
    <Block title="Progress">
      {phases.length === 0 ? (
        <Empty what="No loop has run since this server started." command="karkhana run" />
      ) : (
        <ol className="phases">
          {phases.map((phase) => (
            <li key={phase.id} data-state={phase.state}>
              <div className="line-1">
                <span>{phase.title}</span>
                {phase.state === "waiting" ? (
                  <span>waiting</span>
                ) : (
                  <State tone={phase.state === "done" ? "good" : phase.state === "failed" ? "bad" : "quiet"}>
                    {phase.state === "running" ? "running" : duration(phase.seconds)}
                  </State>
                )}
              </div>
              {phase.state === "running" && phase.total > 0 ? (
                <>
                  <progress max={phase.total} value={phase.done} aria-label={phase.title} />
                  <div className="line-2">
                    <span>
                      {count(phase.done)} of {count(phase.total)} {phase.unit}
                      {phase.ratePerSecond > 0 ? `, ${short(phase.ratePerSecond)}/s` : ""}
                    </span>
                    <span>{phase.remainingSeconds === null ? duration(phase.seconds) : `${duration(phase.remainingSeconds)} left`}</span>
                  </div>
                </>
              ) : null}
            </li>
          ))}
        </ol>
      )}
    </Block>
  );
}

function News({ events }: { events: readonly LoopEvent[] }): ReactNode {
  const told = events.flatMap((e) => (e.event === "alert" || e.event === "decision" ? [e] : [])).slice(-8);
  if (told.length === 0) return null;
  return (
    <Block title="Alerts and decisions">
      <ol className="news">
        {told.toReversed().map((e) => (
          <li key={`${e.event} ${e.atUs} ${e.text}`}>
            <time>{dayShort(e.atUs)}</time>
            <span>
              {e.event === "alert" ? <State tone="bad">{e.kind}</State> : <State tone={e.kind === "promoted" ? "good" : "quiet"}>{e.kind}</State>} {e.text}
            </span>
          </li>
        ))}
      </ol>
    </Block>
  );
}

function Summary({ summary }: { summary: LoopSummary }): ReactNode {
  return (
    <Block title="The run in figures" note={summary.recorded ? "This run had finished before; its recorded figures." : undefined}>
      <Readings
        items={[
          { name: "Rows", value: count(summary.rows), sub: `${summary.features} features` },
          {
            name: "AUC, held out",
            value: fixed(summary.aucHoldout),
            sub: `${fixed(summary.aucHoldoutInterval[0])} to ${fixed(summary.aucHoldoutInterval[1])}`,
          },
          {
            name: "AUC, live",
            value: fixed(summary.aucLive),
            sub: summary.aucLiveInterval === null ? "" : `${fixed(summary.aucLiveInterval[0])} to ${fixed(summary.aucLiveInterval[1])}`,
          },
          { name: "Online = offline", value: count(summary.mismatches), unit: "mismatches", sub: `in ${count(summary.vectorsCompared)} vectors` },
          {
            name: "Latency p50",
            value: fixed(summary.latencyMs.p50, 2),
            unit: "ms",
            sub: `p95 ${fixed(summary.latencyMs.p95, 2)}, p99 ${fixed(summary.latencyMs.p99, 2)}`,
          },
          { name: "Alerts", value: count(summary.alerts), sub: `${summary.retrainings} retrainings` },
          { name: "Promotions", value: count(summary.promotions), sub: `${summary.refusals} refused` },
          { name: "Took", value: duration(summary.seconds), sub: `${count(summary.peakMemoryMb)} MB at most` },
        ]}
      />
    </Block>
  );
}
