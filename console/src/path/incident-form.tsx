import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { clockTime, day } from "../format.ts";
import { Block, Empty, Trouble } from "../parts/block.tsx";
import { askPath, doPath } from "./requests.ts";

const causes = ["data-drift", "concept-drift", "feature-pipeline", "infrastructure"] as const;
const empty = { alert: "", began: "", detected: "", mitigated: "", cause: "", happened: "", done: "", changed: "" };
type Field = keyof typeof empty;

/** An incident of one's own model: the times are read off the log beside the form, and are refused where they do not agree with it. */
export function IncidentForm(): ReactNode {
  const events = useQuery(askPath.events());
  const [report, setReport] = useState(empty);
  const file = useMutation({
    mutationFn: () =>
      doPath.fileIncident({
        ...report,
        model: events.data?.find(({ alert }) => alert === report.alert)?.model ?? "",
        changed: report.changed.split("\n").filter((line) => line.trim() !== ""),
      }),
    onSuccess: () => setReport(empty),
  });
  const alerts = [...new Set((events.data ?? []).flatMap(({ alert }) => alert ?? []))];
  const set = (field: Field, value: string): void => setReport({ ...report, [field]: value });
  const text = (field: Field, label: string, hint: string): ReactNode => (
    <label>
      {label}
      <input required value={report[field]} placeholder={hint} onChange={(e) => set(field, e.target.value)} />
    </label>
  );
  return (
    <Block title="Write up a failure" note="Round 5 asks about it, and the exit of stage 3 needs one whose times match the log.">
      <Trouble error={events.error} />
      {events.data === undefined ? null : alerts.length === 0 ? (
        <Empty what="No alert is on record, so there is no incident to write about." command="karkhana run" />
      ) : (
        <div className="columns">
          <form
            className="plan-form print-hidden"
            onSubmit={(event) => {
              event.preventDefault();
              file.mutate();
            }}
          >
            <div className="fields">
              <label className="is-wide">
                Alert
                <select required value={report.alert} onChange={(e) => set("alert", e.target.value)}>
                  <option value="">choose</option>
                  {alerts.map((alert) => (
                    <option key={alert}>{alert}</option>
                  ))}
                </select>
              </label>
              {text("began", "Began, UTC", "2001-03-17T00:00")}
              {text("detected", "Detected, UTC", "2001-03-20T00:00")}
              {text("mitigated", "Mended, UTC", "2001-03-23T00:00")}
              <label>
                Cause
                <select required value={report.cause} onChange={(e) => set("cause", e.target.value)}>
                  <option value="">choose</option>
                  {causes.map((cause) => (
                    <option key={cause} value={cause}>
                      {cause.replace("-", " ")}
                    </option>
                  ))}
                </select>
              </label>
              {(
                [
                  ["happened", "What happened, 20 words or more"],
                  ["done", "What was done, 20 words or more"],
                  ["changed", "What is different since, one a line"],
                ] as const
              ).map(([field, label]) => (
                <label key={field} className="is-wide">
                  {label}
                  <textarea required rows={3} maxLength={4000} value={report[field]} onChange={(e) => set(field, e.target.value)} />
                </label>
              ))}
            </div>
            <Trouble error={file.error} />
            {file.data === undefined ? null : (
              <p className="kept" role="status">
                Filed as entry {file.data.sequence}: its times agree with the event log.
              </p>
            )}
            <div className="row">
              <button type="submit" disabled={file.isPending}>
                File it
              </button>
            </div>
          </form>
          <ol className="news is-wide">
            {events.data.slice(-24).map(({ atUs, text: line }) => (
              <li key={`${atUs}${line}`}>
                <time>
                  {day(atUs)} {clockTime(atUs).slice(0, 5)}
                </time>
                <span>{line}</span>
              </li>
            ))}
          </ol>
        </div>
      )}
    </Block>
  );
}
