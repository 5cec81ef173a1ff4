import { useRef, useState, type ReactNode } from "react";
import type { Roadmap } from "../../../src/server/path-api.ts";
import { linear, niceTicks } from "../charts/scale.ts";
import { useWidth } from "../charts/visible.tsx";

type Claim = Roadmap["claims"][number];

const rowHeight = 30;
const top = 26;

export function claimText(content: Roadmap, claim: Claim): string {
  const source = content.sources.find(({ id }) => id === claim.source)?.name ?? claim.source;
  return `${source}, ${claim.place}.${claim.note === undefined ? "" : ` ${claim.note[0]?.toUpperCase() ?? ""}${claim.note.slice(1)}.`}`;
}

/**
 * Claims of both sources on one axis, a row each, as they stand: bands from low to high, "or more" as an arrow, a single figure as a point.
 * Nothing is averaged and no gap is filled.
 */
export function Bands({
  content,
  claims,
  gaps = [],
}: {
  content: Roadmap;
  claims: readonly Claim[];
  gaps?: readonly { readonly from: number; readonly to: number; readonly says: string }[];
}): ReactNode {
  const [ref, width] = useWidth();
  const [told, setTold] = useState<Claim | null>(null);
  const list = useRef<SVGSVGElement>(null);
  const labelWidth = width < 560 ? 0 : 236;
  const line = labelWidth === 0 ? rowHeight + 16 : rowHeight;
  const high = Math.max(...claims.flatMap(({ low, high: h }) => [low ?? 0, h ?? 0]), 1);
  const x = linear([0, high * 1.04], [labelWidth, Math.max(labelWidth + 60, width - 26)]);
  const height = top + claims.length * line + 8;
  return (
    <div ref={ref}>
      {width === 0 ? (
        <div style={{ minHeight: height }} />
      ) : (
        <svg
          className="chart bands"
          ref={list}
          viewBox={`0 0 ${width} ${height}`}
          height={height}
          role="img"
          aria-label={claims.map((c) => `${c.subject}: ${rangeText(c)}`).join("; ")}
        >
          {niceTicks(0, high, width < 560 ? 4 : 7).map((tick) => (
            <g key={tick}>
              <line className="grid" x1={x(tick)} x2={x(tick)} y1={top - 6} y2={height} />
              <text x={x(tick)} y={top - 12} textAnchor="middle">
                {tick}
              </text>
            </g>
          ))}
          {gaps.map((gap) => (
            <g key={gap.says}>
              <rect className="band-gap" x={x(gap.from)} width={Math.max(2, x(gap.to) - x(gap.from))} y={top - 6} height={height - top + 6}>
                <title>{gap.says}</title>
              </rect>
            </g>
          ))}
          {claims.map((claim, i) => {
            const y = top + i * line + (labelWidth === 0 ? 30 : 14);
            const from = x(claim.low ?? 0);
            const to = x(claim.high ?? claim.low ?? 0);
            const isB = claim.source === "source-b";
            return (
              <g key={claim.id} className={isB ? "band is-b" : "band is-a"} onPointerEnter={() => setTold(claim)} onPointerLeave={() => setTold(null)}>
                <rect className="band-ground" x="0" width={width} y={y - line / 2} height={line} />
                <text
                  className="band-name"
                  x={labelWidth === 0 ? 0 : labelWidth - 14}
                  y={labelWidth === 0 ? y - 14 : y + 4}
                  textAnchor={labelWidth === 0 ? "start" : "end"}
                >
                  <tspan className="band-source">{isB ? "B" : "A"}</tspan> {claim.subject}
                  {claim.years === undefined ? "" : `, ${claim.years.from}${claim.years.to === undefined ? "+" : ` to ${claim.years.to}`} years`}
                </text>
                {to - from < 3 ? <circle cx={from} cy={y} r="4" /> : <rect x={from} y={y - 6} width={to - from} height="12" rx="2" />}
                {claim.openEnded === true ? <path className="band-more" d={`M${to + 2} ${y - 5}L${to + 9} ${y}L${to + 2} ${y + 5}`} /> : null}
                <text
                  className="band-figure"
                  x={to > width - 64 ? from - 7 : to + (claim.openEnded === true ? 14 : 7)}
                  textAnchor={to > width - 64 ? "end" : "start"}
                  y={y + 4}
                >
                  {rangeText(claim)}
                </text>
              </g>
            );
          })}
        </svg>
      )}
      <p className="readout">{told === null ? "" : `${told.subject}: ${rangeText(told)}. ${claimText(content, told)}`}</p>
    </div>
  );
}

export function rangeText({ low, high, openEnded }: Claim): string {
  const more = openEnded === true ? "+" : "";
  if (low === undefined) return `below ${high ?? ""}`;
  return high === undefined || low === high ? `${low}${more}` : `${low}–${high}${more}`;
}
