/**
 * Requests that are sent to MLflow's own server and to this one, in this order, each to a server that had nothing in it: every route of
 * tracking, the artifact proxy and the registry, what is accepted and what is refused. "{name}" stands for a value an earlier answer gave.
 */
export interface ReplayCase {
  readonly name: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE" | "PUT";
  readonly path: string;
  /** An object is sent as JSON, a text as it stands. */
  readonly body?: object | string;
  /** Names for values of the answer, each by its place in it: "run.info.run_id". */
  readonly save?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const api = "/api/2.0/mlflow/";
const proxy = "/api/2.0/mlflow-artifacts/";
type Save = Readonly<Record<string, string>>;
const post = (path: string, body: object | string, save?: Save): Omit<ReplayCase, "name"> => ({
  method: "POST",
  path: api + path,
  body,
  ...(save && { save }),
});
const get = (path: string, save?: Save): Omit<ReplayCase, "name"> => ({ method: "GET", path: api + path, ...(save && { save }) });
const patch = (path: string, body: object): Omit<ReplayCase, "name"> => ({ method: "PATCH", path: api + path, body });
const remove = (path: string, body?: object): Omit<ReplayCase, "name"> => ({ method: "DELETE", path: api + path, ...(body && { body }) });
const page = (path: string, body: object): Omit<ReplayCase, "name"> => ({ method: "POST", path: `/ajax-api/2.0/mlflow/${path}`, body });
const metric = (key: string, value: number | string, step: number, more: object = {}): object => ({ key, value, timestamp: 1000 + step, step, ...more });

const probes: Record<string, Omit<ReplayCase, "name">> = {
  health: { method: "GET", path: "/health" },
  version: { method: "GET", path: "/version" },
  "server info": { method: "GET", path: "/api/3.0/mlflow/server-info" },
  "unknown route": get("nothing/here"),
  "unknown trace": { method: "GET", path: "/api/3.0/mlflow/traces/tr-1" },
};

const experiments: Record<string, Omit<ReplayCase, "name">> = {
  "experiment: default": get("experiments/get?experiment_id=0"),
  "experiment: create": post("experiments/create", { name: "first", tags: [{ key: "a", value: "1" }] }, { experiment: "experiment_id" }),
  "experiment: create, name taken": post("experiments/create", { name: "first" }),
  "experiment: create, no name": post("experiments/create", {}),
  "experiment: create, name a number": post("experiments/create", { name: 5 }),
  "experiment: create, name empty": post("experiments/create", { name: "" }),
  "experiment: create, name too long": post("experiments/create", { name: "x".repeat(501) }),
  "experiment: create, location with a fragment": post("experiments/create", { name: "frag", artifact_location: "s3://b/a#x" }),
  "experiment: create, location too long": post("experiments/create", { name: "loc", artifact_location: `s3://b/${"x".repeat(2050)}` }),
  "experiment: create, location of runs": post("experiments/create", { name: "loc", artifact_location: "runs:/x" }),
  "experiment: create, elsewhere": post("experiments/create", { name: "elsewhere", artifact_location: "s3://bucket/place" }, { elsewhere: "experiment_id" }),
  "experiment: get, elsewhere": get("experiments/get?experiment_id={elsewhere}"),
  "experiment: get": get("experiments/get?experiment_id={experiment}"),
  "experiment: get, absent": get("experiments/get?experiment_id=12345"),
  "experiment: get, not a number": get("experiments/get?experiment_id=abc"),
  "experiment: get, no id": get("experiments/get"),
  "experiment: by name": get("experiments/get-by-name?experiment_name=first"),
  "experiment: by name, absent": get("experiments/get-by-name?experiment_name=nobody"),
  "experiment: tag": post("experiments/set-experiment-tag", { experiment_id: "{experiment}", key: "b", value: "2" }),
  "experiment: tag, too long": post("experiments/set-experiment-tag", { experiment_id: "{experiment}", key: "b", value: "x".repeat(20_001) }),
  "experiment: tag, no key": post("experiments/set-experiment-tag", { experiment_id: "{experiment}", value: "2" }),
  "experiment: delete tag": post("experiments/delete-experiment-tag", { experiment_id: "{experiment}", key: "b" }),
  "experiment: delete tag, absent": post("experiments/delete-experiment-tag", { experiment_id: "{experiment}", key: "b" }),
  "experiment: rename": post("experiments/update", { experiment_id: "{experiment}", new_name: "renamed" }),
  "experiment: rename, taken": post("experiments/update", { experiment_id: "{experiment}", new_name: "elsewhere" }),
  "experiment: search": post("experiments/search", { max_results: 10, order_by: ["name ASC"] }),
  "experiment: search, by tag": post("experiments/search", { max_results: 10, filter: "tags.a = '1'" }),
  "experiment: search, by GET": get("experiments/search?max_results=1&order_by=name+ASC"),
  "experiment: search, no limit": post("experiments/search", {}),
  "experiment: search, limit too large": post("experiments/search", { max_results: 50_001 }),
  "experiment: search, bad filter": post("experiments/search", { max_results: 10, filter: "name = first" }),
  "experiment: search, bad field": post("experiments/search", { max_results: 10, filter: "colour = 'red'" }),
};

const runs: Record<string, Omit<ReplayCase, "name">> = {
  "run: create": post(
    "runs/create",
    { experiment_id: "{experiment}", run_name: "one", user_id: "ada", start_time: 1000, tags: [{ key: "t", value: "1" }] },
    { run: "run.info.run_id" },
  ),
  "run: create, named by its tag": post(
    "runs/create",
    { experiment_id: "{experiment}", start_time: 2000, tags: [{ key: "mlflow.runName", value: "two" }] },
    { other: "run.info.run_id" },
  ),
  "run: create, two names": post("runs/create", { experiment_id: "{experiment}", run_name: "a", tags: [{ key: "mlflow.runName", value: "b" }] }),
  "run: create, absent experiment": post("runs/create", { experiment_id: "12345", run_name: "x", start_time: 1 }),
  "run: create, elsewhere": post("runs/create", { experiment_id: "{elsewhere}", run_name: "far", start_time: 1 }, { far: "run.info.run_id" }),
  "run: get": get("runs/get?run_id={run}"),
  "run: get by the old name": get("runs/get?run_uuid={run}"),
  "run: get, absent": get(`runs/get?run_id=${"0".repeat(32)}`),
  "run: get, no id": get("runs/get"),
  "run: metric": post("runs/log-metric", { run_id: "{run}", key: "m", value: 0.5, timestamp: 10 }),
  "run: metric, NaN": post("runs/log-metric", { run_id: "{run}", key: "nan", value: "NaN", timestamp: 10, step: 1 }),
  "run: metric, infinite": post("runs/log-metric", { run_id: "{run}", key: "inf", value: "Infinity", timestamp: 10, step: 1 }),
  "run: metric, numbers as texts": post("runs/log-metric", { run_id: "{run}", key: "m", value: "0.75", timestamp: "11", step: "3" }),
  "run: metric, value not a number": post("runs/log-metric", { run_id: "{run}", key: "m", value: "high", timestamp: 10 }),
  "run: metric, no value": post("runs/log-metric", { run_id: "{run}", key: "m", timestamp: 10 }),
  "run: metric, no key": post("runs/log-metric", { run_id: "{run}", value: 1, timestamp: 10 }),
  "run: metric, no timestamp": post("runs/log-metric", { run_id: "{run}", key: "m", value: 1 }),
  "run: metric, negative timestamp": post("runs/log-metric", { run_id: "{run}", key: "m", value: 1, timestamp: -1 }),
  "run: metric, bad key": post("runs/log-metric", { run_id: "{run}", key: "a%b", value: 1, timestamp: 1 }),
  "run: metric, key that climbs": post("runs/log-metric", { run_id: "{run}", key: "../x", value: 1, timestamp: 1 }),
  "run: metric, key too long": post("runs/log-metric", { run_id: "{run}", key: "k".repeat(251), value: 1, timestamp: 1 }),
  "run: metric, absent run": post("runs/log-metric", { run_id: "0".repeat(32), key: "m", value: 1, timestamp: 1 }),
  "run: param": post("runs/log-parameter", { run_id: "{run}", key: "p", value: "1" }),
  "run: param again": post("runs/log-parameter", { run_id: "{run}", key: "p", value: "1" }),
  "run: param, changed": post("runs/log-parameter", { run_id: "{run}", key: "p", value: "2" }),
  "run: param, empty": post("runs/log-parameter", { run_id: "{run}", key: "e", value: "" }),
  "run: param, no key": post("runs/log-parameter", { run_id: "{run}", value: "" }),
  "run: param, too long": post("runs/log-parameter", { run_id: "{run}", key: "long", value: "x".repeat(6001) }),
  "run: tag": post("runs/set-tag", { run_id: "{run}", key: "t", value: "2" }),
  "run: tag, empty": post("runs/set-tag", { run_id: "{run}", key: "empty", value: "" }),
  "run: tag, bad key": post("runs/set-tag", { run_id: "{run}", key: "a//b", value: "" }),
  "run: tag, no key": post("runs/set-tag", { run_id: "{run}", value: "" }),
  "run: delete tag": post("runs/delete-tag", { run_id: "{run}", key: "t" }),
  "run: delete tag, absent": post("runs/delete-tag", { run_id: "{run}", key: "t" }),
  "run: renamed by its tag": post("runs/set-tag", { run_id: "{run}", key: "mlflow.runName", value: "uno" }),
  "run: batch": post("runs/log-batch", {
    run_id: "{other}",
    metrics: [metric("m", 1, 0), metric("m", 2, 1), metric("m", 2, 1), metric("acc", 0.25, 0)],
    params: [{ key: "p", value: "2" }],
    tags: [{ key: "x", value: "y" }],
  }),
  "run: batch, empty": post("runs/log-batch", { run_id: "{other}" }),
  "run: batch, param twice": post("runs/log-batch", {
    run_id: "{other}",
    params: [
      { key: "a", value: "1" },
      { key: "a", value: "1" },
    ],
  }),
  "run: batch, too many metrics": post("runs/log-batch", { run_id: "{other}", metrics: Array.from({ length: 1001 }, (_, i) => metric("m", 1, i)) }),
  "run: batch, too many params": post("runs/log-batch", { run_id: "{other}", params: Array.from({ length: 101 }, (_, i) => ({ key: `p${i}`, value: "" })) }),
  "run: batch, metric without value": post("runs/log-batch", { run_id: "{other}", metrics: [{ key: "m", timestamp: 1 }] }),
  "run: batch, metrics not a list": post("runs/log-batch", { run_id: "{other}", metrics: "5" }),
  "run: batch, no run": post("runs/log-batch", { metrics: [] }),
  "run: inputs": post("runs/log-inputs", {
    run_id: "{run}",
    datasets: [
      {
        dataset: { name: "d", digest: "1", source_type: "local", source: "{}", schema: "[]", profile: "{}" },
        tags: [{ key: "mlflow.data.context", value: "training" }],
      },
    ],
  }),
  "run: inputs, no dataset": post("runs/log-inputs", { run_id: "{far}", datasets: [{ tags: [] }] }),
  "run: inputs, digest too long": post("runs/log-inputs", {
    run_id: "{run}",
    datasets: [{ dataset: { name: "d", digest: "1".repeat(37), source_type: "l", source: "s" } }],
  }),
  datasets: page("experiments/search-datasets", { experiment_ids: ["{experiment}"] }),
  "datasets, no experiment": page("experiments/search-datasets", { experiment_ids: [] }),
  "datasets, too many": page("experiments/search-datasets", { experiment_ids: Array.from({ length: 21 }, (_, i) => String(i)) }),
  "run: all of it": get("runs/get?run_id={run}"),
  "run: all of the other": get("runs/get?run_id={other}"),
  "run: update": post("runs/update", { run_id: "{other}", status: "FINISHED", end_time: 5000 }),
  "run: update, name": post("runs/update", { run_id: "{other}", run_name: "dos" }),
  "run: update, bad status": post("runs/update", { run_id: "{other}", status: "DONE" }),
  "run: legacy model": post("runs/log-model", {
    run_id: "{run}",
    model_json: JSON.stringify({ artifact_path: "model", utc_time_created: "2020-01-01", run_id: "x", flavors: { python_function: { loader_module: "m" } } }),
  }),
  "run: legacy model, not JSON": post("runs/log-model", { run_id: "{run}", model_json: "{" }),
  "run: legacy model, fields missing": post("runs/log-model", { run_id: "{run}", model_json: '{"run_id":"x","artifact_path":"m","flavors":{}}' }),
  "run: after the legacy model": get("runs/get?run_id={run}"),
};

const histories: Record<string, Omit<ReplayCase, "name">> = {
  history: get("metrics/get-history?run_id={other}&metric_key=m"),
  "history, absent metric": get("metrics/get-history?run_id={other}&metric_key=none"),
  "history, page": get("metrics/get-history?run_id={other}&metric_key=m&max_results=1"),
  "history, junk token": get("metrics/get-history?run_id={other}&metric_key=m&max_results=1&page_token=junk"),
  "history, no results": get("metrics/get-history?run_id={other}&metric_key=m&max_results=0"),
  "history, no metric": get("metrics/get-history?run_id={other}"),
  "history, absent run": get(`metrics/get-history?run_id=${"0".repeat(32)}&metric_key=m`),
  histories: { method: "GET", path: "/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={other}&run_id=absent&metric_key=m" },
  "histories, no run": { method: "GET", path: "/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=m" },
  "histories, no metric": { method: "GET", path: "/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={run}" },
  samples: get("metrics/get-history-bulk-interval?run_ids={other}&metric_key=m&max_results=5"),
  "samples, of steps": get("metrics/get-history-bulk-interval?run_ids={other}&metric_key=m&start_step=1&end_step=1"),
  "samples, one end": get("metrics/get-history-bulk-interval?run_ids={other}&metric_key=m&start_step=1"),
  "samples, ends crossed": get("metrics/get-history-bulk-interval?run_ids={other}&metric_key=m&start_step=2&end_step=1"),
  "samples, too many": get("metrics/get-history-bulk-interval?run_ids={other}&metric_key=m&max_results=2501"),
  "samples, no run": get("metrics/get-history-bulk-interval?metric_key=m"),
};

const found = (body: object): Omit<ReplayCase, "name"> => post("runs/search", { experiment_ids: ["{experiment}"], ...body });
const searches: Record<string, Omit<ReplayCase, "name">> = {
  "search: all": found({}),
  "search: by metric": found({ filter: "metrics.m > 1" }),
  "search: by param and tag": found({ filter: "params.p = '2' AND tags.x = 'y'" }),
  "search: by quoted key": found({ filter: "metrics.\"m\" >= 0.5 and attributes.status = 'FINISHED'" }),
  "search: by name": found({ filter: "run_name LIKE 'u%'" }),
  "search: by ids": found({ filter: "run_id IN ('{run}')" }),
  "search: no tag": found({ filter: "tags.x IS NULL" }),
  "search: by dataset": found({ filter: "datasets.name = 'd' AND dataset.context LIKE 'train%' AND datasets.digest IN ('1', '2')" }),
  "search: by another dataset": found({ filter: "datasets.name = 'e'" }),
  "search: by a dataset's colour": found({ filter: "datasets.colour = 'e'" }),
  "search: ordered by dataset": found({ order_by: ["datasets.name"] }),
  "search: != leaves out what is missing": found({ filter: "params.none != 'x'" }),
  "search: by time": found({ filter: "start_time < 1500", order_by: ["start_time ASC"] }),
  "search: ordered": found({ order_by: ["metrics.m DESC", "params.p"] }),
  "search: page": found({ max_results: 1, order_by: ["start_time ASC"] }),
  "search: no experiment": post("runs/search", { experiment_ids: [] }),
  "search: deleted only": found({ run_view_type: "DELETED_ONLY" }),
  "search: limit too large": found({ max_results: 50_001 }),
  "search: junk token": found({ page_token: "junk" }),
  "search: text where a number is due": found({ filter: "metrics.m > 'x'" }),
  "search: number where a text is due": found({ filter: "params.p = 1" }),
  "search: unknown kind": found({ filter: "colours.m = 'x'" }),
  "search: unknown attribute": found({ filter: "attributes.colour = 'x'" }),
  "search: unfinished": found({ filter: "metrics.m >" }),
  "search: bad operator": found({ filter: "params.p > '1'" }),
  "search: OR, which MLflow has not": found({ filter: "params.p = '1' OR params.p = '2'" }),
  "search: bad order": found({ order_by: ["metrics.m SIDEWAYS"] }),
};

const models: Record<string, Omit<ReplayCase, "name">> = {
  "model: create": post(
    "logged-models",
    {
      experiment_id: "{experiment}",
      name: "net",
      model_type: "tree",
      source_run_id: "{run}",
      params: [{ key: "d", value: "3" }],
      tags: [{ key: "k", value: "v" }],
    },
    { model: "model.info.model_id" },
  ),
  "model: create, bad name": post("logged-models", { experiment_id: "{experiment}", name: "a/b" }),
  "model: create, no experiment": post("logged-models", { name: "x" }),
  "model: create, absent experiment": post("logged-models", { experiment_id: "12345", name: "x" }),
  "model: get": get("logged-models/{model}"),
  "model: get, absent": get("logged-models/m-absent"),
  "model: params": post("logged-models/{model}/params", { model_id: "{model}", params: [{ key: "e", value: "4" }] }),
  "model: tags": patch("logged-models/{model}/tags", {
    tags: [
      { key: "k", value: "w" },
      { key: "l", value: "" },
    ],
  }),
  "model: delete tag": remove("logged-models/{model}/tags/l"),
  "model: delete tag, absent": remove("logged-models/{model}/tags/l"),
  "model: measured": post("runs/log-metric", {
    run_id: "{run}",
    key: "auc",
    value: 0.5,
    timestamp: 7,
    step: 1,
    model_id: "{model}",
    dataset_name: "d",
    dataset_digest: "1",
  }),
  "model: output of a run": post("runs/outputs", { run_id: "{run}", models: [{ model_id: "{model}", step: 2 }] }),
  "model: output, no models": post("runs/outputs", { run_id: "{run}" }),
  "model: input of a run": post("runs/log-inputs", { run_id: "{other}", models: [{ model_id: "{model}" }] }),
  "model: on its run": get("runs/get?run_id={run}"),
  "model: on the run that used it": get("runs/get?run_id={other}"),
  "model: ready": patch("logged-models/{model}", { model_id: "{model}", status: "LOGGED_MODEL_READY" }),
  "model: no status": patch("logged-models/{model}", { model_id: "{model}" }),
  "model: search": post("logged-models/search", { experiment_ids: ["{experiment}"] }),
  "model: search by metric": post("logged-models/search", {
    experiment_ids: ["{experiment}"],
    filter: "metrics.auc > 0.4 AND params.d = '3'",
    datasets: [{ dataset_name: "d" }],
    order_by: [{ field_name: "metrics.auc", ascending: false }],
  }),
  "model: search, another dataset": post("logged-models/search", { experiment_ids: ["{experiment}"], datasets: [{ dataset_name: "other" }] }),
  "model: search, no experiment": post("logged-models/search", { experiment_ids: [] }),
  "model: search, bad filter": post("logged-models/search", { experiment_ids: ["{experiment}"], filter: "colours.x = 'y'" }),
  "model: search, bad order": post("logged-models/search", { experiment_ids: ["{experiment}"], order_by: [{ field_name: "params.d" }] }),
  "model: search, dataset without a name": post("logged-models/search", { experiment_ids: ["{experiment}"], datasets: [{ dataset_digest: "1" }] }),
};

const files: Record<string, Omit<ReplayCase, "name">> = {
  "file: put": { method: "PUT", path: `${proxy}artifacts/{experiment}/{run}/artifacts/a/one.txt`, body: "hello" },
  "file: get": { method: "GET", path: `${proxy}artifacts/{experiment}/{run}/artifacts/a/one.txt` },
  "file: get, absent": { method: "GET", path: `${proxy}artifacts/{experiment}/{run}/artifacts/none.txt` },
  "file: get, climbing": { method: "GET", path: `${proxy}artifacts/{experiment}/{run}/artifacts/..%2f..%2fx` },
  "files: of the proxy": { method: "GET", path: `${proxy}artifacts?path={experiment}/{run}/artifacts` },
  "files: of the run": get("artifacts/list?run_id={run}"),
  "files: of a folder": get("artifacts/list?run_id={run}&path=a"),
  "files: of a file": get("artifacts/list?run_id={run}&path=a/one.txt"),
  "files: climbing": get("artifacts/list?run_id={run}&path=../x"),
  "files: absolute": get("artifacts/list?run_id={run}&path=/etc"),
  "file: as the pages fetch it": { method: "GET", path: "/get-artifact?run_id={run}&path=a/one.txt" },
  "file: as the pages put it": { method: "POST", path: "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=b.txt", body: "from a page" },
  "file: put by a page without data": { method: "POST", path: "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=b.txt" },
  "file of a model: put": { method: "PUT", path: `${proxy}artifacts/{experiment}/models/{model}/artifacts/MLmodel`, body: "flavors: {}" },
  "files of a model": get("logged-models/{model}/artifacts/directories"),
  "file of a model: as the pages fetch it": {
    method: "GET",
    path: "/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files?artifact_file_path=MLmodel",
  },
  "file: delete": { method: "DELETE", path: `${proxy}artifacts/{experiment}/{run}/artifacts/a/one.txt` },
  "file: in parts": {
    method: "POST",
    path: `${proxy}mpu/create/{experiment}/{run}/artifacts`,
    body: { path: "x.bin", num_parts: 2 },
  },
};

const registry: Record<string, Omit<ReplayCase, "name">> = {
  "registry: create": post("registered-models/create", { name: "reg", tags: [{ key: "a", value: "1" }], description: "about" }),
  "registry: create, taken": post("registered-models/create", { name: "reg" }),
  "registry: create, no name": post("registered-models/create", {}),
  "registry: get": get("registered-models/get?name=reg"),
  "registry: get, absent": get("registered-models/get?name=none"),
  "registry: version": post("model-versions/create", {
    name: "reg",
    source: "mlflow-artifacts:/{experiment}/{run}/artifacts/model",
    run_id: "{run}",
    tags: [{ key: "b", value: "2" }],
  }),
  "registry: version of no model": post("model-versions/create", {
    name: "none",
    source: "mlflow-artifacts:/{experiment}/{run}/artifacts/model",
    run_id: "{run}",
  }),
  "registry: get version": get("model-versions/get?name=reg&version=1"),
  "registry: get version, absent": get("model-versions/get?name=reg&version=9"),
  "registry: get version, not a number": get("model-versions/get?name=reg&version=x"),
  "registry: where to download": get("model-versions/get-download-uri?name=reg&version=1"),
  "registry: alias": post("registered-models/alias", { name: "reg", alias: "best", version: "1" }),
  "registry: alias, reserved": post("registered-models/alias", { name: "reg", alias: "v1", version: "1" }),
  "registry: by alias": get("registered-models/alias?name=reg&alias=best"),
  "registry: by alias, absent": get("registered-models/alias?name=reg&alias=none"),
  "registry: stage": post("model-versions/transition-stage", { name: "reg", version: "1", stage: "Staging" }),
  "registry: latest": post("registered-models/get-latest-versions", { name: "reg" }),
  "registry: search models": get("registered-models/search?max_results=10&filter=name+LIKE+'re%25'"),
  "registry: search versions": get("model-versions/search?max_results=10&filter=run_id='{run}'"),
  "registry: update": patch("registered-models/update", { name: "reg", description: "changed" }),
  "registry: delete alias": remove("registered-models/alias", { name: "reg", alias: "best" }),
  "registry: rename": post("registered-models/rename", { name: "reg", new_name: "reg2" }),
  "registry: delete version": remove("model-versions/delete", { name: "reg2", version: "1" }),
  "registry: delete": remove("registered-models/delete", { name: "reg2" }),
};

const endings: Record<string, Omit<ReplayCase, "name">> = {
  "model: delete": remove("logged-models/{model}"),
  "model: get, deleted": get("logged-models/{model}"),
  "model: get, deleted and asked for": get("logged-models/{model}?allow_deleted=true"),
  "run: delete": post("runs/delete", { run_id: "{run}" }),
  "run: get, deleted": get("runs/get?run_id={run}"),
  "run: metric, deleted": post("runs/log-metric", { run_id: "{run}", key: "m", value: 1, timestamp: 1 }),
  "run: update, deleted": post("runs/update", { run_id: "{run}", status: "FINISHED" }),
  "run: restore": post("runs/restore", { run_id: "{run}" }),
  "run: delete, absent": post("runs/delete", { run_id: "0".repeat(32) }),
  "experiment: delete": post("experiments/delete", { experiment_id: "{experiment}" }),
  "experiment: delete twice": post("experiments/delete", { experiment_id: "{experiment}" }),
  "experiment: get, deleted": get("experiments/get?experiment_id={experiment}"),
  "experiment: rename, deleted": post("experiments/update", { experiment_id: "{experiment}", new_name: "again" }),
  "experiment: run in a deleted one": post("runs/create", { experiment_id: "{experiment}", run_name: "late", start_time: 1 }),
  "experiment: restore": post("experiments/restore", { experiment_id: "{experiment}" }),
  "model: bad status": patch("logged-models/{model}", { model_id: "{model}", status: "LOGGED_MODEL_SHINY" }),
  "body: not JSON": post("runs/create", "{"),
  "body: another type": { ...post("runs/create", "{}"), headers: { "content-type": "text/plain" } },
};

export const replayCases: readonly ReplayCase[] = [probes, experiments, runs, histories, searches, models, files, registry, endings].flatMap((group) =>
  Object.entries(group).map(([name, request]) => ({ name, ...request })),
);
