import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { ModelSummary, Overview, Stop, StopId } from "../../../src/server/api.ts";
import { clockTime, day, dayShort, fixed } from "../format.ts";

/** Where each stop leads and its sign, drawn in a 24 by 24 field around the origin. */
export const stopPages: Readonly<Record<StopId, "/data" | "/features" | "/runs" | "/models" | "/serving" | "/monitoring" | "/pipelines">> = {
  data: "/data",
  features: "/features",
  training: "/runs",
  registry: "/models",
  serving: "/serving",
  monitoring: "/monitoring",
  retraining: "/pipelines",
};

const glyphs: Readonly<Record<StopId, string>> = {
  data: "M-8-6V6C-8 8-4 9 0 9S8 8 8 6V-6M-8-6C-8-8-4-9 0-9S8-8 8-6-4-3 0-3-8-4-8-6ZM-8 0C-8 2-4 3 0 3S8 2 8 0",
  features: "M-9 7V2H-4V7ZM-2 7V-3H3V7ZM5 7V-8H9V7M-10 10H10",
  training: "M0-9V-4M0-4-6 1M0-4 6 1M-6 1-9 8M-6 1-2 8M6 1 2 8M6 1 9 8",
  registry: "M-7-9H4L8-5V9H-7ZM4-9V-5H8M-3 1-1 4 5-2",
  serving: "M-10 0H-3M-3 0 3-6M3-6H10M-3 0 3 6M3 6H10M7-9 10-6 7-3M7 3 10 6 7 9",
  monitoring: "M-10 0H-5L-2-8 2 8 5 0H10",
  retraining: "M8-3A8 8 0 1 0 8 4M8-9V-3H2",
};

const centre = { x: 460, y: 292 };
const radius = 186;

const angleOf = (i: number): number => (-90 + (i * 360) / 7) * (Math.PI / 180);
const at = (angle: number, r: number): readonly [number, number] => [centre.x + r * Math.cos(angle), centre.y + r * Math.sin(angle)];
const f = (n: number): string => n.toFixed(1);

/** The loop as a dial: the stops on the ring, the replay's calendar on the bezel, the model at the centre. */
export function LoopPicture({ overview, replayUs, narrow }: { overview: Overview; replayUs: number | null; narrow: boolean }): ReactNode {
  const { replay } = overview;
  const model = overview.models.find((m) => m.name === replay?.model) ?? overview.models[0];
  const share = replay === null || replayUs === null ? null : Math.min(1, Math.max(0, (replayUs - replay.fromUs) / (replay.toUs - replay.fromUs)));
  const box = narrow ? `${centre.x - 232} ${centre.y - 232} 464 464` : "84 30 752 482";
  return (
    <svg className="loop-picture" viewBox={box} role="group" aria-label="The loop: data, features, training, registry, serving, monitoring, retraining">
      <Bezel share={share} />
      {overview.stops.map((stop, i) => (
        <Leg key={stop.id} index={i} active={stop.state === "working"} />
      ))}
      <Centre model={model} replayUs={replayUs} replay={replay} />
      {overview.stops.map((stop, i) => (
        <StopSign key={stop.id} stop={stop} index={i} narrow={narrow} />
      ))}
    </svg>
  );
}

function Bezel({ share }: { share: number | null }): ReactNode {
  const ticks = 180;
  const inner = 132;
  return (
    <g aria-hidden="true">
      {Array.from({ length: ticks }, (_, i) => {
        const angle = (-90 + (i * 360) / ticks) * (Math.PI / 180);
        const isLong = i % 15 === 0;
        const passed = share !== null && i / ticks <= share;
        const [x1, y1] = at(angle, inner);
        const [x2, y2] = at(angle, inner - (isLong ? 11 : 6));
        return <line key={i} className={`bezel ${isLong ? "long" : ""} ${passed ? "passed" : ""}`} x1={f(x1)} y1={f(y1)} x2={f(x2)} y2={f(y2)} />;
      })}
      {share === null ? null : <Hand share={share} inner={inner} />}
    </g>
  );
}

function Hand({ share, inner }: { share: number; inner: number }): ReactNode {
  const angle = (-90 + share * 360) * (Math.PI / 180);
  const [x1, y1] = at(angle, inner - 16);
  const [x2, y2] = at(angle, inner + 8);
  return (
    <>
      <line className="hand" x1={f(x1)} y1={f(y1)} x2={f(x2)} y2={f(y2)} />
      <circle cx={f(x2)} cy={f(y2)} r="3.5" fill="var(--accent)" />
    </>
  );
}

function Leg({ index, active }: { index: number; active: boolean }): ReactNode {
  const pad = 0.185;
  const from = angleOf(index) + pad;
  const to = angleOf(index + 1) - pad;
  const [x1, y1] = at(from, radius);
  const [x2, y2] = at(to, radius);
  const [ax, ay] = at(to - 0.045, radius - 6);
  const [bx, by] = at(to - 0.045, radius + 6);
  return (
    <g aria-hidden="true">
      <path className={`leg ${active ? "active" : ""}`} d={`M${f(x1)} ${f(y1)}A${radius} ${radius} 0 0 1 ${f(x2)} ${f(y2)}`} />
      <path className="leg" d={`M${f(ax)} ${f(ay)}L${f(x2)} ${f(y2)}L${f(bx)} ${f(by)}`} />
    </g>
  );
}

const stateWords: Readonly<Record<Stop["state"], string>> = { empty: "nothing yet", ready: "ready", working: "working", attention: "needs attention" };

function StopSign({ stop, index, narrow }: { stop: Stop; index: number; narrow: boolean }): ReactNode {
  const angle = angleOf(index);
  const [x, y] = at(angle, radius);
  const isTop = index === 0;
  const anchor = isTop ? "start" : Math.cos(angle) > 0 ? "start" : "end";
  const side = anchor === "start" ? 1 : -1;
  const tx = isTop ? x + 42 : x + side * 42;
  const ty = isTop ? y - 30 : y + Math.max(-10, Math.min(14, Math.sin(angle) * 14));
  return (
    <Link to={stopPages[stop.id]} className={`stop-${stop.state}`} aria-label={`${stop.title}: ${stop.figure ?? "–"} ${stop.unit}, ${stateWords[stop.state]}`}>
      <circle className="stop-ring" cx={f(x)} cy={f(y)} r="28" />
      <path className="stop-glyph" d={glyphs[stop.id]} transform={`translate(${f(x)} ${f(y)})`} />
      {narrow ? null : (
        <g textAnchor={anchor}>
          <text className="stop-title" x={f(tx)} y={f(ty - 14)} fontSize="14" fontWeight="600">
            {stop.title}
            {stop.state === "attention" || stop.state === "working" ? (
              <tspan dx="8" fontSize="12" fontWeight="450" fill={stop.state === "attention" ? "var(--bad)" : "var(--accent)"}>
                {stateWords[stop.state]}
              </tspan>
            ) : null}
          </text>
          <text x={f(tx)} y={f(ty + 10)} fontSize="21" fontWeight="450">
            {stop.figure ?? "–"}
            <tspan className="dim" dx="5" fontSize="12.5">
              {stop.unit}
            </tspan>
          </text>
          <text className="dim" x={f(tx)} y={f(ty + 28)} fontSize="12">
            {stop.note}
          </text>
        </g>
      )}
    </Link>
  );
}

function Centre({ model, replayUs, replay }: { model: ModelSummary | undefined; replayUs: number | null; replay: Overview["replay"] }): ReactNode {
  const { x, y } = centre;
  if (model === undefined) {
    return (
      <text className="dim" x={x} y={y} fontSize="14" textAnchor="middle">
        no model yet
      </text>
    );
  }
  const live = model.aucLive ?? model.aucHoldout;
  const places = [
    model.champion === null ? "not live yet" : `v${model.champion} live`,
    model.challenger === null ? null : `v${model.challenger} in A/B`,
    model.shadow === null ? null : `v${model.shadow} in shadow`,
  ].filter((p) => p !== null);
  return (
    <Link to="/models/$name" params={{ name: model.name }} aria-label={`Model ${model.name}, ${places.join(", ")}`}>
      <g textAnchor="middle">
        <text className="stop-title" x={x} y={y - 46} fontSize={model.name.length > 16 ? 14 : 17} fontWeight="600">
          {model.name}
        </text>
        <text className="dim" x={x} y={y - 26} fontSize="12.5">
          {places.join(" · ")}
        </text>
        <text x={x} y={y + 18} fontSize="40" fontWeight="350" letterSpacing="-0.03em">
          {fixed(live?.value ?? null)}
        </text>
        <text className="dim" x={x} y={y + 38} fontSize="12">
          {model.aucLive === null ? (model.aucHoldout === null ? "AUC" : "AUC, held out") : `AUC, live on ${dayShort(model.aucLiveFromUs ?? 0)}`}
        </text>
        {replayUs === null || replay === null ? null : (
          <text className="dim" x={x} y={y + 66} fontSize="12.5" style={{ fontFamily: "var(--mono)" }}>
            {day(replayUs)} {clockTime(replayUs).slice(0, 5)}
          </text>
        )}
        {replay === null ? null : (
          <text className="dim" x={x} y={y + 84} fontSize="11">
            {dayShort(replay.fromUs)} to {dayShort(replay.toUs)}
          </text>
        )}
      </g>
    </Link>
  );
}
