import { useQuery } from "@tanstack/react-query";
import { type ReactNode } from "react";
import { count, moment } from "../format.ts";
import { Block, Trouble } from "../parts/block.tsx";
import { askRuns, type Selection } from "../run-requests.ts";
import { columnsOf, conditionOf, fieldOf } from "./address.ts";
import { metricText } from "./cells.tsx";

/** One row a value of a param, tag or attribute, with the metrics of its runs summed up. */
export function GroupTable({
  selection,
  by,
  columns,
  onOpen,
}: {
  selection: Selection;
  by: string;
  columns: readonly string[];
  onOpen: (condition: string) => void;
}): ReactNode {
  const { metrics } = columnsOf(columns);
  const query = useQuery(askRuns.groups(selection, fieldOf(by), metrics));
  const groups = query.data?.groups ?? [];
  const total = groups.reduce((sum, g) => sum + g.runs, 0);
  return (
    <Block
      title={`By ${by.slice(2)}`}
      note={
        query.data === undefined
          ? undefined
          : `${count(total)} runs in ${count(groups.length)} groups${query.data.more ? ", the largest ones" : ""}; mean of the latest values, lowest and highest below`
      }
    >
      <Trouble error={query.error} />
      <div className="scroll" tabIndex={0} role="region" aria-label={`Runs by ${by.slice(2)}`}>
        <table>
          <thead>
            <tr>
              <th>{by.slice(2)}</th>
              <th className="num">Runs</th>
              <th className="num">Newest (UTC)</th>
              {metrics.slice(0, 12).map((m) => (
                <th key={m} className="num">
                  {m}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {groups.map((g) => {
              const condition = conditionOf(by, g.value);
              return (
                <tr key={g.value ?? " none"}>
                  <td>
                    {condition === undefined ? (
                      (g.value ?? <span className="quiet">not set</span>)
                    ) : (
                      <button type="button" className="plain link" onClick={() => onOpen(condition)}>
                        {g.value === null ? <span className="quiet">not set</span> : g.value === "" ? <span className="quiet">empty</span> : g.value}
                      </button>
                    )}
                  </td>
                  <td className="num">{count(g.runs)}</td>
                  <td className="num">{moment(g.latestUs)}</td>
                  {metrics.slice(0, 12).map((m) => {
                    const s = g.metrics[m];
                    return (
                      <td key={m} className="num">
                        {s === undefined ? (
                          "–"
                        ) : (
                          <>
                            {metricText(s.mean)}
                            <div className="under">
                              {metricText(s.low)} to {metricText(s.high)}
                            </div>
                          </>
                        )}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Block>
  );
}
