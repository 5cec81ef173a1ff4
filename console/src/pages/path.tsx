import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { EvidenceLine, Next, PathCondition, PathOverview, PathStage, PitfallReading, Roadmap, SignalReading } from "../../../src/server/path-api.ts";
import { useWidth } from "../charts/visible.tsx";
import { day } from "../format.ts";
import { Block, Page, Trouble } from "../parts/block.tsx";
import { State, type Tone } from "../parts/state.tsx";
import { blockWords, datesOf, RoadPicture, StationSign } from "../path/picture.tsx";
import { Command, Found, PathNav } from "../path/parts.tsx";
import { askPath, doPath } from "../path/requests.ts";

export function PathPage(): ReactNode {
  const content = useQuery(askPath.content());
  const overview = useQuery(askPath.overview());
  const [ref, width] = useWidth();
  const both = content.data !== undefined && overview.data !== undefined;
  return (
    <Page
      title="The Path"
      lede="From the first pipeline to owning a model in production. What is filled in, records prove; nothing here can be ticked by hand."
    >
      <PathNav here="/path" />
      <Trouble error={content.error ?? overview.error} />
      <div ref={ref}>
        {both && width > 0 ? (
          <>
            <NextCard next={overview.data.next} />
            <div className="road-sheet">
              {width < 640 ? <RoadList content={content.data} overview={overview.data} /> : <RoadPicture content={content.data} overview={overview.data} />}
              <Legend />
            </div>
            <div className="row print-hidden">
              <button type="button" onClick={() => window.print()}>
                Print the road
              </button>
              <span className="note">One page, landscape.</span>
            </div>
            <Exits content={content.data} overview={overview.data} />
            <Evidence overview={overview.data} />
            <div className="columns">
              <Pitfalls content={content.data} readings={overview.data.pitfalls} />
              <Signals content={content.data} readings={overview.data.signals} />
            </div>
          </>
        ) : (
          <div style={{ minHeight: 560 }} />
        )}
      </div>
    </Page>
  );
}

function NextCard({ next }: { next: Next }): ReactNode {
  return (
    <section className="next" aria-label="Next">
      <p className="next-word">Next</p>
      <div>
        <p className="next-says">
          {next.page.startsWith("/path/") || next.page === "/" ? <Link to={next.page}>{next.says}</Link> : <a href={next.page}>{next.says}</a>}
        </p>
        <p className="note">{next.why}</p>
      </div>
      <Command text={next.command} />
    </section>
  );
}

/** The road on a phone: the same stations, one under the other. */
function RoadList({ content, overview }: { content: Roadmap; overview: PathOverview }): ReactNode {
  return (
    <ol className="road-list">
      {content.stages.map((stage) => (
        <li key={stage.id}>
          <h3>
            {stage.ordinal} {stage.title} <span className="quiet">{stage.calendar}</span>
          </h3>
          <ol>
            {stage.blocks.map((block) => {
              const view = overview.blocks.find(({ id }) => id === block.id);
              const item = overview.plan?.plan.items.find(({ id }) => id === block.id);
              if (view === undefined) return null;
              return (
                <li key={block.id}>
                  <svg className="road" viewBox="-14 -14 28 28" aria-hidden="true">
                    <g className={`station is-${view.state}`}>
                      <circle className="station-ring" r="11" />
                      <StationSign state={view.state} />
                    </g>
                  </svg>
                  <Link to="/path/blocks/$id" params={{ id: block.id }}>
                    {block.title}
                    <span className="note">
                      Weeks {block.fromWeek} to {block.toWeek}, {view.isHere ? "you are here" : blockWords[view.state]}
                      {item === undefined || datesOf(item) === "" ? "" : `, ${datesOf(item)}`}
                    </span>
                  </Link>
                </li>
              );
            })}
            {stage.ordinal === 4
              ? content.tracks.map((track) => (
                  <li key={track.id}>
                    <svg className="road" viewBox="-14 -14 28 28" aria-hidden="true">
                      <circle className={track.id === overview.plan?.plan.trackId ? "track-letter is-chosen" : "track-letter"} r="11" />
                      <text className="track-sign" textAnchor="middle" y="4">
                        {track.letter}
                      </text>
                    </svg>
                    <Link to="/path/tracks/$id" params={{ id: track.id }}>
                      {track.title}
                    </Link>
                  </li>
                ))
              : null}
          </ol>
        </li>
      ))}
    </ol>
  );
}

function Legend(): ReactNode {
  return (
    <div className="legend road-legend">
      {(["proved", "waived", "claimed", "planned"] as const).map((state) => (
        <span key={state}>
          <svg className="road" viewBox="-14 -14 28 28" aria-hidden="true">
            <g className={`station is-${state}`}>
              <circle className="station-ring" r="11" />
              <StationSign state={state} />
            </g>
          </svg>
          {blockWords[state]}
        </span>
      ))}
      <span>
        <svg className="road" viewBox="-14 -14 28 28" aria-hidden="true">
          <rect className="lab-pip is-passed" x="-11" y="-5" width="10" height="10" rx="1.5" />
          <rect className="lab-pip" x="2" y="-5" width="10" height="10" rx="1.5" />
        </svg>
        a lab, passed or open
      </span>
      <span>
        <svg className="road gate" viewBox="-14 -14 28 28" aria-hidden="true">
          <rect className="gate-post" x="-9" y="-13" width="18" height="26" rx="3" />
          <rect className="pip is-proved" x="-5" y="-9" width="10" height="7" rx="1" />
          <rect className="pip" x="-5" y="2" width="10" height="7" rx="1" />
        </svg>
        exit: a condition, proved or open
      </span>
      <span>
        <svg className="road gate" viewBox="-14 -14 28 28" aria-hidden="true">
          <rect className="pip is-word" x="-9" y="-6" width="18" height="12" rx="6" />
        </svg>
        what only people can say
      </span>
    </div>
  );
}

function Exits({ content, overview }: { content: Roadmap; overview: PathOverview }): ReactNode {
  const keep = useMutation({ mutationFn: doPath.keep });
  return (
    <>
      {overview.unkept > 0 ? (
        <div className="row keep">
          <button type="button" className="primary" disabled={keep.isPending} onClick={() => keep.mutate()}>
            Keep {overview.unkept} {overview.unkept === 1 ? "proof" : "proofs"} as evidence
          </button>
          <span className="note">They hold now. Kept, they stay proved whatever happens to the records later.</span>
        </div>
      ) : null}
      <Trouble error={keep.error} />
      {overview.stages.map((standing) => {
        const stage = content.stages.find(({ id }) => id === standing.stageId);
        return stage === undefined ? null : <Exit key={stage.id} stage={stage} standing={standing} />;
      })}
    </>
  );
}

function Exit({ stage, standing }: { stage: Roadmap["stages"][number]; standing: PathStage }): ReactNode {
  const proved = standing.conditions.filter((c) => c.proved).length;
  return (
    <div id={stage.id}>
      <Block
        title={`Exit of stage ${stage.ordinal}`}
        note={stage.exit.text}
        aside={
          standing.state === "attested-only" ? (
            <State tone="quiet">no machine can show it</State>
          ) : (
            <State tone={standing.state === "proved" ? "good" : "quiet"}>
              {proved} of {standing.conditions.length} proved
            </State>
          )
        }
      >
        <ul className="conditions">
          {standing.conditions.map((condition) => (
            <Condition key={condition.predicateId} condition={condition} />
          ))}
          {standing.attestations.map(({ id, text, said }) => (
            <li key={id} className="is-word">
              <State tone="quiet">{said.length > 0 ? "a person's word" : "only people can say"}</State>
              <div>
                <p>{text}</p>
                {said.map((one) => (
                  <p key={one.entry} className="note">
                    {one.byName}: “{one.statement}” (entry {one.entry}, checked by no machine)
                  </p>
                ))}
              </div>
            </li>
          ))}
        </ul>
      </Block>
    </div>
  );
}

function Condition({ condition }: { condition: PathCondition }): ReactNode {
  const { proved, says, found, missing, command, entry, version } = condition;
  return (
    <li>
      <State tone={proved ? "good" : "quiet"}>{proved ? "proved" : entry === null ? "open" : "was proved"}</State>
      <div>
        <p>{says}</p>
        <Found found={found} />
        {proved ? null : (
          <p className="note">
            Missing: {missing}. {command === null ? null : <Command text={command} />}
          </p>
        )}
        {entry === null ? null : (
          <p className="note">
            Entry {entry} of the chain, version {version} of the condition.
          </p>
        )}
      </div>
    </li>
  );
}

const kinds: Readonly<Record<EvidenceLine["kind"], string>> = {
  condition: "exit condition",
  lab: "lab",
  waiver: "waiver",
  block: "block",
  attestation: "a person's word",
  "incident-report": "incident report",
  drill: "drill",
  interview: "round",
};

export function Evidence({ overview, all = false }: { overview: PathOverview; all?: boolean }): ReactNode {
  const { evidence, chain } = overview;
  const shown = all ? evidence : evidence.slice(0, 6);
  return (
    <Block
      title="Evidence"
      note={`A chain of ${chain.entries} ${chain.entries === 1 ? "entry" : "entries"}, each holding the hash of the one before.`}
      aside={chain.problems.length === 0 ? <State tone="good">the chain holds</State> : <State tone="bad">{chain.problems.length} entries do not hold</State>}
    >
      {shown.length === 0 ? <p className="quiet">Nothing yet: a lab passed, a drill answered or a proof kept is the first entry.</p> : null}
      {chain.problems.slice(0, 5).map(({ sequence, problem }) => (
        <p key={`${sequence}${problem}`} className="bad">
          Entry {sequence}: {problem}
        </p>
      ))}
      <ol className="chain">
        {shown.map((line) => (
          <li key={line.sequence} className={line.producedBy === "person" ? "is-word" : undefined}>
            <span className="num">{line.sequence}</span>
            <time>{day(line.atUs)}</time>
            <span>
              <span className="quiet">{kinds[line.kind]}</span> {line.says}
            </span>
            <code title={line.hash}>{line.hash.slice(0, 12)}</code>
          </li>
        ))}
      </ol>
      {!all && evidence.length > shown.length ? <Link to="/path/portfolio">All {chain.entries} entries</Link> : null}
    </Block>
  );
}

const pitfallTones: Readonly<Record<PitfallReading["state"], readonly [Tone, string]>> = {
  fallen: ["bad", "fallen into"],
  clear: ["good", "clear"],
  "cannot-tell": ["quiet", "cannot tell"],
};

function Pitfalls({ content, readings }: { content: Roadmap; readings: readonly PitfallReading[] }): ReactNode {
  return (
    <Block title="Eight pitfalls" note="Read off the records.">
      <ul className="conditions">
        {readings.map(({ pitfallId, state, says, command }) => {
          const pitfall = content.pitfalls.find(({ id }) => id === pitfallId);
          const [tone, word] = pitfallTones[state];
          return (
            <li key={pitfallId}>
              <State tone={tone}>{word}</State>
              <div>
                <p>{pitfall?.title}</p>
                <p className="note">
                  {says} {state === "fallen" && command !== null ? <Command text={command} /> : null}
                </p>
              </div>
            </li>
          );
        })}
      </ul>
    </Block>
  );
}

const signalTones: Readonly<Record<SignalReading["state"], readonly [Tone, string]>> = {
  shown: ["good", "shown"],
  part: ["watch", "in part"],
  claimed: ["quiet", "a word"],
  nothing: ["quiet", "nothing"],
};

function Signals({ content, readings }: { content: Roadmap; readings: readonly SignalReading[] }): ReactNode {
  return (
    <Block title="What employers weigh" note="In the order of Source A, most first.">
      <ol className="conditions">
        {readings.map(({ signalId, state, says }) => {
          const signal = content.signals.find(({ id }) => id === signalId);
          const [tone, word] = signalTones[state];
          return (
            <li key={signalId}>
              <State tone={tone}>{word}</State>
              <div>
                <p>
                  {signal?.rank}. {signal?.title}
                </p>
                <p className="note">{says}</p>
              </div>
            </li>
          );
        })}
      </ol>
    </Block>
  );
}
