import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { Distributions, FeatureView, SlotDistribution, WindowFeature } from "../../../src/server/api.ts";
import { Bins, Meter } from "../charts/bars.tsx";
import { WhenVisible } from "../charts/visible.tsx";
import { count, dayShort, fixed, percent, shortHash } from "../format.ts";
import { Block, Empty, Page, Trouble } from "../parts/block.tsx";
import { Key, State } from "../parts/state.tsx";
import { ask } from "../requests.ts";

export function FeaturesPage(): ReactNode {
  const features = useQuery(ask.features());
  const [chosen, setChosen] = useState<string | null>(null);
  const models = features.data?.models ?? [];
  const model = chosen ?? models[0]?.model;
  return (
    <Page title="Features" lede="Declared once, compiled to SQL for training and to counters for serving. A row known only later never reaches a window.">
      <Trouble error={features.error} />
      {features.data === undefined ? null : features.data.views.length === 0 && models.length === 0 ? (
        <Empty what="The project declares no features." command="karkhana init" />
      ) : (
        <>
          {features.data.views.map((v) => (
            <View key={v.hash} view={v} />
          ))}
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
          {model === undefined ? null : <Shift model={model} />}
        </>
      )}
    </Page>
  );
}

function View({ view }: { view: FeatureView }): ReactNode {
  const longest = Math.max(...view.features.map((f) => f.windowUs));
  const bindings = view.readBy.map((r) => `${r.prefix} (${Object.values(r.binding).join(", ")})`).join("; ");
  return (
    <Block
      title={view.name}
      note={`By ${view.entity} (${view.keys.join(", ")}) from ${view.source}${bindings === "" ? "" : `; read as ${bindings}`}`}
      aside={<code className="quiet">{shortHash(view.hash)}</code>}
    >
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Feature</th>
              <th>Aggregate</th>
              <th className="num">Window</th>
              <th style={{ width: "38%", minWidth: 120 }}>
                <span style={{ display: "flex", justifyContent: "space-between" }}>
                  <span>the window before the question, log scale</span>
                  <span>asked</span>
                </span>
              </th>
            </tr>
          </thead>
          <tbody>
            {view.features.map((f) => (
              <tr key={f.name}>
                <td>{f.name}</td>
                <td>
                  <code>
                    {f.aggregate}
                    {f.measure === null ? "" : ` of ${f.measure}`}
                  </code>
                </td>
                <td className="num">{f.window}</td>
                <td style={{ verticalAlign: "middle" }}>
                  <Timeline feature={f} longest={longest} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
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

function Timeline({ feature, longest }: { feature: WindowFeature; longest: number }): ReactNode {
  const place = (us: number): number => Math.min(198, (198 * Math.log(1 + us / quarterHourUs)) / Math.log(1 + longest / quarterHourUs));
  const left = 199 - place(feature.windowUs);
  return (
    <svg className="timeline" viewBox="0 0 200 20" preserveAspectRatio="none" role="img" aria-label={`the ${feature.window} before the question`}>
      <path className="grid" d="M0 10H199" stroke="var(--hair)" vectorEffect="non-scaling-stroke" />
      <rect className="span" x={left} y="5" width={199 - left} height="10" vectorEffect="non-scaling-stroke" />
      <path className="now" d="M199 1V19" vectorEffect="non-scaling-stroke" />
    </svg>
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

function ratio(s: SlotDistribution): number {
  return s.psi === null ? -1 : s.psi / (s.threshold ?? 0.25);
}

export function Slot({
  slot,
  of,
  height = 84,
}: {
  slot: SlotDistribution;
  of: Pick<Distributions, "referenceRows" | "currentRows">;
  height?: number;
}): ReactNode {
  const isLive = of.currentRows > 0;
  const bars = slot.labels.map((label, i) => {
    const reference = (slot.reference[i] ?? 0) / Math.max(1, of.referenceRows);
    return { label, reference, current: isLive ? (slot.current[i] ?? 0) / of.currentRows : reference, isNull: i === slot.labels.length - 1 };
  });
  const limit = slot.threshold ?? 0.25;
  return (
    <figure>
      <h3 title={slot.slot}>{slot.slot}</h3>
      <WhenVisible height={height}>{() => <Bins height={height} label={`${slot.slot}: training and live`} bars={bars} />}</WhenVisible>
      {slot.psi === null ? null : (
        <figcaption>
          <Meter
            value={slot.psi / (limit * 1.5)}
            limit={2 / 3}
            tone={slot.breach ? "is-bad" : ""}
            label={`PSI ${fixed(slot.psi)}, alarm above ${fixed(limit)}`}
          />
          <span className="note">
            <State tone={slot.breach ? "bad" : "quiet"}>PSI {fixed(slot.psi)}</State>, alarm above {fixed(limit)}
            {bars.at(-1)!.current > 0.005 ? `, ${percent(bars.at(-1)!.current)} null` : ""}
          </span>
        </figcaption>
      )}
    </figure>
  );
}
