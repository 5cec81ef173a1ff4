/**
 * TypeScript of a client that knows the project: a field that a model does not have, a value of another type and a misspelt model are
 * compile errors. It needs `fetch` and nothing else.
 */
import type { ColumnType } from "../../data/source.ts";
import { isVectorType } from "../../data/vector-column.ts";
import { nearestMethod, nearestTypes } from "./nearest-source.ts";
import { viewsOf, type ModelDefinition, type ProjectDefinition } from "../../project/definition.ts";

export function clientSource(project: ProjectDefinition): string {
  const models = [...project.models].sort((a, b) => (a.name < b.name ? -1 : 1));
  const interfaces = models.map(
    (model) =>
      `/** What ${model.name} is asked. */\nexport interface ${typeName(model)}Fields {\n${model.request.map((field) => fieldLine(model, field)).join("\n")}\n}\n`,
  );
  const views = [...new Map(models.flatMap(({ service }) => viewsOf(service)).map((view) => [view.name, view])).values()];
  const members = models.map((model) => `  readonly ${JSON.stringify(model.name)}: ${typeName(model)}Fields;`);
  const hashes = models.map((model) => `  ${JSON.stringify(model.name)}: ${JSON.stringify(model.service.hash)},`);
  return `// Made by \`karkhana client\` from the project ${JSON.stringify(project.name)}; make it again when the project changes.

${interfaces.join("\n")}
export interface Models {
${members.join("\n")}
}

/** The features each model read when this file was made; \`check\` holds them against the server's. */
const services: Readonly<Record<keyof Models, string>> = {
${hashes.join("\n")}
};
${nearestTypes(views)}${runtime.replace("/* nearest */\n", nearestMethod(views))}`;
}

/** Letters and digits, first letter large: late_arrival -> LateArrival. */
function typeName({ name }: ModelDefinition): string {
  const parts = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== "");
  const joined = parts.map((part) => part[0]!.toUpperCase() + part.slice(1)).join("");
  return /^[A-Za-z]/.test(joined) ? joined : `Model${joined}`;
}

function fieldLine({ spine }: ModelDefinition, field: string): string {
  const rule = spine.expect?.[field] ?? {};
  const notes = [
    rule.min === undefined ? "" : `at least ${rule.min}`,
    rule.max === undefined ? "" : `at most ${rule.max}`,
    rule.pattern === undefined ? "" : `must match ${rule.pattern.replaceAll("*/", "*\\u200b/")}`,
  ].filter((note) => note !== "");
  const type =
    rule.oneOf !== undefined && spine.schema[field] === "string" ? rule.oneOf.map((value) => JSON.stringify(value)).join(" | ") : typeOf(spine.schema[field]);
  const comment = notes.length === 0 ? "" : `  /** ${notes.join("; ")} */\n`;
  return `${comment}  readonly ${JSON.stringify(field)}: ${type}${rule.notNull === true ? "" : " | null"};`;
}

function typeOf(type: ColumnType | undefined): string {
  if (type === "string") return "string";
  if (type === "boolean") return "boolean";
  if (isVectorType(type)) return "readonly number[]";
  return type === "timestamp" ? "string | number" : "number";
}

const runtime = `
export interface Question<M extends keyof Models> {
  /** The same id again is the same question; made by the server where absent. */
  readonly id?: string;
  /** ISO 8601 or microseconds since 1970: features are as of then; default now. */
  readonly time?: string | number;
  readonly fields: Models[M];
}

export interface Prediction {
  readonly id: string;
  readonly version: number;
  readonly role: "champion" | "challenger";
  readonly score: number;
  /** Present where the version that should have answered could not. */
  readonly fallback?: "previous" | "rule";
}

/** What the server refused with. */
export class PredictionError extends Error {
  readonly code: string;
  readonly status: number;
  readonly remedy: string;

  constructor(status: number, error: { readonly code?: string; readonly message?: string; readonly remedy?: string }) {
    super(error.message ?? \`the server answered \${status}\`);
    this.name = "PredictionError";
    this.status = status;
    this.code = error.code ?? "INTERNAL";
    this.remedy = error.remedy ?? "";
  }
}

export interface ClientOptions {
  /** Address of a serving process, such as http://127.0.0.1:4710 */
  readonly url: string;
  readonly token?: string;
  /** Milliseconds an answer may take; the server is told, and does no work past it. */
  readonly timeoutMs?: number;
}

export function createClient({ url, token, timeoutMs = 5000 }: ClientOptions) {
  const base = url.replace(/\\/+$/, "");
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: \`Bearer \${token}\` };
  const send = async (path: string, body: unknown): Promise<unknown> => {
    const response = await fetch(base + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { "content-type": "application/json", "x-request-timeout-ms": String(timeoutMs), ...authorization },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs + 1000),
    });
    const reply = (await response.json().catch(() => ({}))) as { readonly error?: { readonly code?: string; readonly message?: string; readonly remedy?: string } };
    if (!response.ok) throw new PredictionError(response.status, reply.error ?? {});
    return reply;
  };
  const predictAll = async <M extends keyof Models>(model: M, questions: readonly Question<M>[]): Promise<readonly Prediction[]> => {
    const reply = (await send(\`/v1/models/\${encodeURIComponent(model)}/predict\`, { instances: questions })) as { readonly predictions: readonly Prediction[] };
    return reply.predictions;
  };
  return {
    /** Answers in the order of the questions. @throws PredictionError */
    predictAll,
    /** @throws PredictionError */
    predict: async <M extends keyof Models>(model: M, fields: Models[M], options: Omit<Question<M>, "fields"> = {}): Promise<Prediction> => {
      const [prediction] = await predictAll(model, [{ ...options, fields }]);
      if (prediction === undefined) throw new PredictionError(200, { message: "the server answered nothing" });
      return prediction;
    },
    /** Tells what came of a question. @throws PredictionError */
    label: async (model: keyof Models, id: string, label: 0 | 1): Promise<void> => {
      await send(\`/v1/models/\${encodeURIComponent(model)}/labels\`, { labels: [{ id, label }] });
    },
/* nearest */
    /** Names of models whose features are other ones than when this file was made. */
    check: async (): Promise<readonly string[]> => {
      const reply = (await send("/v1/models", undefined)) as { readonly models: readonly { readonly model: string; readonly serviceHash: string }[] };
      return reply.models.filter(({ model, serviceHash }) => Object.hasOwn(services, model) && services[model as keyof Models] !== serviceHash).map(({ model }) => model);
    },
  };
}
`;
