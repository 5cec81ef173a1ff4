import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { MICROS_PER_HOUR, parseDuration } from "../kernel/time.ts";
import { keysIn } from "./secret-keys.ts";
import { addressRule } from "../registry/webhooks/public-address.ts";

/** One setting that is read from the environment. `karkhana doctor` prints this table with what it found. */
export interface Variable {
  readonly name: string;
  readonly help: string;
  /** Why a value is refused, or undefined. */
  readonly problem: (value: string) => string | undefined;
  /** Never printed. */
  readonly secret: boolean;
}

const urlOf =
  (...protocols: readonly string[]) =>
  (value: string): string | undefined =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol) ? undefined : `must be a URL with ${protocols.join(" or ")}`;

export const variables: Readonly<
  Record<
    | "databaseUrl"
    | "redisUrl"
    | "artifactAccess"
    | "allowedHosts"
    | "otlpEndpoint"
    | "servingPrice"
    | "servingProcesses"
    | "watchEvery"
    | "webhookTargets"
    | "secretKeys",
    Variable
  >
> = {
  databaseUrl: {
    name: "KARKHANA_DATABASE_URL",
    help: "PostgreSQL in place of SQLite for metadata, such as postgres://user:password@host/database",
    problem: urlOf("postgres:", "postgresql:"),
    secret: true,
  },
  redisUrl: {
    name: "KARKHANA_REDIS_URL",
    help: "Redis in place of LMDB for online features, such as redis://host:6379/0",
    problem: urlOf("redis:", "rediss:"),
    secret: true,
  },
  servingPrice: {
    name: "KARKHANA_SERVING_PRICE",
    help: "What an hour of the machine that serves costs, such as 0.096 USD: the console then shows the cost of 1,000 predictions",
    problem: (value) => (priceOf(value) === undefined ? 'must be a number and a currency, such as "0.096 USD"' : undefined),
    secret: false,
  },
  servingProcesses: {
    name: "KARKHANA_SERVING_PROCESSES",
    help: "Serving processes that share the serving ports of this machine, on Linux; --serving-processes goes before it",
    problem: (value) => (processesIn(value) === undefined ? `must be a whole number from 1 to ${maxServingProcesses}` : undefined),
    secret: false,
  },
  watchEvery: {
    name: "KARKHANA_WATCH_EVERY",
    help: "How often monitors are brought up to now on live traffic, such as 10s, the default; parity is checked after six times as long",
    problem: (value) => {
      const us = durationIn(value);
      return us !== undefined && us <= MICROS_PER_HOUR ? undefined : "must be a duration of 1s to 1h, such as 10s";
    },
    secret: false,
  },
  otlpEndpoint: {
    name: "KARKHANA_OTLP_ENDPOINT",
    help: "Where traces of predictions go by OpenTelemetry's HTTP protocol, such as http://127.0.0.1:4318; questions that carry a sampled traceparent, and one in a hundred others",
    problem: urlOf("http:", "https:"),
    secret: false,
  },
  artifactAccess: {
    name: "KARKHANA_ARTIFACT_ACCESS",
    help: "direct: MLflow's clients read and write artifacts in the data folder themselves (on this machine only); proxied, the default: through this program",
    problem: (value) => (value === "direct" || value === "proxied" ? undefined : "must be direct or proxied"),
    secret: false,
  },
  allowedHosts: {
    name: "KARKHANA_ALLOWED_HOSTS",
    help: "Names besides localhost that requests may be sent to, such as ml.example.com,10.1.2.3",
    problem: (value) => (namesIn(value).every((name) => /^[a-z0-9.-]+$|^\[[0-9a-f:.]+\]$/i.test(name)) ? undefined : "must be host names with commas between"),
    secret: false,
  },
  secretKeys: {
    name: "KARKHANA_SECRET_KEYS",
    help: "Keys that secrets of webhooks are sealed with, in place of the data folder's secret.key: 32 bytes each in base64, commas between, the newest first",
    problem: (value) => {
      try {
        return keysIn(value.split(","), "KARKHANA_SECRET_KEYS").length > 0 ? undefined : "must hold a key";
      } catch {
        return "must be keys of 32 bytes in base64 with commas between";
      }
    },
    secret: true,
  },
  webhookTargets: {
    name: "KARKHANA_WEBHOOK_TARGETS",
    help: "Addresses of this network that webhooks may reach, over http too, such as 10.1.0.0/16,127.0.0.1; public ones always are, over https",
    problem: (value) => {
      try {
        addressRule(value.split(","));
        return undefined;
      } catch (error) {
        return error instanceof Error ? error.message : "must be ranges of addresses";
      }
    },
    secret: false,
  },
};

export function priceOf(text: string): { readonly perHour: number; readonly currency: string } | undefined {
  const found = /^(\d+(?:\.\d+)?) ([A-Z]{3})$/.exec(text);
  return found === null ? undefined : { perHour: Number(found[1]), currency: found[2] ?? "" };
}

/** Milliseconds between two looks at live traffic; undefined for the default. */
export function watchEveryOf({ watchEvery }: Configuration): number | undefined {
  return watchEvery === undefined ? undefined : parseDuration(watchEvery, variables.watchEvery.name) / 1000;
}

function durationIn(text: string): Micros | undefined {
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}

export const maxServingProcesses = 64;

export function processesIn(text: string): number | undefined {
  const number = Number(text);
  return /^\d+$/.test(text) && number >= 1 && number <= maxServingProcesses ? number : undefined;
}

export type Configuration = { readonly [K in keyof typeof variables]?: string };

/** Values of a setting that is a list. */
export function namesIn(value: string | undefined): string[] {
  return (value ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** @throws INVALID_CONFIG naming the variable */
export function readConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const found: Record<string, string> = {};
  for (const [key, variable] of Object.entries<Variable>(variables)) {
    const value = environment[variable.name];
    if (value === undefined || value === "") continue;
    const problem = variable.problem(value);
    if (problem !== undefined) throw new KarkhanaError("INVALID_CONFIG", { field: variable.name, problem, value: variable.secret ? "(hidden)" : value });
    found[key] = value;
  }
  return found;
}
