import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { ArtifactEntry, ArtifactPreview } from "../../../src/server/api-runs.ts";
import { bytes, count } from "../format.ts";
import { Block, Trouble } from "../parts/block.tsx";
import { askRuns, downloadAddress, imageAddress } from "../run-requests.ts";

/** Files of a run as a tree that is read folder by folder, with a look into the one chosen. */
export function Artifacts({ runId }: { runId: string }): ReactNode {
  const [open, setOpen] = useState<string | null>(null);
  const top = useQuery(askRuns.folder(runId, ""));
  return (
    <Block title="Artifacts" note={top.data?.entries.length === 0 ? "None." : undefined}>
      <Trouble error={top.error} />
      {top.data === undefined || top.data.entries.length === 0 ? null : (
        <div className="artifacts">
          <Tree runId={runId} entries={top.data.entries} more={top.data.more} open={open} onOpen={setOpen} />
          <div className="look" aria-live="polite">
            {open === null ? <p className="quiet">Choose a file to look into it.</p> : <Look key={open} runId={runId} path={open} />}
          </div>
        </div>
      )}
    </Block>
  );
}

interface TreeProps {
  readonly runId: string;
  readonly open: string | null;
  readonly onOpen: (path: string) => void;
}

function Tree({ entries, more, ...rest }: TreeProps & { entries: readonly ArtifactEntry[]; more: boolean }): ReactNode {
  return (
    <ul className="tree">
      {entries.map((e) => (
        <li key={e.path}>{e.isFolder ? <Folder entry={e} {...rest} /> : <FileEntry entry={e} {...rest} />}</li>
      ))}
      {more ? <li className="note">The first {count(entries.length)}.</li> : null}
    </ul>
  );
}

function Folder({ entry, ...rest }: TreeProps & { entry: ArtifactEntry }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const inside = useQuery({ ...askRuns.folder(rest.runId, entry.path), enabled: isOpen });
  return (
    <>
      <button type="button" className="plain mono" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true">{isOpen ? "▾ " : "▸ "}</span>
        {entry.name}/
      </button>
      <Trouble error={inside.error} />
      {isOpen && inside.data !== undefined ? <Tree entries={inside.data.entries} more={inside.data.more} {...rest} /> : null}
    </>
  );
}

function FileEntry({ entry, open, onOpen }: TreeProps & { entry: ArtifactEntry }): ReactNode {
  return (
    <span className="file">
      <button type="button" className="plain mono" aria-pressed={open === entry.path} onClick={() => onOpen(entry.path)}>
        {entry.name}
      </button>
      <span className="quiet">{bytes(entry.sizeBytes)}</span>
    </span>
  );
}

function Look({ runId, path }: { runId: string; path: string }): ReactNode {
  const preview = useQuery(askRuns.preview(runId, path));
  return (
    <>
      <p className="row look-head">
        <code>{path}</code>
        <a className="button" href={downloadAddress(runId, path)} download>
          Download{preview.data === undefined ? "" : `, ${bytes(preview.data.sizeBytes)}`}
        </a>
      </p>
      <Trouble error={preview.error} />
      {preview.data === undefined ? null : <Preview runId={runId} preview={preview.data} />}
    </>
  );
}

function Preview({ runId, preview }: { runId: string; preview: ArtifactPreview }): ReactNode {
  if (preview.kind === "none") return <p className="quiet">{preview.why}</p>;
  if (preview.kind === "image") return <img src={imageAddress(runId, preview.path)} alt={`Artifact ${preview.path}`} />;
  if (preview.kind === "table") return <Table preview={preview} />;
  return (
    <>
      <pre tabIndex={0}>{preview.kind === "json" && !preview.truncated ? pretty(preview.text) : preview.text}</pre>
      {preview.truncated ? <p className="note">The first 256 kB of {bytes(preview.sizeBytes)}.</p> : null}
    </>
  );
}

function Table({ preview }: { preview: Extract<ArtifactPreview, { kind: "table" }> }): ReactNode {
  const { columns, rows, totalRows, moreColumns } = preview;
  const note = [
    totalRows === null
      ? `The first ${count(rows.length)} rows`
      : `${rows.length < totalRows ? `The first ${count(rows.length)} of ` : ""}${count(totalRows)} rows`,
    `${count(columns.length)}${moreColumns > 0 ? ` of ${count(columns.length + moreColumns)}` : ""} columns`,
  ].join(", ");
  return (
    <>
      <div className="scroll table-look" tabIndex={0} role="region" aria-label={`Rows of ${preview.path}`}>
        <table>
          <thead>
            <tr>
              {columns.map((c, i) => (
                <th key={`${i} ${c.name}`}>
                  {c.name}
                  <div className="under">{c.type.toLowerCase()}</div>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, j) => (
                  <td key={j}>{cell ?? <span className="quiet">null</span>}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="note">{note}.</p>
    </>
  );
}

export function ConsoleLog({ runId, path }: { runId: string; path: string }): ReactNode {
  const preview = useQuery(askRuns.preview(runId, path));
  const text = preview.data?.kind === "text" ? preview.data : undefined;
  return (
    <Block
      title="Console"
      note={text?.truncated === true ? `The first 256 kB of ${path}` : path}
      aside={
        <a className="button" href={downloadAddress(runId, path)} download>
          Download
        </a>
      }
    >
      <Trouble error={preview.error} />
      {text === undefined ? null : <pre tabIndex={0}>{text.text}</pre>}
    </Block>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
