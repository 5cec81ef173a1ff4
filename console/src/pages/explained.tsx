import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Prediction } from "../../../src/server/api.ts";
import { Waterfall, type WaterfallStep } from "../charts/waterfall.tsx";
import { figure, fixed } from "../format.ts";
import { Trouble } from "../parts/block.tsx";
import { ask } from "../requests.ts";

/** Bars drawn one by one; the rest are one bar, and all are in the list below. */
const drawn = 10;

/** One logged prediction with the features it was made from and what each of them added. */
export function Explained({ model, prediction: p }: { model: string; prediction: Prediction }): ReactNode {
  const explanation = useQuery(ask.explanation(model, p.id, p.role));
  const e = explanation.data;
  return (
    <div className="evidence">
      <Trouble error={explanation.error} />
      {e === undefined ? (
        explanation.error === null ? (
          <p className="quiet">Working out what each feature added…</p>
        ) : null
      ) : (
        <>
          <p className="quiet">
            What each feature added to the raw score (log-odds), starting from the average row: exact TreeSHAP values. Raw score {figure(e.rawScore)} is a score
            of {fixed(e.score)}.
            {Math.abs(e.score - e.loggedScore) > 1e-9
              ? ` The score logged then was ${fixed(e.loggedScore)}: it was not made by this version's files as they are now.`
              : ""}
          </p>
          <Waterfall label={`What made the score of ${p.id}`} baseline={e.baseline} steps={stepsOf(e.contributions)} result={e.rawScore} />
        </>
      )}
      <div className="small-multiples" style={{ gap: "0 24px" }}>
        {p.features.map((f) => (
          <div key={f.slot} style={{ display: "flex", justifyContent: "space-between", gap: 8 }}>
            <span className="quiet" style={{ overflow: "hidden", textOverflow: "ellipsis" }}>
              {f.slot}
            </span>
            <span>{shown(f.value)}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

function stepsOf(contributions: readonly { readonly slot: string; readonly value: number | string | null; readonly contribution: number }[]): WaterfallStep[] {
  const effective = contributions.filter((c) => c.contribution !== 0);
  const first = effective.slice(0, drawn).map((c) => ({ name: c.slot, value: shown(c.value), change: c.contribution }));
  const rest = effective.slice(drawn);
  if (rest.length === 0) return first;
  return [...first, { name: `${rest.length} others`, value: "…", change: rest.reduce((sum, c) => sum + c.contribution, 0) }];
}

function shown(value: number | string | null): string {
  return value === null ? "null" : typeof value === "number" ? figure(value) : value;
}
