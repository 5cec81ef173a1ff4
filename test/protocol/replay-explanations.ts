import type { Difference } from "./replay.ts";

/** Why an answer of ours is not MLflow's. Every difference that a replay finds must have one, and each must explain some. */
export interface Explanation {
  readonly cases: RegExp;
  readonly fields: RegExp;
  readonly reason: string;
}

const everywhere = /^/;

const explanations: readonly Explanation[] = [
  {
    cases: everywhere,
    fields: /^(sqlstate|error_class)$/,
    reason: "Optional fields of a refusal, left out here: the client derives both from `error_code` where they are absent.",
  },
  {
    cases: /^server info$/,
    fields: /^(workspaces_enabled|multipart_uploads_enabled|presigned_upload_.*|features_enabled\.gateway)$/,
    reason:
      "Workspaces need no switch here. Uploads in parts are served here for every artifact, by signed addresses of this program, where MLflow needs a cloud store for it. Addresses signed by a cloud store and the AI gateway are not served.",
  },
  {
    cases: /^unknown route$/,
    fields: /^(body|error_code|message)$/,
    reason: "MLflow answers a path it does not know with a page of HTML; here it is a 404 in the shape of every other refusal.",
  },
  { cases: /^unknown trace$/, fields: /^(error_code|message)$/, reason: "Traces are not served: every route of theirs is a 404 `ENDPOINT_NOT_FOUND`." },
  {
    cases: /^experiment: (default|search|search, by GET)$/,
    fields: /(creation|last_update)_time$/,
    reason: "The Default experiment is part of the schema here and has no birthday.",
  },
  {
    cases: /^experiment: (create, name taken|rename, taken)$/,
    fields: /^(message|error_code)$/,
    reason:
      "MLflow's words go on with the statement its database refused, and for a rename so does its code (`BAD_REQUEST`); here it is `RESOURCE_ALREADY_EXISTS` with the name.",
  },
  { cases: /^experiment: create, location too long$/, fields: /^message$/, reason: "MLflow names a variable of its own server that would raise the limit." },
  {
    cases: /^(experiment: search, bad filter|search: (unfinished|bad operator|limit too large)|model: search, bad filter)$/,
    fields: /^message$/,
    reason: "Same code, other words: the filter language here is larger (OR, NOT, parentheses), and its parser says what it expected where.",
  },
  {
    cases: /^(experiment: search, bad field|search: unknown attribute|search: by a dataset's colour|search: ordered by dataset)$/,
    fields: /^message$/,
    reason: "MLflow prints the allowed keys as a Python set, in an order that changes with every start.",
  },
  {
    cases: /^(history, junk token|search: junk token)$/,
    fields: /^message$/,
    reason: "Tokens are made otherwise (they name the last row, not an offset), so junk is not decoded to the same bytes.",
  },
  {
    cases: /^run: inputs, no dataset$/,
    fields: /^(status|error_code|message)$/,
    reason: "MLflow stores a dataset without a name or digest, which then shows as an empty one; here it is refused.",
  },
  {
    cases: /^(run: update, bad status|model: bad status)$/,
    fields: everywhere,
    reason: "MLflow reads a status it does not know as none (of a model: as `UNSPECIFIED`) and answers 200; here it is refused with the value.",
  },
  {
    cases: /^history, absent run$/,
    fields: /^(status|error_code|message)$/,
    reason: "MLflow answers an empty history for a run that is not there; here it is a 404, as from every other call about that run.",
  },
  { cases: /^search: OR, which MLflow has not$/, fields: everywhere, reason: "A superset: MLflow refuses OR in a filter." },
  {
    cases: /^model: search by metric$/,
    fields: /^models/,
    reason: "MLflow finds nothing where a dataset is named without its digest, since it compares the digest with null; here the name alone is enough.",
  },
  {
    cases: /^(file: put|file of a model: put|file: as the pages put it)$/,
    fields: /^body$/,
    reason: "MLflow answers an upload with an empty body, here it is an empty object; the client reads the status alone.",
  },
  { cases: /^file: in parts$/, fields: everywhere, reason: "MLflow's server on a local folder has no uploads in parts and says 501; here they are served." },
  { cases: /^registry: /, fields: /run_link$/, reason: "Fields without a value are left out; MLflow sends an empty link where none was given." },
  {
    cases: /^registry: (search models|search versions|update)$/,
    fields: /aliases\[\d+\]$/,
    reason: "A version's aliases are told wherever the version is; MLflow leaves them out of lists.",
  },
  {
    cases: /^body: not JSON$/,
    fields: /^message$/,
    reason: "MLflow reads a body that is not JSON as an empty one and fails in its database; here it is refused as that.",
  },
];

/** What no explanation covers, and which explanations cover nothing. */
export function judge(differences: readonly Difference[]): { unexplained: readonly Difference[]; unused: readonly string[] } {
  const used = new Set<Explanation>();
  const unexplained = differences.filter((difference) => {
    const found = explanationOf(difference);
    if (found !== undefined) used.add(found);
    return found === undefined;
  });
  return { unexplained, unused: explanations.filter((explanation) => !used.has(explanation)).map(({ reason }) => reason) };
}

function explanationOf({ name, field }: Difference): Explanation | undefined {
  return explanations.find(({ cases, fields }) => cases.test(name) && fields.test(field));
}

/** The committed table. Values are left out: ids, moments and Python's sets are others every time. */
export function differencesPage(differences: readonly Difference[], { numCases, version }: { numCases: number; version: string }): string {
  const rows = explanations.flatMap((explanation) => {
    const own = differences.filter((difference) => explanationOf(difference) === explanation);
    if (explanation.cases === everywhere) return [`| every refusal | \`sqlstate\`, \`error_class\` | ${explanation.reason} |`];
    const byCase = Map.groupBy(own, ({ name }) => name);
    return [...byCase].map(([name, of]) => {
      const fields = [...new Set(of.map(({ field }) => field.replaceAll(/\[\d+\].*$/g, "").split(".")[0]!))];
      return `| ${name} | ${fields.map((field) => `\`${field}\``).join(", ")} | ${explanation.reason} |`;
    });
  });
  return `# Where answers differ from MLflow's own

\`node scripts/mlflow-differences.ts\` sends ${numCases} requests (\`test/protocol/replay-cases.ts\`: every route of tracking, artifacts and the registry, accepted and refused)
to a stock \`mlflow server\` ${version} and to Karkhana, each with nothing in it, and compares the answers field by field: status, every value of the body, ids by their
names, moments as moments, tags, params and latest metrics in no order. This is all that differs; \`test/protocol/mlflow-replay.servers.ts\` holds it to that.

| request | fields | why |
| --- | --- | --- |
${rows.join("\n")}
`;
}
