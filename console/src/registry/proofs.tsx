import type { ReactNode } from "react";
import type { ProofMark, ProofState } from "../../../src/server/api.ts";
import { moment, shortHash } from "../format.ts";
import { Pairs } from "../parts/block.tsx";
import { State, type Tone } from "../parts/state.tsx";
import { figuresOf } from "./proof-figures.ts";

const proofTones: Readonly<Record<ProofState, Tone>> = { proved: "good", failed: "bad", waived: "watch", missing: "quiet" };
export const proofNames: Readonly<Record<ProofMark["kind"], string>> = {
  "offline-evaluation": "Offline evaluation",
  shadow: "Shadow",
  ab: "A/B test",
  monitors: "Monitors",
  rollback: "Rollback rehearsed",
};

export function ProofSign({ state }: { state: ProofState }): ReactNode {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" className={proofTones[state]} fill="none" stroke="currentColor" strokeWidth="1.5">
      {state === "proved" ? (
        <>
          <circle cx="8" cy="8" r="7" fill="currentColor" stroke="none" />
          <path d="M4.8 8.3 7 10.5 11.2 5.8" stroke="var(--paper)" strokeWidth="1.8" />
        </>
      ) : state === "failed" ? (
        <>
          <circle cx="8" cy="8" r="6.5" />
          <path d="M5.5 5.5 10.5 10.5M10.5 5.5 5.5 10.5" />
        </>
      ) : state === "waived" ? (
        <>
          <circle cx="8" cy="8" r="6.5" />
          <path d="M4.8 8H11.2" />
        </>
      ) : (
        <circle cx="8" cy="8" r="6.5" strokeDasharray="2.2 2.6" />
      )}
    </svg>
  );
}

export function Evidence({ proof }: { proof: ProofMark }): ReactNode {
  return (
    <div className="evidence">
      <h3>
        {proofNames[proof.kind]} <State tone={proofTones[proof.state]}>{proof.state}</State>
      </h3>
      <p>{proof.summary}</p>
      <Pairs pairs={figuresOf(proof.details)} />
      <p className="note">
        {proof.recordedUs === null ? "" : `Recorded ${moment(proof.recordedUs)}`}
        {proof.hash === null ? null : (
          <>
            , hash <code>{shortHash(proof.hash)}</code>
          </>
        )}
      </p>
    </div>
  );
}
