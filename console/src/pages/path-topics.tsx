import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { PathOverview, Roadmap } from "../../../src/server/path-api.ts";
import { Block, Page, Trouble } from "../parts/block.tsx";
import { State } from "../parts/state.tsx";
import { Bands, claimText } from "../path/bands.tsx";
import { PathNav, Command, stageOf } from "../path/parts.tsx";
import { blockWords, datesOf } from "../path/picture.tsx";
import { askPath } from "../path/requests.ts";

type Topic = Roadmap["topics"][number];

const treatments: Readonly<Record<Topic["treatment"][number], string>> = {
  built: "built into Karkhana",
  driven: "driven or exchanged with from it",
  simulated: "worked on in a lab",
  explained: "explained only",
};

function usePath(): { content: Roadmap | undefined; overview: PathOverview | undefined; error: unknown } {
  const content = useQuery(askPath.content());
  const overview = useQuery(askPath.overview());
  return { content: content.data, overview: overview.data, error: content.error ?? overview.error };
}

export function PathBlockPage(): ReactNode {
  const { id } = useParams({ from: "/path/blocks/$id" });
  const { content, overview, error } = usePath();
  const stage = content === undefined ? undefined : stageOf(content, id);
  const block = stage?.blocks.find((one) => one.id === id);
  const view = overview?.blocks.find((one) => one.id === id);
  const item = overview?.plan?.plan.items.find((one) => one.id === id);
  if (content === undefined || stage === undefined || block === undefined)
    return (
      <Page title={content === undefined ? "The Path" : "No such block"}>
        <PathNav here="/path" />
        <Trouble error={error} />
      </Page>
    );
  return (
    <Page
      title={block.title}
      trail={<Link to="/path">The Path</Link>}
      lede={`Weeks ${block.fromWeek} to ${block.toWeek} of stage ${stage.ordinal}, ${stage.title.toLowerCase()}.${item === undefined || datesOf(item) === "" ? "" : ` In your plan: ${datesOf(item)}.`}`}
    >
      <PathNav here="/path" />
      <Trouble error={error} />
      {view === undefined ? null : (
        <Block title="Labs" aside={<State tone={view.state === "proved" || view.state === "waived" ? "good" : "quiet"}>{blockWords[view.state]}</State>}>
          {view.labs.length === 0 ? (
            <p className="quiet">No lab of this block can be run yet, so the block cannot be proved here.</p>
          ) : (
            <ul className="plain-list">
              {view.labs.map((lab) => (
                <li key={lab.number}>
                  <State tone={lab.passed ? "good" : "quiet"}>{lab.passed ? "passed" : "open"}</State>
                  <Link to="/path/labs/$lab" params={{ lab: String(lab.number) }}>
                    Lab {lab.number}: {lab.title}
                  </Link>
                  <span className="note">about {lab.minutes} minutes</span>
                </li>
              ))}
            </ul>
          )}
          {view.state === "claimed" && view.placement.length > 0 ? (
            <p className="note">
              Your plan skips this block. {view.placement.length === 1 ? "Lab" : "Labs"} {view.placement.join(" and ")} would turn that claim into a waiver.
            </p>
          ) : null}
        </Block>
      )}
      <Block title="Topics">
        <TopicList content={content} ids={block.topicIds} />
      </Block>
      <Resources content={content} blockId={id} />
    </Page>
  );
}

function TopicList({ content, ids }: { content: Roadmap; ids: readonly string[] }): ReactNode {
  return (
    <ul className="topics">
      {ids.map((id) => {
        const topic = content.topics.find((one) => one.id === id);
        return topic === undefined ? null : (
          <li key={id}>
            <Link to="/path/topics/$id" params={{ id }}>
              {topic.title}
            </Link>
            <p className="note">{topic.depth}</p>
          </li>
        );
      })}
    </ul>
  );
}

function Resources({ content, blockId }: { content: Roadmap; blockId: string }): ReactNode {
  const found = content.resources.filter(({ blockIds }) => blockIds.includes(blockId));
  if (found.length === 0) return null;
  return (
    <Block title="To read and watch beside it">
      <ul className="plain-list">
        {found.map((one) => (
          <li key={one.id}>
            <span className="quiet">{one.kind}</span>
            <span>
              {one.title}, {one.by}
              {one.mandatory ? " (called mandatory by Source A)" : ""}
            </span>
          </li>
        ))}
      </ul>
    </Block>
  );
}

export function PathTopicPage(): ReactNode {
  const { id } = useParams({ from: "/path/topics/$id" });
  const { content, overview, error } = usePath();
  const there = new Set((overview?.blocks ?? []).flatMap(({ labs }) => labs.map(({ number }) => number)));
  const topic = content?.topics.find((one) => one.id === id);
  if (content === undefined || topic === undefined)
    return (
      <Page title={content === undefined ? "The Path" : "No such topic"}>
        <PathNav here="/path" />
        <Trouble error={error} />
      </Page>
    );
  const blocks = content.stages.flatMap((stage) => stage.blocks.filter(({ topicIds }) => topicIds.includes(id)));
  const before = (topic.after ?? []).flatMap((one) => content.topics.find((t) => t.id === one) ?? []);
  const after = content.topics.filter((t) => t.after?.includes(id) === true);
  return (
    <Page title={topic.title} trail={<Link to="/path">The Path</Link>} lede={topic.depth}>
      <PathNav here="/path" />
      <div className="columns">
        <Block title="Where it is done">
          <ul className="plain-list">
            {topic.places.map((place, i) => (
              <li key={`${place.kind}${i}`}>
                <PlaceOf place={place} />
              </li>
            ))}
          </ul>
          <p className="note">{topic.treatment.map((one) => treatments[one]).join("; ")}.</p>
        </Block>
        <Block title="Labs that exercise it">
          {(topic.labs ?? []).length === 0 ? (
            <p className="quiet">None.</p>
          ) : (
            <p>
              {(topic.labs ?? []).map((lab) => (
                <span key={lab}>
                  {there.has(lab) ? (
                    <Link to="/path/labs/$lab" params={{ lab: String(lab) }}>
                      lab {lab}
                    </Link>
                  ) : (
                    <span className="quiet">lab {lab}, not here yet</span>
                  )}{" "}
                </span>
              ))}
            </p>
          )}
        </Block>
      </div>
      <div className="columns">
        <Block title="Know first">
          {before.length === 0 ? <p className="quiet">Nothing in particular.</p> : <TopicList content={content} ids={before.map((t) => t.id)} />}
        </Block>
        <Block title="Opens">
          {after.length === 0 ? <p className="quiet">Nothing names it as a condition.</p> : <TopicList content={content} ids={after.map((t) => t.id)} />}
        </Block>
      </div>
      <Block title="In the roadmap">
        {blocks.length === 0 ? <p className="quiet">Without weeks of its own.</p> : null}
        {blocks.map((block) => (
          <p key={block.id}>
            <Link to="/path/blocks/$id" params={{ id: block.id }}>
              Weeks {block.fromWeek} to {block.toWeek}: {block.title}
            </Link>
          </p>
        ))}
        {(topic.names ?? []).length > 0 ? <p className="note">Named by the sources under it: {(topic.names ?? []).join(", ")}.</p> : null}
      </Block>
    </Page>
  );
}

function PlaceOf({ place }: { place: Topic["places"][number] }): ReactNode {
  if (place.kind === "command") return <Command text={place.command} />;
  if (place.kind === "page") return <a href={place.page}>page {place.page}</a>;
  if (place.kind === "file") return <code>{place.file}</code>;
  if (place.kind === "lab")
    return (
      <Link to="/path/labs/$lab" params={{ lab: String(place.lab) }}>
        lab {place.lab}
      </Link>
    );
  return <span className="quiet">{place.kind === "planned" ? "nothing in this program does it yet" : "it can only be read about"}</span>;
}

export function PathTrackPage(): ReactNode {
  const { id } = useParams({ from: "/path/tracks/$id" });
  const { content, error } = usePath();
  const track = content?.tracks.find((one) => one.id === id);
  if (content === undefined || track === undefined)
    return (
      <Page title={content === undefined ? "The Path" : "No such track"}>
        <PathNav here="/path" />
        <Trouble error={error} />
      </Page>
    );
  const employers = content.employers.filter(({ trackIds }) => trackIds.includes(id));
  const bands = track.bandClaimIds.flatMap((claim) => content.claims.find((one) => one.id === claim) ?? []);
  return (
    <Page title={`Track ${track.letter}: ${track.title}`} trail={<Link to="/path">The Path</Link>} lede={`Best for ${track.bestFor}`}>
      <PathNav here="/path" />
      <div className="columns">
        <Block title="Go deep">
          <ul className="bullets">
            {track.goDeep.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </Block>
        <Block title="Employers named" note="By which source; no endorsement.">
          <ul className="plain-list">
            {employers.map((one) => (
              <li key={one.id}>
                {one.name} <span className="note">{one.sources.map((s) => (s === "source-a" ? "A" : "B")).join(", ")}</span>
              </li>
            ))}
          </ul>
        </Block>
      </div>
      {bands.length === 0 ? null : (
        <Block title="Pay claimed" note={bands.map((claim) => claimText(content, claim)).join(" ")}>
          <Bands content={content} claims={bands} />
        </Block>
      )}
      <Block title="Topics">
        <TopicList content={content} ids={track.topicIds} />
      </Block>
    </Page>
  );
}
