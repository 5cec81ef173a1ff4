import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef, useState, type ReactNode } from "react";
import { Trouble } from "../parts/block.tsx";
import { askRuns, removeView, saveView } from "../run-requests.ts";
import { addressText, readAddress, type RunsAddress } from "./address.ts";

/** Saved views: ways of looking at runs that have a name, for everyone who uses this server. */
export function Views({ address, onAddress }: { address: RunsAddress; onAddress: (address: RunsAddress) => void }): ReactNode {
  const views = useQuery(askRuns.views());
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState("");
  const current = views.data?.find((v) => v.name === address.view);
  const changed = current !== undefined && current.query !== addressText(address);
  const save = useMutation({
    mutationFn: () => saveView(name.trim(), addressText(address)),
    onSuccess: () => {
      dialog.current?.close();
      onAddress({ ...address, view: name.trim() });
    },
  });
  const remove = useMutation({
    mutationFn: (which: string) => removeView(which),
    onSuccess: () => onAddress({ ...address, view: undefined }),
  });
  return (
    <>
      <label className="row">
        View
        <select
          value={current === undefined ? "" : current.name}
          onChange={(e) => {
            const chosen = views.data?.find((v) => v.name === e.target.value);
            if (chosen === undefined) onAddress({ e: address.e });
            else onAddress({ ...readAddress(Object.fromEntries(new URLSearchParams(chosen.query))), view: chosen.name });
          }}
        >
          <option value="">All runs</option>
          {(views.data ?? []).map((v) => (
            <option key={v.name} value={v.name}>
              {v.name}
              {v.name === address.view && changed ? " (changed)" : ""}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        onClick={() => {
          setName(address.view ?? "");
          dialog.current?.showModal();
        }}
      >
        Save view
      </button>
      {current === undefined ? null : (
        <button type="button" onClick={() => remove.mutate(current.name)} disabled={remove.isPending}>
          Forget view
        </button>
      )}
      <dialog ref={dialog} aria-labelledby="view-title">
        <form
          onSubmit={(e) => {
            e.preventDefault();
            save.mutate();
          }}
        >
          <h2 id="view-title">Save this view</h2>
          <p className="note">Filter, order, columns and grouping. Kept on the server, for everyone; a view of that name is replaced.</p>
          <label>
            Name
            <input value={name} onChange={(e) => setName(e.target.value)} required maxLength={200} />
          </label>
          <Trouble error={save.error} />
          <div className="row end">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" className="primary" disabled={save.isPending || name.trim() === ""}>
              Save
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
