/** Errors of model files, the engines that run them and what explains them: a part of `error-catalogue.ts`. */
export const modelErrors = {
  MODEL_FORMAT_UNKNOWN: {
    text: "{name} is not a model this program reads: {problem}",
    remedy: "Save the model as LightGBM text, XGBoost JSON or UBJSON, or ONNX; docs/models.md lists what is read.",
    retryable: false,
  },
  MODEL_NOT_REPRODUCIBLE: {
    text: "{format} model: {feature} is not supported: {problem}",
    remedy: "Serve the model from its own library as a remote backend, or save it without what the message names; docs/models.md lists what is read.",
    retryable: false,
  },
  TENSOR_REFUSED: {
    text: "Tensor {tensor}: {problem}",
    remedy: "Send the inputs that the model's metadata lists, with their datatypes and shapes.",
    retryable: false,
  },
  RUNTIME_ABSENT: {
    text: "{feature} needs the package {package}: {problem}",
    remedy: "Install it beside Karkhana: `npm install {package}`.",
    retryable: false,
  },
  QUANTIZATION_UNREPORTED: {
    text: "A model quantised to {kind} is not deployed without its report: {problem}",
    remedy: "Put the quantization.json that `karkhana quantize` wrote beside the model file; it says what was lost and what was gained.",
    retryable: false,
  },
  REMOTE_UNREACHABLE: {
    text: "Model {model} at {url} cannot be reached: {problem}",
    remedy: "See whether that server runs and is not overloaded; raise timeoutMs in remote.json if it is only slow.",
    retryable: true,
  },
  REMOTE_REFUSED: {
    text: "The server of model {model} at {url} refused: {problem}",
    remedy: "Look at what that server says; name, version and tensors must be those it lists at /v2/models.",
    retryable: false,
  },
  LLM_MODEL_UNKNOWN: {
    text: "There is no language model {model} here; there are {models}",
    remedy: "Name one that GET /v1/models lists, or declare it: models/<name>/<version>/openai.json in the data folder.",
    retryable: false,
  },
  LLM_REQUEST_REFUSED: { text: "{problem}", remedy: "Send the request as OpenAI's API has it, within what this model takes.", retryable: false },
  LLM_BACKEND_BUSY: {
    text: "The backend of {model} has no room",
    remedy: "Try again after the stated number of seconds, or declare a fallback for it.",
    retryable: true,
  },
  LLM_BACKEND_FAILED: {
    text: "The backend of {model} failed: {problem}",
    remedy: "See whether that server runs and what it says; openai.json of the model holds its address and its time limits.",
    retryable: true,
  },
  PREDICTION_NOT_FOUND: {
    text: "Model {model} has no logged prediction {id} among the latest {searched}",
    remedy: "Correct the id; older predictions are in the log, but not searched from here.",
    retryable: false,
  },
  EXPLANATION_UNAVAILABLE: {
    text: "There is no explanation: {problem}",
    remedy: "Ask for a version of trees with row counts (LightGBM, XGBoost, own) or of a logistic model.",
    retryable: false,
  },
  MODEL_QUEUE_FULL: {
    text: "{waiting} requests already wait for the model, the most allowed",
    remedy: "Try again shortly, or let more wait or run together (maxQueue, maxBatchSize in batching.json).",
    retryable: true,
  },
  MODEL_RUN_FAILED: {
    text: "The model could not run: {problem}",
    remedy: "Look at the input named in the message; if it fits the model's metadata, the model file is at fault.",
    retryable: false,
  },
} as const;
