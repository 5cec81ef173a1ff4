/** Models beside the project's: language models on other servers, and files that answer tensors. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Distribution, ServingBackend, ServingFile } from "../../../src/server/api-serving.ts";
import type { Serving } from "../../../src/server/api.ts";
import { count, figure, milliseconds, moment } from "../format.ts";
import { Block, Readings, Trouble, type Reading } from "../parts/block.tsx";
import { ask } from "../requests.ts";

const outcomeNames: Readonly<Record<string, string>> = {
  refused: "refused",
  failed: "failed",
  late: "too late",
  left: "left by their client",
  shed: "without room",
  fallback: "passed to another",
};

/** A bucket's edge as a bound: "≤ 0.25". */
function bound(edge: number | null): string {
  return edge === null ? "past the scale" : `≤ ${figure(edge)}`;
}

function time(name: string, seconds: Distribution): Reading {
  if (seconds.count === 0) return { name, value: "–", sub: "none yet" };
  return { name, value: bound(seconds.p50), unit: "s", sub: `half of them; 95 of 100 ${bound(seconds.p95)}` };
}

export function LanguageModels({ backends }: Pick<Serving, "backends">): ReactNode {
  return backends.map((backend) => <LanguageModel key={backend.model} backend={backend} />);
}

function LanguageModel({ backend: b }: { backend: ServingBackend }): ReactNode {
  const badly = Object.entries(outcomeNames).filter(([outcome]) => (b.outcomes[outcome] ?? 0) > 0);
  const items: Reading[] = [
    { name: "Under way", value: count(b.underWay), sub: `of ${count(b.maxConcurrent)} there is room for` },
    {
      name: "Answered",
      value: count(b.outcomes["ok"]),
      sub: badly.length === 0 ? "none badly" : badly.map(([outcome, name]) => `${count(b.outcomes[outcome])} ${name}`).join(", "),
    },
    time("First token", b.firstTokenSeconds),
    {
      name: "Tokens a second",
      value: rate(b.tokensPerSecond.mean),
      sub: b.tokensPerSecond.count === 0 ? "none yet" : `mean; half ${bound(b.tokensPerSecond.p50)}`,
    },
    time("Whole answer", b.seconds),
    { name: "Tokens", value: count(b.completionTokens), sub: `written, from ${count(b.promptTokens)} read` },
  ];
  if (b.cost !== null) items.push({ name: "Cost", value: figure(Number(b.cost.amount.toPrecision(4))), unit: b.cost.currency, sub: "since it started" });
  return (
    <Block title={b.model} note={`A language model on another server, declared as version ${b.version}; since it started.`}>
      <Readings items={items} />
      <Exchanges model={b.model} />
    </Block>
  );
}

/** The latest questions, with their texts where the declaration has them logged. */
function Exchanges({ model }: { model: string }): ReactNode {
  const latest = useQuery(ask.exchanges(model));
  const rows = latest.data ?? [];
  if (rows.length === 0) return <Trouble error={latest.error} />;
  const withText = rows.some(({ prompt }) => prompt !== null);
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            <th>Asked (UTC)</th>
            <th>For</th>
            <th>Answered by</th>
            <th>Ended</th>
            <th className="num">Read</th>
            <th className="num">Written</th>
            <th className="num">First token ms</th>
            <th className="num">Took ms</th>
            {withText ? <th>Question</th> : null}
            {withText ? <th>Answer</th> : null}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.id}>
              <td className="num" style={{ textAlign: "left" }}>
                {moment(r.askedUs)}
              </td>
              <td>{r.tenant === "" ? <span className="quiet">nobody named</span> : r.tenant}</td>
              <td>
                {r.backend} <span className="quiet">v{r.version}</span>
              </td>
              <td className={r.outcome === "ok" ? "" : "bad"} title={r.code ?? undefined}>
                {outcomeNames[r.outcome] ?? (r.stream ? "well, streamed" : "well")}
              </td>
              <td className="num">{count(r.promptTokens)}</td>
              <td className="num">{count(r.completionTokens)}</td>
              <td className="num">{milliseconds(r.firstTokenUs)}</td>
              <td className="num">{milliseconds(r.totalUs)}</td>
              {withText ? <td>{shortened(r.prompt)}</td> : null}
              {withText ? <td>{shortened(r.completion)}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function shortened(text: string | null): string {
  return text === null ? "–" : text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

function rate(perSecond: number | null): string {
  return perSecond === null ? "–" : figure(Number(perSecond.toPrecision(3)));
}

export function ModelFiles({ files }: Pick<Serving, "files">): ReactNode {
  if (files.length === 0) return null;
  return (
    <Block title="Model files" note="Asked over the inference protocol. What waits for a busy model runs together where its version declares it.">
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Model</th>
              <th>What it is</th>
              <th>Requests</th>
              <th className="num">Rows answered</th>
              <th className="num">Failed</th>
              <th className="num">Rows a run</th>
              <th className="num">Requests a run</th>
              <th className="num">Waiting</th>
              <th className="num">Waited ms</th>
              <th className="num">Computed ms</th>
            </tr>
          </thead>
          <tbody>
            {files.map((file) => (
              <FileRow key={file.model} file={file} />
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}

function FileRow({ file: f }: { file: ServingFile }): ReactNode {
  const { batching } = f;
  const mean = batching?.rows.mean ?? null;
  const runs = batching?.rows.count ?? 0;
  return (
    <tr>
      <td>
        {f.model} <span className="quiet">v{f.version}</span>
      </td>
      <td>{f.kind}</td>
      <td>{together(f)}</td>
      <td className="num">{count(f.outcomes["ok"])}</td>
      <td className="num">{count((f.outcomes["failed"] ?? 0) + (f.outcomes["late"] ?? 0))}</td>
      <td className="num">{mean === null ? "–" : figure(Number(mean.toPrecision(3)))}</td>
      <td className="num">{runs === 0 ? "–" : figure(Number(((batching?.requests ?? 0) / runs).toPrecision(3)))}</td>
      <td className="num">{batching === null ? "–" : count(batching.waiting)}</td>
      <td className="num">{milliseconds(batching?.queueUs)}</td>
      <td className="num">{milliseconds(f.computeUs)}</td>
    </tr>
  );
}

function together({ batching, runs }: ServingFile): string {
  if (batching === null) return "on the spot";
  if (batching.maxBatchSize === 1) return runs === "remote" ? "as they come" : "one at a time";
  return `up to ${count(batching.maxBatchSize)} rows${batching.maxDelayMs === 0 ? "" : `, after ${figure(batching.maxDelayMs)} ms at most`}`;
}
