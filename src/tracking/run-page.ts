import { KarkhanaError } from "../kernel/error.ts";

/** Place in the list of an experiment's runs, newest first: the last run of the page before. Keyset, so a page costs the same however deep it is. */
export interface RunPlace {
  readonly startUs: number;
  readonly runId: string;
}

export function encodePlace(place: RunPlace): string {
  return Buffer.from(`${place.startUs}/${place.runId}`, "utf8").toString("base64url");
}

/** @throws INVALID_ARGUMENT for anything `encodePlace` did not make */
export function decodePlace(token: string): RunPlace {
  const match = /^(\d{1,16})\/([0-9a-f]{32})$/.exec(Buffer.from(token, "base64url").toString("utf8"));
  const startUs = Number(match?.[1]);
  const runId = match?.[2];
  if (runId === undefined || !Number.isSafeInteger(startUs)) {
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "token", problem: "expected the token of the page before", value: token.slice(0, 80) });
  }
  return { startUs, runId };
}
