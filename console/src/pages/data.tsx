import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { ColumnProfile, DatasetReport, DatasetSummary } from "../../../src/server/api.ts";
import { Bins, Meter } from "../charts/bars.tsx";
import { WhenVisible } from "../charts/visible.tsx";
import { bytes, count, figure, moment, percent, shortHash } from "../format.ts";
import { Block, Empty, Page, Pairs, Readings, Trouble } from "../parts/block.tsx";
import { State, toneOfRun } from "../parts/state.tsx";
import { ask } from "../requests.ts";

export function DataPage(): ReactNode {
  const datasets = useQuery(ask.datasets());
  const newest = datasets.data?.[0];
  return (
    <Page title="Data" lede="Every file that was registered, by the hash of its content, with what its contract found in it.">
      <Trouble error={datasets.error} />
      {datasets.data === undefined ? null : newest === undefined ? (
        <Empty what="No dataset has been registered." command="karkhana run" />
      ) : (
        <>
          <Block title="Versions">
            <Versions datasets={datasets.data} />
          </Block>
          <Report hash={newest.hash} />
        </>
      )}
    </Page>
  );
}

function Versions({ datasets }: { datasets: readonly DatasetSummary[] }): ReactNode {
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            <th>Source</th>
            <th>Version</th>
            <th>State</th>
            <th className="num">Rows</th>
            <th className="num">Failing rows</th>
            <th className="num">Size</th>
            <th className="num">Registered (UTC)</th>
          </tr>
        </thead>
        <tbody>
          {datasets.map((d) => (
            <tr key={d.hash}>
              <td>{d.source}</td>
              <td>
                <Link to="/data/$hash" params={{ hash: d.hash }} className="mono">
                  {shortHash(d.hash)}
                </Link>
              </td>
              <td>
                <State tone={toneOfRun(d.state)}>{d.state === "quarantined" ? "accepted, some set aside" : d.state}</State>
              </td>
              <td className="num">{count(d.rows)}</td>
              <td className="num">{count(d.failedRows)}</td>
              <td className="num">{bytes(d.sizeBytes)}</td>
              <td className="num">{moment(d.registeredUs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function DatasetPage(): ReactNode {
  const { hash } = useParams({ from: "/data/$hash" });
  return (
    <Page title="Dataset version" trail={<Link to="/data">Data</Link>} lede={<code>{hash}</code>}>
      <Report hash={hash} />
    </Page>
  );
}

function Report({ hash }: { hash: string }): ReactNode {
  const report = useQuery(ask.dataset(hash));
  if (report.data === undefined) return <Trouble error={report.error} />;
  const d = report.data;
  const failedRules = d.rules.filter((r) => r.failed > 0).length;
  return (
    <>
      {d.problem === null ? null : (
        <div className="trouble" role="note">
          <p className="bad">{d.problem}</p>
        </div>
      )}
      <Block title={`Quality of ${d.source}`} note={`version ${shortHash(d.hash)}`}>
        <Readings
          items={[
            { name: "Rows", value: count(d.rows), sub: `${d.columns.length} columns` },
            {
              name: "Failing rows",
              value: count(d.failedRows),
              sub: d.rows > 0 ? `${percent(d.failedRows / d.rows, 3)} of all; policy: ${d.policy}` : d.policy,
            },
            { name: "Rules", value: count(d.rules.length), sub: failedRules === 0 ? "all hold" : `${failedRules} do not hold everywhere` },
            { name: "Size", value: bytes(d.sizeBytes), sub: `registered ${moment(d.registeredUs)}` },
          ]}
        />
        <div className="columns loose">
          <Rules report={d} />
          <div>
            <h3>Times</h3>
            <Pairs
              pairs={[
                ["It happened", <code key="e">{d.eventTime}</code>],
                ["Known from", <code key="k">{d.knownTime ?? d.eventTime}</code>],
                ["Rows taken", d.where === null ? "all" : <code key="w">{d.where}</code>],
              ]}
            />
            {d.failingRows.length === 0 ? null : <FailingRows report={d} />}
          </div>
        </div>
      </Block>
      <Block title="Columns" note="Rows per bin as the file was registered.">
        <div className="small-multiples">
          {d.columns.map((c) => (
            <Column key={c.name} column={c} />
          ))}
        </div>
      </Block>
    </>
  );
}

function Rules({ report }: { report: DatasetReport }): ReactNode {
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            <th>Column</th>
            <th>Rule</th>
            <th>Holds</th>
            <th className="num">Failing</th>
            <th style={{ width: "24%" }}>
              <span className="quiet">share failing, log scale</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {report.rules.map((r) => (
            <tr key={`${r.column} ${r.rule}`}>
              <td>{r.column}</td>
              <td>
                <code>{r.rule}</code>
              </td>
              <td>
                <State tone={r.failed === 0 ? "good" : report.state === "refused" ? "bad" : "watch"}>{r.failed === 0 ? "always" : "not always"}</State>
              </td>
              <td className="num">{count(r.failed)}</td>
              <td style={{ verticalAlign: "middle" }}>
                <Meter value={logShare(r.failed, r.checked)} label={`${count(r.failed)} of ${count(r.checked)} rows fail`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** One row of millions is still seen: 1e-7 is nothing, all is full. */
function logShare(failed: number, checked: number): number {
  return failed === 0 || checked === 0 ? 0 : Math.max(0.04, 1 + Math.log10(failed / checked) / 7);
}

function FailingRows({ report }: { report: DatasetReport }): ReactNode {
  const shown = report.failingRows.slice(0, 100);
  return (
    <div style={{ marginTop: 20 }}>
      <h3>Failing rows</h3>
      <p className="note">
        The first {count(shown.length)} entries of {count(report.failedRows)} rows; a row is listed under each rule it fails. Rows count from 0.
      </p>
      <div className="scroll" style={{ maxHeight: 340, overflowY: "auto" }} tabIndex={0} role="region" aria-label="Failing rows">
        <table className="narrow">
          <thead>
            <tr>
              <th className="num">Row</th>
              <th>Column</th>
              <th>Rule</th>
              <th className="num">Value</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((f) => (
              <tr key={`${f.row} ${f.column} ${f.rule}`}>
                <td className="num">{count(f.row)}</td>
                <td>{f.column}</td>
                <td>
                  <code>{f.rule}</code>
                </td>
                <td className="num mono">{f.value ?? "null"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Column({ column }: { column: ColumnProfile }): ReactNode {
  const range = column.min === null ? "" : `${column.min} to ${column.max}`;
  return (
    <figure>
      <h3>
        {column.name} <span className="unit">{column.type}</span>
      </h3>
      <WhenVisible height={84}>
        {() => <Bins label={`Distribution of ${column.name}`} bars={column.bars.map((b) => ({ label: b.label, current: b.count }))} />}
      </WhenVisible>
      <figcaption className="note">
        {column.nulls === 0 ? "no nulls" : `${percent(column.nulls / Math.max(1, column.rows))} null`}
        {column.mean === null ? "" : `, mean ${figure(column.mean)}`}
        {column.distinct === null ? "" : `, ${count(column.distinct)} distinct`}
        {range === "" ? null : <br />}
        {range}
      </figcaption>
    </figure>
  );
}
