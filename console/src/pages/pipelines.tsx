import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { PipelineDetail, PipelineStep } from "../../../src/server/api.ts";
import { Gantt, type GanttRow } from "../charts/gantt.tsx";
import { count, duration, moment } from "../format.ts";
import { Block, Empty, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { State, toneOfRun } from "../parts/state.tsx";
import { ask } from "../requests.ts";

export function PipelinesPage(): ReactNode {
  const pipelines = useQuery(ask.pipelines());
  return (
    <Page
      title="Pipelines"
      lede="Durable runs: a step that finished is recorded and never runs twice; one whose inputs did not change is taken from the cache."
    >
      <Trouble error={pipelines.error} />
      {pipelines.data === undefined ? null : pipelines.data.length === 0 ? (
        <Empty what="No pipeline has run." command="karkhana run" />
      ) : (
        <>
          <Block title="Runs">
            <div className="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Workflow</th>
                    <th>Run</th>
                    <th>State</th>
                    <th className="num">Steps</th>
                    <th className="num">Cached</th>
                    <th className="num">Started (UTC)</th>
                    <th className="num">Took</th>
                  </tr>
                </thead>
                <tbody>
                  {pipelines.data.map((p) => (
                    <tr key={p.runId}>
                      <td>{p.workflow}</td>
                      <td>
                        <Link to="/pipelines/$runId" params={{ runId: p.runId }} className="mono">
                          {p.runId}
                        </Link>
                      </td>
                      <td>
                        <State tone={toneOfRun(p.state)}>{p.state}</State>
                      </td>
                      <td className="num">{count(p.steps)}</td>
                      <td className="num">{count(p.cached)}</td>
                      <td className="num">{moment(p.startedUs)}</td>
                      <td className="num">{p.endedUs === null ? "–" : duration((p.endedUs - p.startedUs) / 1e6)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </Block>
          <Steps runId={pipelines.data[0]!.runId} title="Latest run" />
        </>
      )}
    </Page>
  );
}

export function PipelinePage(): ReactNode {
  const { runId } = useParams({ from: "/pipelines/$runId" });
  return (
    <Page title="Pipeline run" trail={<Link to="/pipelines">Pipelines</Link>} lede={<code>{runId}</code>}>
      <Steps runId={runId} title="Steps" />
    </Page>
  );
}

function Steps({ runId, title }: { runId: string; title: string }): ReactNode {
  const query = useQuery(ask.pipeline(runId));
  const [picked, setPicked] = useState<string | null>(null);
  if (query.data === undefined) return <Trouble error={query.error} />;
  const run = query.data;
  const end = endOf(run);
  const busy = run.steps.reduce((sum, s) => sum + ((s.endedUs ?? end) - s.startedUs), 0) / 1e6;
  const row = picked === null ? undefined : rowsOf(run.steps).find((r) => r.id === picked);
  const step = row?.steps.length === 1 ? row.steps[0] : undefined;
  return (
    <>
      <Block title={title} note={run.workflow}>
        <Readings
          items={[
            { name: "State", value: <State tone={toneOfRun(run.state)}>{run.state}</State> },
            { name: "Took", value: duration((end - run.startedUs) / 1e6), sub: `${duration(busy)} in steps` },
            { name: "Steps", value: count(run.steps.length), sub: `${count(run.cached)} from the cache, ${count(run.failed)} failed` },
            { name: "Started", value: moment(run.startedUs).split(" ").at(-1), sub: moment(run.startedUs) },
          ]}
        />
        {run.error === null ? null : (
          <div className="trouble">
            <p className="bad">{run.error.message}</p>
            <p className="note">{run.error.code}</p>
          </div>
        )}
        <Gantt rows={rowsOf(run.steps)} startedUs={run.startedUs} endedUs={end} picked={picked} onPick={(id) => setPicked(id === picked ? null : id)} />
      </Block>
      {step === undefined ? null : <StepRecord step={step} end={end} />}
      {row === undefined || row.steps.length === 1 ? null : <StepTable row={row} end={end} />}
      <Block title="Input and output">
        <details>
          <summary>What the run was given and gave</summary>
          <pre tabIndex={0}>{JSON.stringify({ input: run.input, output: run.output }, null, 2)}</pre>
        </details>
      </Block>
    </>
  );
}

/** As they began; of those that began together, the one that ended first. */
function inOrder(steps: readonly PipelineStep[]): readonly PipelineStep[] {
  return steps.toSorted((a, b) => a.startedUs - b.startedUs || (a.endedUs ?? Infinity) - (b.endedUs ?? Infinity));
}

const mostRows = 40;

/** One row a step; of a long run, the same step of many days shares one. */
function rowsOf(steps: readonly PipelineStep[]): readonly GanttRow[] {
  const ordered = inOrder(steps);
  if (steps.length <= mostRows) return ordered.map((s) => ({ id: s.stepId, steps: [s] }));
  const groups = Map.groupBy(ordered, (s) => s.stepId.replace(/[/-]?\d{4}-\d{2}-\d{2}$/, ""));
  return [...groups].map(([id, same]) => ({ id: same.length === 1 ? same[0]!.stepId : id, steps: same }));
}

function StepTable({ row, end }: { row: GanttRow; end: number }): ReactNode {
  return (
    <Block title={row.id} note={`${count(row.steps.length)} steps`}>
      <div className="scroll" style={{ maxHeight: 360, overflowY: "auto" }} tabIndex={0} role="region" aria-label={`Steps of ${row.id}`}>
        <table>
          <thead>
            <tr>
              <th>Step</th>
              <th>State</th>
              <th className="num">Attempt</th>
              <th className="num">Took</th>
              <th>Output</th>
            </tr>
          </thead>
          <tbody>
            {row.steps.map((s) => (
              <tr key={s.stepId}>
                <td className="mono">{s.stepId}</td>
                <td>
                  <State tone={toneOfRun(s.state)}>{s.cached ? "from the cache" : s.state}</State>
                </td>
                <td className="num">{count(s.attempt)}</td>
                <td className="num">{duration(((s.endedUs ?? end) - s.startedUs) / 1e6)}</td>
                <td className="mono wide">{s.error === null ? JSON.stringify(s.output).slice(0, 160) : `${s.error.message} (${s.error.code})`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}

function endOf(run: PipelineDetail): number {
  return run.endedUs ?? Math.max(run.startedUs + 1, ...run.steps.map((s) => s.endedUs ?? Date.now() * 1000));
}

function StepRecord({ step, end }: { step: PipelineStep; end: number }): ReactNode {
  return (
    <Block title={`Step ${step.stepId}`}>
      <Pairs
        pairs={[
          [
            "State",
            <State key="s" tone={toneOfRun(step.state)}>
              {step.cached ? "from the cache" : step.state}
            </State>,
          ],
          ["Took", duration(((step.endedUs ?? end) - step.startedUs) / 1e6)],
          ["Attempt", count(step.attempt)],
          ...(step.progress === null ? [] : [["Progress", `${count(step.progress.done)} of ${count(step.progress.total)} ${step.progress.unit}`] as const]),
          ...(step.error === null ? [] : [["Error", <span key="e" className="bad">{`${step.error.message} (${step.error.code})`}</span>] as const]),
        ]}
      />
      {step.output === null || step.output === undefined ? null : <pre tabIndex={0}>{JSON.stringify(step.output, null, 2)}</pre>}
    </Block>
  );
}
