/**
 * Every error this program can raise, by room. A code is never renamed and never reused once released.
 * `text` may hold {placeholders} filled from the error's details. `remedy` tells the reader what to do.
 * `docs/errors.md` lists exactly these codes; a test holds the two together.
 * Rooms know codes only; `server/error-status.ts` alone knows HTTP statuses.
 */
export const errorCatalogue = {
  // kernel
  INVALID_ARGUMENT: { text: "{field}: {problem} (got {value})", remedy: "Correct the field named in the message.", retryable: false },
  INVALID_CONFIG: {
    text: "Configuration {field}: {problem} (got {value})",
    remedy: "Correct the flag or environment variable named in the message; `karkhana doctor` lists them.",
    retryable: false,
  },
  SHAPE_MISMATCH: { text: "{field}: expected shape {expected}, got {actual}", remedy: "Pass arrays of the stated shape.", retryable: false },
  INTERNAL: { text: "Internal error: {problem}", remedy: "This is a defect. Report it with the request id.", retryable: false },
  // data
  EXPRESSION_INVALID: { text: "{field}: {problem}, at character {position} of: {value}", remedy: "Correct the expression named in the message.", retryable: false },
  SOURCE_UNREADABLE: { text: "Source file {path} cannot be read: {problem}", remedy: "Check that the file exists, is whole and has the declared format.", retryable: false },
  SOURCE_CHANGED: { text: "Source file {path} changed while it was read", remedy: "Wait until the file is complete, then register it again.", retryable: true },
  QUERY_FAILED: { text: "DuckDB refused a query: {problem}", remedy: "If the query was not yours, this is a defect: report it with the message.", retryable: false },
  DATASET_SCHEMA_MISMATCH: { text: "Source {source}, column {column}: declared {declared}, found {found}", remedy: "Correct the schema in the project or the file.", retryable: false },
  DATASET_REFUSED: { text: "Dataset {source} refused: {problem}", remedy: "Look at the kept report of version {version}; correct the file or the contract.", retryable: false },
  DATASET_NOT_FOUND: { text: "There is no dataset version {version}", remedy: "Register the source first, or correct the version's hash.", retryable: false },
  // registry
  VERSION_NOT_FOUND: { text: "Model {model} has no version {version}", remedy: "List the model's versions; register one first.", retryable: false },
  PROOF_MISSING: { text: "{model} version {version} cannot {step} yet: {missing}", remedy: "Supply each proof named in the message, or waive it with a reason.", retryable: false },
  PROMOTION_STEP_REFUSED: {
    text: "{model} version {version} is {state}: it cannot {step}",
    remedy: "Look at the version's events; register a new version if this one was refused, roll back if it is the champion.",
    retryable: false,
  },
  DEPLOYMENT_PLACE_TAKEN: {
    text: "{model} version {holder} already is the {place}, so version {version} cannot be",
    remedy: "Promote, refuse or stand down the version that holds the place first.",
    retryable: false,
  },
  NOTHING_DEPLOYED: { text: "Model {model} has no champion", remedy: "Promote a first version, with waivers for what a first version cannot be compared with.", retryable: false },
  NOTHING_TO_ROLL_BACK: { text: "Model {model} has no earlier champion to return to", remedy: "Promote another version instead.", retryable: false },
  // tracking
  EXPERIMENT_NOT_FOUND: { text: "There is no experiment with id {experimentId}", remedy: "List the experiments, or create one by name.", retryable: false },
  RUN_NOT_FOUND: { text: "There is no run with id {runId}", remedy: "List the experiment's runs.", retryable: false },
  PARAM_CHANGED: {
    text: 'Param {key} of run {runId} is already "{old}" and cannot become "{value}"',
    remedy: "A param keeps its first value; use a tag for what changes, or start a new run.",
    retryable: false,
  },
  // feedback
  FEEDBACK_RECORD_CORRUPT: {
    text: "A {kind} record of the feedback log cannot be read: {problem}",
    remedy: "The record was written by a newer version or damaged on disk; update Karkhana, or restore the segment file.",
    retryable: false,
  },
  // project and command line
  PROJECT_NOT_FOUND: { text: "No project file at {path}", remedy: "Pass --project with a folder that holds karkhana.project.ts; `karkhana init <folder>` starts one.", retryable: false },
  PROJECT_INVALID: { text: "Project file {file}: {problem}", remedy: "Correct the project file; examples/flights/karkhana.project.ts is a complete one.", retryable: false },
  MODEL_NOT_IN_PROJECT: { text: "Model {model} is not in the project; it has {models}", remedy: "Use one of the models the project declares.", retryable: false },
  UNKNOWN_COMMAND: { text: "Unknown command {command}", remedy: "`karkhana help` lists the commands.", retryable: false },
  PORT_IN_USE: { text: "{host}:{port} is already in use ({flag})", remedy: "Stop the program that holds it, or choose another with {flag}; 0 takes any free one.", retryable: false },
  PROCESS_DIED: { text: "The {role} process ended unexpectedly {times} times in a row ({reason})", remedy: "Read its last lines above; `karkhana doctor` checks the usual causes.", retryable: true },
  NOT_RUNNING: { text: "Nothing is running on data folder {dataFolder}", remedy: "Start it with `karkhana up --project <folder>`.", retryable: false },
} as const;

export type ErrorCode = keyof typeof errorCatalogue;
