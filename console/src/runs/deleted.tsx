import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { DeletedRow } from "../../../src/server/api-runs.ts";
import { bytes, count } from "../format.ts";
import { Block, Trouble } from "../parts/block.tsx";
import { askRuns, purge } from "../run-requests.ts";
import { useSession } from "../session.ts";

/** What was deleted and still takes space, each with the way to delete it for good. */
export function DeletedRecords(): ReactNode {
  const deleted = useQuery(askRuns.deleted());
  const session = useSession();
  const [asked, setAsked] = useState<DeletedRow | null>(null);
  const mayPurge = session?.state === "open" || session?.role === "admin";
  const rows = deleted.data ?? [];
  if (rows.length === 0) return <Trouble error={deleted.error} />;
  return (
    <Block title="Deleted" note="They can be restored with MLflow's client until they are deleted for good, which frees their names and their space.">
      <div className="scroll deleted" tabIndex={0} role="region" aria-label="Deleted">
        <table>
          <thead>
            <tr>
              <th>Experiment</th>
              <th>What is deleted</th>
              <th className="num">Files</th>
              <th className="num">Size</th>
              <th aria-label="Delete for good" />
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.kind} ${row.experimentId}`}>
                <td>{row.name}</td>
                <td>{whatOf(row)}</td>
                <td className="num">
                  {row.isCounted ? "" : "more than "}
                  {count(row.files)}
                </td>
                <td className="num">
                  {row.isCounted ? "" : "more than "}
                  {bytes(row.bytes)}
                </td>
                <td className="num">
                  <button type="button" className="grave" disabled={!mayPurge} title={mayPurge ? undefined : "For admins"} onClick={() => setAsked(row)}>
                    Delete for good
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asked === null ? null : <PurgeDialog row={asked} onClose={() => setAsked(null)} />}
    </Block>
  );
}

function whatOf({ kind, runs, loggedModels }: DeletedRow): string {
  const ofRuns = `${count(runs)} ${runs === 1 ? "run" : "runs"}`;
  if (kind === "runs") return ofRuns;
  return `the experiment, ${ofRuns}${loggedModels === 0 ? "" : `, ${count(loggedModels)} logged ${loggedModels === 1 ? "model" : "models"}`}`;
}

/** Outside of the table, whose cells would cut it off. */
function PurgeDialog({ row, onClose }: { row: DeletedRow; onClose: () => void }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const gone = useMutation({
    mutationFn: () => purge(row),
    onSuccess: ({ inUse }) => {
      if (inUse === 0) dialog.current?.close();
    },
  });
  return (
    <dialog ref={dialog} aria-labelledby="purge-title" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          gone.mutate();
        }}
      >
        <h2 id="purge-title">Delete for good what was deleted of {row.name}?</h2>
        <p>
          {whatOf(row)}; {row.isCounted ? "" : "more than "}
          {count(row.files)} {row.files === 1 ? "file" : "files"}, {bytes(row.bytes)}.
        </p>
        <p className="note">
          Nothing brings it back. {row.kind === "experiment" ? "Its name is free afterwards. " : ""}What a registered version uses stays. It is the same as{" "}
          <code>karkhana purge --experiment {row.experimentId}</code>.
        </p>
        {gone.data !== undefined && gone.data.inUse > 0 ? (
          <p role="status">
            {count(gone.data.runs)} deleted; {count(gone.data.inUse)} stay, since registered versions use their files.
          </p>
        ) : null}
        <Trouble error={gone.error} />
        <div className="row end">
          <button type="button" onClick={() => dialog.current?.close()}>
            {gone.data === undefined ? "Keep" : "Close"}
          </button>
          <button type="submit" className="grave" disabled={gone.isPending || gone.data !== undefined}>
            {gone.isPending ? "Deleting" : "Delete for good"}
          </button>
        </div>
      </form>
    </dialog>
  );
}
