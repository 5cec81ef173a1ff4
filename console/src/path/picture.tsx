import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { PathBlock, PathOverview, PathStage, PlanItem, Roadmap } from "../../../src/server/path-api.ts";
import { dayShort } from "../format.ts";

/*
 * The roadmap as a road in five stretches, one under the other. A stretch is a stage: its blocks are stations spaced by their weeks, its
 * exit is the gate at the end. Stage 4 parts into the four tracks; stage 5 is dashed, since no machine can show it.
 */

const width = 1160;
const left = 56;
const right = 1010;
/** Where each stage's road runs: rows of stations need room below, the tracks above and below, the last nothing. */
const rows = [84, 268, 452, 640, 786] as const;
const height = 840;
type Stage = Roadmap["stages"][number];
type Block = Stage["blocks"][number];

export const blockWords: Readonly<Record<PathBlock["state"], string>> = {
  proved: "proved",
  waived: "waived with evidence",
  claimed: "claimed, unproven",
  here: "you are here",
  planned: "ahead",
};

export function RoadPicture({ content, overview }: { content: Roadmap; overview: PathOverview }): ReactNode {
  return (
    <svg className="road" viewBox={`0 0 ${width} ${height}`} role="group" aria-label="The roadmap: five stages with their blocks, tracks and exits">
      {content.stages.map((stage, row) => {
        const y = rows[row] ?? height;
        const standing = overview.stages.find(({ stageId }) => stageId === stage.id);
        return (
          <g key={stage.id}>
            <text className="road-stage" x={left - 26} y={stage.ordinal === 4 ? y - 62 : stage.ordinal === 5 ? y - 30 : y - 52}>
              <tspan className="road-ordinal">{stage.ordinal}</tspan>
              <tspan dx="12">{stage.title}</tspan>
              <tspan className="road-months" dx="10">
                {stage.calendar}
              </tspan>
            </text>
            {row > 0 ? <Return from={rows[row - 1] ?? 0} to={y} /> : null}
            {stage.ordinal <= 3 ? (
              <Stretch stage={stage} y={y} overview={overview} />
            ) : stage.ordinal === 4 ? (
              <Tracks content={content} y={y} overview={overview} />
            ) : (
              <line className="road-line is-word" x1={left} x2={right} y1={y} y2={y} />
            )}
            {standing === undefined ? null : <Gate standing={standing} y={y} last={stage.ordinal === 5} />}
            {stage.ordinal === 5 ? (
              <text className="road-note" x={left} y={y + 30}>
                {stage.exit.text}
              </text>
            ) : null}
          </g>
        );
      })}
    </svg>
  );
}

/** From a gate back to the beginning of the next stretch. */
function Return({ from, to }: { from: number; to: number }): ReactNode {
  const mid = to - (to === rows[4] ? 60 : to === rows[3] ? 92 : 84);
  const r = 14;
  return (
    <path
      className="road-return"
      d={`M${right + 34} ${from}h${24 - r}a${r} ${r} 0 0 1 ${r} ${r}V${mid - r}a${r} ${r} 0 0 1 ${-r} ${r}H${left - 34 + r}a${r} ${r} 0 0 0 ${-r} ${r}V${to - r}a${r} ${r} 0 0 0 ${r} ${r}H${left}`}
    />
  );
}

function Stretch({ stage, y, overview }: { stage: Stage; y: number; overview: PathOverview }): ReactNode {
  const owned = overview.plan?.plan.items.find(({ id }) => id === `ownership-${stage.id}`);
  const isLong = stage.ordinal === 3;
  const end = isLong ? left + (right - left) * 0.58 : right - 8;
  const slot = (end - left) / stage.blocks.length;
  const views = new Map(overview.blocks.map((block) => [block.id, block]));
  const at = (i: number): number => left + i * slot + 14;
  const isBehind = (id: string): boolean => {
    const state = views.get(id)?.state;
    return state === "proved" || state === "waived";
  };
  return (
    <>
      <line className="road-line" x1={left} x2={right} y1={y} y2={y} />
      {isLong ? (
        <>
          <line className="road-line is-owned" x1={end + 24} x2={right} y1={y} y2={y} />
          <text className="road-block" x={end + 40} y={y + 32}>
            Own a running model
          </text>
          <text className="road-note" x={end + 40} y={y + 50}>
            Months without week content:
          </text>
          <text className="road-note" x={end + 40} y={y + 66}>
            the exit asks for what happens here
          </text>
          {owned === undefined ? null : (
            <text className="road-date" x={end + 40} y={y + 84}>
              {datesOf(owned)}
            </text>
          )}
        </>
      ) : null}
      {/* Lines first: a station lies on its road. A stretch whose beginning is not behind is filled from its middle. */}
      {stage.blocks.map((block, i) => {
        const from = i === 0 ? left : at(i - 1);
        const begun = i === 0 || isBehind(stage.blocks[i - 1]?.id ?? "");
        return isBehind(block.id) ? (
          <line key={block.id} className="road-line is-behind" x1={begun ? from : (from + at(i)) / 2} x2={at(i)} y1={y} y2={y} />
        ) : null;
      })}
      {stage.blocks.map((block, i) => {
        const view = views.get(block.id);
        return view === undefined ? null : (
          <Station
            key={block.id}
            block={block}
            view={view}
            item={overview.plan?.plan.items.find(({ id }) => id === block.id)}
            x={at(i)}
            y={y}
            room={slot - 24}
          />
        );
      })}
    </>
  );
}

function Station({
  block,
  view,
  item,
  x,
  y,
  room,
}: {
  block: Block;
  view: PathBlock;
  item: PlanItem | undefined;
  x: number;
  y: number;
  room: number;
}): ReactNode {
  const passed = view.labs.filter((lab) => lab.passed).length;
  const lines = wrapped(block.title, Math.floor(room / 7.1));
  const dates = item === undefined ? "" : datesOf(item);
  const weeks = `Weeks ${block.fromWeek} to ${block.toWeek}`;
  return (
    <Link
      to="/path/blocks/$id"
      params={{ id: block.id }}
      aria-label={`${weeks}, ${block.title}: ${blockWords[view.state]}${view.isHere ? ", you are here" : ""}, ${passed} of ${view.labs.length} labs passed`}
    >
      <g className={`station is-${view.state}`} transform={`translate(${x} ${y})`}>
        {view.isHere ? (
          <g className="here">
            <path d="M0 -17C-8 -27 -11 -31 -11 -36A11 11 0 0 1 11 -36C11 -31 8 -27 0 -17Z" />
            <circle r="3.6" cy="-36" />
            <text x="17" y="-33">
              you are here
            </text>
          </g>
        ) : null}
        <circle className="station-ring" r="11" />
        <StationSign state={view.state} />
        <text className="road-weeks" x="-11" y="31">
          {weeks}
          {dates === "" ? null : (
            <tspan className="road-date" dx="8">
              {dates}
            </tspan>
          )}
        </text>
        {lines.map((line, i) => (
          <text key={line} className="road-block" x="-11" y={48 + i * 16}>
            {line}
          </text>
        ))}
        <g transform={`translate(-11 ${40 + lines.length * 16})`}>
          {view.labs.map((lab, i) => (
            <rect key={lab.number} className={lab.passed ? "lab-pip is-passed" : "lab-pip"} x={i * 13} width="9" height="9" rx="1.5">
              <title>{`Lab ${lab.number}: ${lab.title}`}</title>
            </rect>
          ))}
        </g>
      </g>
    </Link>
  );
}

export function StationSign({ state }: { state: PathBlock["state"] }): ReactNode {
  if (state === "proved" || state === "waived") return <path className="station-sign" d="M-4.5 0.5 -1.5 3.5 4.5 -3.5" />;
  if (state === "claimed") return <path className="station-sign" d="M-3 -3.5V0.5M2.5 -3.5V0.5" />;
  return null;
}

function Tracks({ content, y, overview }: { content: Roadmap; y: number; overview: PathOverview }): ReactNode {
  const chosen = overview.plan?.plan.trackId;
  return (
    <>
      {content.tracks.map((track, i) => {
        const at = y - 42 + i * 28;
        return (
          <g key={track.id}>
            <path
              className={track.id === chosen ? "road-line is-track is-chosen" : "road-line is-track"}
              d={`M${left} ${y}C${left + 40} ${y} ${left + 30} ${at} ${left + 80} ${at}H${right - 84}C${right - 34} ${at} ${right - 44} ${y} ${right} ${y}`}
            />
            <Link to="/path/tracks/$id" params={{ id: track.id }} aria-label={`Track ${track.letter}: ${track.title}${track.id === chosen ? ", chosen" : ""}`}>
              <g transform={`translate(${left + 110 + (i % 2) * 26} ${at})`}>
                <circle className={track.id === chosen ? "track-letter is-chosen" : "track-letter"} r="11" />
                <text className="track-sign" textAnchor="middle" y="4">
                  {track.letter}
                </text>
                <text className="road-track" x="20" y="4">
                  {track.title}
                </text>
              </g>
            </Link>
          </g>
        );
      })}
    </>
  );
}

/** The exit: one pip a condition, filled when the records show it; people's words are open squares. */
function Gate({ standing, y, last }: { standing: PathStage; y: number; last: boolean }): ReactNode {
  const { conditions, attestations, state } = standing;
  const pips = conditions.length + attestations.length;
  const tall = Math.max(34, pips * 12 + 10);
  const proved = conditions.filter((c) => c.proved).length;
  const said = attestations.filter((a) => a.said.length > 0).length;
  const words =
    conditions.length === 0 ? (last ? "only people can say" : "people say") : state === "proved" ? "exit proved" : `exit ${proved} of ${conditions.length}`;
  return (
    <Link
      to="/path"
      hash={standing.stageId}
      aria-label={`Exit of ${standing.stageId.replace("-", " ")}: ${proved} of ${conditions.length} conditions proved, ${said} of ${attestations.length} said by people`}
    >
      <g className={`gate is-${state}`} transform={`translate(${right + 22} ${y})`}>
        <rect className="gate-post" x="-11" y={-tall / 2} width="22" height={tall} rx="3" />
        {conditions.map((condition, i) => (
          <rect
            key={condition.predicateId}
            className={condition.proved ? "pip is-proved" : "pip"}
            x="-5"
            y={-tall / 2 + 6 + i * 12}
            width="10"
            height="8"
            rx="1"
          />
        ))}
        {attestations.map((one, i) => (
          <rect
            key={one.id}
            className={one.said.length > 0 ? "pip is-word is-said" : "pip is-word"}
            x="-5"
            y={-tall / 2 + 6 + (conditions.length + i) * 12}
            width="10"
            height="8"
            rx="4"
          />
        ))}
        <text className="road-gate" x="20" y={-tall / 2 - 8} textAnchor="end">
          {words}
        </text>
      </g>
    </Link>
  );
}

export function datesOf(item: PlanItem): string {
  if (item.fromUs === undefined) return "";
  const year = new Date((item.toUs ?? item.fromUs) / 1000).getUTCFullYear();
  return item.toUs === undefined ? `from ${dayShort(item.fromUs)} ${year}` : `${dayShort(item.fromUs)} – ${dayShort(item.toUs - 86_400_000_000)} ${year}`;
}

function wrapped(text: string, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && `${line} ${word}`.length > most) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
