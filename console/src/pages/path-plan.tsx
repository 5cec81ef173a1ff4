import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { PathPlan, PlanItem, Roadmap } from "../../../src/server/path-api.ts";
import { timeTicks, linear } from "../charts/scale.ts";
import { useWidth } from "../charts/visible.tsx";
import { day } from "../format.ts";
import { Block, Page, Readings, Trouble } from "../parts/block.tsx";
import { claimText, rangeText } from "../path/bands.tsx";
import { PathNav } from "../path/parts.tsx";
import { datesOf } from "../path/picture.tsx";
import { askPath, doPath } from "../path/requests.ts";

export function PathPlanPage(): ReactNode {
  const content = useQuery(askPath.content());
  const overview = useQuery(askPath.overview());
  const plan = overview.data?.plan ?? null;
  return (
    <Page title="Plan" lede="Where you start from and the hours you have, laid on a calendar. Planning again keeps everything you have shown.">
      <PathNav here="/path/plan" />
      <Trouble error={content.error ?? overview.error} />
      {content.data === undefined || overview.data === undefined ? null : (
        <>
          {plan === null ? null : <Calendar content={content.data} plan={plan} nowUs={overview.data.nowUs} />}
          <PlanForm content={content.data} plan={plan} nowUs={overview.data.nowUs} key={plan?.createdUs ?? 0} />
          {plan === null ? null : <Why content={content.data} plan={plan} />}
        </>
      )}
    </Page>
  );
}

const isoDay = (us: number): string => new Date(us / 1000).toISOString().slice(0, 10);

function PlanForm({ content, plan, nowUs }: { content: Roadmap; plan: PathPlan | null; nowUs: number }): ReactNode {
  const [backgroundId, setBackground] = useState(plan?.request.backgroundId ?? "");
  const [trackId, setTrack] = useState(plan?.request.trackId ?? "");
  const [hours, setHours] = useState(String(plan?.request.hoursPerWeek ?? 10));
  const [weekHours, setWeekHours] = useState(String(plan?.plan.hoursPerRoadmapWeek ?? 15));
  const [start, setStart] = useState(isoDay(plan?.request.startUs ?? nowUs));
  const save = useMutation({ mutationFn: doPath.savePlan });
  return (
    <Block title={plan === null ? "Where do you start from?" : "Plan again"}>
      <form
        className="plan-form"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({ backgroundId, ...(trackId === "" ? {} : { trackId }), start, hoursPerWeek: Number(hours), hoursPerRoadmapWeek: Number(weekHours) });
        }}
      >
        <fieldset>
          <legend>Background</legend>
          <div className="choices">
            {content.backgrounds.map((background) => (
              <label key={background.id} className="choice">
                <input
                  type="radio"
                  name="background"
                  value={background.id}
                  checked={backgroundId === background.id}
                  onChange={() => setBackground(background.id)}
                  required
                />
                <span>
                  <b>{background.name}</b>
                  <span className="note">{background.experience}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
        <div className="fields">
          <label>
            Hours a week
            <input type="number" min="1" max="80" required value={hours} onChange={(e) => setHours(e.target.value)} />
          </label>
          <label>
            First day
            <input type="date" required value={start} onChange={(e) => setStart(e.target.value)} />
          </label>
          <label>
            Track, if you know
            <select value={trackId} onChange={(e) => setTrack(e.target.value)}>
              <option value="">not yet</option>
              {content.tracks.map((track) => (
                <option key={track.id} value={track.id}>
                  {track.letter}, {track.title}
                </option>
              ))}
            </select>
          </label>
          <label>
            Hours a week of the roadmap holds
            <input type="number" min="1" max="80" required value={weekHours} onChange={(e) => setWeekHours(e.target.value)} />
          </label>
        </div>
        <p className="note">No source says how many hours one of its weeks holds: 15 is this program’s assumption, and yours to change.</p>
        <Trouble error={save.error} />
        <div className="row">
          <button type="submit" className="primary" disabled={save.isPending || backgroundId === ""}>
            {plan === null ? "Make the plan" : "Plan again"}
          </button>
        </div>
      </form>
    </Block>
  );
}

const statusWords: Readonly<Record<PlanItem["status"], string>> = {
  planned: "planned",
  "skipped, unproven": "skipped, unproven",
  waived: "waived with evidence",
  done: "done",
  "open-ended": "no end given",
};

function Calendar({ content, plan, nowUs }: { content: Roadmap; plan: PathPlan; nowUs: number }): ReactNode {
  const [ref, width] = useWidth();
  const { items, startUs, endUs, backgroundId, hoursPerWeek } = plan.plan;
  const background = content.backgrounds.find(({ id }) => id === backgroundId);
  const narrow = width < 640;
  const labelWidth = narrow ? 0 : 290;
  const line = narrow ? 46 : 32;
  const x = linear([startUs, Math.max(endUs, startUs + 1)], [labelWidth, Math.max(labelWidth + 40, width - 8)]);
  const height = 26 + items.length * line;
  return (
    <Block
      title="Calendar"
      note={`${background?.name ?? backgroundId}, ${hoursPerWeek} hours a week.`}
      aside={
        <span className="row">
          <a href="/api/v1/path/plan/export?format=ical" download>
            iCalendar
          </a>
          <a href="/api/v1/path/plan/export?format=markdown" download>
            Markdown
          </a>
          <a href="/api/v1/path/plan/export?format=json" download>
            JSON
          </a>
        </span>
      }
    >
      <Readings
        items={[
          { name: "Starts", value: day(startUs) },
          { name: "Weeks and ownership end", value: day(endUs - 86_400_000_000) },
          { name: "Blocks done", value: plan.progress.done, sub: `${plan.progress.planned} planned, ${plan.progress.waived} waived` },
          { name: "Skipped, unproven", value: plan.progress.unproven, sub: "count neither way" },
        ]}
      />
      <div ref={ref}>
        {width === 0 ? (
          <div style={{ minHeight: height }} />
        ) : (
          <svg
            className="chart plan-calendar"
            viewBox={`0 0 ${width} ${height}`}
            height={height}
            role="img"
            aria-label={items.map((i) => `${i.title}: ${datesOf(i) || statusWords[i.status]}`).join("; ")}
          >
            {timeTicks(startUs, endUs, narrow ? 4 : 8).map(({ at, label }) => (
              <g key={at}>
                <line className="grid" x1={x(at)} x2={x(at)} y1="20" y2={height} />
                <text x={x(at)} y="12" textAnchor="middle">
                  {label}
                </text>
              </g>
            ))}
            {items.map((item, i) => {
              const y = 26 + i * line + (narrow ? 30 : line / 2);
              const from = item.fromUs === undefined ? null : x(item.fromUs);
              const to = item.toUs === undefined ? width - 8 : x(item.toUs);
              return (
                <g key={item.id} className={item.id === plan.currentId ? "plan-row is-here" : "plan-row"}>
                  <rect className="plan-ground" x="0" y={26 + i * line} width={width} height={line} />
                  <text className="plan-name" x="0" y={narrow ? y - 14 : y + 4}>
                    {item.title.length > 44 ? `${item.title.slice(0, 43)}…` : item.title}
                  </text>
                  {from === null ? (
                    <text className="plan-word" x={narrow ? 0 : labelWidth} y={y + 4}>
                      {statusWords[item.status]}
                    </text>
                  ) : (
                    <>
                      <rect
                        className={`plan-bar is-${item.kind} is-${item.status === "open-ended" ? "open" : item.status.split(",")[0]} ${item.action === "focus" ? "is-focus" : ""}`}
                        x={from}
                        y={y - 6}
                        width={Math.max(2, to - from)}
                        height="12"
                        rx="2"
                      >
                        <title>{`${item.title}: ${datesOf(item)}, ${item.action}, ${statusWords[item.status]}`}</title>
                      </rect>
                      {to - from > 130 || narrow ? null : (
                        <text className="plan-date" x={to > width - 150 ? from - 6 : to + 6} textAnchor={to > width - 150 ? "end" : "start"} y={y + 4}>
                          {datesOf(item)}
                        </text>
                      )}
                    </>
                  )}
                </g>
              );
            })}
            {nowUs >= startUs && nowUs <= endUs ? <line className="plan-now" x1={x(nowUs)} x2={x(nowUs)} y1="20" y2={height} /> : null}
          </svg>
        )}
      </div>
      <details>
        <summary>As a table</summary>
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">When</th>
                <th scope="col">How</th>
                <th scope="col" className="num">
                  Hours
                </th>
                <th scope="col">Status</th>
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={item.id}>
                  <td className="wide">
                    {item.kind === "block" ? (
                      <Link to="/path/blocks/$id" params={{ id: item.id }}>
                        {item.title}
                      </Link>
                    ) : (
                      item.title
                    )}
                  </td>
                  <td>{datesOf(item)}</td>
                  <td>{item.action}</td>
                  <td className="num">{item.hours > 0 ? Math.round(item.hours) : ""}</td>
                  <td>{statusWords[item.status]}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </Block>
  );
}

/** The claims behind the plan's rules and dates, and where they disagree. */
function Why({ content, plan }: { content: Roadmap; plan: PathPlan }): ReactNode {
  const { items, timelineClaimIds, conflictIds } = plan.plan;
  const claim = (id: string | undefined): Roadmap["claims"][number] | undefined => content.claims.find((one) => one.id === id);
  const named = new Set([...conflictIds, ...items.flatMap(({ conflictId }) => conflictId ?? [])]);
  return (
    <Block title="Why it looks like this" note="Every rule names who says so.">
      <ul className="plain-list">
        {items
          .filter(({ claimId, note }) => claimId !== undefined || note !== undefined)
          .map((item) => {
            const behind = claim(item.claimId);
            return (
              <li key={item.id}>
                <span className="quiet">{item.action}</span>
                <span>
                  {item.title}. {behind === undefined ? "" : `${behind.subject}: ${claimText(content, behind)}`} {item.note ?? ""}
                </span>
              </li>
            );
          })}
        {timelineClaimIds.map((id) => {
          const found = claim(id);
          return found === undefined ? null : (
            <li key={id}>
              <span className="quiet">how long</span>
              <span>
                {found.subject}: {rangeText(found)} months. {claimText(content, found)}
              </span>
            </li>
          );
        })}
        {content.conflicts
          .filter(({ id }) => named.has(id))
          .map((conflict) => (
            <li key={conflict.id}>
              <span className="watch">conflict</span>
              <span>
                {conflict.topic}. {conflict.note}
              </span>
            </li>
          ))}
      </ul>
    </Block>
  );
}
