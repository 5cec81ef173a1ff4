import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import type { AnsweredSheet, Grade, StoredSheet } from "../../../src/server/path-api.ts";
import { day, percent } from "../format.ts";
import { Block, Page, Pairs, Trouble } from "../parts/block.tsx";
import { State } from "../parts/state.tsx";
import { CodeBox, useDraft } from "../path/code.tsx";
import { PathNav, Prose } from "../path/parts.tsx";
import { askPath, doPath } from "../path/requests.ts";
import { SheetQuestions, useAnswers } from "../path/sheet-form.tsx";
import { Signals } from "../path/signals.tsx";

const designs = [
  ["design-recommendation", "Recommendation"],
  ["design-fraud", "Fraud"],
  ["design-search", "Search ranking"],
  ["design-moderation", "Moderation"],
  ["design-forecasting", "Demand forecasting"],
] as const;

export function PathDrillsPage(): ReactNode {
  const content = useQuery(askPath.content());
  const sheets = useQuery(askPath.sheets());
  const navigate = useNavigate();
  const start = useMutation({ mutationFn: doPath.startSheet, onSuccess: ({ id }) => void navigate({ to: "/path/drills/$id", params: { id } }) });
  return (
    <Page title="Drills and rounds" lede="Fresh numbers each time; graded once, with the first answers; every result goes on the chain, good or bad.">
      <PathNav here="/path/drills" />
      <Trouble error={content.error ?? sheets.error ?? start.error} />
      <div className="thirds">
        <Block
          title="Drift incident"
          note="Four weeks of a watched model. One cause, two, or none. Seven of eight in a row, each cause once, is what the exit of stage 3 asks."
        >
          <button type="button" className="primary" disabled={start.isPending} onClick={() => start.mutate({ kind: "drift" })}>
            Take the pager
          </button>
        </Block>
        <Block title="Design" note="Eight sections, about twelve numbers, each from the ones before. Three different cases are what the exit of stage 2 asks.">
          <div className="row">
            {designs.map(([subject, name]) => (
              <button key={subject} type="button" disabled={start.isPending} onClick={() => start.mutate({ kind: "design", subject })}>
                {name}
              </button>
            ))}
          </div>
        </Block>
        <Block title="Interview rounds" note="Against the clock, which runs from the moment you start.">
          <ol className="rounds">
            {(content.data?.rounds ?? []).map((round) => (
              <li key={round.id}>
                <button type="button" disabled={start.isPending} onClick={() => start.mutate({ kind: "interview", round: round.ordinal })}>
                  {round.ordinal}. {round.title}
                </button>
                <span className="note">{round.asks.slice(0, 2).join("; ")}</span>
              </li>
            ))}
          </ol>
        </Block>
      </div>
      <Block title="Started">
        {sheets.data === undefined || sheets.data.length === 0 ? (
          <p className="quiet">None yet.</p>
        ) : (
          <div className="scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">What</th>
                  <th scope="col">Started</th>
                  <th scope="col">Result</th>
                  <th scope="col" className="num">
                    Score
                  </th>
                </tr>
              </thead>
              <tbody>
                {sheets.data.map((one) => (
                  <tr key={one.id}>
                    <td className="wide">
                      <Link to="/path/drills/$id" params={{ id: one.id }}>
                        {one.sheet.title}
                      </Link>
                    </td>
                    <td>{day(one.startedUs)}</td>
                    <td>
                      {one.grade === undefined ? (
                        <State tone="watch">open</State>
                      ) : (
                        <State tone={one.grade.passed ? "good" : "bad"}>{one.grade.passed ? "passed" : "not passed"}</State>
                      )}
                    </td>
                    <td className="num">{one.grade === undefined ? "" : percent(one.grade.score, 0)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Block>
    </Page>
  );
}

export function PathSheetPage(): ReactNode {
  const { id } = useParams({ from: "/path/drills/$id" });
  const stored = useQuery(askPath.sheet(id));
  if (stored.data === undefined)
    return (
      <Page title="Drill" trail={<Link to="/path/drills">Drills and rounds</Link>}>
        <PathNav here="/path/drills" />
        <Trouble error={stored.error} />
      </Page>
    );
  return <SheetView key={id} stored={stored.data} />;
}

function SheetView({ stored }: { stored: StoredSheet }): ReactNode {
  const { sheet, grade } = stored;
  const [given, setGiven] = useAnswers(stored.id);
  const lab = useQuery({ ...askPath.lab(String(sheet.lab ?? 0)), enabled: sheet.lab !== undefined });
  const draft = useDraft(lab.data);
  const answer = useMutation({
    mutationFn: () =>
      doPath.answer(stored.id, given, sheet.lab === undefined || draft === undefined ? undefined : { language: draft.language, source: draft.latest() }),
  });
  return (
    <Page title={sheet.title} trail={<Link to="/path/drills">Drills and rounds</Link>} lede={sheet.intro[0]}>
      <PathNav here="/path/drills" />
      {sheet.intro.slice(1).map((text) => (
        <p key={text} className="lede intro">
          {text}
        </p>
      ))}
      {sheet.minutes !== null && grade === undefined ? <Remaining untilUs={stored.startedUs + sheet.minutes * 60_000_000} /> : null}
      {grade === undefined ? null : <GradeView grade={grade} entry={answer.data?.entry} />}
      {sheet.facts.length === 0 ? null : (
        <Block title="Given">
          <div className="facts">
            <Pairs pairs={sheet.facts.map(({ name, value }) => [name, value])} />
          </div>
        </Block>
      )}
      {sheet.signals.length === 0 ? null : (
        <Block title="Signals" note="One value a day; the dashed line is the limit, rings are days over it.">
          <Signals sheet={sheet} />
        </Block>
      )}
      {lab.data === undefined || draft === undefined || grade !== undefined ? null : (
        <Block title={`Lab ${lab.data.number}: ${lab.data.title}`}>
          <Prose text={lab.data.statement} />
          <CodeBox lab={lab.data} draft={draft} />
        </Block>
      )}
      {grade === undefined ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            answer.mutate();
          }}
        >
          <SheetQuestions sheet={sheet} given={given} onGiven={setGiven} />
          <Trouble error={answer.error} />
          <div className="row">
            <button type="submit" className="primary" disabled={answer.isPending}>
              {answer.isPending ? "Grading…" : "Answer"}
            </button>
            <span className="note">Graded once: the first answers count.</span>
          </div>
        </form>
      ) : null}
    </Page>
  );
}

function Remaining({ untilUs }: { untilUs: number }): ReactNode {
  const [nowMs, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.round(untilUs / 1e6 - nowMs / 1000);
  const shown = `${Math.floor(Math.abs(seconds) / 60)}:${String(Math.abs(seconds) % 60).padStart(2, "0")}`;
  return (
    <p className={seconds < 0 ? "clock remaining bad" : "clock remaining"} role="timer">
      {seconds < 0 ? `over time by ${shown}` : `${shown} left`}
    </p>
  );
}

function GradeView({ grade, entry }: { grade: Grade; entry: AnsweredSheet["entry"] | undefined }): ReactNode {
  return (
    <Block
      title="Graded"
      aside={
        <State tone={grade.passed ? "good" : "bad"}>
          {grade.passed ? "passed" : "not passed"}, {percent(grade.score, 0)}
        </State>
      }
    >
      <div role="status">
        <p>{grade.says}</p>
        {entry === undefined ? null : <p className="kept">Kept as evidence, entry {entry.sequence}.</p>}
      </div>
      {grade.reveals.map((text) => (
        <p key={text} className="reveal">
          {text}
        </p>
      ))}
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Question</th>
              <th scope="col">Yours</th>
              <th scope="col">Right</th>
              <th scope="col">Chain of steps</th>
            </tr>
          </thead>
          <tbody>
            {grade.marks.map((mark) => (
              <tr key={mark.questionId}>
                <td className="wide">
                  <State tone={mark.right ? "good" : "bad"}>{mark.right ? "right" : "wrong"}</State> {mark.prompt}
                </td>
                <td>{mark.given}</td>
                <td className="wide">{mark.expected}</td>
                <td className="wide note">{mark.why}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}
