import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { FeatureInUse, FeatureViewDetail, ViewInUse } from "../../../src/server/api-features.ts";
import { count, duration, figure, moment, percent } from "../format.ts";
import { Slot } from "../pages/features.tsx";
import { ask } from "../requests.ts";
import { Block, Empty, Readings, Trouble } from "./block.tsx";
import { Key, State } from "./state.tsx";

/** What the view gave lately: freshness, shares of what was missing, parity, and each feature's distribution beside the training set's. */
export function InUse({ detail: { view, health } }: { detail: FeatureViewDetail }): ReactNode {
  const answer = useQuery(ask.viewInUse(view.hash));
  const use = answer.data;
  if (use === undefined) return <Trouble error={answer.error} />;
  const trained = use.features.find((f) => f.training !== null)?.training;
  return (
    <Block
      title="In use"
      note={
        use.fromUs === null
          ? "Lookups of the newest days of questions."
          : `Lookups for questions from ${moment(use.fromUs)} to ${moment(use.toUs)}; of many a sample is looked at.`
      }
      aside={
        trained == null ? undefined : (
          <span className="legend">
            <Key kind="reference">
              {trained.model} v{trained.version}, training
            </Key>
            <Key kind="current">now</Key>
          </span>
        )
      }
    >
      {use.fromUs === null ? (
        <Empty what="Nothing has been looked up yet." command="karkhana run" />
      ) : (
        <>
          <Numbers use={use} health={health} />
          {trained == null ? (
            <p className="note">No version of a model that reads it was trained on this definition: there is nothing to compare with.</p>
          ) : (
            <Pictures use={use} />
          )}
          <Shares features={use.features} />
        </>
      )}
    </Block>
  );
}

function Numbers({ use, health: { ageUs, freshnessUs } }: { use: ViewInUse; health: FeatureViewDetail["health"] }): ReactNode {
  const { p50, p95 } = use.ageSeconds;
  const isStale = ageUs !== null && freshnessUs !== null && ageUs > freshnessUs;
  const compared = use.features.reduce((sum, f) => sum + (f.parity?.vectors ?? 0), 0);
  const differing = use.features.reduce((sum, f) => sum + (f.parity?.mismatches ?? 0), 0);
  return (
    <Readings
      items={[
        { name: "lookups", value: count(use.lookups), sub: `${percent(use.notFound / use.lookups, 1)} of unknown keys` },
        {
          name: "age of a key's newest row",
          value: p50 === null ? "–" : duration(p50),
          sub: p95 === null ? "no key was known" : `median; ${duration(p95)} at p95`,
        },
        {
          name: "source",
          value: isStale ? <State tone="bad">stale</State> : ageUs === null ? "–" : <State tone="good">{freshnessUs === null ? "no limit" : "fresh"}</State>,
          sub:
            ageUs === null
              ? "no event yet"
              : `newest event ${duration(ageUs / 1e6)} old${freshnessUs === null ? "" : `, ${duration(freshnessUs / 1e6)} allowed`}`,
        },
        {
          name: "served = recomputed",
          value: compared === 0 ? "–" : differing === 0 ? <State tone="good">no difference</State> : <State tone="bad">{count(differing)} differ</State>,
          sub: compared === 0 ? "nothing checked yet" : `of ${count(compared)} values`,
        },
      ]}
    />
  );
}

function Pictures({ use }: { use: ViewInUse }): ReactNode {
  const compared = use.features.flatMap((f) => (f.training === null ? [] : [{ name: f.name, ...f.training }]));
  return (
    <div className="small-multiples">
      {compared
        .toSorted((a, b) => (b.distribution.psi ?? 0) - (a.distribution.psi ?? 0))
        .map(({ name, rows, distribution }) => (
          <Slot
            key={name}
            slot={{ ...distribution, slot: name }}
            isJudged={false}
            of={{ referenceRows: rows, currentRows: distribution.current.reduce((sum, n) => sum + n, 0) }}
          />
        ))}
    </div>
  );
}

function Shares({ features }: { features: readonly FeatureInUse[] }): ReactNode {
  return (
    <div className="scroll" style={{ marginTop: 12 }}>
      <table>
        <thead>
          <tr>
            <th>Feature</th>
            <th>p5 · median · p95 now, or most frequent</th>
            <th className="num">Null</th>
            <th className="num">Default</th>
            <th className="num">Unknown key</th>
            <th className="num">Too old</th>
            <th className="num">Differ offline</th>
          </tr>
        </thead>
        <tbody>
          {features.map((f) => (
            <tr key={f.name}>
              <td>
                <code>{f.name}</code>
              </td>
              <td>{valuesOf(f)}</td>
              <td className="num">{percent(f.shares.NULL_VALUE, 1)}</td>
              <td className="num">{percent(f.shares.DEFAULT, 1)}</td>
              <td className="num">{percent(f.shares.NOT_FOUND, 1)}</td>
              <td className="num">{percent(f.shares.OUTSIDE_MAX_AGE, 1)}</td>
              <td className="num">{f.parity === null || f.parity.vectors === 0 ? "–" : percent(f.parity.mismatches / f.parity.vectors, 3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function valuesOf({ numbers, top }: FeatureInUse): string {
  if (numbers !== null) return `${figure(numbers.p5)} · ${figure(numbers.p50)} · ${figure(numbers.p95)}`;
  return top.length === 0
    ? "–"
    : top
        .slice(0, 3)
        .map(({ value, share }) => `${value} ${percent(share, 0)}`)
        .join(", ");
}
