import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ViewVersion } from "../../../src/server/api-features.ts";
import { moment } from "../format.ts";
import { ask } from "../requests.ts";
import { Block, Trouble } from "./block.tsx";
import { State } from "./state.tsx";

/** Versions of the view's definition, newest first, and what each changed. */
export function DefinitionHistory({ hash }: { hash: string }): ReactNode {
  const answer = useQuery(ask.viewVersions(hash));
  const versions = answer.data;
  if (versions === undefined) return <Trouble error={answer.error} />;
  if (versions.length === 0) return null;
  return (
    <Block
      title="History of the definition"
      note="Each version has values of its own: a changed view must be materialized, and models that read it trained, before it answers. A version of a model that was trained on another definition is refused."
    >
      <ol className="definition-versions" reversed>
        {versions.map((version) => (
          <li key={`${version.hash} ${version.seenUs}`}>
            <Version version={version} />
          </li>
        ))}
      </ol>
    </Block>
  );
}

function Version({ version: { hash, seenUs, isCurrent, changes } }: { version: ViewVersion }): ReactNode {
  return (
    <>
      <p className="row">
        {hash === null ? "no longer in the project" : <code>{hash.slice(0, 16)}</code>} since {moment(seenUs)}{" "}
        {isCurrent ? <State tone="good">current</State> : null}
      </p>
      {hash === null || changes.length === 0 ? null : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Changed</th>
                <th>From</th>
                <th>To</th>
              </tr>
            </thead>
            <tbody>
              {changes.map(({ part, from, to }) => (
                <tr key={part}>
                  <td>{part}</td>
                  <td className="wide">{from === null ? "–" : <code>{from}</code>}</td>
                  <td className="wide">{to === null ? "removed" : <code>{to}</code>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
