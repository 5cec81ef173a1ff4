import { useMutation } from "@tanstack/react-query";
import { useRef, useState, type ReactNode } from "react";
import type { DeploymentState, ModelDetail, Version } from "../../../src/server/api.ts";
import { percent } from "../format.ts";
import { queries, setTraffic } from "../requests.ts";
import { Trouble } from "./block.tsx";

/** Who answers which share of keys, drawn to scale: the champion first, then the challengers in the order in which they entered. */
export function TrafficSplit({ deployment: d }: { deployment: DeploymentState }): ReactNode {
  if (d.challengers.length === 0) return null;
  const rest = 1 - d.challengers.reduce((sum, { share }) => sum + share, 0);
  const parts = [{ version: d.champion, share: rest }, ...d.challengers];
  let x = 0;
  return (
    <figure className="split">
      <svg
        viewBox="0 0 1000 14"
        preserveAspectRatio="none"
        width="100%"
        height="14"
        role="img"
        aria-label={parts.map(({ version, share }) => `version ${version} answers ${percent(share, 1)}`).join(", ")}
      >
        {parts.map(({ version, share }, i) => {
          const from = x;
          x += share * 1000;
          return (
            <rect
              key={version}
              className={i === 0 ? "traffic-champion" : "traffic-challenger"}
              x={from}
              y="0"
              width={Math.max(1, share * 1000 - 2)}
              height="14"
            >
              <title>{`v${version}: ${percent(share, 2)} of keys`}</title>
            </rect>
          );
        })}
      </svg>
    </figure>
  );
}

interface Row {
  /** As it is typed: percent; empty for none. */
  readonly share: string;
  readonly isShadow: boolean;
}

/** From which a version may enter the traffic. */
const entering: readonly Version["state"][] = ["registered", "shadow", "ab"];

/** A version may answer live requests once its shadow proof is there or waived. */
function mayAnswer({ proofs }: Version): boolean {
  const shadow = proofs.find(({ kind }) => kind === "shadow");
  return shadow?.state === "proved" || shadow?.state === "waived";
}

export function SetTraffic({ model, deployment: d }: { model: ModelDetail; deployment: DeploymentState }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const [rows, setRows] = useState<ReadonlyMap<number, Row>>(new Map());
  const versions = model.all.filter(({ state }) => entering.includes(state)).slice(0, 12);
  const wanted = [...rows].flatMap(([version, { share }]) => (Number(share) > 0 ? [{ version, share: Number(share) / 100 }] : []));
  const shadows = [...rows].flatMap(([version, { isShadow, share }]) => (isShadow && !(Number(share) > 0) ? [version] : []));
  const together = wanted.reduce((sum, { share }) => sum + share, 0);
  const change = useMutation({
    mutationFn: () => setTraffic(model.name, wanted, shadows, reason),
    onSuccess: () => {
      dialog.current?.close();
      setReason("");
      void queries.invalidateQueries();
    },
  });
  const open = (): void => {
    const shareOf = (version: number): string => {
      const share = d.challengers.find((challenger) => challenger.version === version)?.share;
      return share === undefined ? "" : String(Number((share * 100).toFixed(2)));
    };
    setRows(new Map(versions.map(({ version }) => [version, { share: shareOf(version), isShadow: d.shadows.includes(version) }])));
    change.reset();
    dialog.current?.showModal();
  };
  const edit = (version: number, row: Partial<Row>): void => setRows(new Map(rows).set(version, { share: "", isShadow: false, ...rows.get(version), ...row }));
  return (
    <>
      <button
        type="button"
        disabled={versions.length === 0}
        title={versions.length === 0 ? "There is no version that may enter: train or adopt one" : undefined}
        onClick={open}
      >
        Split traffic
      </button>
      <dialog ref={dialog} aria-labelledby="traffic-title">
        <form
          onSubmit={(e) => {
            e.preventDefault();
            change.mutate();
          }}
        >
          <h2 id="traffic-title">Who answers for {model.name}?</h2>
          <p className="note">
            Each key keeps its version; a larger share takes only the keys it needs. A shadow sees every question and answers none. It is the same as{" "}
            <code>karkhana traffic {model.name}</code>.
          </p>
          <table className="traffic-form">
            <thead>
              <tr>
                <th>Version</th>
                <th className="num">Share, %</th>
                <th>Shadow</th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <td className="champion">v{d.champion}, champion</td>
                <td className="num">{percent(Math.max(0, 1 - together), 2)}</td>
                <td className="quiet">–</td>
              </tr>
              {versions.map((v) => {
                const row = rows.get(v.version) ?? { share: "", isShadow: false };
                return (
                  <tr key={v.version}>
                    <td>v{v.version}</td>
                    <td className="num">
                      {mayAnswer(v) ? (
                        <input
                          type="number"
                          min="0"
                          max="50"
                          step="0.01"
                          inputMode="decimal"
                          aria-label={`Share of version ${v.version}, percent`}
                          value={row.share}
                          onChange={(e) => edit(v.version, { share: e.target.value })}
                        />
                      ) : (
                        <span className="quiet">owes its shadow proof</span>
                      )}
                    </td>
                    <td>
                      <input
                        type="checkbox"
                        aria-label={`Version ${v.version} in shadow`}
                        checked={row.isShadow && !(Number(row.share) > 0)}
                        disabled={Number(row.share) > 0}
                        onChange={(e) => edit(v.version, { isShadow: e.target.checked })}
                      />
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
          {together > 0.9 ? <p className="bad">Together at most 90 %: the champion keeps a tenth.</p> : null}
          <label>
            Reason, kept with the event
            <input value={reason} onChange={(e) => setReason(e.target.value)} required maxLength={500} />
          </label>
          <Trouble error={change.error} />
          <div className="row end">
            <button type="button" onClick={() => dialog.current?.close()}>
              Leave it
            </button>
            <button type="submit" className="primary" disabled={change.isPending || reason.trim() === "" || together > 0.9}>
              Split traffic
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
