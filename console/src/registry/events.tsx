import { useState, type ReactNode } from "react";
import type { ModelEvent } from "../../../src/server/api.ts";
import { moment, words } from "../format.ts";
import { Block } from "../parts/block.tsx";
import { State, type Tone } from "../parts/state.tsx";

const shownEvents = 12;

/** What was decided, newest first. */
export function Events({ events }: { events: readonly ModelEvent[] }): ReactNode {
  const [all, setAll] = useState(false);
  const shown = all ? events : events.slice(-shownEvents);
  return (
    <Block title="What happened">
      <ol className="news is-wide">
        {shown.toReversed().map((e) => (
          <li key={e.sequence}>
            <time>{moment(e.atUs)}</time>
            <span>
              <State tone={eventTone(e.kind, e.reason)}>
                {words(e.kind)}
                {e.version === null ? "" : ` v${e.version}`}
              </State>{" "}
              <span className="quiet">{e.reason}</span>
            </span>
          </li>
        ))}
      </ol>
      {events.length === 0 ? <p className="quiet">Nothing yet.</p> : null}
      {events.length > shownEvents ? (
        <button type="button" onClick={() => setAll(!all)} style={{ marginTop: 8 }}>
          {all ? "Latest only" : `All ${events.length}`}
        </button>
      ) : null}
    </Block>
  );
}

function eventTone(kind: string, reason: string): Tone {
  if (kind === "proof" && /\bfailed\b/.test(reason.split(":")[0]!)) return "bad";
  if (kind === "promoted" || kind === "proof") return "good";
  if (kind === "refused" || kind === "rolled-back") return "bad";
  return kind === "stood-down" || kind === "waiver" ? "watch" : "quiet";
}
