import type { ReactNode } from "react";
import type { GradedLab, Verdict } from "../../../src/server/path-api.ts";
import { State } from "../parts/state.tsx";

/** What a grading found: every case, and for a wrong one the expectation beside what came. */
export function VerdictView({ verdict, added }: { verdict: Verdict; added: GradedLab["added"] }): ReactNode {
  const failed = verdict.cases.filter(({ status }) => status === "failed");
  return (
    <div className="verdict" role="status">
      <p className="verdict-head">
        <State tone={verdict.passed ? "good" : "bad"}>{verdict.passed ? "Passed" : "Not passed"}</State> {verdict.message}
      </p>
      {added.map((line) => (
        <p key={line.sequence} className="kept">
          Kept as evidence, entry {line.sequence}: {line.says}
        </p>
      ))}
      <ol className="cases">
        {verdict.cases.map((one) => (
          <li key={one.name}>
            <State tone={one.status === "passed" ? "good" : one.status === "failed" ? "bad" : "quiet"}>{one.name}</State>
          </li>
        ))}
      </ol>
      {failed.map((one) => (
        <section key={one.name} className="diff">
          <h3>{one.name}</h3>
          <p>{one.message}</p>
          <dl className="pairs">
            <dt>given</dt>
            <dd>
              <code>{one.inputs}</code>
            </dd>
            {one.expected === null ? null : (
              <>
                <dt>expected</dt>
                <dd>
                  <code className="good">{one.expected}</code>
                </dd>
              </>
            )}
            {one.got === null ? null : (
              <>
                <dt>got</dt>
                <dd>
                  <code className="bad">{one.got}</code>
                </dd>
              </>
            )}
            {one.tolerance === null ? null : (
              <>
                <dt>tolerance</dt>
                <dd>
                  {one.tolerance}
                  {one.difference === null ? "" : `; off by ${one.difference}`}
                </dd>
              </>
            )}
          </dl>
        </section>
      ))}
      {verdict.output === "" ? null : (
        <details>
          <summary>What it printed</summary>
          <pre tabIndex={0}>{verdict.output}</pre>
        </details>
      )}
      <details>
        <summary>
          {verdict.runner}, {verdict.durationMs} ms{verdict.peakMemoryBytes === null ? "" : `, ${Math.round(verdict.peakMemoryBytes / 1e6)} MB`}; seed{" "}
          {verdict.seed}; guards in force: {verdict.guards.filter(({ inForce }) => inForce).length} of {verdict.guards.length}
        </summary>
        <ul className="plain-list">
          {verdict.guards.map((guard) => (
            <li key={guard.id}>
              <State tone={guard.inForce ? "good" : "watch"}>{guard.id}</State>
              <span className="note">{guard.by}</span>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}
