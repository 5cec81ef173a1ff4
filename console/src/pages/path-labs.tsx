import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Block, Page, Trouble } from "../parts/block.tsx";
import { State } from "../parts/state.tsx";
import { CodeBox, useDraft } from "../path/code.tsx";
import { Command, PathNav, Prose } from "../path/parts.tsx";
import { askPath, doPath } from "../path/requests.ts";
import { VerdictView } from "../path/verdict.tsx";

export function PathLabsPage(): ReactNode {
  const content = useQuery(askPath.content());
  const labs = useQuery(askPath.labs());
  const done = labs.data?.filter(({ passed }) => passed).length ?? 0;
  return (
    <Page title="Labs" lede="Exercises against hidden cases made fresh each time. The expected answers never enter the process that runs your code.">
      <PathNav here="/path/labs" />
      <Trouble error={content.error ?? labs.error} />
      {content.data === undefined || labs.data === undefined ? null : (
        <>
          <p className="lab-count">
            {done} of {labs.data.length} passed
          </p>
          {content.data.stages
            .flatMap(({ blocks }) => blocks)
            .map((block) => {
              const own = labs.data.filter(({ blockId }) => blockId === block.id);
              return own.length === 0 ? null : (
                <Block key={block.id} title={`Weeks ${block.fromWeek} to ${block.toWeek}`} note={block.title}>
                  <ul className="plain-list">
                    {own.map((lab) => (
                      <li key={lab.number}>
                        <State tone={lab.passed ? "good" : "quiet"}>{lab.passed ? "passed" : "open"}</State>
                        <Link to="/path/labs/$lab" params={{ lab: String(lab.number) }}>
                          {lab.number}. {lab.title}
                        </Link>
                        <span className="note">about {lab.minutes} minutes</span>
                      </li>
                    ))}
                  </ul>
                </Block>
              );
            })}
        </>
      )}
    </Page>
  );
}

export function PathLabPage(): ReactNode {
  const { lab: number } = useParams({ from: "/path/labs/$lab" });
  const lab = useQuery(askPath.lab(number));
  const content = useQuery(askPath.content());
  const draft = useDraft(lab.data);
  const grade = useMutation({ mutationFn: (code: Parameters<typeof doPath.gradeLab>[1]) => doPath.gradeLab(Number(lab.data?.number), code) });
  if (lab.data === undefined || draft === undefined)
    return (
      <Page title={`Lab ${number}`} trail={<Link to="/path/labs">Labs</Link>}>
        <PathNav here="/path/labs" />
        <Trouble error={lab.error} />
      </Page>
    );
  const { data } = lab;
  const block = content.data?.stages.flatMap(({ blocks }) => blocks).find(({ id }) => id === data.blockId);
  return (
    <Page
      title={`Lab ${data.number}: ${data.title}`}
      trail={<Link to="/path/labs">Labs</Link>}
      lede={`${block === undefined ? "" : `Weeks ${block.fromWeek} to ${block.toWeek}. `}About ${data.minutes} minutes.`}
    >
      <PathNav here="/path/labs" />
      <div className="lab">
        <Block title="Task" aside={<State tone={data.passed ? "good" : "quiet"}>{data.passed ? `passed, entry ${data.kept ?? ""}` : "open"}</State>}>
          <Prose text={data.statement} />
          <p className="note">
            Limits: {data.limits.timeMs} ms, {data.limits.memoryMb} MB. The same from a shell: <Command text={`karkhana path lab run ${data.number}`} />
          </p>
        </Block>
        <Block title="Your solution">
          <CodeBox lab={data} draft={draft} />
          <div className="row grade-row">
            <button
              type="button"
              className="primary"
              disabled={grade.isPending}
              onClick={() => grade.mutate({ language: draft.language, source: draft.latest() })}
            >
              {grade.isPending ? "Grading…" : "Grade it"}
            </button>
            <span className="note">A fresh seed each time; a pass is kept as evidence.</span>
          </div>
          <Trouble error={grade.error} />
          {grade.data === undefined ? null : <VerdictView verdict={grade.data.verdict} added={grade.data.added} />}
        </Block>
      </div>
    </Page>
  );
}
