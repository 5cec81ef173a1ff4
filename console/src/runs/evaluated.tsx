import { useState, type ReactNode } from "react";
import type { Evaluation } from "../../../src/server/api.ts";
import { RankedBars } from "../charts/bars.tsx";
import { DotWhisker } from "../charts/dot-whisker.tsx";
import { Plot } from "../charts/plot.tsx";
import { linePath } from "../charts/scale.ts";
import { WhenVisible } from "../charts/visible.tsx";
import { count, fixed, percent } from "../format.ts";
import { Block } from "../parts/block.tsx";

export function Evaluated({ evaluation: e }: { evaluation: Evaluation }): ReactNode {
  const base = e.rows === 0 ? 0 : e.positives / e.rows;
  const auc = Object.entries(e.metrics).find(([k]) => k.toLowerCase() === "auc")?.[1];
  return (
    <>
      <Block title="On rows held out" note={`${count(e.rows)} rows, ${percent(base)} positive. Dashed: chance, base rate and perfect calibration.`}>
        <div className="thirds">
          <figure>
            <h3>ROC{auc === undefined ? "" : `, area ${fixed(auc.value)}`}</h3>
            <WhenVisible height={300}>
              {() => (
                <Plot label="ROC curve" height={300} square x={[0, 1]} y={[0, 1]} xTitle="false positive rate">
                  {(a) => (
                    <>
                      <path
                        className="line is-baseline"
                        d={linePath(
                          [
                            [0, 0],
                            [1, 1],
                          ],
                          a.x,
                          a.y,
                        )}
                      />
                      <path className="line is-champion" d={linePath(e.roc, a.x, a.y)} />
                    </>
                  )}
                </Plot>
              )}
            </WhenVisible>
          </figure>
          <figure>
            <h3>Precision and recall</h3>
            <WhenVisible height={300}>
              {() => (
                <Plot label="Precision by recall" height={300} square x={[0, 1]} y={[0, 1]} xTitle="recall">
                  {(a) => (
                    <>
                      <path
                        className="line is-baseline"
                        d={linePath(
                          [
                            [0, base],
                            [1, base],
                          ],
                          a.x,
                          a.y,
                        )}
                      />
                      <path className="line is-champion" d={linePath(e.precisionRecall, a.x, a.y)} />
                    </>
                  )}
                </Plot>
              )}
            </WhenVisible>
          </figure>
          <figure>
            <h3>Reliability</h3>
            <WhenVisible height={300}>{() => <Reliability bins={e.calibration} rows={e.rows} />}</WhenVisible>
          </figure>
        </div>
      </Block>
      <div className="columns">
        {e.slices.length === 0 ? null : (
          <Block title={`AUC by ${e.slices[0]!.field}`} note="95 % intervals; dashed: overall. Rows at the right.">
            <WhenVisible height={e.slices.length * 22 + 42}>
              {() => (
                <DotWhisker
                  label="AUC by slice"
                  unit="AUC"
                  overall={auc?.value ?? null}
                  items={e.slices
                    .toSorted((a, b) => b.auc.value - a.auc.value)
                    .slice(0, 30)
                    .map((s) => ({ name: s.value, rows: s.rows, ...s.auc }))}
                />
              )}
            </WhenVisible>
          </Block>
        )}
        {e.importance.length === 0 ? null : (
          <Block title="Importance" note="Share of the gain of all splits.">
            <Importance items={e.importance} />
          </Block>
        )}
      </div>
    </>
  );
}

function Reliability({ bins, rows }: { bins: Evaluation["calibration"]; rows: number }): ReactNode {
  return (
    <Plot label="Predicted probability against what came" height={300} square x={[0, 1]} y={[0, 1]} xTitle="predicted; area of a dot: rows">
      {(a) => (
        <>
          <path
            className="line is-baseline"
            d={linePath(
              [
                [0, 0],
                [1, 1],
              ],
              a.x,
              a.y,
            )}
          />
          <path
            className="line is-champion is-light"
            d={linePath(
              bins.map((b) => [b.meanScore, b.labelRate]),
              a.x,
              a.y,
            )}
          />
          {bins.map((b) => (
            <circle
              key={b.meanScore}
              className="point is-champion"
              fillOpacity={0.75}
              cx={a.x(b.meanScore)}
              cy={a.y(b.labelRate)}
              r={2 + 10 * Math.sqrt(b.rows / Math.max(1, rows))}
            >
              <title>{`predicted ${fixed(b.meanScore)}, came ${fixed(b.labelRate)}, ${count(b.rows)} rows`}</title>
            </circle>
          ))}
        </>
      )}
    </Plot>
  );
}

function Importance({ items }: { items: Evaluation["importance"] }): ReactNode {
  const [all, setAll] = useState(false);
  const total = items.reduce((sum, i) => sum + i.gain, 0) || 1;
  const ranked = items.toSorted((a, b) => b.gain - a.gain);
  const shown = all ? ranked : ranked.slice(0, 18);
  return (
    <>
      <RankedBars label="Feature importance" rows={shown.map((i) => ({ name: i.feature, value: i.gain, text: percent(i.gain / total) }))} />
      {ranked.length > 18 ? (
        <button type="button" onClick={() => setAll(!all)} style={{ marginTop: 8 }}>
          {all ? "Fewer" : `All ${ranked.length}`}
        </button>
      ) : null}
    </>
  );
}
