import { useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { dayShort, fixed } from "../format.ts";
import { timeTicks } from "./scale.ts";
import { useWidth } from "./visible.tsx";

export interface HeatCell {
  readonly row: number;
  readonly column: number;
}

export interface HeatmapProps {
  readonly label: string;
  readonly rows: readonly string[];
  readonly columns: readonly { readonly fromUs: number; readonly toUs: number }[];
  /** value[column][row] and what alarms there; null is not measured. */
  readonly value: (cell: HeatCell) => number | null;
  readonly threshold: (cell: HeatCell) => number | null;
  readonly onPick: (cell: HeatCell) => void;
  readonly picked: HeatCell | null;
}

const classes = 6;

/** Share of its own threshold in six steps; the fifth and sixth are over it. */
function heatClass(value: number, threshold: number): number {
  const ratio = value / threshold;
  return ratio >= 2 ? 5 : ratio >= 1 ? 4 : Math.min(3, Math.floor(ratio * 4));
}

/** Features by windows. One path a colour, so that five thousand cells are six elements; arrow keys walk the cells, Enter picks. */
export function Heatmap(props: HeatmapProps): ReactNode {
  const [ref, width] = useWidth();
  const [cursor, setCursor] = useState<HeatCell | null>(null);
  const rowHeight = 14;
  const names = width < 520 ? 104 : 208;
  const top = 4;
  const step = Math.max(2, (width - names - 4) / Math.max(1, props.columns.length));
  const gapX = step > 6 ? 1 : 0;
  const bottom = top + props.rows.length * rowHeight;
  const paths = Array.from({ length: classes }, () => "");
  for (let c = 0; c < props.columns.length; c++) {
    for (let r = 0; r < props.rows.length; r++) {
      const value = props.value({ row: r, column: c });
      const threshold = props.threshold({ row: r, column: c });
      if (value === null) continue;
      const k = heatClass(value, threshold ?? 0.25);
      paths[k] += `M${(names + c * step).toFixed(1)} ${top + r * rowHeight}h${(step - gapX).toFixed(1)}v${rowHeight - 1}h-${(step - gapX).toFixed(1)}z`;
    }
  }
  const cellAt = (event: PointerEvent<SVGSVGElement>): HeatCell | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - names) / step);
    const row = Math.floor((event.clientY - box.top - top) / rowHeight);
    return column >= 0 && column < props.columns.length && row >= 0 && row < props.rows.length ? { row, column } : null;
  };
  const press = (event: KeyboardEvent): void => {
    const moves: Record<string, readonly [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const at = cursor ?? props.picked ?? { row: 0, column: props.columns.length - 1 };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      setCursor({ row: clamp(at.row + move[0], props.rows.length), column: clamp(at.column + move[1], props.columns.length) });
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      props.onPick(at);
    }
  };
  const shown = cursor ?? props.picked;
  const first = props.columns[0];
  const last = props.columns.at(-1);
  const outline = (cell: HeatCell): ReactNode => (
    <rect className="cursor" x={names + cell.column * step - 0.5} y={top + cell.row * rowHeight - 0.5} width={step} height={rowHeight} />
  );
  return (
    <div ref={ref}>
      <div className="readout" aria-live="polite">
        {shown === null || props.columns[shown.column] === undefined ? (
          <HeatLegend />
        ) : (
          <span>
            <b>{props.rows[shown.row]}</b> on {dayShort(props.columns[shown.column]!.fromUs)}: PSI <b>{fixed(props.value(shown))}</b>, alarm above{" "}
            {fixed(props.threshold(shown))}
          </span>
        )}
      </div>
      {width === 0 || first === undefined || last === undefined ? null : (
        <svg
          className="chart"
          role="application"
          aria-label={`${props.label}. Arrow keys move between cells, Enter shows the bins.`}
          tabIndex={0}
          height={bottom + 22}
          viewBox={`0 0 ${width} ${bottom + 22}`}
          onPointerMove={(e) => setCursor(cellAt(e))}
          onPointerLeave={() => setCursor(null)}
          onBlur={() => setCursor(null)}
          onClick={(e) => {
            const cell = cellAt(e as unknown as PointerEvent<SVGSVGElement>);
            if (cell !== null) props.onPick(cell);
          }}
          onKeyDown={press}
        >
          {props.rows.map((name, r) => (
            <text key={name} x={names - 8} y={top + (r + 0.5) * rowHeight} dy="0.35em" textAnchor="end">
              {name.length * 5.8 > names ? `…${name.slice(-Math.floor(names / 6.2))}` : name}
            </text>
          ))}
          {paths.map((d, k) => (
            <path key={`heat-${k}`} className={`heat-${k}`} d={d} />
          ))}
          {timeTicks(first.fromUs, last.toUs, Math.max(2, Math.floor((width - names) / 90))).map((t) => (
            <text key={t.at} x={names + ((t.at - first.fromUs) / (last.toUs - first.fromUs)) * step * props.columns.length} y={bottom + 15} textAnchor="middle">
              {t.label}
            </text>
          ))}
          {props.picked === null ? null : outline(props.picked)}
          {cursor === null ? null : outline(cursor)}
        </svg>
      )}
    </div>
  );
}

function HeatLegend(): ReactNode {
  return (
    <span className="legend">
      <span>PSI as a share of what alarms that feature that day:</span>
      {["below ¼", "¼", "½", "¾", "over", "twice"].map((name, k) => (
        <span key={name}>
          <svg viewBox="0 0 20 10" aria-hidden="true">
            <rect className={`heat-${k}`} width="20" height="10" />
          </svg>
          {name}
        </span>
      ))}
    </span>
  );
}

function clamp(value: number, length: number): number {
  return Math.min(length - 1, Math.max(0, value));
}
