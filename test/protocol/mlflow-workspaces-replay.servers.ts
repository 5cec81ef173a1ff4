import { beforeAll, expect, test } from "vitest";
import type { ReplayCase } from "./replay-cases.ts";
import { replayBoth, type Difference } from "./replay.ts";

// The same requests about workspaces to MLflow's own server, started with them, and to this one.
const admin = "/api/3.0/mlflow/workspaces";
const api = "/api/2.0/mlflow/";
const files = "/api/2.0/mlflow-artifacts/artifacts/";
type Case = Omit<ReplayCase, "name">;
const at = (workspace: string, rest: Case): Case => ({ ...rest, headers: { "x-mlflow-workspace": workspace } });
const post = (path: string, body: object, save?: Readonly<Record<string, string>>): Case => ({ method: "POST", path: api + path, body, ...(save && { save }) });
const get = (path: string): Case => ({ method: "GET", path: api + path });
const create = (body: object): Case => ({ method: "POST", path: admin, body });
const run = { run_id: "{run}" };

const cases: Readonly<Record<string, Case>> = {
  create: create({ name: "team-a", description: "d" }),
  "create another": create({ name: "team-b" }),
  "create, taken": create({ name: "team-a" }),
  "create default": create({ name: "default" }),
  "create, too short": create({ name: "a" }),
  "create, too long": create({ name: "a".repeat(64) }),
  "create, capitals": create({ name: "Team" }),
  "create, reserved": create({ name: "api" }),
  "create, nameless": create({}),
  "create, a number": create({ name: 5 }),
  "create, a place that is none": create({ name: "rooty", default_artifact_root: "relative/x" }),
  "create with a place": create({ name: "rooted", default_artifact_root: "s3://b/x" }),
  get: { method: "GET", path: `${admin}/team-a` },
  "get, unknown": { method: "GET", path: `${admin}/nowhere` },
  "get, no name": { method: "GET", path: `${admin}/Nowhere` },
  update: { method: "PATCH", path: `${admin}/team-a`, body: { description: "e" } },
  "update nothing": { method: "PATCH", path: `${admin}/team-a`, body: {} },
  "update, unknown": { method: "PATCH", path: `${admin}/nowhere`, body: { description: "e" } },
  "update, place taken away": { method: "PATCH", path: `${admin}/rooted`, body: { default_artifact_root: "" } },
  "asked in an unknown one": at("nowhere", get("experiments/get?experiment_id=0")),
  "asked in one that is no name": at("No Where", get("experiments/get?experiment_id=0")),
  "experiment: create": at("team-a", post("experiments/create", { name: "experiment" }, { experiment: "experiment_id" })),
  "experiment: the same name elsewhere": at("team-b", post("experiments/create", { name: "experiment" }, { other: "experiment_id" })),
  "experiment: with a place": at("team-a", post("experiments/create", { name: "g", artifact_location: "s3://b/x" })),
  "experiment: get": at("team-a", get("experiments/get?experiment_id={experiment}")),
  "experiment: get, hidden": at("team-b", get("experiments/get?experiment_id={experiment}")),
  "experiment: by name, hidden": get("experiments/get-by-name?experiment_name=experiment"),
  "experiment: update, hidden": at("team-b", post("experiments/update", { experiment_id: "{experiment}", new_name: "x" })),
  "experiment: delete, hidden": at("team-b", post("experiments/delete", { experiment_id: "{experiment}" })),
  "experiment: tag, hidden": at("team-b", post("experiments/set-experiment-tag", { experiment_id: "{experiment}", key: "k", value: "v" })),
  "experiment: search": at("team-a", post("experiments/search", { max_results: 10 })),
  "run: create": at("team-a", post("runs/create", { experiment_id: "{experiment}", run_name: "r" }, { run: "run.info.run_id" })),
  "run: create, hidden": at("team-b", post("runs/create", { experiment_id: "{experiment}" })),
  "run: create in the first": at("team-b", post("runs/create", { experiment_id: "0" })),
  "run: get": at("team-a", get("runs/get?run_id={run}")),
  "run: get, hidden": at("team-b", get("runs/get?run_id={run}")),
  "run: log-metric, hidden": at("team-b", post("runs/log-metric", { ...run, key: "m", value: 1, timestamp: 1, step: 0 })),
  "run: log-parameter, hidden": at("team-b", post("runs/log-parameter", { ...run, key: "p", value: "1" })),
  "run: set-tag, hidden": at("team-b", post("runs/set-tag", { ...run, key: "t", value: "1" })),
  "run: log-batch, hidden": at("team-b", post("runs/log-batch", { ...run, metrics: [{ key: "m", value: 1, timestamp: 1, step: 0 }] })),
  "run: update, hidden": at("team-b", post("runs/update", { ...run, status: "FINISHED" })),
  "run: delete, hidden": at("team-b", post("runs/delete", run)),
  "run: restore, hidden": at("team-b", post("runs/restore", run)),
  "run: search, hidden": at("team-b", post("runs/search", { experiment_ids: ["{experiment}"] })),
  "run: history, hidden": at("team-b", get("metrics/get-history?run_id={run}&metric_key=m")),
  "run: files, hidden": at("team-b", get("artifacts/list?run_id={run}")),
  "model: create": at("team-a", post("logged-models", { experiment_id: "{experiment}", name: "x" }, { model: "model.info.model_id" })),
  "model: get, hidden": at("team-b", get("logged-models/{model}")),
  "model: search, hidden": at("team-b", post("logged-models/search", { experiment_ids: ["{experiment}"] })),
  "registry: create": at("team-a", post("registered-models/create", { name: "n" })),
  "registry: version": at("team-a", post("model-versions/create", { name: "n", source: "s3://b/m" })),
  "registry: get, hidden": at("team-b", get("registered-models/get?name=n")),
  "registry: version, hidden": at("team-b", get("model-versions/get?name=n&version=1")),
  "registry: create version, hidden": at("team-b", post("model-versions/create", { name: "n", source: "s3://b/m" })),
  "registry: search, hidden": at("team-b", get("registered-models/search")),
  "registry: alias, hidden": at("team-b", post("registered-models/alias", { name: "n", alias: "a", version: "1" })),
  "registry: by alias, hidden": at("team-b", get("registered-models/alias?name=n&alias=a")),
  "file: put": at("team-a", { method: "PUT", path: `${files}workspaces/team-a/{experiment}/{run}/artifacts/x.txt`, body: "text" }),
  "file: get": at("team-a", { method: "GET", path: `${files}workspaces/team-a/{experiment}/{run}/artifacts/x.txt` }),
  "file: get below the workspace": at("team-a", { method: "GET", path: `${files}{experiment}/{run}/artifacts/x.txt` }),
  "file: get, another's": at("team-b", { method: "GET", path: `${files}workspaces/team-a/{experiment}/{run}/artifacts/x.txt` }),
  "delete, not empty": { method: "DELETE", path: `${admin}/team-a` },
  "delete default": { method: "DELETE", path: `${admin}/default` },
  "delete, mode unknown": { method: "DELETE", path: `${admin}/team-a?mode=X` },
  "delete, unknown": { method: "DELETE", path: `${admin}/nowhere` },
  "delete, empty": { method: "DELETE", path: `${admin}/rooted` },
  "experiment: in default": post("experiments/create", { name: "experiment" }),
  "delete, names taken in default": { method: "DELETE", path: `${admin}/team-a?mode=SET_DEFAULT` },
  "delete with all": { method: "DELETE", path: `${admin}/team-b?mode=CASCADE` },
};

/** What is not MLflow's, and why. */
const explained: readonly (readonly [cases: RegExp, fields: RegExp, reason: string])[] = [
  [/^/, /^(sqlstate|error_class)$/, "Optional fields of a refusal, left out here."],
  [/^create, taken$/, /^message$/, "MLflow's words go on with the statement its database refused."],
  [/^delete, (not empty|names taken in default)$/, /^status$/, "409: its client repeats a 500 for minutes."],
  [/^file: put$/, /^body$/, "MLflow answers an upload with an empty body, here it is an empty object; the client reads the status alone."],
  [/^model: create$/, /^model\.info\.(model_type|source_run_id)$/, "Fields without a value are left out."],
  [/^registry: version$/, /^model_version\.run_link$/, "Fields without a value are left out."],
];

let differences: Difference[];
beforeAll(async () => {
  differences = await replayBoth(
    Object.entries(cases).map(([name, rest]) => ({ name, ...rest })),
    ["--enable-workspaces"],
  );
});

test("requests about workspaces are answered as by MLflow's own server, but for what is explained, and nothing is explained that is not so", () => {
  const isExplained = ({ name, field }: Difference): boolean => explained.some(([names, fields]) => names.test(name) && fields.test(field));
  expect(differences.filter((difference) => !isExplained(difference))).toEqual([]);
  for (const [names, fields, reason] of explained)
    expect([reason, differences.some(({ name, field }) => names.test(name) && fields.test(field))]).toEqual([reason, true]);
});
