import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { RunKeys } from "../../../src/server/api-runs.ts";
import { count } from "../format.ts";
import { askRuns, type Selection } from "../run-requests.ts";

const maxColumns = 60;

/** Columns by choice, from the keys of the newest runs or found by a part of their name. */
export function ColumnChoice({
  selection,
  columns,
  onColumns,
}: {
  selection: Selection;
  columns: readonly string[];
  onColumns: (columns: readonly string[] | null) => void;
}): ReactNode {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const keys = useQuery({ ...askRuns.keys({ ...selection, filter: "" }, text), enabled: open });
  const toggle = (column: string): void => onColumns(columns.includes(column) ? columns.filter((c) => c !== column) : [...columns, column]);
  return (
    <details
      className="key-choice"
      open={open}
      onToggle={(e) => setOpen(e.currentTarget.open)}
      onKeyDown={(e) => {
        if (e.key === "Escape") setOpen(false);
      }}
    >
      <summary>Columns</summary>
      <div className="sheet" role="group" aria-label="Columns">
        <input type="search" value={text} onChange={(e) => setText(e.target.value)} placeholder="part of a name" aria-label="Part of a column's name" />
        {keys.data === undefined ? null : (
          <>
            {sections(keys.data, columns, text).map(({ title, list }) =>
              list.length === 0 ? null : (
                <fieldset key={title}>
                  <legend>{title}</legend>
                  {list.slice(0, 200).map((column) => (
                    <label key={column}>
                      <input
                        type="checkbox"
                        checked={columns.includes(column)}
                        disabled={!columns.includes(column) && columns.length >= maxColumns}
                        onChange={() => toggle(column)}
                      />
                      <span>{column.slice(2)}</span>
                    </label>
                  ))}
                  {list.length > 200 ? <p className="note">and {count(list.length - 200)} more: type a part of the name</p> : null}
                </fieldset>
              ),
            )}
            <p className="note">
              Keys of the newest {count(keys.data.looked)} runs. At most {maxColumns} columns.
            </p>
          </>
        )}
        <button type="button" onClick={() => onColumns(null)}>
          The usual ones
        </button>
      </div>
    </details>
  );
}

/** What is chosen is listed even if the newest runs do not have it. */
function sections(keys: RunKeys, columns: readonly string[], text: string): { title: string; list: string[] }[] {
  const of = (kind: string, found: readonly string[]): string[] => {
    const chosen = columns.filter((c) => c.startsWith(`${kind}.`) && c.toLowerCase().includes(text.toLowerCase()));
    return [...new Set([...chosen, ...found.map((k) => `${kind}.${k}`)])];
  };
  return [
    { title: "Metrics", list: of("m", keys.metrics) },
    { title: "Params", list: of("p", keys.params) },
    { title: "Tags", list: of("t", keys.tags) },
  ];
}
