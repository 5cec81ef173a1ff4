import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { PathOverview, Roadmap } from "../../../src/server/path-api.ts";
import { Block, Page, Readings, Trouble } from "../parts/block.tsx";
import { IncidentForm } from "../path/incident-form.tsx";
import { Command, PathNav } from "../path/parts.tsx";
import { askPath, doPath } from "../path/requests.ts";
import { Evidence } from "./path.tsx";

export function PathPortfolioPage(): ReactNode {
  const content = useQuery(askPath.content());
  const overview = useQuery(askPath.overview());
  return (
    <Page title="Portfolio" lede="What you can show somebody: every piece of evidence in one file that checks itself anywhere.">
      <PathNav here="/path/portfolio" />
      <Trouble error={content.error ?? overview.error} />
      {content.data === undefined || overview.data === undefined ? null : <Portfolio content={content.data} overview={overview.data} />}
    </Page>
  );
}

function Portfolio({ content, overview }: { content: Roadmap; overview: PathOverview }): ReactNode {
  const of = (kind: string): number => overview.evidence.filter((line) => line.kind === kind).length;
  const words = overview.evidence.filter(({ producedBy }) => producedBy === "person").length;
  return (
    <>
      <Readings
        items={[
          { name: "Exit conditions", value: of("condition"), sub: `of ${overview.stages.reduce((sum, s) => sum + s.conditions.length, 0)}` },
          { name: "Labs", value: of("lab"), sub: `of ${overview.blocks.reduce((sum, b) => sum + b.labs.length, 0)}` },
          { name: "Drills", value: of("drill") },
          { name: "Rounds", value: of("interview") },
          { name: "People’s words", value: words, sub: "checked by no machine" },
        ]}
      />
      <div className="row export print-hidden">
        <a className="button primary" href="/api/v1/path/report" download>
          Export the report
        </a>
        <button type="button" onClick={() => window.print()}>
          Print this page
        </button>
        <span className="note">
          Anyone checks it with <Command text="karkhana path verify karkhana-evidence.json" />: a changed byte is named. Hashes show that nothing was changed,
          not who did the work.
        </span>
      </div>
      <Block title="What each stage puts in a portfolio">
        <ol className="portfolio">
          {content.stages.map((stage) => {
            const standing = overview.stages.find(({ stageId }) => stageId === stage.id);
            const kept = standing?.conditions.filter(({ entry }) => entry !== null) ?? [];
            return (
              <li key={stage.id}>
                <h3>
                  {stage.ordinal}. {stage.title}
                </h3>
                <ul className="bullets">
                  {stage.portfolio.map((item) => (
                    <li key={item}>{item}</li>
                  ))}
                </ul>
                {kept.map((condition) => (
                  <p key={condition.predicateId} className="note">
                    Entry {condition.entry}: {condition.says}
                  </p>
                ))}
              </li>
            );
          })}
        </ol>
      </Block>
      <Evidence overview={overview} all />
      <IncidentForm />
      <Attest overview={overview} />
    </>
  );
}

function Attest({ overview }: { overview: PathOverview }): ReactNode {
  const [subject, setSubject] = useState(overview.attestable[0]?.id ?? "");
  const [byName, setName] = useState("");
  const [statement, setStatement] = useState("");
  const attest = useMutation({ mutationFn: () => doPath.attest(subject, byName, statement), onSuccess: () => setStatement("") });
  return (
    <Block title="What only people can say" note="Kept as the word of whoever says it, shown grey, and never counted as proof.">
      <form
        className="plan-form print-hidden"
        onSubmit={(event) => {
          event.preventDefault();
          attest.mutate();
        }}
      >
        <div className="fields">
          <label className="is-wide">
            About
            <select value={subject} onChange={(e) => setSubject(e.target.value)}>
              {overview.attestable.map(({ id, text }) => (
                <option key={id} value={id}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          <label>
            Who says it
            <input required maxLength={120} value={byName} onChange={(e) => setName(e.target.value)} />
          </label>
          <label className="is-wide">
            What they say
            <textarea required rows={2} maxLength={2000} value={statement} onChange={(e) => setStatement(e.target.value)} />
          </label>
        </div>
        <Trouble error={attest.error} />
        <div className="row">
          <button type="submit" disabled={attest.isPending}>
            Keep this word
          </button>
        </div>
      </form>
    </Block>
  );
}
