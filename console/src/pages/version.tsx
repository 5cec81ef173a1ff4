import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { RegisteredVersionDetail } from "../../../src/server/api-registry.ts";
import { count, moment, percent, shortHash } from "../format.ts";
import { Block, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { Events } from "../registry/events.tsx";
import { Evidence, proofNames, ProofSign } from "../registry/proofs.tsx";
import { askRegistry } from "../registry/registry-requests.ts";

/** A version: from the data it saw to the traffic it gets. */
export function VersionPage(): ReactNode {
  const { name, version } = useParams({ from: "/models/$name/versions/$version" });
  const query = useQuery(askRegistry.version(name, version));
  const v = query.data;
  return (
    <Page
      title={`${name} version ${version}`}
      trail={
        <>
          <Link to="/models">Models</Link>
          {" / "}
          <Link to="/models/$name" params={{ name }}>
            {name}
          </Link>
        </>
      }
      lede={v?.description ?? undefined}
    >
      <Trouble error={query.error} />
      {v === undefined || v.model !== name || String(v.version) !== version ? null : <Record v={v} />}
    </Page>
  );
}

function Record({ v }: { v: RegisteredVersionDetail }): ReactNode {
  const proved = v.proofs.filter((p) => p.state === "proved").length;
  const waived = v.proofs.filter((p) => p.state === "waived").length;
  const mayGoLive = proved + waived === v.proofs.length;
  return (
    <>
      <Readings
        items={[
          {
            name: "Place",
            value: v.place === null ? "–" : <span className={v.place === "champion" ? "champion" : "challenger"}>{v.place}</span>,
            sub: v.abShare === null ? v.state : `${percent(v.abShare, 0)} of requests`,
          },
          {
            name: "Proofs",
            value: `${proved} of ${v.proofs.length}`,
            sub: `${waived === 0 ? "" : `${waived} waived; `}${mayGoLive ? "it may go live" : "the others are owed before it goes live"}`,
          },
          { name: "Stage", value: v.stage === "None" ? "–" : v.stage, sub: "as MLflow's clients set it" },
          {
            name: "Aliases",
            value: v.aliases.length === 0 ? "–" : `@${v.aliases[0]}`,
            sub: v.aliases
              .slice(1)
              .map((a) => `@${a}`)
              .join(", "),
          },
          {
            name: "Registered",
            value: moment(v.createdUs).split(" ").slice(0, 3).join(" "),
            sub: `${moment(v.createdUs).split(" ").at(-1)} UTC${v.userId === null ? "" : `, by ${v.userId}`}`,
          },
        ]}
      />
      <LineagePicture v={v} />
      <Block title="Evidence" note="A version goes live with five proofs, each a record with its figures, time and hash.">
        <ul className="evidences">
          {v.proofs.map((p) =>
            p.state === "missing" ? (
              <li key={p.kind} className="owed">
                <ProofSign state={p.state} />
                <span>
                  {proofNames[p.kind]} <span className="quiet">is owed</span>
                </span>
              </li>
            ) : (
              <li key={p.kind}>
                <ProofSign state={p.state} />
                <Evidence proof={p} />
              </li>
            ),
          )}
        </ul>
      </Block>
      <div className="columns">
        <Events events={v.events} />
        <Block title="Record">
          <Pairs
            pairs={[
              ["source", <code key="s">{v.source === "" ? "–" : v.source}</code>],
              ["files", <code key="f">{v.artifacts ?? "not kept here"}</code>],
              ...(v.loggedModelId === null ? [] : [["logged model", <code key="l">{v.loggedModelId}</code>] as const]),
              ...(v.runLink === null
                ? []
                : [
                    [
                      "run link",
                      <a key="r" href={v.runLink} rel="noreferrer noopener">
                        {v.runLink}
                      </a>,
                    ] as const,
                  ]),
              ...(v.definitionHash === null ? [] : [["definition", <code key="d">{shortHash(v.definitionHash)}</code>] as const]),
              ...(v.serviceHash === null ? [] : [["features read", <code key="h">{shortHash(v.serviceHash)}</code>] as const]),
              ...(v.datasetHash === null ? [] : [["data", <code key="a">{shortHash(v.datasetHash)}</code>] as const]),
              ["changed", moment(v.updatedUs)],
              ...Object.entries(v.tags),
            ]}
          />
        </Block>
      </div>
    </>
  );
}

/** Data, views, run, version, traffic: one stop beside the next, each a link to its record. */
function LineagePicture({ v }: { v: RegisteredVersionDetail }): ReactNode {
  const { datasets, views, viewsAreThose, run } = v.lineage;
  return (
    <Block title="Lineage" note="From what it saw to what it does.">
      <ol className="lineage">
        <Stop title="Data" none="not recorded">
          {datasets.map((d) => (
            <li key={`${d.name} ${d.digest}`}>
              {d.hash === null ? (
                d.name
              ) : (
                <Link to="/data/$hash" params={{ hash: d.hash }}>
                  {d.name}
                </Link>
              )}{" "}
              <code className="quiet">{shortHash(d.digest)}</code>
            </li>
          ))}
        </Stop>
        <Stop title="Views" none={viewsAreThose === false ? "the project reads other features now" : "none"}>
          {views.map((f) => (
            <li key={f.hash}>
              <Link to="/features">{f.name}</Link> <span className="quiet">{count(f.features)} features</span>
            </li>
          ))}
        </Stop>
        <Stop title="Run" none="not recorded here">
          {run === null
            ? []
            : [
                <li key="run">
                  <Link to="/runs/$runId" params={{ runId: run.runId }}>
                    {run.name}
                  </Link>
                </li>,
                <li key="experiment">
                  <Link to="/runs" search={{ e: run.experimentId }} className="quiet">
                    {run.experiment}
                  </Link>
                </li>,
              ]}
        </Stop>
        <Stop title="Version" none="">
          {[
            <li key="version">
              <b>v{v.version}</b> <span className="quiet">{v.state}</span>
            </li>,
          ]}
        </Stop>
        <Stop title="Traffic" none="none">
          {v.place === null || v.place === "previous"
            ? []
            : [
                <li key="place">
                  <Link to="/serving">{v.place}</Link>
                </li>,
                <li key="watched">
                  <Link to="/monitoring">monitored</Link>
                </li>,
              ]}
        </Stop>
      </ol>
    </Block>
  );
}

function Stop({ title, none, children }: { title: string; none: string; children: readonly ReactNode[] }): ReactNode {
  return (
    <li>
      <h3>{title}</h3>
      {children.length === 0 ? <p className="quiet">{none}</p> : <ul>{children}</ul>}
    </li>
  );
}
