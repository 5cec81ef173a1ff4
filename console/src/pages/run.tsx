import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { LoggedModelUse, RunDatasetUse, RunDetail } from "../../../src/server/api-runs.ts";
import { count, duration, fixed, moment, words } from "../format.ts";
import { Block, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { State, toneOfRun } from "../parts/state.tsx";
import { askRuns } from "../run-requests.ts";
import { Artifacts, ConsoleLog } from "../runs/artifacts.tsx";
import { metricText } from "../runs/cells.tsx";
import { Curves } from "../runs/curves.tsx";
import { Evaluated } from "../runs/evaluated.tsx";

const refreshMs = 5000;

export function RunPage(): ReactNode {
  const { runId } = useParams({ from: "/runs/$runId" });
  const query = useQuery({ ...askRuns.run(runId), refetchInterval: (q) => (q.state.data?.status === "RUNNING" ? refreshMs : false) });
  const run = query.data?.runId === runId ? query.data : undefined;
  return (
    <Page
      title={run?.name ?? "Run"}
      trail={
        <>
          <Link to="/experiments">Experiments</Link>
          {run === undefined ? null : (
            <>
              {" / "}
              <Link to="/runs" search={{ e: run.experimentId }}>
                {run.experiment}
              </Link>
              {run.parent === null ? null : (
                <>
                  {" / "}
                  <Link to="/runs/$runId" params={{ runId: run.parent.runId }}>
                    {run.parent.name}
                  </Link>
                </>
              )}
            </>
          )}
        </>
      }
      lede={<code>{runId}</code>}
    >
      <Trouble error={query.error} />
      {run === undefined ? null : <Record run={run} />}
    </Page>
  );
}

function Record({ run }: { run: RunDetail }): ReactNode {
  const { evaluation } = run;
  const description = run.tags["mlflow.note.content"];
  const tags = Object.entries(run.tags).filter(([k]) => k !== "mlflow.note.content" && k !== "mlflow.runName");
  return (
    <>
      <Headline run={run} />
      {description === undefined ? null : <p className="description">{description}</p>}
      <Places run={run} />
      <Curves
        title="Curves"
        live={run.status === "RUNNING"}
        runs={[{ runId: run.runId, name: run.name, colour: 0 }]}
        keys={run.metrics.filter((m) => m.points > 1).map((m) => m.key)}
      />
      {evaluation === null ? null : <Evaluated evaluation={evaluation} />}
      <div className="columns">
        <KeyValues title="Params" pairs={Object.entries(run.params)} />
        <Metrics run={run} />
        <KeyValues title="Tags" pairs={tags} />
      </div>
      {run.datasets.length === 0 ? null : <Datasets datasets={run.datasets} />}
      {run.models.length === 0 ? null : <LoggedModels models={run.models} />}
      {run.consoleLog === null ? null : <ConsoleLog runId={run.runId} path={run.consoleLog} />}
      {run.artifactsAt === null ? (
        <Artifacts runId={run.runId} />
      ) : (
        <Block title="Artifacts">
          <p className="quiet">
            Kept at <code>{run.artifactsAt}</code>, which this server does not read.
          </p>
        </Block>
      )}
    </>
  );
}

function Headline({ run }: { run: RunDetail }): ReactNode {
  const { evaluation } = run;
  const took = run.endUs === null ? null : (run.endUs - run.startUs) / 1e6;
  const figures =
    evaluation === null
      ? run.metrics.slice(0, 5).map((m) => ({ name: m.key, value: metricText(m.value) }))
      : Object.entries(evaluation.metrics)
          .slice(0, 5)
          .map(([name, m]) => ({ name: words(name), value: fixed(m.value), sub: <IntervalText m={m} base={evaluation.baseline?.metrics[name]?.value} /> }));
  return (
    <Readings
      items={[
        ...figures,
        {
          name: run.stage === "deleted" ? "State, deleted" : "State",
          value: <State tone={toneOfRun(run.status)}>{run.status.toLowerCase()}</State>,
          sub: `${moment(run.startUs)}${took === null ? "" : `, took ${duration(took)}`}${run.userId === "" ? "" : `, by ${run.userId}`}`,
        },
      ]}
    />
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

/** What the run belongs to and what came of it. */
function Places({ run }: { run: RunDetail }): ReactNode {
  if (run.versions.length === 0 && run.children === 0) return null;
  return (
    <p className="note run-places">
      {run.versions.length === 0 ? null : (
        <>
          Became{" "}
          {run.versions.map((v, i) => (
            <span key={`${v.model} ${v.version}`}>
              {i === 0 ? "" : ", "}
              <Link to="/models/$name/versions/$version" params={{ name: v.model, version: String(v.version) }}>
                {v.model} version {v.version}
              </Link>
            </span>
          ))}
          .{" "}
        </>
      )}
      {run.children === 0 ? null : (
        <Link to="/runs" search={{ e: run.experimentId, q: `tags.\`mlflow.parentRunId\` = '${run.runId}'` }}>
          {count(run.children)} nested {run.children === 1 ? "run" : "runs"}
        </Link>
      )}
    </p>
  );
}

const pairsAtFirst = 40;

function KeyValues({ title, pairs }: { title: string; pairs: readonly (readonly [string, string])[] }): ReactNode {
  const [text, setText] = useState("");
  const [all, setAll] = useState(false);
  const wanted = pairs.filter(([k, v]) => `${k} ${v}`.toLowerCase().includes(text.toLowerCase()));
  const shown = all ? wanted.slice(0, 5000) : wanted.slice(0, pairsAtFirst);
  return (
    <Block title={title} note={pairs.length === 0 ? "None." : pairs.length > 12 ? count(pairs.length) : undefined}>
      {pairs.length > 12 ? <Find text={text} onText={setText} of={title} /> : null}
      <Pairs pairs={shown.map(([k, v]) => [k, <code key={k}>{v}</code>])} />
      {wanted.length > shown.length && !all ? (
        <button type="button" onClick={() => setAll(true)}>
          All {count(wanted.length)}
        </button>
      ) : null}
    </Block>
  );
}

function Metrics({ run }: { run: RunDetail }): ReactNode {
  const [text, setText] = useState("");
  const [all, setAll] = useState(false);
  const wanted = run.metrics.filter((m) => m.key.toLowerCase().includes(text.toLowerCase()));
  const shown = all ? wanted.slice(0, 5000) : wanted.slice(0, pairsAtFirst);
  return (
    <Block title="Metrics" note={run.metrics.length === 0 ? "None." : "Latest values"}>
      {run.metrics.length > 12 ? <Find text={text} onText={setText} of="Metrics" /> : null}
      <Pairs
        pairs={shown.map((m) => [
          m.key,
          <span key={m.key}>
            {metricText(m.value)}
            {m.points > 1 ? (
              <span className="quiet">
                {" "}
                at step {count(m.step)}, of {count(m.points)} points
              </span>
            ) : null}
          </span>,
        ])}
      />
      {wanted.length > shown.length && !all ? (
        <button type="button" onClick={() => setAll(true)}>
          All {count(wanted.length)}
        </button>
      ) : null}
    </Block>
  );
}

function Find({ text, onText, of }: { text: string; onText: (text: string) => void; of: string }): ReactNode {
  return (
    <input type="search" className="find" value={text} onChange={(e) => onText(e.target.value)} placeholder="find" aria-label={`Find in ${of.toLowerCase()}`} />
  );
}

function Datasets({ datasets }: { datasets: readonly RunDatasetUse[] }): ReactNode {
  return (
    <Block title="Datasets" note="What the run read.">
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Dataset</th>
              <th>Used for</th>
              <th>Digest</th>
              <th>Source</th>
            </tr>
          </thead>
          <tbody>
            {datasets.map((d) => (
              <tr key={`${d.name} ${d.digest}`}>
                <td>{d.name}</td>
                <td>{d.context ?? <span className="quiet">–</span>}</td>
                <td className="mono">{d.digest}</td>
                <td className="wide">
                  <span className="quiet">{d.sourceType}</span> <code>{d.source.slice(0, 300)}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}

function LoggedModels({ models }: { models: readonly LoggedModelUse[] }): ReactNode {
  return (
    <Block title="Logged models">
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Model</th>
              <th>Use</th>
              <th className="num">Step</th>
              <th>State</th>
              <th>Kind</th>
              <th>Id</th>
            </tr>
          </thead>
          <tbody>
            {models.map((m) => (
              <tr key={`${m.modelId} ${m.use} ${m.step}`}>
                <td>{m.name}</td>
                <td>{m.use}</td>
                <td className="num">{m.step === null ? "–" : count(m.step)}</td>
                <td>
                  <State tone={m.status === "READY" ? "good" : m.status === "FAILED" ? "bad" : "quiet"}>{m.status.toLowerCase()}</State>
                </td>
                <td>{m.modelType ?? <span className="quiet">–</span>}</td>
                <td className="mono">{m.modelId}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}
