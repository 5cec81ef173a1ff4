import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { EventBehind, Parity, ParityDifference } from "../../../src/server/api-features.ts";
import { useWidth } from "../charts/visible.tsx";
import { count, dayShort, figure, moment, percent } from "../format.ts";
import { ask } from "../requests.ts";
import { Block, Empty, Readings, Trouble } from "./block.tsx";
import { State } from "./state.tsx";

/** What the continuous check of served vectors against offline SQL found. */
export function ParityBlock({ model }: { model: string }): ReactNode {
  const parity = useQuery(ask.parity(model));
  const p = parity.data;
  if (p === undefined) return <Trouble error={parity.error} />;
  return (
    <Block
      title="Served = recomputed"
      note="While the model answers, a sample of the vectors it was given is computed again by the offline SQL, as of the same instant and from the rows the online store had, and compared value by value."
      aside={p.vectors === 0 ? null : p.mismatches === 0 ? <State tone="good">no difference</State> : <State tone="bad">{count(p.mismatches)} differ</State>}
    >
      {p.vectors === 0 ? (
        <Empty what="Nothing served has been checked yet." command="karkhana run" />
      ) : (
        <>
          <Readings
            items={[
              { name: "vectors recomputed", value: count(p.vectors), sub: `of ${count(p.served)} served` },
              { name: "values compared", value: count(p.values) },
              { name: "values that differ", value: count(p.mismatches), ...(p.mismatches === 0 ? {} : { sub: percent(p.mismatches / p.values, 4) }) },
              { name: "last check", value: moment(p.lastCheckedUs) },
            ]}
          />
          <Checks parity={p} />
          {p.slots.length === 0 ? null : <Mismatches parity={p} />}
        </>
      )}
    </Block>
  );
}

/** One bar a check over the event time it covers: height is what was recomputed, red what differed. */
function Checks({ parity }: { parity: Parity }): ReactNode {
  const [ref, width] = useWidth();
  const timed = parity.checks.flatMap((c) => (c.fromUs === null || c.toUs === null ? [] : [{ ...c, fromUs: c.fromUs, toUs: c.toUs }]));
  const first = timed[0]?.fromUs ?? 0;
  const last = Math.max(first + 1, ...timed.map((c) => c.toUs));
  const most = Math.max(1, ...timed.map((c) => c.vectors));
  const x = (us: number): number => 4 + ((us - first) / (last - first)) * (width - 8);
  return (
    <div ref={ref} style={{ marginTop: 12 }}>
      {width === 0 || timed.length === 0 ? (
        <div style={{ height: 64 }} />
      ) : (
        <svg
          className="chart parity-checks"
          role="img"
          aria-label={`${timed.length} checks, ${count(parity.mismatches)} values differ`}
          height={64}
          viewBox={`0 0 ${width} 64`}
        >
          <path className="axis" d={`M0 48H${width}`} />
          {timed.map((c) => {
            const height = Math.max(3, (c.vectors / most) * 36);
            return (
              <g key={c.fromUs}>
                <title>{`${moment(c.fromUs)} to ${moment(c.toUs)}: ${count(c.vectors)} of ${count(c.served)} vectors recomputed, ${count(c.mismatches)} values differ`}</title>
                <rect
                  className={c.mismatches > 0 ? "is-bad" : "is-good"}
                  x={x(c.fromUs)}
                  y={48 - height}
                  width={Math.max(2, x(c.toUs) - x(c.fromUs) - 2)}
                  height={height}
                />
              </g>
            );
          })}
          <text x={4} y={61} textAnchor="start">
            {dayShort(first)}
          </text>
          <text x={width - 4} y={61} textAnchor="end">
            {dayShort(last)}
          </text>
        </svg>
      )}
    </div>
  );
}

function Mismatches({ parity }: { parity: Parity }): ReactNode {
  const [slot, setSlot] = useState<string | null>(null);
  const shown = parity.differences.filter((d) => slot === null || d.slot === slot);
  return (
    <>
      <div className="scroll" style={{ marginTop: 12 }}>
        <table>
          <thead>
            <tr>
              <th>Feature</th>
              <th className="num">Differ</th>
              <th className="num">Share of vectors</th>
              <th>{""}</th>
            </tr>
          </thead>
          <tbody>
            {parity.slots.map((s) => (
              <tr key={s.slot}>
                <td>
                  <code>{s.slot}</code>
                </td>
                <td className="num">{count(s.mismatches)}</td>
                <td className="num">{percent(s.share, 3)}</td>
                <td>
                  <button type="button" aria-pressed={slot === s.slot} onClick={() => setSlot(slot === s.slot ? null : s.slot)}>
                    {slot === s.slot ? "Show all" : "Only these"}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul className="differences">
        {shown.map((d) => (
          <li key={`${d.predictionId} ${d.role} ${d.version} ${d.slot} ${d.askedUs}`}>
            <Difference difference={d} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Difference({ difference: d }: { difference: ParityDifference }): ReactNode {
  const entity = Object.values(d.keys)
    .map((v) => String(v))
    .join(", ");
  return (
    <details>
      <summary>
        <code>{d.slot}</code>
        {entity === "" ? null : <> of {entity}</>} at {moment(d.askedUs)}: served <b>{figure(d.served)}</b>, offline <b>{figure(d.offline)}</b>
      </summary>
      <p className="note">
        Question {d.predictionId}, {d.role} v{d.version}
        {d.view === null ? ", made from the request alone" : `, view ${d.view}`}
        {d.appliedOffset === null ? "" : `, with what its source's log held before record ${count(d.appliedOffset)}`}
      </p>
      {d.events === null ? null : d.events.length === 0 ? <p className="note">Offline sees no event of it.</p> : <Events events={d.events} />}
    </details>
  );
}

/** The rows behind a value, newest first. */
export function Events({ events }: { events: readonly EventBehind[] }): ReactNode {
  const columns = Object.keys(events[0]?.values ?? {});
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            <th className="num">Row</th>
            <th>Event time</th>
            <th>Known from</th>
            {columns.map((c) => (
              <th key={c}>{c}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {events.map((e) => (
            <tr key={`${e.row} ${e.eventUs} ${e.knownUs}`}>
              <td className="num">{e.row ?? "–"}</td>
              <td>{moment(e.eventUs)}</td>
              <td>{moment(e.knownUs)}</td>
              {columns.map((c) => (
                <td key={c}>{String(e.values[c] ?? "null")}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
