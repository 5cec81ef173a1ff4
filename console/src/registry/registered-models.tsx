import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { ModelSummary } from "../../../src/server/api.ts";
import type { RegisteredModelRow, RegisteredVersionRow } from "../../../src/server/api-registry.ts";
import { count, fixed, moment, shortHash } from "../format.ts";
import { Block, Empty, Page, Pairs, Trouble } from "../parts/block.tsx";
import { registeredModels, registeredVersions } from "./registry-requests.ts";

/** Every registered model; those of the project with how they do. */
export function RegisteredModels({ project }: { project: readonly ModelSummary[] }): ReactNode {
  const [text, setText] = useState("");
  const pages = useInfiniteQuery({
    queryKey: ["models", "registry", text],
    queryFn: ({ pageParam }) => registeredModels(text, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextToken ?? undefined,
    placeholderData: (before) => before,
  });
  const models = pages.data?.pages.flatMap((p) => p.models) ?? [];
  const unregistered = project.filter((m) => m.versions === 0 && m.name.toLowerCase().includes(text.toLowerCase()) && !models.some((r) => r.name === m.name));
  const isEmpty = pages.data !== undefined && models.length + unregistered.length === 0;
  return (
    <Page title="Models" lede="What was registered, and which version answers.">
      <Trouble error={pages.error} />
      {isEmpty && text === "" ? (
        <Empty what="The project declares no model, and none was registered." command="karkhana init" />
      ) : (
        <>
          <div className="controls">
            <label className="row">
              Find
              <input type="search" value={text} onChange={(e) => setText(e.target.value)} placeholder="part of a name" maxLength={200} />
            </label>
            <span className="tally" aria-live="polite">
              {pages.data === undefined ? "" : `${count(models.length + unregistered.length)}${pages.hasNextPage ? " and more" : ""} models`}
            </span>
          </div>
          {isEmpty ? <p className="quiet">No model has that in its name.</p> : null}
          <div className="scroll" tabIndex={0} role="region" aria-label="Models">
            <table>
              <thead>
                <tr>
                  <th>Model</th>
                  <th className="num">Champion</th>
                  <th className="num">Newest</th>
                  <th>Aliases and stages</th>
                  <th className="num">AUC, held out</th>
                  <th className="num">AUC, live</th>
                  <th className="num">Open alerts</th>
                  <th className="num">Changed (UTC)</th>
                </tr>
              </thead>
              <tbody>
                {models.map((m) => (
                  <ModelRow key={m.name} model={m} summary={project.find((p) => p.name === m.name)} />
                ))}
                {unregistered.map((m) => (
                  <tr key={m.name}>
                    <td>
                      <Link to="/models/$name" params={{ name: m.name }}>
                        {m.name}
                      </Link>
                    </td>
                    <td colSpan={7} className="quiet">
                      no version yet
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {pages.hasNextPage ? (
            <button type="button" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
              More
            </button>
          ) : null}
        </>
      )}
    </Page>
  );
}

function ModelRow({ model, summary }: { model: RegisteredModelRow; summary: ModelSummary | undefined }): ReactNode {
  const champion = summary?.champion ?? null;
  return (
    <tr>
      <td title={model.description ?? undefined}>
        <Link to="/models/$name" params={{ name: model.name }}>
          {model.name}
        </Link>
        {model.inProject ? null : <div className="under">registered by a client</div>}
      </td>
      <td className="num">{champion === null ? "–" : <span className="champion">v{champion}</span>}</td>
      <td className="num">{model.newest === null ? "–" : `v${model.newest}`}</td>
      <td>
        <Names aliases={model.aliases} stages={model.stages} />
      </td>
      <td className="num">{fixed(summary?.aucHoldout?.value)}</td>
      <td className="num">{fixed(summary?.aucLive?.value)}</td>
      <td className="num">{summary === undefined ? "–" : count(summary.openAlerts)}</td>
      <td className="num">{moment(model.updatedUs)}</td>
    </tr>
  );
}

function Names({ aliases, stages }: Pick<RegisteredModelRow, "aliases" | "stages">): ReactNode {
  const all = [...Object.entries(aliases).map(([alias, version]) => `@${alias} v${version}`), ...stages.map((s) => `${s.stage} v${s.version}`)];
  return all.length === 0 ? <span className="quiet">–</span> : all.join(", ");
}

/** A model that the project does not declare: what its clients wrote on it, and its versions. */
export function RegisteredModel({ name }: { name: string }): ReactNode {
  const pages = useInfiniteQuery({
    queryKey: ["models", "registered", name],
    queryFn: ({ pageParam }) => registeredVersions(name, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextToken ?? undefined,
  });
  const model = pages.data?.pages[0];
  const versions = pages.data?.pages.flatMap((p) => p.versions) ?? [];
  return (
    <Page
      title={name}
      trail={<Link to="/models">Models</Link>}
      lede={model === undefined ? undefined : (model.description ?? "Registered by a client; the project does not declare it.")}
    >
      <Trouble error={pages.error} />
      {model === undefined ? null : (
        <>
          <Block title="Versions" note={versions.length === 0 ? "None." : "A version shows where it comes from and what it proved."}>
            {versions.length === 0 ? null : <VersionTable name={name} versions={versions} />}
            {pages.hasNextPage ? (
              <button type="button" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
                Older versions
              </button>
            ) : null}
          </Block>
          <div className="columns">
            <Block title="Aliases" note={Object.keys(model.aliases).length === 0 ? "None." : undefined}>
              <Pairs pairs={Object.entries(model.aliases).map(([alias, version]) => [`@${alias}`, `v${version}`])} />
            </Block>
            <Block title="Tags" note={Object.keys(model.tags).length === 0 ? "None." : undefined}>
              <Pairs pairs={Object.entries(model.tags)} />
            </Block>
          </div>
        </>
      )}
    </Page>
  );
}

function VersionTable({ name, versions }: { name: string; versions: readonly RegisteredVersionRow[] }): ReactNode {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Versions">
      <table>
        <thead>
          <tr>
            <th>Version</th>
            <th>Stage</th>
            <th>Aliases</th>
            <th>Run</th>
            <th>Description</th>
            <th className="num">Registered (UTC)</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((v) => (
            <tr key={v.version}>
              <td>
                <Link to="/models/$name/versions/$version" params={{ name, version: String(v.version) }}>
                  <b>v{v.version}</b>
                </Link>
              </td>
              <td>{v.stage === "None" ? <span className="quiet">–</span> : v.stage}</td>
              <td>{v.aliases.length === 0 ? <span className="quiet">–</span> : v.aliases.map((a) => `@${a}`).join(", ")}</td>
              <td>
                {v.runId === null ? (
                  <span className="quiet">–</span>
                ) : (
                  <Link to="/runs/$runId" params={{ runId: v.runId }} className="mono">
                    {shortHash(v.runId)}
                  </Link>
                )}
              </td>
              <td className="wide">{v.description ?? <span className="quiet">–</span>}</td>
              <td className="num">{moment(v.createdUs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
