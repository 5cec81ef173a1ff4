import { figure, milliseconds, moment } from "../format.ts";

type Figures = readonly (readonly [name: string, text: string])[];

/** Figures of a proof, one a line: `champion: AUC 0.751 (0.748 to 0.754)`. What the summary says is not said again. */
export function figuresOf(details: Readonly<Record<string, unknown>>): Figures {
  return below(details, "").filter(([name]) => name !== "summary");
}

function below(details: object, prefix: string): Figures {
  return Object.entries(details).flatMap(([key, value]: [string, unknown]): Figures => {
    const name = `${prefix}${nameInWords(key)}`;
    if (isInterval(value)) return [[name, `${figure(value.value)} (${figure(value.low)} to ${figure(value.high)})`]];
    if (typeof value === "number") return [[name, measured(key, value)]];
    if (Array.isArray(value)) return listed(value, name);
    if (typeof value === "object" && value !== null) return below(value, `${name}: `);
    return [[name, value === null ? "–" : typeof value === "boolean" ? (value ? "yes" : "no") : textOf(value)]];
  });
}

/** `maxEce` is "ECE at most", `p95Us` is "p95". */
export function nameInWords(camel: string): string {
  const words = camel
    .replaceAll(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`)
    .replace(/ (us|ms)$/, "")
    .replace(/^num /, "")
    .replaceAll(/\b(auc|ece|psi)\b/g, (w) => w.toUpperCase())
    .replace(/\bab\b/, "A/B");
  const bound = /^(min|max) (.+)$/.exec(words);
  return bound === null ? words : `${bound[2]} at ${bound[1] === "min" ? "least" : "most"}`;
}

const earliestUs = 1e14;

function measured(key: string, value: number): string {
  if (key.endsWith("Us")) return Math.abs(value) >= earliestUs ? `${moment(value)} UTC` : `${milliseconds(value)} ms`;
  return key.endsWith("Ms") ? `${figure(value)} ms` : figure(value);
}

function listed(values: readonly unknown[], name: string): Figures {
  if (values.some((v) => typeof v === "object" && v !== null))
    return values.map((v, i) => {
      if (typeof v !== "object" || v === null) return [`${name} ${i + 1}`, textOf(v)] as const;
      const { name: own = i + 1, ...rest } = v as { readonly name?: unknown };
      return [
        `${name}: ${textOf(own)}`,
        Object.entries(rest)
          .map(([k, of]) => inWords(k, of))
          .filter((part) => part !== "")
          .join(", "),
      ] as const;
    });
  return [[name, values.length === 0 ? "none" : repeated(values.map(textOf)).join(", ")]];
}

function inWords(key: string, value: unknown): string {
  const name = nameInWords(key);
  if (typeof value === "boolean") return value ? name : `not ${name}`;
  if (!Array.isArray(value)) return `${name} ${textOf(value)}`;
  const texts = value.map((v: unknown) => (typeof v === "object" && v !== null && "summary" in v ? textOf(v.summary) : textOf(v)));
  return texts.length === 0 ? `nothing ${name}` : `${name} ${texts.join("; ")}`;
}

function textOf(value: unknown): string {
  return typeof value === "number" ? figure(value) : typeof value === "string" ? value : JSON.stringify(value);
}

/** Twenty probes that were all answered by version 2 are "20 times 2". */
function repeated(texts: readonly string[]): string[] {
  const runs: { text: string; times: number }[] = [];
  for (const text of texts) {
    const last = runs.at(-1);
    if (last?.text === text) last.times++;
    else runs.push({ text, times: 1 });
  }
  return runs.flatMap(({ text, times }) => (times < 4 ? Array.from({ length: times }, () => text) : [`${times} times ${text}`]));
}

function isInterval(value: unknown): value is { value: number; low: number; high: number } {
  return (
    typeof value === "object" &&
    value !== null &&
    "value" in value &&
    "low" in value &&
    "high" in value &&
    typeof value.value === "number" &&
    typeof value.low === "number" &&
    typeof value.high === "number"
  );
}
