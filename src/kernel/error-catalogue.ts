import { httpErrors } from "./error-catalogue-http.ts";
import { modelErrors } from "./error-catalogue-models.ts";
import { streamErrors } from "./error-catalogue-streams.ts";

/**
 * Every error this program can raise, by room. A code is never renamed and never reused once released.
 * `text` may hold {placeholders} filled from the error's details. `remedy` tells the reader what to do.
 * `docs/errors.md` lists exactly these codes; a test holds the two together.
 * Rooms know codes only; `server/error-status.ts` alone knows HTTP statuses.
 */
const errors = {
  // kernel
  INVALID_ARGUMENT: { text: "{field}: {problem} (got {value})", remedy: "Correct the field named in the message.", retryable: false },
  INVALID_CONFIG: {
    text: "Configuration {field}: {problem} (got {value})",
    remedy: "Correct the flag or environment variable named in the message: `karkhana <command> --help` lists the flags, `karkhana doctor` the variables.",
    retryable: false,
  },
  SHAPE_MISMATCH: { text: "{field}: expected shape {expected}, got {actual}", remedy: "Pass arrays of the stated shape.", retryable: false },
  INTERNAL: { text: "Internal error: {problem}", remedy: "This is a defect. Report it with the request id.", retryable: false },
  // storage
  STORAGE_UNREACHABLE: {
    text: "{store} at {address} cannot be reached: {problem}",
    remedy: "Check that the server runs and that the address and the account are right.",
    retryable: true,
  },
  STORAGE_BUSY: {
    text: "{store} stayed locked by another writer for {waitedMs} ms",
    remedy: "Repeat later; look for a process that holds a write transaction open.",
    retryable: true,
  },
  STORAGE_CORRUPT: { text: "{path} is not readable as {store}: {problem}", remedy: "Restore the file from a copy.", retryable: false },
  STORAGE_CLOSED: { text: "{store} is closed", remedy: "This is a defect: a component outlived its store. Report it.", retryable: false },
  WRITE_CONFLICT: { text: "Another writer changed {store} meanwhile", remedy: "Read again and retry.", retryable: true },
  STORAGE_WRITE_FAILED: { text: "Writing {path} failed: {problem}", remedy: "Check the disk and its messages; restart once it is sound.", retryable: false },
  DISK_FULL: { text: "No space left to write {path}", remedy: "Free disk space, then repeat; nothing was kept of the refused write.", retryable: true },
  FOLDER_LOCKED: {
    text: "{path} is in use by another writer ({owner})",
    remedy: "Stop the process named in the message, or use another folder.",
    retryable: true,
  },
  BLOB_NOT_FOUND: { text: "There is no blob {path}", remedy: "List the folder; correct the path.", retryable: false },
  BLOB_PATH_REFUSED: { text: "Blob path {path} refused: {problem}", remedy: 'Use a relative path with "/" between plain names.', retryable: false },
  SEGMENT_CORRUPT: {
    text: "Segment {path} is damaged at byte {position}: {problem}",
    remedy: "Restore the file from a copy. Truncating it at that byte makes it readable, but loses every record after it.",
    retryable: false,
  },
  DATA_DIR_NEWER: {
    text: "{path} was written by a newer Karkhana ({found}; this one knows {known})",
    remedy: "Update Karkhana, or use another data folder or database.",
    retryable: false,
  },
  DATA_DIR_REFUSED: {
    text: "{path} cannot be the data folder: {problem}",
    remedy: "Choose another folder with --data; an empty or new one is best.",
    retryable: false,
  },
  // data
  EXPRESSION_INVALID: {
    text: "{field}: {problem}, at character {position} of: {value}",
    remedy: "Correct the expression named in the message.",
    retryable: false,
  },
  SOURCE_UNREADABLE: {
    text: "Source file {path} cannot be read: {problem}",
    remedy: "Check that the file exists, is whole and has the declared format.",
    retryable: false,
  },
  SOURCE_CHANGED: { text: "Source file {path} changed while it was read", remedy: "Wait until the file is complete, then register it again.", retryable: true },
  QUERY_FAILED: {
    text: "DuckDB refused a query: {problem}",
    remedy: "If the query was not yours, this is a defect: report it with the message.",
    retryable: false,
  },
  DATASET_SCHEMA_MISMATCH: {
    text: "Source {source}, column {column}: declared {declared}, found {found}",
    remedy: "Correct the schema in the project or the file.",
    retryable: false,
  },
  DATASET_REFUSED: {
    text: "Dataset {source} refused: {problem}",
    remedy: "The console's page Data shows the rows, under version {version}; correct the file or the contract.",
    retryable: false,
  },
  DATASET_NOT_FOUND: { text: "There is no dataset version {version}", remedy: "Register the source first, or correct the version's hash.", retryable: false },
  // features
  MEASURE_OUT_OF_RANGE: {
    text: "View {view}: {measure} gives {value}, too large to be summed exactly",
    remedy: "Measure in a larger unit, or bound the column in the source's contract.",
    retryable: false,
  },
  ROW_REFUSED: { text: "{field}: {problem} (got {value})", remedy: "Correct the row and send it again; the batch's other rows were taken.", retryable: false },
  ROW_KEYLESS: {
    text: "The row has no key for any view of source {source}",
    remedy: "A row needs the entity's key in at least one view; send it again with one.",
    retryable: false,
  },
  FEATURE_NOT_FOUND: {
    text: "{field}: there is no {what} {name}; there are {known}",
    remedy: "Ask for one of those named, or add it to the project and start again.",
    retryable: false,
  },
  EMBEDDING_INVALID: {
    text: "{field} holds no embedding: {problem}",
    remedy: "Send as many finite numbers as the column's type says; by cosine not all zero.",
    retryable: false,
  },
  EMBEDDING_NOT_FOUND: {
    text: "View {view} has no embedding of {key} now",
    remedy: "Push or materialize a row of this key, or ask by a vector.",
    retryable: false,
  },
  NEAREST_INDEX_FULL: {
    text: "The vectors of {view} need more than {maxBytes} bytes of memory",
    remedy: "Keep fewer entities in the view (a ttl, a where), fewer dimensions, or a database made for it.",
    retryable: false,
  },
  NEAREST_UNAVAILABLE: {
    text: "The nearest-neighbour index cannot answer: {problem}",
    remedy: "Try again; the index is built anew from the store.",
    retryable: true,
  },
  FEATURES_CHANGING: { text: "The online features of view {view} changed during each of {attempts} reads", remedy: "Try again.", retryable: true },
  // registry
  REGISTERED_MODEL_NOT_FOUND: { text: "There is no registered model {model}", remedy: "List the registered models; register one first.", retryable: false },
  REGISTERED_MODEL_EXISTS: { text: "Registered model {model} already exists", remedy: "Add a version to it, or choose another name.", retryable: false },
  MODEL_ALIAS_NOT_FOUND: { text: "Model {model} has no alias {alias}", remedy: "Look at the model's aliases; set it first.", retryable: false },
  MODEL_ALIAS_GUARDED: {
    text: "Alias {alias} of model {model} says what its deployment does, so it cannot be {change} by hand",
    remedy:
      "The alias follows the deployment: setting `champion` asks for a promotion, which needs the five proofs; shadow and A/B are started and ended by the project's loop.",
    retryable: false,
  },
  MODEL_FOLDER_REFUSED: {
    text: "{path} cannot be served without Python: {problem}",
    remedy: "Log a format that is data: {instead}.",
    retryable: false,
  },
  MODEL_FILES_ELSEWHERE: {
    text: "The files of {source} are at {place}, which this program does not read",
    remedy: "Log the model to an experiment whose artifacts this server keeps, and register that.",
    retryable: false,
  },
  WEBHOOK_NOT_FOUND: { text: "There is no webhook {webhookId}", remedy: "List the webhooks.", retryable: false },
  MODEL_IN_USE: {
    text: "{model} cannot be {change}: {problem}",
    remedy: "Models that are deployed, and the versions their deployment names, are kept. Promote another version first.",
    retryable: false,
  },
  VERSION_NOT_FOUND: { text: "Model {model} has no version {version}", remedy: "List the model's versions; register one first.", retryable: false },
  PROOF_MISSING: {
    text: "{model} version {version} cannot {step} yet: {missing}",
    remedy: "Supply each proof named in the message: `karkhana run` collects all five on replayed traffic. Or waive it with a reason.",
    retryable: false,
  },
  PROMOTION_STEP_REFUSED: {
    text: "{model} version {version} is {state}: it cannot {step}",
    remedy: "Look at the version's events; register a new version if this one was refused, roll back if it is the champion.",
    retryable: false,
  },
  DEPLOYMENT_PLACE_TAKEN: {
    text: "{model} has as many versions in {place} as there may be ({holder}), so version {version} cannot be",
    remedy: "Promote, refuse or stand down one of the versions that hold a place first.",
    retryable: false,
  },
  NOTHING_DEPLOYED: {
    text: "Model {model} has no champion",
    remedy: "Promote a first version, with waivers for what a first version cannot be compared with.",
    retryable: false,
  },
  NOTHING_TO_ROLL_BACK: { text: "Model {model} has no earlier champion to return to", remedy: "Promote another version instead.", retryable: false },
  // tracking
  EXPERIMENT_NOT_FOUND: { text: "There is no experiment with id {experimentId}", remedy: "List the experiments, or create one by name.", retryable: false },
  RUN_NOT_FOUND: { text: "There is no run with id {runId}", remedy: "List the experiment's runs.", retryable: false },
  PARAM_CHANGED: {
    text: 'Param {key} of run {runId} is already "{old}" and cannot become "{value}"',
    remedy: "A param keeps its first value; use a tag for what changes, or start a new run.",
    retryable: false,
  },
  EXPERIMENT_EXISTS: {
    text: "Experiment {name} already exists",
    remedy: "Use it, or choose another name; a deleted experiment keeps its name.",
    retryable: false,
  },
  EXPERIMENT_NAME_NOT_FOUND: { text: "There is no experiment named {name}", remedy: "List the experiments, or create it.", retryable: false },
  EXPERIMENT_RENAME_REFUSED: { text: "Experiment {experimentId} is deleted, so it cannot be renamed", remedy: "Restore it first.", retryable: false },
  EXPERIMENT_DELETED: { text: "Experiment {experimentId} is deleted", remedy: "Restore it first, or use another experiment.", retryable: false },
  RUN_DELETED: { text: "Run {runId} is deleted", remedy: "Restore it first.", retryable: false },
  TAG_NOT_FOUND: { text: "{owner} has no tag {key}", remedy: "Look at its tags; correct the key.", retryable: false },
  RUN_EXISTS: {
    text: "Run {runId} is here already, in experiment {experimentId}",
    remedy: "Look at it in the console; delete it for good before importing it into another experiment.",
    retryable: false,
  },
  IMPORT_SOURCE_REFUSED: {
    text: "{source} cannot be imported from: {problem}",
    remedy: "Name the address of a running MLflow, its SQLite file, or its mlruns folder: `karkhana import mlflow <source>`.",
    retryable: false,
  },
  IMPORT_DIFFERS: {
    text: "{what} differs after it was imported: there {there}, here {here}",
    remedy: "Import again; if the source is still being written, stop that first.",
    retryable: false,
  },
  VIEW_NOT_FOUND: { text: "There is no saved view {name}", remedy: "Look at the list of views; someone may have removed it.", retryable: false },
  RANGE_REFUSED: { text: "The range {range} begins beyond the file's {sizeBytes} bytes", remedy: "Ask for bytes that are there.", retryable: false },
  SIGNATURE_REFUSED: { text: "The signature of this address is refused: {problem}", remedy: "Ask for a new address.", retryable: false },
  UPLOAD_NOT_FOUND: { text: "There is no upload {uploadId}", remedy: "Begin the upload again.", retryable: false },
  UPLOAD_PART_MISSING: { text: "Upload {uploadId} has no part {part}", remedy: "Send that part, or begin the upload again.", retryable: false },
  UPLOAD_PART_CHANGED: { text: "Part {part} of upload {uploadId} is not the one that was sent", remedy: "Send that part again.", retryable: false },
  NOT_DELETED_YET: { text: "{what} is not deleted", remedy: "Delete it first; what is deleted can then be removed for good.", retryable: false },
  ARTIFACTS_IN_USE: {
    text: "The files in {folder} are used by {user}",
    remedy: "Delete that first, or keep this.",
    retryable: false,
  },
  LOGGED_MODEL_NOT_FOUND: { text: "There is no logged model with id {modelId}", remedy: "Search the experiment's logged models.", retryable: false },
  LOGGED_MODEL_TAG_NOT_FOUND: { text: "Logged model {modelId} has no tag {key}", remedy: "Look at its tags; correct the key.", retryable: false },
  SEARCH_INVALID: {
    text: "{problem}",
    remedy: "Correct the filter or the order: `metrics.auc > 0.7 AND (params.seed = '1' OR NOT tags.stage LIKE 'dev%')`.",
    retryable: false,
  },
  SOURCE_HOST_REFUSED: { text: "{source} is not a valid remote uri", remedy: "Name a folder of this machine, or a place that is no file.", retryable: false },
  MLFLOW_REQUEST_REFUSED: { text: "{problem}", remedy: "Correct the parameter named in the message.", retryable: false },
  // feedback
  FEEDBACK_RECORD_CORRUPT: {
    text: "A {kind} record of the feedback log cannot be read: {problem}",
    remedy: "The record was written by a newer version or damaged on disk; update Karkhana, or restore the segment file.",
    retryable: false,
  },
  // pipelines
  PIPELINE_RUN_NOT_FOUND: { text: "There is no pipeline run {runId}", remedy: "`karkhana status` lists the runs there are.", retryable: false },
  PIPELINE_RUN_OWNED: { text: "Pipeline run {runId} is being run by process {pid}", remedy: "Wait for it, or stop that process first.", retryable: true },
  PIPELINE_INPUT_CHANGED: {
    text: "Pipeline run {runId} was started as {workflow} with another input",
    remedy: "Use a new run id for a new input.",
    retryable: false,
  },
  PIPELINE_CANCELLED: {
    text: "Pipeline run {runId} was cancelled",
    remedy: "Start the same run again to go on from its last finished step.",
    retryable: false,
  },
  STEP_REPEATED: {
    text: "Step {step} occurs twice in one execution of run {runId}",
    remedy: "Give each step of a workflow an id of its own; put the loop's key into it.",
    retryable: false,
  },
  STEP_OUTPUT_NOT_JSON: {
    text: "{place}: {problem}, which a record cannot hold",
    remedy: "Return finite numbers, strings, booleans, null, lists and plain objects; put the rest into a blob and name it.",
    retryable: false,
  },
  STEP_TIMED_OUT: {
    text: "Step {step} of run {runId} took longer than {timeoutMs} ms",
    remedy: "Raise the step's timeout or make it smaller; it is tried again if it has retries.",
    retryable: true,
  },
  // workflows
  JOB_STOPPED: { text: "Job {job} was stopped", remedy: "Start the pipeline run again; finished steps are not repeated.", retryable: true },
  LOOP_CHANGED: {
    text: "The data folder holds a history of project {project} that was replayed with other definitions or other data ({loop}); it cannot be played twice into one folder",
    remedy: "Run again with --fresh to begin anew, or with --data for another folder.",
    retryable: false,
  },
  GATES_NOT_MET: {
    text: "No version of model {model} meets its gates, so nothing goes live: {problem}",
    remedy:
      "Give the model more or better data and features; or, if that quality is enough, lower the gates in the project file. The runs and versions are kept.",
    retryable: false,
  },
  // path
  LAB_NOT_FOUND: { text: "There is no lab {lab}", remedy: "`karkhana path lab list` names the labs there are.", retryable: false },
  LAB_RUNNER_MISSING: {
    text: "Nothing on this machine runs {language} solutions: {program} is not there",
    remedy: "Install the program named in the message, or solve the lab in another language.",
    retryable: false,
  },
  EVIDENCE_DAMAGED: {
    text: "Evidence entry {sequence} is damaged: {problem}",
    remedy:
      "`karkhana path verify` lists every entry that does not hold. Restore the data folder from a copy; an exported report of before shows what it held.",
    retryable: false,
  },
  SHEET_NOT_FOUND: { text: "There is no drill or round {id}", remedy: "`karkhana path drill list` names those that were started.", retryable: false },
  SHEET_ANSWERED: { text: "{id} was answered already", remedy: "Start a new one: every sheet is graded once, with its first answers.", retryable: false },
  GRADING_BUSY: { text: "Another solution is being graded", remedy: "Wait until its verdict is there, then send yours again.", retryable: true },
  INCIDENT_MISMATCH: {
    text: "The report does not agree with the event log: {problem}",
    remedy: "Read the times off the event log (page /path/portfolio, or `karkhana path incident draft`), and correct the report. Nothing was filed.",
    retryable: false,
  },
  // project and command line
  PROJECT_NOT_FOUND: {
    text: "No project file at {path}",
    remedy: "Pass --project with a folder that holds karkhana.project.ts; `karkhana init <folder>` starts one.",
    retryable: false,
  },
  PROJECT_INVALID: {
    text: "Project file {file}: {problem}",
    remedy: "Correct the project file; examples/flights/karkhana.project.ts is a complete one.",
    retryable: false,
  },
  MODEL_NOT_IN_PROJECT: {
    text: "Model {model} is not in the project; it has {models}",
    remedy: "Use one of the models the project declares.",
    retryable: false,
  },
  UNKNOWN_COMMAND: { text: "Unknown command {command}", remedy: "`karkhana help` lists the commands.", retryable: false },
  PORT_IN_USE: {
    text: "{host}:{port} is already in use ({flag})",
    remedy: "Stop the program that holds it, or choose another with {flag}; 0 takes any free one.",
    retryable: false,
  },
  SERVING_PROCESSES_UNSUPPORTED: {
    text: "{processes} serving processes cannot share one port on {platform}",
    remedy: "The system does not spread connections over processes there. Use one, or Linux.",
    retryable: false,
  },
  NOTHING_RUNS: { text: "Nothing runs on data folder {dataFolder}", remedy: "`karkhana up` starts it; `karkhana status` says what runs.", retryable: false },
  DATA_DIR_IN_USE: {
    text: "Data folder {dataFolder} is in use by process {pid}",
    remedy: "Stop that process, or choose another folder with --data.",
    retryable: true,
  },
  PROCESS_DIED: {
    text: "The {role} process ended unexpectedly {times} times in a row ({reason})",
    remedy: "Read its last lines above; `karkhana doctor` checks the usual causes.",
    retryable: true,
  },
  SERVING_UNREACHABLE: {
    text: "The serving process at {url} cannot be reached: {problem}",
    remedy: "See whether it runs (`karkhana status`) and what its last lines say.",
    retryable: true,
  },
  DATA_DIR_NOT_FOUND: {
    text: "There is no data folder {path}: nothing has run on it yet",
    remedy: "Correct --data or --project, or start with `karkhana run --project <folder>`.",
    retryable: false,
  },
  // access
  ACCESS_UNAUTHENTICATED: {
    text: "Nobody is recognised in this request",
    remedy: "Send a token (Authorization: Bearer kk_...; MLFLOW_TRACKING_TOKEN) or a name and password, or sign in on the console.",
    retryable: false,
  },
  ACCESS_DENIED: { text: "{user} is {role}; this needs {needed}", remedy: "Ask an admin: `karkhana auth set-role <user> --role <role>`.", retryable: false },
  ACCESS_BUSY: { text: "Too many passwords and tokens are being checked at once", remedy: "Try again in a moment.", retryable: true },
  ACCESS_NOT_CONFIGURED: {
    text: "{host} is reached by others than this machine, and no user is known",
    remedy: "Add one first (`karkhana auth add-user <name> --role admin`, then `karkhana auth add-token <name>`), or stay on 127.0.0.1.",
    retryable: false,
  },
  USER_NOT_FOUND: { text: "There is no user {user}", remedy: "`karkhana auth list` shows the users.", retryable: false },
  USER_EXISTS: { text: "User {user} already exists", remedy: "`karkhana auth set-role` changes what they may do.", retryable: false },
  TOKEN_NOT_FOUND: { text: "There is no token {tokenId}", remedy: "`karkhana auth list` shows the tokens by their id.", retryable: false },
  WORKSPACE_NOT_FOUND: {
    text: "Workspace '{workspace}' not found",
    remedy: "`karkhana workspace list` shows those there are; leave it out for `default`.",
    retryable: false,
  },
  SECRET_KEY_MISSING: {
    text: "A webhook's secret is sealed with key {keyId}, which is not in {place}",
    remedy: "Put the key back there as it was when the secret was saved (copies of a data folder need its secret.key), or give the webhook its secret anew.",
    retryable: false,
  },
  SECRET_DAMAGED: {
    text: "The secret kept with webhook {owner} does not open: it was changed, or belongs to another",
    remedy: "Give the webhook its secret anew.",
    retryable: false,
  },
  WORKSPACE_EXISTS: { text: "Workspace '{workspace}' already exists.", remedy: "Use it, or take another name.", retryable: false },
  WORKSPACE_NOT_EMPTY: {
    text: "Cannot delete workspace '{workspace}': table '{kind}' still contains {count} resource(s). Remove or reassign them before deleting the workspace.",
    remedy: "Delete what is in it, or delete it with mode CASCADE (all of it goes) or SET_DEFAULT (all of it moves to `default`).",
    retryable: false,
  },
  WORKSPACE_CONFLICT: {
    text: "Cannot reassign resources from workspace '{workspace}' to 'default': the following names already exist in the default workspace and would cause conflicts: {names}",
    remedy: "Rename or remove one of each, then repeat.",
    retryable: false,
  },
  // serving
  ARTIFACT_MISSING: {
    text: "Version artifact {path} is missing",
    remedy: "Train and register the version again; its files were removed or never written.",
    retryable: false,
  },
  ARTIFACT_INVALID: {
    text: "Version artifact {path}: {problem}",
    remedy: "Train and register the version again; this one is not as it was written.",
    retryable: false,
  },
  ARTIFACT_FORMAT_UNKNOWN: {
    text: "Version artifact {path} has format {format}; this program reads {known}",
    remedy: "Serve it with the program that wrote it, or upgrade.",
    retryable: false,
  },
  MODEL_SELF_CHECK_FAILED: {
    text: "Version artifact {path}: stored row {row} must score {expected}, but scores {actual}",
    remedy: "Do not serve this version: train it again with this program.",
    retryable: false,
  },
  SERVICE_MISMATCH: {
    text: "{model} version {version} reads feature service {found}, but the project defines {expected}",
    remedy: "Start serving with the project the version was trained with, or train a version of the project as it is now.",
    retryable: false,
  },
  MODEL_NOT_LOADED: {
    text: "Model {model} has no version to answer with: {problem}",
    remedy: "Bring a version live with `karkhana run` or `karkhana promote`, or wait until it is loaded; GET /v1/models shows the state.",
    retryable: true,
  },
  DEPLOYMENTS_UNREADABLE: {
    text: "The deployments could not be read: {problem}",
    remedy: "Check the registry's database; what is loaded keeps answering meanwhile.",
    retryable: true,
  },
  SOURCE_NOT_IN_PROJECT: {
    text: "Source {source} is not in the project; it has {sources}",
    remedy: "Use one of the sources the project declares.",
    retryable: false,
  },
  SERVER_OVERLOADED: {
    text: "{inFlight} requests are already under way, the most allowed",
    remedy: "Try again after the stated number of seconds.",
    retryable: true,
  },
  SHARE_EXCEEDED: {
    text: 'The {kind} "{name}" has {inFlight} requests under way, its share of the {limit} there is room for',
    remedy: "Try again after the stated number of seconds, or ask less at once; others are answered meanwhile.",
    retryable: true,
  },
  DEADLINE_PASSED: {
    text: "The request's time was over after {waitedMs} ms, so the rest of its work was not done",
    remedy: "Give it more time (x-request-timeout-ms, or the parameter timeout), or ask less at once.",
    retryable: true,
  },
  INFER_REFUSED: { text: "{problem}", remedy: "Send the request as the Open Inference Protocol v2 has it.", retryable: false },
  INFER_UNSUPPORTED: {
    text: "{feature} are not supported here",
    remedy: "Leave it out; GET /v2 lists the extensions that this server answers.",
    retryable: false,
  },
  INFER_MODEL_UNKNOWN: {
    text: "Request for unknown model: '{model}' is not found; the project has {models}",
    remedy: "Use one of the models the project declares.",
    retryable: false,
  },
  MODEL_VERSION_NOT_LOADED: {
    text: "{model} version {version} is not loaded; loaded are {loaded}",
    remedy: "Ask a version that is deployed, or none: then the deployment says which one answers.",
    retryable: false,
  },
  ANSWER_TIMEOUT: { text: "No answer within {timeoutMs} ms", remedy: "Try again with the same id; nothing is counted twice.", retryable: true },

  // learn
  TRAINING_ABORTED: {
    text: "Training was stopped after {iteration} iterations, as asked",
    remedy: "Nothing was kept. Start the training again.",
    retryable: false,
  },
  MODEL_FILE_INVALID: {
    text: "Model file {field}: {problem}",
    remedy: "Train or register the model again with this version of the program; the file is damaged or was made by a newer version.",
    retryable: false,
  },
  // monitoring
  MONITORING_CONFLICT: {
    text: "Another process has moved the monitoring of model {model} on from revision {revision}",
    remedy: "Run one monitor per model; this one starts again from what is stored.",
    retryable: true,
  },
  PROFILE_INVALID: {
    text: "Reference profile {field}: {problem} (got {value})",
    remedy: "Register the version again; its profile.json is damaged or was made by a newer program.",
    retryable: false,
  },
} as const;

export const errorCatalogue: typeof errors & typeof httpErrors & typeof modelErrors & typeof streamErrors = {
  ...errors,
  ...httpErrors,
  ...modelErrors,
  ...streamErrors,
};

export type ErrorCode = keyof typeof errorCatalogue;
