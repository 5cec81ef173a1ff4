import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Roadmap } from "../../../src/server/path-api.ts";
import { Block, Page, Trouble } from "../parts/block.tsx";
import { Bands, claimText, rangeText } from "../path/bands.tsx";
import { PathNav } from "../path/parts.tsx";
import { askPath } from "../path/requests.ts";

type Claim = Roadmap["claims"][number];

/** What no band of a source covers, between its lowest and its highest figure. */
function gapsOf(claims: readonly Claim[]): { from: number; to: number; says: string }[] {
  const gaps: { from: number; to: number; says: string }[] = [];
  let reached: number | undefined;
  for (const { low, high } of claims.filter((c) => c.high !== undefined && c.years !== undefined).toSorted((a, b) => (a.low ?? 0) - (b.low ?? 0))) {
    if (low === undefined || high === undefined) continue;
    if (reached !== undefined && low > reached) gaps.push({ from: reached, to: low, says: `No band of Source A covers ${reached} to ${low}` });
    reached = Math.max(reached ?? high, high);
  }
  return gaps;
}

export function PathMarketPage(): ReactNode {
  const content = useQuery(askPath.content());
  return (
    <Page
      title="Pay and market"
      lede="What two sources claim, side by side, with their dates and their gaps. Nothing is averaged, rounded or filled in, and none of it is live."
    >
      <PathNav here="/path/market" />
      <Trouble error={content.error} />
      {content.data === undefined ? null : <Market content={content.data} />}
    </Page>
  );
}

function Market({ content }: { content: Roadmap }): ReactNode {
  const pay = content.claims.filter(({ kind, unit, low }) => kind === "pay-band" && unit === "lakh-inr-a-year" && low !== undefined);
  const byLevel = pay.filter(({ years, subject }) => years !== undefined || !/whole range|stage|track/i.test(subject));
  const levels = byLevel.filter(({ id }) => !/^unlock|^band-|track/.test(id));
  const unlocks = content.stages
    .map((stage) => ({ stage, claims: stage.unlockClaimIds.flatMap((id) => content.claims.find((c) => c.id === id) ?? []) }))
    .filter(({ claims }) => claims.length > 0);
  const tracks = content.tracks.flatMap((track) => track.bandClaimIds.flatMap((id) => content.claims.find((c) => c.id === id) ?? []));
  const demand = content.claims.filter(({ kind }) => kind === "demand");
  const gaps = gapsOf(levels.filter(({ source }) => source === "source-a"));
  return (
    <>
      <div className="legend sources">
        {content.sources
          .filter(({ id }) => id !== "karkhana")
          .map((source) => (
            <span key={source.id}>
              <svg viewBox="0 0 20 10" aria-hidden="true">
                <rect className={source.id === "source-b" ? "band-key is-b" : "band-key is-a"} width="20" height="10" rx="2" />
              </svg>
              {source.name}
            </span>
          ))}
        {gaps.length > 0 ? (
          <span>
            <svg viewBox="0 0 20 10" aria-hidden="true">
              <rect className="band-gap" width="20" height="10" />
            </svg>
            {gaps.map(({ says }) => says).join("; ")}
          </span>
        ) : null}
      </div>
      <Block title="Pay by level" note="Lakh of rupees a year.">
        <Bands content={content} claims={levels.toSorted((a, b) => (a.low ?? 0) - (b.low ?? 0) || (a.high ?? 0) - (b.high ?? 0))} gaps={gaps} />
      </Block>
      <div className="columns">
        <Block title="What a stage is said to unlock" note="Lakh of rupees a year.">
          <Bands content={content} claims={unlocks.flatMap(({ claims }) => claims)} />
        </Block>
        <Block title="By track" note="Lakh of rupees a year.">
          <Bands content={content} claims={tracks} />
        </Block>
      </div>
      <Block title="Demand" note="Different quantities; they are not to be set against each other.">
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Source</th>
                <th scope="col">What</th>
                <th scope="col" className="num">
                  Claimed
                </th>
                <th scope="col">Where it stands</th>
              </tr>
            </thead>
            <tbody>
              {demand.map((claim) => (
                <tr key={claim.id}>
                  <td>{claim.source === "source-b" ? "B" : "A"}</td>
                  <td className="wide">{claim.subject}</td>
                  <td className="num">
                    {claim.unit === "none" ? "–" : `${rangeText(claim)}${claim.unit === "percent-a-year" ? " % a year" : claim.unit === "percent" ? " %" : ""}`}
                  </td>
                  <td className="wide note">{claimText(content, claim)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Block>
      <Block title="Where they disagree" note="Each conflict is shown as one.">
        <ul className="conflicts">
          {content.conflicts.map((conflict) => (
            <li key={conflict.id}>
              <h3>
                {conflict.topic} <span className="quiet">{conflict.kind === "between-sources" ? "between the sources" : "within one source"}</span>
              </h3>
              <ul>
                {conflict.claimIds.map((id) => {
                  const claim = content.claims.find((one) => one.id === id);
                  return claim === undefined ? null : (
                    <li key={id}>
                      <b>{claim.source === "source-b" ? "B" : claim.source === "source-a" ? "A" : "K"}</b> {claim.subject}
                      {claim.unit === "none" ? "" : `: ${rangeText(claim)}${units[claim.unit] ?? ""}`}
                    </li>
                  );
                })}
              </ul>
              <p className="note">{conflict.note}</p>
            </li>
          ))}
        </ul>
      </Block>
      <div className="columns">
        <Careers content={content} kinds={["route", "degree", "ladder"]} title="Routes, degrees, ladder" />
        <Careers content={content} kinds={["related-career", "exam", "pro", "con"]} title="Related careers, exams, for and against" />
      </div>
      <div className="columns">
        <Block title="Employers named" note="As hiring for the role, by which source; no endorsement and no advertisement.">
          <ul className="plain-list">
            {content.employers.map((one) => (
              <li key={one.id}>
                <span>{one.name}</span>
                <span className="note">
                  {one.sources.map((source) => (source === "source-a" ? "A" : "B")).join(", ")}
                  {one.trackIds.length > 0 ? `; track ${one.trackIds.map((id) => id.slice(-1).toUpperCase()).join(", ")}` : ""}
                </span>
              </li>
            ))}
          </ul>
        </Block>
        <Block title="To read, watch and meet" note="In the order Source A gives within each kind.">
          <ul className="plain-list">
            {content.resources.map((one) => (
              <li key={one.id}>
                <span className="quiet">{one.kind}</span>
                <span>
                  {one.title}, {one.by}
                  {one.mandatory ? " (called mandatory)" : ""}
                  {one.note === undefined ? "" : `. ${one.note}`}
                </span>
              </li>
            ))}
          </ul>
        </Block>
      </div>
      <Block title="Who does what">
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Role</th>
                <th scope="col">Asks</th>
                <th scope="col">Delivers</th>
                <th scope="col">Differs</th>
              </tr>
            </thead>
            <tbody>
              {content.roles.map((role) => (
                <tr key={role.id}>
                  <td>{role.title}</td>
                  <td className="wide">{role.asks}</td>
                  <td className="wide">{role.delivers}</td>
                  <td className="wide">{role.difference}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Block>
    </>
  );
}

const units: Readonly<Record<string, string>> = {
  "lakh-inr-a-year": " lakh a year",
  months: " months",
  "percent-a-year": " % a year",
  percent: " %",
  roles: " roles",
  milliseconds: " ms",
};

function Careers({ content, kinds, title }: { content: Roadmap; kinds: readonly string[]; title: string }): ReactNode {
  return (
    <Block title={title}>
      <ul className="plain-list">
        {content.careers
          .filter(({ kind }) => kinds.includes(kind))
          .map((one) => (
            <li key={one.id}>
              <span className="quiet">
                {one.source === "source-b" ? "B" : one.source === "source-a" ? "A" : "K"}, {one.kind.replace("-", " ")}
              </span>
              <span>
                {one.title}
                {one.note === undefined ? "" : `. ${one.note}`}
              </span>
            </li>
          ))}
      </ul>
    </Block>
  );
}
