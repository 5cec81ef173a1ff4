import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { Evaluation, RunDetail } from "../../../src/server/api.ts";
import { RankedBars } from "../charts/bars.tsx";
import { DotWhisker } from "../charts/dot-whisker.tsx";
import { Plot } from "../charts/plot.tsx";
import { extent, linePath, niceDomain } from "../charts/scale.ts";
import { WhenVisible } from "../charts/visible.tsx";
import { bytes, count, duration, figure, fixed, moment, percent, words } from "../format.ts";
import { Block, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { Key, State, toneOfRun } from "../parts/state.tsx";
import { ask } from "../requests.ts";

export function RunPage(): ReactNode {
  const { runId } = useParams({ from: "/runs/$runId" });
  const query = useQuery(ask.run(runId));
  const run = query.data;
  return (
    <Page title={run?.name ?? "Run"} trail={<Link to="/runs">Runs</Link>} lede={<code>{runId}</code>}>
      <Trouble error={query.error} />
      {run === undefined ? null : <Record run={run} />}
    </Page>
  );
}

function Record({ run }: { run: RunDetail }): ReactNode {
  const { evaluation } = run;
  const took = run.endUs === null ? null : (run.endUs - run.startUs) / 1e6;
  const headline =
    evaluation === null
      ? Object.entries(run.metrics)
          .slice(0, 5)
          .map(([name, value]) => ({ name, value: figure(value) }))
      : Object.entries(evaluation.metrics)
          .slice(0, 5)
          .map(([name, m]) => ({ name: words(name), value: fixed(m.value), sub: <IntervalText m={m} base={evaluation.baseline?.metrics[name]?.value} /> }));
  return (
    <>
      <Readings
        items={[
          ...headline,
          {
            name: "State",
            value: <State tone={toneOfRun(run.status)}>{run.status.toLowerCase()}</State>,
            sub: `${moment(run.startUs)}, took ${duration(took)}`,
          },
        ]}
      />
      {run.versions.length === 0 ? null : (
        <p className="note" style={{ marginBottom: 24 }}>
          Became{" "}
          {run.versions.map((v) => (
            <Link key={`${v.model} ${v.version}`} to="/models/$name" params={{ name: v.model }}>
              {v.model} version {v.version}
            </Link>
          ))}
        </p>
      )}
      <Histories histories={run.histories} />
      {evaluation === null ? null : <Evaluated evaluation={evaluation} />}
      <div className="columns">
        <Block title="Params">
          <Pairs pairs={Object.entries(run.params).map(([k, v]) => [k, <code key={k}>{v}</code>])} />
        </Block>
        <Block title="Metrics">
          <Pairs pairs={Object.entries(run.metrics).map(([k, v]) => [k, figure(v)])} />
        </Block>
        <Block title="Artifacts">
          <Artifacts run={run} />
        </Block>
      </div>
    </>
  );
}

function IntervalText({ m, base }: { m: { low: number; high: number }; base: number | undefined }): ReactNode {
  if (m.low === m.high) return null;
  return (
    <>
      {fixed(m.low)} to {fixed(m.high)}
      {base === undefined ? "" : `; baseline ${fixed(base)}`}
    </>
  );
}

/** Metrics logged over steps, those of one unit together: `train.logLoss` beside `valid.logLoss`. */
function Histories({ histories }: { histories: RunDetail["histories"] }): ReactNode {
  const groups = Map.groupBy(Object.keys(histories), (key) => key.split(/[./_]/).at(-1)!.toLowerCase());
  if (groups.size === 0) return null;
  return (
    <Block title="Learning" note="By iteration; the dashed mark is the iteration that validated best.">
      <div className="columns">
        {[...groups].map(([name, keys]) => (
          <Curve key={name} name={name} keys={keys} histories={histories} />
        ))}
      </div>
    </Block>
  );
}

function Curve({ name, keys, histories }: { name: string; keys: readonly string[]; histories: RunDetail["histories"] }): ReactNode {
  const y = extent(keys.flatMap((k) => histories[k]!.map((p) => p.value))) ?? [0, 1];
  const x = extent(keys.flatMap((k) => histories[k]!.map((p) => p.step))) ?? [0, 1];
  const validated = keys.find((k) => /valid/i.test(k));
  const lowerIsBetter = !/auc|accuracy/.test(name);
  const best = validated === undefined ? undefined : histories[validated]!.reduce((a, b) => ((lowerIsBetter ? b.value < a.value : b.value > a.value) ? b : a));
  const kind = (k: string): "champion" | "baseline" => (k === validated || keys.length === 1 ? "champion" : "baseline");
  const legend = (
    <span className="legend">
      {keys.map((k) => (
        <Key key={k} kind={kind(k)}>
          {k}
        </Key>
      ))}
    </span>
  );
  return (
    <figure>
      <Plot
        label={`${name} by iteration`}
        height={220}
        x={x[0] === x[1] ? [x[0], x[0] + 1] : x}
        y={niceDomain(y[0], y[1])}
        xTitle="iteration"
        legend={legend}
        stops={histories[validated ?? keys[0]!]!.map((p) => p.step)}
        readout={(step) => (
          <>
            <span>iteration {step}</span>
            {keys.map((k) => (
              <span key={k}>
                {k} <b>{figure(histories[k]!.find((p) => p.step === step)?.value)}</b>
              </span>
            ))}
          </>
        )}
      >
        {(a) => (
          <>
            {keys.map((k) => (
              <path
                key={k}
                className={`line is-${kind(k)}`}
                d={linePath(
                  histories[k]!.map((p) => [p.step, p.value]),
                  a.x,
                  a.y,
                )}
              />
            ))}
            {best === undefined ? null : (
              <>
                <path className="crosshair" d={`M${a.x(best.step)} ${a.y(best.value)}V${a.bottom}`} />
                <circle className="point is-champion" cx={a.x(best.step)} cy={a.y(best.value)} r={3.5} />
              </>
            )}
          </>
        )}
      </Plot>
    </figure>
  );
}

function Evaluated({ evaluation: e }: { evaluation: Evaluation }): ReactNode {
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

function Artifacts({ run }: { run: RunDetail }): ReactNode {
  const [open, setOpen] = useState<string | null>(null);
  const text = useQuery({ ...ask.artifact(run.runId, open ?? ""), enabled: open !== null });
  return (
    <>
      <ul>
        {run.artifacts.map((a) => (
          <li key={a.path} className="row" style={{ justifyContent: "space-between" }}>
            <button
              type="button"
              className="plain mono"
              aria-expanded={open === a.path}
              onClick={() => setOpen(open === a.path ? null : a.path)}
              style={{ textDecoration: "underline", textDecorationColor: "var(--hair)" }}
            >
              {a.path}
            </button>
            <span className="quiet">{bytes(a.sizeBytes)}</span>
          </li>
        ))}
      </ul>
      {open === null ? null : <Trouble error={text.error} />}
      {open === null || text.data === undefined || text.data.path !== open ? null : (
        <>
          <pre tabIndex={0}>{pretty(text.data.text)}</pre>
          {text.data.truncated ? <p className="note">The first part of {bytes(text.data.sizeBytes)}.</p> : null}
        </>
      )}
    </>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
