import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment, useRef, useState, type ReactNode } from "react";
import type { ModelDetail, ProofMark, Version } from "../../../src/server/api.ts";
import { count, dayShort, fixed, figure, moment, percent, shortHash } from "../format.ts";
import { Block, Empty, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { SetTraffic, TrafficSplit } from "../parts/traffic.tsx";
import { Compared } from "../registry/compared.tsx";
import { Events } from "../registry/events.tsx";
import { Evidence, ProofSign, proofNames } from "../registry/proofs.tsx";
import { RegisteredModel, RegisteredModels } from "../registry/registered-models.tsx";
import { nameInWords } from "../registry/proof-figures.ts";
import { registeredModels } from "../registry/registry-requests.ts";
import { ask, queries, rollback } from "../requests.ts";
import { defaultWorkspace, useWorkspace } from "../workspace-choice.ts";

export function ModelsPage(): ReactNode {
  const workspace = useWorkspace();
  const models = useQuery({ ...ask.models(), enabled: workspace === defaultWorkspace });
  const registered = useQuery({ queryKey: ["models", "registry", "first"], queryFn: () => registeredModels("", undefined) });
  const only = models.data?.length === 1 ? models.data[0] : undefined;
  if (workspace !== defaultWorkspace) return <RegisteredModels project={[]} />;
  const others = registered.data?.models.some((m) => !m.inProject) ?? false;
  if (models.data === undefined || registered.data === undefined)
    return (
      <Page title="Models">
        <Trouble error={models.error ?? registered.error} />
      </Page>
    );
  // A project of one model, and nothing else registered: the list would be one line.
  return only !== undefined && !others ? <Model name={only.name} /> : <RegisteredModels project={models.data} />;
}

export function ModelPage(): ReactNode {
  const { name } = useParams({ from: "/models/$name" });
  const workspace = useWorkspace();
  const models = useQuery({ ...ask.models(), enabled: workspace === defaultWorkspace });
  // The project's models are of `default`; another workspace's of that name is another.
  if (workspace !== defaultWorkspace) return <RegisteredModel key={`${workspace} ${name}`} name={name} />;
  if (models.data === undefined)
    return (
      <Page title={name}>
        <Trouble error={models.error} />
      </Page>
    );
  return models.data.some((m) => m.name === name) ? <Model name={name} /> : <RegisteredModel key={name} name={name} />;
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
          <Block title="Retraining">
            <p>{withCommands(model.retrain.now)}</p>
          </Block>
          {model.deployment !== null && model.deployment.challengers.length + model.deployment.shadows.length > 0 ? <Compared model={model.name} /> : null}
          {model.all.length === 0 ? <Empty what="No version has been registered." command="karkhana run" /> : <Versions model={model} />}
          <div className="columns">
            <Events events={model.events} />
            <Block title="Policies">
              <Pairs
                pairs={[
                  ...Object.entries(model.gates).map(([k, v]) => [nameInWords(k), figure(v)] as const),
                  ...Object.entries(model.monitors).map(([k, v]) => [nameInWords(k), typeof v === "number" ? figure(v) : v] as const),
                  [
                    "retrain on",
                    model.retrain.on.length === 0
                      ? "nothing"
                      : `${model.retrain.on.join(", ")}; last ${model.retrain.lookback}, not within ${model.retrain.cooldown}`,
                  ],
                  ["by itself up to", model.retrain.upTo],
                ]}
              />
            </Block>
          </div>
        </>
      )}
    </Page>
  );
}

/** What stands between backticks is something to type. */
function withCommands(text: string): ReactNode[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? <code key={part}>{part}</code> : part));
}

function Deployed({ model }: { model: ModelDetail }): ReactNode {
  const d = model.deployment;
  if (d === null) return <p className="quiet">No version answers requests.</p>;
  const share = d.challengers.reduce((sum, challenger) => sum + challenger.share, 0);
  return (
    <Block
      title="Who answers"
      note={`Since ${moment(d.changedUs)}: ${d.reason}`}
      aside={
        <span className="row">
          <SetTraffic model={model} deployment={d} />
          <Rollback model={model.name} champion={d.champion} previous={d.previous} />
        </span>
      }
    >
      <TrafficSplit deployment={d} />
      <Readings
        items={[
          { name: "Champion", value: <span className="champion">v{d.champion}</span>, sub: `${percent(1 - share, 0)} of requests` },
          {
            name: d.challengers.length > 1 ? "Challengers" : "Challenger",
            value: d.challengers.length === 0 ? "–" : <span className="challenger">{d.challengers.map(({ version }) => `v${version}`).join(", ")}</span>,
            sub: d.challengers.length === 0 ? "no A/B test" : `${d.challengers.map((challenger) => percent(challenger.share, 0)).join(", ")} of requests`,
          },
          {
            name: d.shadows.length > 1 ? "Shadows" : "Shadow",
            value: d.shadows.length === 0 ? "–" : <span className="challenger">{d.shadows.map((version) => `v${version}`).join(", ")}</span>,
            sub: d.shadows.length === 0 ? "none" : "sees all, answers none",
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
                model={model.name}
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

function VersionRow({
  model,
  version: v,
  open,
  onOpen,
}: {
  model: string;
  version: Version;
  open: ProofMark["kind"] | null;
  onOpen: (kind: ProofMark["kind"]) => void;
}): ReactNode {
  const shown = v.proofs.find((p) => p.kind === open);
  return (
    <Fragment>
      <tr>
        <td>
          <Link to="/models/$name/versions/$version" params={{ name: model, version: String(v.version) }}>
            <b>v{v.version}</b>
          </Link>
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
