import { useState, type ReactNode } from "react";
import { Refusal } from "../requests.ts";

/** The filter as it is typed; asked with Enter. */
export function Filter({ filter, onFilter, error }: { filter: string; onFilter: (filter: string) => void; error: unknown }): ReactNode {
  const [typed, setTyped] = useState(filter);
  const [shown, setShown] = useState(filter);
  // Another view was opened: its filter takes the place of what was typed.
  if (shown !== filter) {
    setShown(filter);
    setTyped(filter);
  }
  const refused = error instanceof Refusal && error.code === "SEARCH_INVALID" ? error : undefined;
  return (
    <form
      className="filter"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        onFilter(typed.trim());
      }}
    >
      <label>
        <span className="name">Filter</span>
        <input
          type="search"
          className="mono"
          value={typed}
          onChange={(e) => setTyped(e.target.value)}
          placeholder="metrics.auc > 0.7 AND (params.lr = '0.1' OR NOT tags.stage LIKE 'dev%')"
          spellCheck={false}
          autoComplete="off"
          maxLength={8000}
          aria-invalid={refused !== undefined}
          aria-describedby={refused === undefined ? undefined : "filter-refused"}
        />
      </label>
      <button type="submit">Apply</button>
      {refused === undefined ? null : <Refused filter={filter} refusal={refused} />}
    </form>
  );
}

function Refused({ filter, refusal }: { filter: string; refusal: Refusal }): ReactNode {
  const position = refusal.details["position"];
  const at = typeof position === "number" ? Math.min(position, filter.length) : undefined;
  return (
    <div className="refused" id="filter-refused" role="alert">
      {at === undefined ? null : (
        <code className="where">
          {filter.slice(0, at)}
          <mark>{filter.slice(at, at + 1) || " "}</mark>
          {filter.slice(at + 1)}
        </code>
      )}
      <p className="bad">{refusal.message}</p>
      <p className="note">{at === undefined ? refusal.remedy : `At character ${at + 1}. ${refusal.remedy}`}</p>
    </div>
  );
}
