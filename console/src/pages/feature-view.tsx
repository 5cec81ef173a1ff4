import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";
import type { ExploredEntity, FeatureValue, FeatureViewDetail } from "../../../src/server/api-features.ts";
import { count, day, duration, figure, moment } from "../format.ts";
import { Block, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { Events } from "../parts/parity.tsx";
import { State } from "../parts/state.tsx";
import { DefinitionHistory } from "../parts/definition-history.tsx";
import { InUse } from "../parts/in-use.tsx";
import { ask } from "../requests.ts";

/** One view: what it declares, what it says of an entity and why, how both engines compute it, and how its source does. */
export function FeatureViewPage(): ReactNode {
  const { hash } = useParams({ from: "/features/$hash" });
  const detail = useQuery(ask.featureView(hash));
  const d = detail.data;
  if (d === undefined)
    return (
      <Page title="Feature view">
        <Trouble error={detail.error} />
      </Page>
    );
  const { view } = d;
  return (
    <Page
      title={view.name}
      trail={<Link to="/features">Features</Link>}
      lede={`By ${view.entity} (${view.keys.join(", ")}) from ${view.source}. A change of anything below is a new version of the view, with a hash of its own.`}
    >
      <Definition detail={d} />
      <InUse detail={d} />
      <Explorer detail={d} />
      <Health detail={d} />
      <DefinitionHistory hash={view.hash} />
    </Page>
  );
}

function Definition({ detail: { view, where, ttlUs } }: { detail: FeatureViewDetail }): ReactNode {
  return (
    <Block title="Definition" aside={<code className="quiet">{view.hash.slice(0, 16)}</code>}>
      <Pairs
        pairs={[
          ["event time", <code key="e">{view.eventTime}</code>],
          ["known from", view.knownTime === null ? "the event itself" : <code key="k">{view.knownTime}</code>],
          ...(where === null ? [] : ([["only rows with", <code key="w">{where}</code>]] as const)),
          ...(ttlUs === null ? [] : ([["newest row kept for", duration(ttlUs / 1e6)]] as const)),
          [
            "read by",
            view.readBy.length === 0 ? "no model" : view.readBy.map((r) => `${r.model} as ${r.prefix} (${Object.values(r.binding).join(", ")})`).join("; "),
          ],
        ]}
      />
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Feature</th>
              <th>Aggregate</th>
              <th>Of</th>
              <th>Window</th>
            </tr>
          </thead>
          <tbody>
            {view.features.map((f) => (
              <tr key={f.name}>
                <td>
                  <code>{f.name}</code>
                </td>
                <td>{f.aggregate}</td>
                <td>{f.measure === null ? "rows" : <code>{f.measure}</code>}</td>
                <td>{f.window}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}

interface Question {
  readonly keys: readonly (string | number | boolean)[];
  readonly atUs: number;
}

/** What did we know, and why. Asked at once for the last question a model asked of the view. */
function Explorer({ detail }: { detail: FeatureViewDetail }): ReactNode {
  const { view, keyTypes, example, online } = detail;
  const [asked, setAsked] = useState<Question | null>(example);
  const answer = useQuery({ ...ask.entity(view.hash, asked?.keys ?? [], asked?.atUs ?? 0), enabled: asked !== null });
  return (
    <>
      <Block
        title="What did we know, and why"
        note="One entity, as of one instant, asked of both engines: what serving reads, what training would read, and the rows they come from."
      >
        <Ask keys={view.keys} types={keyTypes} start={asked} isBusy={answer.isFetching} onAsk={setAsked} />
        <Trouble error={answer.error} />
        {answer.data === undefined || asked === null ? null : <Answer answer={answer.data} />}
      </Block>
      <Block title="Compiled twice" note="The same definition as the online engine keeps it, and as the SQL that was run for the question above.">
        <div className="compiled">
          <div>
            <h3>Online</h3>
            <ul>
              {online.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          </div>
          <div>
            <h3>Offline, DuckDB</h3>
            {answer.data === undefined ? (
              <p className="quiet">Ask a question to see its SQL.</p>
            ) : (
              <pre tabIndex={0} aria-label="SQL of the offline engine">
                {answer.data.sql.join(";\n\n")}
              </pre>
            )}
          </div>
        </div>
      </Block>
    </>
  );
}

function Ask({
  keys,
  types,
  start,
  isBusy,
  onAsk,
}: {
  keys: readonly string[];
  types: FeatureViewDetail["keyTypes"];
  start: Question | null;
  isBusy: boolean;
  onAsk: (question: Question) => void;
}): ReactNode {
  const [problem, setProblem] = useState<string | null>(null);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const textOf = (name: string): string => {
      const value = form.get(name);
      return typeof value === "string" ? value : "";
    };
    const values = keys.map((_, i) => textOf(`key${i}`));
    const at = Date.parse(`${textOf("at")}Z`);
    if (values.some((value) => value === "")) setProblem(`Give a value for ${keys.join(" and ")}.`);
    else if (Number.isNaN(at)) setProblem("Give a time, such as 2001-03-04 17:05 (UTC).");
    else {
      setProblem(null);
      onAsk({ keys: values, atUs: at * 1000 });
    }
  };
  return (
    <form className="row ask" onSubmit={submit}>
      {keys.map((key, i) => (
        <label key={key}>
          {key}{" "}
          {types[i] === "boolean" ? (
            <select name={`key${i}`} defaultValue={start === null ? "true" : String(start.keys[i])}>
              <option>true</option>
              <option>false</option>
            </select>
          ) : (
            <input name={`key${i}`} defaultValue={start === null ? "" : String(start.keys[i])} autoComplete="off" />
          )}
        </label>
      ))}
      <label>
        at (UTC) <input name="at" type="datetime-local" step="1" defaultValue={start === null ? "" : new Date(start.atUs / 1000).toISOString().slice(0, 19)} />
      </label>
      <button type="submit" disabled={isBusy}>
        {isBusy ? "Asking" : "Ask"}
      </button>
      {problem === null ? null : (
        <p className="bad" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

function Answer({ answer }: { answer: ExploredEntity }): ReactNode {
  const different = answer.features.filter((f) => !f.isEqual).length;
  const isKept = answer.keptFromUs !== null && answer.atUs >= answer.keptFromUs;
  return (
    <>
      <p className="row">
        <b>{Object.values(answer.keys).map(String).join(", ")}</b> at {moment(answer.atUs)}{" "}
        {different === 0 ? (
          <State tone="good">online = offline</State>
        ) : isKept ? (
          <State tone="bad">{count(different)} differ</State>
        ) : (
          <State tone="quiet">before what is kept online</State>
        )}
      </p>
      {isKept ? null : (
        <p className="note">
          The online store answers exactly from {moment(answer.keptFromUs)} on; it forgets what no question of the present needs. For this instant only the
          offline values hold.
        </p>
      )}
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Feature</th>
              <th className="num">Online</th>
              <th className="num">Offline</th>
              <th>Agree</th>
              <th>Window from</th>
              <th className="num">Rows in it</th>
            </tr>
          </thead>
          <tbody>
            {answer.features.map((f) => (
              <tr key={f.name}>
                <td>
                  <code>{f.name}</code>
                </td>
                <td className="num">{shown(f.online)}</td>
                <td className="num">{shown(f.offline)}</td>
                <td>{f.isEqual ? <State tone="good">yes</State> : isKept ? <State tone="bad">no</State> : "–"}</td>
                <td>{moment(f.fromUs)}</td>
                <td className="num">
                  {count(f.events)}
                  {answer.isCut && f.events === answer.events.length ? " or more" : ""}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {answer.events.length === 0 ? (
        <p className="quiet">Nothing was known of it in the longest window.</p>
      ) : (
        <details className="behind" open={answer.events.length <= 12}>
          <summary>
            The {count(answer.events.length)} {answer.isCut ? "newest rows" : answer.events.length === 1 ? "row" : "rows"} behind it
          </summary>
          <Events events={answer.events} />
        </details>
      )}
    </>
  );
}

/** A vector has hundreds. */
const itemsShown = 8;

function shown(value: FeatureValue): string {
  if (value === null) return "null";
  if (typeof value === "number") return figure(value);
  if (typeof value === "string") return value;
  const items = value.slice(0, itemsShown).map((item) => (typeof item === "number" ? figure(item) : item));
  return `[${items.join(", ")}${value.length > itemsShown ? `, … ${count(value.length)} in all` : ""}]`;
}

/** How the topic that feeds the source is followed. */
function Stream({ stream: { topic, state, lag, partitions, missed, lastError } }: { stream: NonNullable<FeatureViewDetail["stream"]> }): ReactNode {
  return (
    <>
      <Readings
        items={[
          {
            name: `topic ${topic}`,
            value: state === "following" ? <State tone="good">followed</State> : <State tone={state === "away" ? "bad" : "quiet"}>{state}</State>,
            sub: state === "unknown" ? "the serving process is not reached" : `${count(partitions)} ${partitions === 1 ? "partition" : "partitions"}`,
          },
          { name: "lag, messages not yet applied", value: lag === null ? "–" : count(lag), ...(state === "away" ? { sub: "as of the last answer" } : {}) },
          ...(missed === 0 ? [] : [{ name: "deleted before they were read", value: count(missed) }]),
        ]}
      />
      {lastError === null ? null : (
        <div className={state === "away" ? "trouble" : ""}>
          <p className={state === "away" ? "bad" : "quiet"}>{lastError.message}</p>
          <p className="note">
            {state === "away" ? `${lastError.remedy} ` : "It has passed. "}({lastError.code}, {moment(lastError.atUs)})
          </p>
        </div>
      )}
    </>
  );
}

function Health({ detail: { health: h, view, stream } }: { detail: FeatureViewDetail }): ReactNode {
  return (
    <Block title="Source" note={`What became of the rows of ${view.source} that reached the online store.`}>
      <Readings
        items={[
          { name: "rows taken", value: count(h.rows) },
          {
            name: "newest event",
            value: day(h.newestEventUs),
            ...(h.newestEventUs === null ? {} : { sub: `${moment(h.newestEventUs)}, known ${moment(h.newestKnownUs)}` }),
          },
          ...(h.ageUs === null
            ? []
            : [
                {
                  name: "age of the newest event",
                  value: duration(h.ageUs / 1e6),
                  sub: h.freshnessUs === null ? "no limit declared" : `alert above ${duration(h.freshnessUs / 1e6)}`,
                },
              ]),
          { name: "filled from the file up to", value: day(h.filledToUs) },
          { name: "too late to count", value: count(h.late) },
          { name: "deletions", value: count(h.deletions) },
          { name: "set aside", value: count(h.setAside) },
        ]}
      />
      {stream === null ? null : <Stream stream={stream} />}
      {h.quarantine.length === 0 ? null : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Reason</th>
                <th>What was wrong</th>
                <th>Row</th>
              </tr>
            </thead>
            <tbody>
              {h.quarantine.map((row) => (
                <tr key={row.number}>
                  <td>
                    <code>{row.code}</code>
                  </td>
                  <td className="wide">{row.message}</td>
                  <td>
                    <code>{row.row}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Block>
  );
}
