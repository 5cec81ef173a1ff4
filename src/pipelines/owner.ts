import { randomUUID } from "node:crypto";
import { lifeOf, ownIdentity, type ProcessIdentity } from "../storage/process-identity.ts";

/**
 * Who runs a run: a process, and which pipelines in it (a process may hold several: tests, worker threads). As text, so that owners
 * compare as columns do. A dead process is known by pid and start time, so a restarted one never takes itself for the old one.
 * A process of another machine is never taken for dead: only that machine recovers its runs.
 */
export function makeOwner(): string {
  return JSON.stringify({ ...ownIdentity(), instance: randomUUID() });
}

export function ownerIsDead(owner: string): boolean {
  return lifeOf(parse(owner)) === "dead";
}

export function ownerPid(owner: string): number {
  return parse(owner).pid;
}

function parse(owner: string): ProcessIdentity {
  return JSON.parse(owner) as ProcessIdentity;
}
