import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Fragment, useState, type ReactNode } from "react";
import type { Distributions, FeatureView, SlotDistribution, WindowFeature } from "../../../src/server/api.ts";
import { Bins, Meter } from "../charts/bars.tsx";
import { useWidth, WhenVisible } from "../charts/visible.tsx";
import { count, dayShort, fixed, percent } from "../format.ts";
import { Block, Empty, Page, Trouble } from "../parts/block.tsx";
import { Key, State } from "../parts/state.tsx";
import { ParityBlock } from "../parts/parity.tsx";
import { ask } from "../requests.ts";

export function FeaturesPage(): ReactNode {
  const features = useQuery(ask.features());
  const [chosen, setChosen] = useState<string | null>(null);
  const [sought, setSought] = useState("");
  const shown = (features.data?.views ?? []).filter((v) => isAbout(v, sought));
  const models = features.data?.models ?? [];
  const model = chosen ?? models[0]?.model;
  return (
    <Page title="Features" lede="Declared once, compiled to SQL for training and to counters for serving. A row known only later never reaches a window.">
      <Trouble error={features.error} />
      {features.data === undefined ? null : features.data.views.length === 0 && models.length === 0 ? (
        <Empty what="The project declares no features." command="karkhana init" />
      ) : (
        <>
          <label className="row">
            Find
            <input type="search" size={34} value={sought} placeholder="view, feature, entity or model" onChange={(e) => setSought(e.target.value)} />
          </label>
          {shown.map((v) => (
            <View key={v.hash} view={v} />
          ))}
          {shown.length === 0 ? <p className="quiet">Nothing is called so.</p> : null}
          {models.length > 1 ? (
            <label className="row">
              Vector of
              <select value={model} onChange={(e) => setChosen(e.target.value)}>
                {models.map((m) => (
                  <option key={m.model}>{m.model}</option>
                ))}
              </select>
            </label>
          ) : null}
          {model === undefined ? null : <ParityBlock model={model} />}
          {model === undefined ? null : <Shift model={model} />}
        </>
      )}
    </Page>
  );
}

/** Every word of the search somewhere in the view's names. */
function isAbout({ name, entity, keys, source, features, readBy }: FeatureView, sought: string): boolean {
  const names = [
    name,
    entity,
    source,
    ...keys,
    ...features.flatMap((f) => [f.name, f.aggregate, f.measure ?? ""]),
    ...readBy.flatMap((r) => [r.model, r.prefix]),
  ];
  const text = names.join(" ").toLowerCase();
  return sought
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function View({ view }: { view: FeatureView }): ReactNode {
  const longest = Math.max(...view.features.map((f) => f.windowUs));
  const bindings = view.readBy.map((r) => `${r.prefix} (${Object.values(r.binding).join(", ")})`).join("; ");
  return (
    <Block
      title={view.name}
      note={`By ${view.entity} (${view.keys.join(", ")}) from ${view.source}${bindings === "" ? "" : `; read as ${bindings}`}`}
      aside={
        <Link to="/features/$hash" params={{ hash: view.hash }}>
          Look inside
        </Link>
      }
    >
      <div className="windows">
        {[...Map.groupBy(view.features, (f) => `${f.aggregate}${f.measure === null ? "" : ` of ${f.measure}`}`)].map(([what, features]) => (
          <Fragment key={what}>
            <code>{what}</code>
            <Windows what={what} features={features} longest={longest} />
          </Fragment>
        ))}
      </div>
      <p className="note" style={{ marginTop: 8 }}>
        Event time <code>{view.eventTime}</code>
        {view.knownTime === null ? "" : ", known from "}
        {view.knownTime === null ? null : <code>{view.knownTime}</code>}
      </p>
    </Block>
  );
}

const quarterHourUs = 15 * 60e6;

/** The windows of one aggregate, each a span that ends where the question is asked; lengths on a log scale, shared by the view. */
function Windows({ what, features, longest }: { what: string; features: readonly WindowFeature[]; longest: number }): ReactNode {
  const [ref, width] = useWidth();
  const right = width - 12;
  const reach = Math.max(0, right - 28);
  const place = (us: number): number => right - (reach * Math.log(1 + us / quarterHourUs)) / Math.log(1 + longest / quarterHourUs);
  const ordered = features.toSorted((a, b) => b.windowUs - a.windowUs);
  return (
    <div ref={ref}>
      {width === 0 ? (
        <div style={{ height: 34 }} />
      ) : (
        <svg
          className="chart windows-row"
          role="img"
          aria-label={`${what} over ${features.map((f) => f.window).join(", ")} before the question`}
          height={34}
          viewBox={`0 0 ${width} 34`}
        >
          <path className="axis" d={`M0 26H${width}`} />
          {ordered.map((f) => (
            <g key={f.name}>
              <title>{f.name}</title>
              <rect className="span" x={place(f.windowUs)} y={14} width={right - place(f.windowUs)} height={12} />
              <path className="edge" d={`M${place(f.windowUs)} 12V29`} />
              <text x={place(f.windowUs) + 4} y={11} textAnchor="start">
                {f.window}
              </text>
            </g>
          ))}
          <path className="now" d={`M${right} 8V32`} />
        </svg>
      )}
    </div>
  );
}

/** Training against live, slot by slot. */
function Shift({ model }: { model: string }): ReactNode {
  const distributions = useQuery(ask.distributions(model, null));
  const d = distributions.data;
  if (d === undefined) return <Trouble error={distributions.error} />;
  const ranked = d.slots.toSorted((a, b) => ratio(b) - ratio(a));
  const isLive = d.currentRows > 0;
  return (
    <Block
      title="Training against live"
      note={
        isLive
          ? `${model} version ${d.version}: ${count(d.referenceRows)} rows of training, ${count(d.currentRows)} of the live window from ${dayShort(d.fromUs ?? 0)}. Most shifted first.`
          : "Bins frozen at training; live windows appear as predictions are served."
      }
      aside={
        <span className="legend">
          <Key kind="reference">training</Key>
          {isLive ? <Key kind="current">live</Key> : null}
        </span>
      }
    >
      {d.slots.length === 0 ? (
        <Empty what="No version has been profiled, and nothing has been served." command="karkhana run" />
      ) : (
        <div className="small-multiples">
          {ranked.map((s) => (
            <Slot key={s.slot} slot={s} of={d} />
          ))}
        </div>
      )}
    </Block>
  );
}

function total(counts: readonly number[]): number {
  return Math.max(
    1,
    counts.reduce((sum, n) => sum + n, 0),
  );
}

function ratio(s: SlotDistribution): number {
  return s.psi === null ? -1 : s.psi / (s.threshold ?? 0.25);
}

export function Slot({
  slot,
  of,
  height = 84,
  isJudged = true,
}: {
  slot: SlotDistribution;
  of: Pick<Distributions, "referenceRows" | "currentRows">;
  height?: number;
  /** Whether an alarm hangs on it. */
  isJudged?: boolean;
}): ReactNode {
  const isLive = of.currentRows > 0;
  // Each distribution by its own total: the score was profiled on other rows than the features.
  const [before, now] = [total(slot.reference), total(slot.current)];
  const bars = slot.labels.map((label, i) => {
    const reference = (slot.reference[i] ?? 0) / before;
    return { label, reference, current: isLive ? (slot.current[i] ?? 0) / now : reference, isNull: i === slot.labels.length - 1 };
  });
  const limit = slot.threshold ?? 0.25;
  return (
    <figure>
      <h3 title={slot.slot}>{slot.slot}</h3>
      <WhenVisible height={height}>{() => <Bins height={height} label={`${slot.slot}: training and live`} bars={bars} />}</WhenVisible>
      {slot.psi === null ? null : (
        <figcaption>
          {isJudged ? (
            <Meter
              value={slot.psi / (limit * 1.5)}
              limit={2 / 3}
              tone={slot.breach ? "is-bad" : ""}
              label={`PSI ${fixed(slot.psi)}, alarm above ${fixed(limit)}`}
            />
          ) : null}
          <span className="note">
            <State tone={slot.breach ? "bad" : "quiet"}>PSI {fixed(slot.psi)}</State>
            {isJudged ? `, alarm above ${fixed(limit)}` : ""}
            {bars.at(-1)!.current > 0.005 ? `, ${percent(bars.at(-1)!.current)} null` : ""}
          </span>
        </figcaption>
      )}
    </figure>
  );
}
