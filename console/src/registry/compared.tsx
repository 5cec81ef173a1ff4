import { useQuery } from "@tanstack/react-query";
import { Fragment, type ReactNode } from "react";
import type { VersionComparison, VersionComparisons, VersionFigures } from "../../../src/server/api-serving.ts";
import { Gains, Spreads } from "../charts/versions.tsx";
import { count, fixed, milliseconds, moment, percent } from "../format.ts";
import { Block, Trouble } from "../parts/block.tsx";
import { ask } from "../requests.ts";

/** What runs beside the champion held against it, as `karkhana compare` does; nothing while the champion is alone. */
export function Compared({ model }: { model: string }): ReactNode {
  const query = useQuery({ ...ask.comparisons(model), staleTime: 60_000, refetchOnWindowFocus: false });
  const found = query.data;
  return (
    <Block
      title="Compared with the champion"
      note={
        found === undefined
          ? "Reading the log …"
          : `On outcomes that have matured, in the latest ${count(found.atMost)} records of the log. The whole log: karkhana compare ${model}.`
      }
    >
      <Trouble error={query.error} />
      {found === undefined || found.champion === null || found.comparisons.length === 0 ? null : <Found found={found} />}
    </Block>
  );
}

function Found({ found: { champion, comparisons } }: { found: VersionComparisons }): ReactNode {
  const gains = comparisons.flatMap(({ candidate, gain, margin }) => (gain === null ? [] : [{ name: `v${candidate.version}`, ...gain, margin }]));
  // Every comparison has the champion's own times over its own span; the longest of them stands for it.
  const widest = comparisons.reduce((most, one) => (one.champion.latency.count > most.champion.latency.count ? one : most));
  const spreads = [widest.champion, ...comparisons.map(({ candidate }) => candidate)].flatMap(({ version, latency: { p50Us, p95Us, p99Us } }) =>
    p50Us === null || p95Us === null || p99Us === null
      ? []
      : [{ name: `v${version}`, isChampion: version === champion, marks: [p50Us / 1000, p95Us / 1000, p99Us / 1000] as const }],
  );
  return (
    <>
      <ul className="held-against">
        {comparisons.map(({ candidate, summary }) => (
          <li key={candidate.version}>
            <span className="tag challenger">v{candidate.version}</span> {summary}
          </li>
        ))}
      </ul>
      <div className="columns loose held-against">
        {gains.length === 0 ? null : (
          <figure>
            <figcaption>Gain in log loss over v{champion}; right of 0 is better, left of the mark worse than it may be</figcaption>
            <Gains items={gains} label={`Gain in log loss over version ${champion}, with intervals`} unit="nats a question" tick={(v) => signed(v, 3)} />
          </figure>
        )}
        {spreads.length === 0 ? null : (
          <figure>
            <figcaption>Server time of a question: median, 95 %, 99 %</figcaption>
            <Spreads items={spreads} label="Server time of a question by version: median, 95th and 99th percentile" unit="ms" tick={(v) => String(v)} />
          </figure>
        )}
      </div>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Version</th>
              <th className="num">Matured</th>
              <th className="num">Log loss</th>
              <th className="num">AUC</th>
              <th className="num">p50 ms</th>
              <th className="num">p95 ms</th>
              <th className="num">p99 ms</th>
              <th className="num">Answers</th>
            </tr>
          </thead>
          <tbody>
            {comparisons.map((one) => (
              <Rows key={one.candidate.version} one={one} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** The champion over the same span, the version, and what lies between. */
function Rows({ one }: { one: VersionComparison }): ReactNode {
  const { champion, candidate, role, share, sinceUs, oldestUs, matured } = one;
  const from = Math.max(sinceUs, oldestUs ?? 0);
  return (
    <Fragment>
      <Row name={<span className="tag champion">v{champion.version}</span>} of={champion} matured={null} />
      <Row
        name={
          <>
            <span className="tag challenger">v{candidate.version}</span>{" "}
            <span className="quiet">{share === null ? role : `${role} of ${percent(share, 0)}`}</span>
          </>
        }
        of={candidate}
        matured={matured}
      />
      <tr>
        <td>
          <b>difference</b> <span className="quiet">since {moment(from)}</span>
        </td>
        <td />
        <td className="num">{change(candidate.logLoss, champion.logLoss, 4)}</td>
        <td className="num">{change(candidate.auc, champion.auc, 4)}</td>
        <td className="num">{ratio(candidate.latency.p50Us, champion.latency.p50Us)}</td>
        <td className="num">{ratio(candidate.latency.p95Us, champion.latency.p95Us)}</td>
        <td className="num">{ratio(candidate.latency.p99Us, champion.latency.p99Us)}</td>
        <td />
      </tr>
    </Fragment>
  );
}

function Row({ name, of: { logLoss, auc, latency }, matured }: { name: ReactNode; of: VersionFigures; matured: number | null }): ReactNode {
  return (
    <tr>
      <td>{name}</td>
      <td className="num">{matured === null ? "" : count(matured)}</td>
      <td className="num">{fixed(logLoss, 4)}</td>
      <td className="num">{fixed(auc, 4)}</td>
      <td className="num">{milliseconds(latency.p50Us)}</td>
      <td className="num">{milliseconds(latency.p95Us)}</td>
      <td className="num">{milliseconds(latency.p99Us)}</td>
      <td className="num">{count(latency.count)}</td>
    </tr>
  );
}

function signed(value: number, digits: number): string {
  const text = fixed(Math.abs(value), digits);
  return Number(text) === 0 ? "0" : `${value < 0 ? "−" : "+"}${text}`;
}

function change(candidate: number | null, champion: number | null, digits: number): string {
  return candidate === null || champion === null ? "–" : signed(candidate - champion, digits);
}

function ratio(candidate: number | null, champion: number | null): string {
  if (candidate === null || champion === null || champion === 0) return "–";
  const share = candidate / champion - 1;
  const text = percent(Math.abs(share), 0);
  return Math.abs(share) < 0.005 ? text : `${share < 0 ? "−" : "+"}${text}`;
}
