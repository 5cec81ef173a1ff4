import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment, useRef, useState, type ReactNode } from "react";
import type { ModelDetail, ProofMark, ProofState, Version } from "../../../src/server/api.ts";
import { count, dayShort, fixed, figure, moment, percent, shortHash, words } from "../format.ts";
import { Block, Empty, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { State, type Tone } from "../parts/state.tsx";
import { ask, queries, rollback } from "../requests.ts";

export function ModelsPage(): ReactNode {
  const models = useQuery(ask.models());
  const only = models.data?.length === 1 ? models.data[0] : undefined;
  if (only !== undefined) return <Model name={only.name} />;
  return (
    <Page title="Models" lede="What the project trains, and which version answers.">
      <Trouble error={models.error} />
      {models.data === undefined ? null : models.data.length === 0 ? (
        <Empty what="The project declares no model." command="karkhana init" />
      ) : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>Model</th>
                <th className="num">Champion</th>
                <th className="num">Versions</th>
                <th className="num">AUC, held out</th>
                <th className="num">AUC, live</th>
                <th className="num">Open alerts</th>
              </tr>
            </thead>
            <tbody>
              {models.data.map((m) => (
                <tr key={m.name}>
                  <td>
                    <Link to="/models/$name" params={{ name: m.name }}>
                      {m.name}
                    </Link>
                  </td>
                  <td className="num">{m.champion === null ? "–" : `v${m.champion}`}</td>
                  <td className="num">{count(m.versions)}</td>
                  <td className="num">{fixed(m.aucHoldout?.value)}</td>
                  <td className="num">{fixed(m.aucLive?.value)}</td>
                  <td className="num">{count(m.openAlerts)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}

export function ModelPage(): ReactNode {
  const { name } = useParams({ from: "/models/$name" });
  return <Model name={name} />;
}

function Model({ name }: { name: string }): ReactNode {
  const query = useQuery(ask.model(name));
  const model = query.data;
  return (
    <Page
      title={name}
      trail={<Link to="/models">Models</Link>}
      lede={
        model === undefined ? undefined : (
          <>
            Predicts <code>{model.label}</code> from {model.request.join(", ")} and {model.slots} features.
          </>
        )
      }
    >
      <Trouble error={query.error} />
      {model === undefined ? null : (
        <>
          <Deployed model={model} />
          {model.all.length === 0 ? <Empty what="No version has been registered." command="karkhana run" /> : <Versions model={model} />}
          <div className="columns">
            <Events events={model.events} />
            <Block title="Policies">
              <Pairs
                pairs={[
                  ...Object.entries(model.gates).map(([k, v]) => [spaced(k), figure(v)] as const),
                  ...Object.entries(model.monitors).map(([k, v]) => [spaced(k), typeof v === "number" ? figure(v) : v] as const),
                  ["retrain on", `${model.retrain.on.join(", ")}; last ${model.retrain.lookback}, not within ${model.retrain.cooldown}`],
                ]}
              />
            </Block>
          </div>
        </>
      )}
    </Page>
  );
}

const shownEvents = 12;

function Events({ events }: { events: ModelDetail["events"] }): ReactNode {
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

function spaced(camel: string): string {
  return camel.replaceAll(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);
}

function eventTone(kind: string, reason: string): Tone {
  if (kind === "proof" && /\bfailed\b/.test(reason.split(":")[0]!)) return "bad";
  if (kind === "promoted" || kind === "proof") return "good";
  if (kind === "refused" || kind === "rolled-back") return "bad";
  return kind === "stood-down" || kind === "waiver" ? "watch" : "quiet";
}

function Deployed({ model }: { model: ModelDetail }): ReactNode {
  const d = model.deployment;
  if (d === null) return <p className="quiet">No version answers requests.</p>;
  const share = d.challenger === null ? 0 : d.abShare;
  return (
    <Block title="Who answers" note={`${d.reason}, ${moment(d.changedUs)}`} aside={<Rollback model={model.name} champion={d.champion} previous={d.previous} />}>
      <Readings
        items={[
          { name: "Champion", value: <span className="champion">v{d.champion}</span>, sub: `${percent(1 - share, 0)} of requests` },
          {
            name: "Challenger",
            value: d.challenger === null ? "–" : <span className="challenger">v{d.challenger}</span>,
            sub: d.challenger === null ? "no A/B test" : `${percent(share, 0)} of requests`,
          },
          {
            name: "Shadow",
            value: d.shadow === null ? "–" : <span className="challenger">v{d.shadow}</span>,
            sub: d.shadow === null ? "none" : "sees all, answers none",
          },
          {
            name: "AUC, held out",
            value: fixed(model.aucHoldout?.value),
            sub: model.aucHoldout === null ? "" : `${fixed(model.aucHoldout.low)} to ${fixed(model.aucHoldout.high)}`,
          },
          {
            name: "AUC, live",
            value: fixed(model.aucLive?.value),
            sub:
              model.aucLive === null
                ? "no matured window"
                : `${fixed(model.aucLive.low)} to ${fixed(model.aucLive.high)}, ${dayShort(model.aucLiveFromUs ?? 0)}`,
          },
          { name: "Open alerts", value: count(model.openAlerts), sub: <Link to="/monitoring">monitoring</Link> },
        ]}
      />
    </Block>
  );
}

function Rollback({ model, champion, previous }: { model: string; champion: number; previous: number | null }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const back = useMutation({
    mutationFn: () => rollback(model, reason),
    onSuccess: () => {
      dialog.current?.close();
      setReason("");
      void queries.invalidateQueries();
    },
  });
  return (
    <>
      <button
        type="button"
        className="grave"
        disabled={previous === null}
        title={previous === null ? "There is no earlier champion" : undefined}
        onClick={() => dialog.current?.showModal()}
      >
        {previous === null ? "Roll back" : `Roll back to v${previous}`}
      </button>
      <dialog ref={dialog} aria-labelledby="rollback-title">
        <form
          onSubmit={(e) => {
            e.preventDefault();
            back.mutate();
          }}
        >
          <h2 id="rollback-title">
            Roll {model} back to version {previous}?
          </h2>
          <p className="note">
            Version {previous} answers from the next request on; version {champion} stays registered. No request fails. It is the same as{" "}
            <code>karkhana rollback {model}</code>.
          </p>
          <label>
            Reason, kept with the event
            <input value={reason} onChange={(e) => setReason(e.target.value)} required maxLength={500} />
          </label>
          <Trouble error={back.error} />
          <div className="row end">
            <button type="button" onClick={() => dialog.current?.close()}>
              Keep v{champion}
            </button>
            <button type="submit" className="primary" disabled={back.isPending || reason.trim() === ""}>
              Roll back to v{previous}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

const proofTones: Readonly<Record<ProofState, Tone>> = { proved: "good", failed: "bad", waived: "watch", missing: "quiet" };
const proofNames: Readonly<Record<ProofMark["kind"], string>> = {
  "offline-evaluation": "Offline evaluation",
  shadow: "Shadow",
  ab: "A/B test",
  monitors: "Monitors",
  rollback: "Rollback rehearsed",
};

function Versions({ model }: { model: ModelDetail }): ReactNode {
  const [open, setOpen] = useState<{ version: number; kind: ProofMark["kind"] } | null>(null);
  return (
    <Block
      title="Versions"
      note="A version goes live with five proofs: offline evaluation, shadow, A/B test, monitors, rollback. Each mark opens its evidence."
    >
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Version</th>
              <th>Place</th>
              <th>Proofs</th>
              <th className="num">AUC, held out</th>
              <th>Run</th>
              <th>Data</th>
              <th className="num">Registered (UTC)</th>
            </tr>
          </thead>
          <tbody>
            {model.all.map((v) => (
              <VersionRow
                key={v.version}
                version={v}
                open={open?.version === v.version ? open.kind : null}
                onOpen={(kind) => setOpen(open?.version === v.version && open.kind === kind ? null : { version: v.version, kind })}
              />
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}

function VersionRow({ version: v, open, onOpen }: { version: Version; open: ProofMark["kind"] | null; onOpen: (kind: ProofMark["kind"]) => void }): ReactNode {
  const shown = v.proofs.find((p) => p.kind === open);
  return (
    <Fragment>
      <tr>
        <td>
          <b>v{v.version}</b>
        </td>
        <td>
          {v.place === null ? (
            <span className="quiet">–</span>
          ) : (
            <span className={v.place === "champion" ? "tag champion" : v.place === "previous" ? "tag quiet" : "tag challenger"}>{v.place}</span>
          )}
        </td>
        <td>
          <span className="proofs">
            {v.proofs.map((p) => (
              <button
                key={p.kind}
                type="button"
                aria-expanded={open === p.kind}
                aria-label={`${proofNames[p.kind]}: ${p.state}`}
                title={`${proofNames[p.kind]}: ${p.state}`}
                onClick={() => onOpen(p.kind)}
              >
                <ProofSign state={p.state} />
              </button>
            ))}
          </span>
        </td>
        <td className="num">{fixed(v.aucHoldout?.value)}</td>
        <td>
          <Link to="/runs/$runId" params={{ runId: v.runId }} className="mono">
            {shortHash(v.runId)}
          </Link>
        </td>
        <td>
          <Link to="/data" className="mono" title="Hash over the versions of every source it was trained on">
            {shortHash(v.datasetHash)}
          </Link>
        </td>
        <td className="num">{moment(v.createdUs)}</td>
      </tr>
      {shown === undefined ? null : (
        <tr>
          <td colSpan={7}>
            <Evidence proof={shown} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

function ProofSign({ state }: { state: ProofState }): ReactNode {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" className={proofTones[state]} fill="none" stroke="currentColor" strokeWidth="1.5">
      {state === "proved" ? (
        <>
          <circle cx="8" cy="8" r="7" fill="currentColor" stroke="none" />
          <path d="M4.8 8.3 7 10.5 11.2 5.8" stroke="var(--paper)" strokeWidth="1.8" />
        </>
      ) : state === "failed" ? (
        <>
          <circle cx="8" cy="8" r="6.5" />
          <path d="M5.5 5.5 10.5 10.5M10.5 5.5 5.5 10.5" />
        </>
      ) : state === "waived" ? (
        <>
          <circle cx="8" cy="8" r="6.5" />
          <path d="M4.8 8H11.2" />
        </>
      ) : (
        <circle cx="8" cy="8" r="6.5" strokeDasharray="2.2 2.6" />
      )}
    </svg>
  );
}

function Evidence({ proof }: { proof: ProofMark }): ReactNode {
  return (
    <div className="evidence">
      <h3>
        {proofNames[proof.kind]} <State tone={proofTones[proof.state]}>{proof.state}</State>
      </h3>
      <p>{proof.summary}</p>
      <Pairs pairs={flatten(proof.details).map(([k, v]) => [k, v])} />
      <p className="note">
        {proof.recordedUs === null ? "" : `Recorded ${moment(proof.recordedUs)}`}
        {proof.hash === null ? null : (
          <>
            , hash <code>{shortHash(proof.hash)}</code>
          </>
        )}
      </p>
    </div>
  );
}

/** Figures of a proof, one a line: `champion.auc 0.751 (0.748 to 0.754)`. */
function flatten(details: Readonly<Record<string, unknown>>, prefix = ""): [string, string][] {
  return Object.entries(details).flatMap(([key, value]): [string, string][] => {
    const name = `${prefix}${key}`;
    if (isInterval(value)) return [[name, `${figure(value.value)} (${figure(value.low)} to ${figure(value.high)})`]];
    if (typeof value === "number") return [[name, figure(value)]];
    if (Array.isArray(value))
      return [
        [
          name,
          value.every((v) => typeof v !== "object") ? value.map((v) => (typeof v === "number" ? figure(v) : String(v))).join(", ") : JSON.stringify(value),
        ],
      ];
    return typeof value === "object" && value !== null ? flatten(value as Record<string, unknown>, `${name} · `) : [[name, String(value)]];
  });
}

function isInterval(value: unknown): value is { value: number; low: number; high: number } {
  return (
    typeof value === "object" &&
    value !== null &&
    "value" in value &&
    "low" in value &&
    "high" in value &&
    typeof value.value === "number" &&
    typeof value.low === "number" &&
    typeof value.high === "number"
  );
}
