/** The same requests to two servers, their answers side by side. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { clientPython } from "./mlflow-scenarios.ts";
import type { ReplayCase } from "./replay-cases.ts";
import { startServerProcess } from "./server-process.ts";
import { startStockMlflow } from "./stock-mlflow.ts";

export interface Difference {
  readonly name: string;
  /** Where in the answer: "status", or a path such as "run.info.user_id"; "body" for an answer that is no JSON. */
  readonly field: string;
  readonly mlflow: string;
  readonly karkhana: string;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Against a stock server and one of ours, both started for it on empty folders. @param options more of MLflow's own command line */
export async function replayBoth(cases: readonly ReplayCase[], options: readonly string[] = []): Promise<Difference[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-replay-"));
  const mlflow = await startStockMlflow(await clientPython(), folder, `sqlite:///${path.join(folder, "mlflow.db")}`, ["--workers", "1", ...options]);
  const karkhana = startServerProcess();
  try {
    return await replay(cases, mlflow.url, await karkhana.open(path.join(folder, "data")));
  } finally {
    await mlflow.end();
    await karkhana.end();
    await rm(folder, { recursive: true, force: true });
  }
}

async function replay(cases: readonly ReplayCase[], mlflowUrl: string, karkhanaUrl: string): Promise<Difference[]> {
  const [mlflow, karkhana] = [new Side(mlflowUrl), new Side(karkhanaUrl)];
  const differences: Difference[] = [];
  for (const request of cases) {
    const [theirs, ours] = [await mlflow.send(request), await karkhana.send(request)];
    const [a, b] = [fieldsOf(theirs), fieldsOf(ours)];
    for (const field of new Set([...a.keys(), ...b.keys()])) {
      const [mlflowSays = "(absent)", karkhanaSays = "(absent)"] = [a.get(field), b.get(field)];
      if (mlflowSays !== karkhanaSays) differences.push({ name: request.name, field, mlflow: mlflowSays, karkhana: karkhanaSays });
    }
  }
  return differences;
}

/** One server, and the names of the values it has given: ids differ between the two, names do not. */
class Side {
  readonly #url: string;
  readonly #values = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  async send({ method, path, body, save, headers }: ReplayCase): Promise<Answer> {
    const sent = body === undefined ? undefined : this.#filled(typeof body === "string" ? body : JSON.stringify(body));
    const isJson = /^\/(ajax-)?api\/[23]\.0\/mlflow\/(?!upload)/.test(path) || path.includes("/mpu/");
    const response = await fetch(this.#url + this.#filled(path), {
      method,
      headers: { ...(isJson && body !== undefined ? { "content-type": "application/json" } : {}), ...headers },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await response.text();
    const parsed = parse(text);
    for (const [name, place] of Object.entries(save ?? {})) {
      const value = place.split(".").reduce((at: unknown, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), parsed);
      if (typeof value !== "string") throw new Error(`${method} ${path} at ${this.#url} gave no ${place}: ${text.slice(0, 300)}`);
      this.#values.set(name, value);
    }
    return { status: response.status, body: parse(this.#named(text)) };
  }

  #filled(text: string): string {
    return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => this.#values.get(name) ?? whole);
  }

  /** Ids by their names, and the server's own address. */
  #named(text: string): string {
    let named = text.replaceAll(this.#url, "<server>");
    for (const [name, value] of this.#values) if (value.length > 8) named = named.replaceAll(value, `<${name}>`);
    return named;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Every leaf by its path; what cannot be equal (moments, tokens) only by its kind. */
function fieldsOf({ status, body }: Answer): Map<string, string> {
  const fields = new Map([["status", String(status)]]);
  const walk = (at: string, value: unknown): void => {
    if (Array.isArray(value)) {
      if (value.length === 0) fields.set(at, "[]");
      for (const [i, item] of ordered(value).entries()) walk(`${at}[${i}]`, item);
    } else if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value);
      if (entries.length === 0 && at !== "") fields.set(at, "{}");
      for (const [key, item] of entries) walk(at === "" ? key : `${at}.${key}`, item);
    } else fields.set(at === "" ? "body" : at, shown(at, value));
  };
  walk("", body);
  return fields;
}

/** Tags, params and latest metrics come in no order: by key. A history is ordered, and its points share their key. */
function ordered(list: readonly unknown[]): readonly unknown[] {
  const keys = list.map((item) => (typeof item === "object" && item !== null && "key" in item && typeof item.key === "string" ? item.key : undefined));
  if (keys.includes(undefined) || new Set(keys).size !== keys.length) return list;
  return list.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf(item: unknown): string {
  return typeof item === "object" && item !== null && "key" in item ? String(item.key) : "";
}

function shown(field: string, value: unknown): string {
  const name = field.split(".").at(-1) ?? "";
  // 2020 and later: a moment of this run, not one that a case gave.
  if (/time/.test(name) && typeof value === "number" && value > 1_577_836_800_000) return "<moment>";
  if (name === "next_page_token") return "<token>";
  return JSON.stringify(value) ?? "undefined";
}
