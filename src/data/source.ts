import { KarkhanaError } from "../kernel/error.ts";
import { definitionHash } from "../kernel/hashing.ts";

export type ScalarColumnType = "int64" | "float64" | "string" | "boolean" | "timestamp";
/** A list of so many numbers, such as "float32[384]"; only `embedding` reads it. */
export type VectorType = `float32[${number}]`;
export type ColumnType = ScalarColumnType | VectorType;
export type Schema = Readonly<Record<string, ColumnType>>;

/** What one column must satisfy. A row that does not is listed with its row number and the rule's name. */
export interface ColumnRule {
  readonly notNull?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Regular expression (RE2 syntax, as DuckDB runs it) that the whole text must match. */
  readonly pattern?: string;
  readonly oneOf?: readonly string[];
}

/** `stop` refuses the file if any row fails; `quarantine` sets failing rows aside, up to `maxQuarantinedShare` of all rows, then stops. */
export interface FailurePolicy {
  readonly onFailure: "stop" | "quarantine";
  readonly maxQuarantinedShare?: number;
}

export interface SourceOptions<S extends Schema> {
  /** File path, relative to the project's folder. */
  readonly path: string;
  readonly schema: S;
  /** When it happened: an expression over the columns that gives a timestamp. */
  readonly eventTime: string;
  /** When it could have been known: an expression; default: at event time. A row with `known > t` never reaches a feature at t. */
  readonly knownTime?: string;
  /**
   * Column that names what a row tells of. Rows with the same id are versions of one fact: at t the one with the greatest (known, sequence)
   * of those known at t counts, wherever its key and event time lie. Default: every row is a fact of its own. Rows without an id are that too.
   */
  readonly id?: keyof S & string;
  /** Condition: this version says that the fact is no more. Only with `id`. Its event time may be null. */
  readonly deleted?: string;
  /** Rows known later than this after their event, such as "2d", are kept but reach no feature; default: none is too late. */
  readonly lateness?: string;
  /** Rows whose event lies further than this ahead of when they were known reach no feature; default: none does. */
  readonly ahead?: string;
  /** Rows to take: a boolean expression; default all. */
  readonly where?: string;
  readonly expect?: Readonly<{ [C in keyof S]?: ColumnRule }>;
  readonly policy?: FailurePolicy;
  /** Pushed rows stay in the log, and in its offline copy, at least this long after they arrived, such as "90d"; default: for good. */
  readonly retention?: string;
}

export interface SourceDefinition<S extends Schema = Schema> extends Omit<SourceOptions<S>, "id"> {
  readonly id?: string;
  readonly kind: "source";
  readonly name: string;
  readonly format: "parquet" | "csv" | "json" | "pushed";
  readonly origin?: TableOrigin;
  /** Where a pushed source's rows come from besides pushes. */
  readonly topic?: KafkaTopic;
}

/** A Parquet file. Expressions are the small language of `data/expression.ts`, the same in DuckDB and on pushed rows. */
export function parquet<const S extends Schema>(name: string, options: SourceOptions<S>): SourceDefinition<S> {
  return { kind: "source", name, format: "parquet", ...options };
}

/** A CSV file with a header row. */
export function csv<const S extends Schema>(name: string, options: SourceOptions<S>): SourceDefinition<S> {
  return { kind: "source", name, format: "csv", ...options };
}

/** A file of one JSON object a line. */
export function jsonLines<const S extends Schema>(name: string, options: SourceOptions<S>): SourceDefinition<S> {
  return { kind: "source", name, format: "json", ...options };
}

/** When a row of a pushed source arrived: a column that every such source has. */
export const arrivalColumn = "arrived";
type Arriving<S extends Schema> = S & { readonly [arrivalColumn]: "timestamp" };

export type PushedOptions<S extends Schema> = Omit<SourceOptions<S>, "path" | "expect" | "policy" | "id"> & { readonly id?: keyof S & string };

/**
 * Rows that exist only because they are pushed: the log of pushed rows is what training and parity read. A row's column `arrived` says when it
 * came; where no `knownTime` is declared, a row is known from then on.
 * @throws INVALID_ARGUMENT if the schema has a column `arrived` of its own
 */
export function pushed<const S extends Schema>(name: string, options: PushedOptions<S>): SourceDefinition<Arriving<S>> {
  if (Object.hasOwn(options.schema, arrivalColumn))
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `source ${name}, schema`,
      problem: "has a column of the name that says when a row arrived",
      value: arrivalColumn,
    });
  const schema: Arriving<S> = { ...options.schema, [arrivalColumn]: "timestamp" };
  // Where the offline copy lies is the data folder's affair: `features/offline/pushed-rows.ts`.
  return { kind: "source", name, format: "pushed", path: "pushed", knownTime: arrivalColumn, ...options, schema };
}

/** A topic of Apache Kafka whose messages are rows: JSON objects. */
export interface KafkaTopic {
  readonly topic: string;
  /** "host:port" of some of its brokers, or the environment variable that holds them with commas between. */
  readonly brokers: readonly string[] | { readonly variable: string };
  /** Group under which offsets are reported to Kafka, for its tools to see. The online store needs all partitions: none are shared out. Default "karkhana-<source>". */
  readonly group?: string;
  /** Where to begin the first time: default "earliest". Afterwards it goes on where the log of pushed rows ends. */
  readonly from?: "earliest" | "latest";
  /** Where in a message's value a column lies, such as "after.amount"; default under its own name. `unit`: what a number of a time counts; default microseconds. */
  readonly columns?: Readonly<Record<string, string | { readonly path: string; readonly unit?: TimeUnit }>>;
  /** Column that takes the message's key as text. */
  readonly key?: string;
  /** Column that takes the message's timestamp. */
  readonly timestamp?: string;
  /** Boolean column that is true for a message without a value, which deletes what its key names: `key` must be the source's `id`. */
  readonly tombstone?: string;
  /** Files are relative to the project's folder. */
  readonly tls?: true | KafkaTls;
  readonly sasl?: KafkaSasl;
}

export interface KafkaTls {
  /** Authorities that the brokers' certificates are trusted by, in place of the machine's own. */
  readonly caFile?: string;
  /** The client's certificate and its key, where brokers ask for one. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Environment variable that holds what the key's file is encrypted with. */
  readonly keyPassphraseVariable?: string;
  /** Name that the brokers' certificates must be for, where it is not the address they are reached by. */
  readonly serverName?: string;
}

/** Secrets stay in the environment or in files of their own: of each pair exactly one is given. */
export interface KafkaSasl {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly usernameVariable?: string;
  readonly usernameFile?: string;
  readonly passwordVariable?: string;
  readonly passwordFile?: string;
}

const tlsFields: readonly string[] = ["caFile", "certFile", "keyFile", "keyPassphraseVariable", "serverName"] satisfies (keyof KafkaTls)[];
const saslFields: readonly string[] = ["mechanism", "usernameVariable", "usernameFile", "passwordVariable", "passwordFile"] satisfies (keyof KafkaSasl)[];
const mechanisms: readonly string[] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

export type TimeUnit = "s" | "ms" | "us";

/**
 * A pushed source whose rows are a Kafka topic's messages, read by the serving process. Rows may be pushed as well.
 * @throws INVALID_ARGUMENT
 */
export function kafka<const S extends Schema>(name: string, options: PushedOptions<S> & { readonly topic: KafkaTopic }): SourceDefinition<Arriving<S>> {
  const { topic } = options;
  const refuse = (field: string, problem: string, value: unknown): KarkhanaError =>
    new KarkhanaError("INVALID_ARGUMENT", { field: `source ${name}, topic.${field}`, problem, value });
  const typed = (field: "key" | "timestamp" | "tombstone", type: ColumnType): void => {
    const column = topic[field];
    if (column !== undefined && options.schema[column] !== type) throw refuse(field, `expected a column of type ${type}`, column);
  };
  typed("key", "string");
  typed("timestamp", "timestamp");
  typed("tombstone", "boolean");
  for (const column of Object.keys(topic.columns ?? {})) if (!Object.hasOwn(options.schema, column)) throw refuse("columns", "there is no such column", column);
  if (topic.topic === "") throw refuse("topic", "expected a name", topic.topic);
  if (topic.tombstone !== undefined && (topic.key === undefined || topic.key !== options.id))
    throw refuse("tombstone", "a message without a value deletes what its key names: key must be the source's id", topic.key ?? null);
  checkSecurity(topic, refuse);
  return pushed<S>(name, options);
}

/** A value of a field that is none is not told: it may be a secret that was written into the project. */
function checkSecurity({ tls, sasl }: KafkaTopic, refuse: (field: string, problem: string, value: unknown) => KarkhanaError): void {
  const fields = typeof tls === "object" ? tls : {};
  const stray = Object.keys(fields).find((field) => !tlsFields.includes(field));
  if (stray !== undefined) throw refuse(`tls.${stray}`, `there is no such field; there are ${tlsFields.join(", ")}`, "a value that is not shown");
  if ((fields.certFile === undefined) !== (fields.keyFile === undefined))
    throw refuse("tls.certFile", "a certificate needs its key, and a key its certificate", fields.certFile ?? null);
  if (sasl === undefined) return;
  const unknown = Object.keys(sasl).find((field) => !saslFields.includes(field));
  if (unknown !== undefined)
    throw refuse(`sasl.${unknown}`, `there is no such field; secrets are named by ${saslFields.slice(1).join(", ")}`, "a value that is not shown");
  if (!mechanisms.includes(sasl.mechanism)) throw refuse("sasl.mechanism", `expected one of ${mechanisms.join(", ")}`, sasl.mechanism);
  if ((sasl.usernameVariable === undefined) === (sasl.usernameFile === undefined))
    throw refuse("sasl.usernameVariable", "expected either usernameVariable or usernameFile", sasl.usernameVariable ?? null);
  if ((sasl.passwordVariable === undefined) === (sasl.passwordFile === undefined))
    throw refuse("sasl.passwordVariable", "expected either passwordVariable or passwordFile", sasl.passwordVariable ?? null);
}

/** A table elsewhere that a source's file is a copy of, taken anew before features are materialized. */
export type TableOrigin = {
  /** Rows are numbered by it: it must only grow, so that a copy begins as the one before did. */
  readonly orderBy: string;
  /** May name a schema: "shop.orders". */
  readonly table: string;
} & (
  | { readonly kind: "postgres"; /** Environment variable that holds the URL. */ readonly urlVariable: string }
  | { readonly kind: "duckdb"; readonly database: string }
);

type TableOptions<S extends Schema> = SourceOptions<S> & { readonly table: string; readonly orderBy: keyof S & string };

/** A PostgreSQL table, copied to the Parquet file `path` through a cursor. The URL stays in the environment. */
export function postgresTable<const S extends Schema>(
  name: string,
  { table, orderBy, urlVariable, ...options }: TableOptions<S> & { readonly urlVariable: string },
): SourceDefinition<S> {
  return { kind: "source", name, format: "parquet", ...options, origin: { kind: "postgres", table, orderBy, urlVariable } };
}

/** A table of a DuckDB database file, copied to the Parquet file `path`. */
export function duckdbTable<const S extends Schema>(
  name: string,
  { table, orderBy, database, ...options }: TableOptions<S> & { readonly database: string },
): SourceDefinition<S> {
  return { kind: "source", name, format: "parquet", ...options, origin: { kind: "duckdb", table, orderBy, database } };
}

/** Identity of a source: everything but where the file lies, where rows are read from and how long pushed ones are kept. */
export function sourceHash(source: SourceDefinition): string {
  const { path: _path, retention: _retention, topic: _topic, ...rest } = source;
  return definitionHash(rest as never);
}
