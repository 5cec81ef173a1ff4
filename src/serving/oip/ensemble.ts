/**
 * Models put together as a declared graph, `ensemble.json`: steps in order, each a model of this folder or a table of rules, their tensors
 * joined by name.
 *
 *   {"inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, 5]}],
 *    "steps": [{"model": "scaler", "inputs": {"X": "X"}, "outputs": {"scaled": "S"}},
 *              {"model": "fraud", "inputs": {"input": "S"}, "outputs": {"predict": "p"}},
 *              {"rules": {"on": "p", "as": "decision", "cases": [{"atLeast": 0.9, "give": "refuse"}], "otherwise": "accept"}}],
 *    "outputs": ["p", "decision"]}
 *
 * A rule gives texts or numbers; where it gives numbers, "otherwise": {"tensor": "p"} keeps what a tensor holds.
 * A tensor is made before it is used and made once, so there are no circles; a step is no ensemble itself. Between float32 and float64
 * tensors are converted. A step's model is found by name at each call: a new version of it is in force at once.
 */
import { KarkhanaError } from "../../kernel/error.ts";
import type { AskedAs, ServableModel, Tensor, TensorInfo } from "../formats/model.ts";
import type { MaybePromise } from "../../storage/kv/port.ts";
import { asFloats, checkTensor, refusedTensor } from "../formats/tensor.ts";
import { isObject } from "../request-fields.ts";
import { isDatatype } from "./datatypes.ts";

/** What answers a step. */
export interface GraphModel {
  readonly model: Pick<ServableModel, "format" | "inputs" | "outputs">;
  readonly run: (inputs: readonly Tensor[], outputs: readonly string[], asked: AskedAs | undefined) => MaybePromise<readonly Tensor[]>;
}

/** By the name a step gives; undefined: there is none. */
export type FindModel = (name: string) => GraphModel | undefined;

interface ModelStep {
  readonly kind: "model";
  readonly model: string;
  /** The model's tensor to the graph's. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
}

interface RulesStep {
  readonly kind: "rules";
  readonly on: string;
  readonly as: string;
  /** Falling bounds: the first that the value reaches decides. */
  readonly cases: readonly { readonly atLeast: number; readonly give: Given }[];
  readonly otherwise: Given | { readonly tensor: string };
}

/** All of a step's are texts or all are numbers. */
type Given = string | number;

export interface EnsemblePlan {
  readonly inputs: readonly TensorInfo[];
  readonly steps: readonly (ModelStep | RulesStep)[];
  readonly outputs: readonly string[];
}

const maxSteps = 100;

function invalid(field: string, problem: string): KarkhanaError {
  return new KarkhanaError("MODEL_FILE_INVALID", { field: `ensemble.json.${field}`, problem });
}

/** @throws MODEL_FILE_INVALID naming the field */
export function readEnsemble(bytes: Uint8Array): EnsemblePlan {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid("", "is not JSON");
  }
  if (!isObject(raw)) throw invalid("", "expected an object");
  const list = (value: unknown, field: string): readonly unknown[] => {
    if (!Array.isArray(value) || value.length === 0 || value.length > maxSteps) throw invalid(field, `expected a list of 1 to ${maxSteps}`);
    return value;
  };
  const inputs = list(raw["inputs"], "inputs").map((item, i): TensorInfo => {
    if (
      !isObject(item) ||
      typeof item["name"] !== "string" ||
      !isDatatype(item["datatype"]) ||
      !Array.isArray(item["shape"]) ||
      !item["shape"].every(Number.isSafeInteger)
    )
      throw invalid(`inputs[${i}]`, "expected name, datatype and shape");
    return { name: item["name"], datatype: item["datatype"], shape: item["shape"] as number[] };
  });
  const steps = list(raw["steps"], "steps").map((item, i) => readStep(item, `steps[${i}]`));
  const outputs = list(raw["outputs"], "outputs").map((name, i) => textIn(name, `outputs[${i}]`));
  const made = new Set<string>();
  const make = (name: string, field: string): void => {
    if (made.has(name)) throw invalid(field, `${name} is made twice`);
    made.add(name);
  };
  const use = (name: string, field: string): void => {
    if (!made.has(name)) throw invalid(field, `${name} is not made by an input or an earlier step`);
  };
  for (const { name } of inputs) make(name, "inputs");
  for (const [i, step] of steps.entries()) {
    for (const name of step.kind === "rules" ? [step.on, ...keptBy(step)] : step.inputs.values()) use(name, `steps[${i}]`);
    for (const name of step.kind === "rules" ? [step.as] : step.outputs.values()) make(name, `steps[${i}]`);
  }
  for (const name of outputs) use(name, "outputs");
  return { inputs, steps, outputs };
}

function textIn(value: unknown, field: string): string {
  if (typeof value !== "string" || value === "") throw invalid(field, "expected text");
  return value;
}

function readStep(raw: unknown, field: string): ModelStep | RulesStep {
  if (!isObject(raw)) throw invalid(field, "expected an object");
  const names = (value: unknown, of: string): ReadonlyMap<string, string> => {
    if (!isObject(value) || Object.keys(value).length === 0) throw invalid(`${field}.${of}`, "expected the model's tensors by name");
    return new Map(Object.entries(value).map(([own, name]) => [own, textIn(name, `${field}.${of}.${own.slice(0, 60)}`)]));
  };
  const { rules } = raw;
  if (rules === undefined)
    return { kind: "model", model: textIn(raw["model"], `${field}.model`), inputs: names(raw["inputs"], "inputs"), outputs: names(raw["outputs"], "outputs") };
  if (!isObject(rules) || !Array.isArray(rules["cases"])) throw invalid(`${field}.rules`, "expected on, as, cases and otherwise");
  const cases = rules["cases"].map((item: unknown, i) => {
    const at = `${field}.rules.cases[${i}]`;
    if (!isObject(item) || typeof item["atLeast"] !== "number") throw invalid(at, "expected atLeast and give");
    return { atLeast: item["atLeast"], give: givenIn(item["give"], `${at}.give`) };
  });
  const { otherwise: rest } = rules;
  const otherwise = isObject(rest) ? { tensor: textIn(rest["tensor"], `${field}.rules.otherwise.tensor`) } : givenIn(rest, `${field}.rules.otherwise`);
  const numeric = typeof otherwise === "object" || typeof otherwise === "number";
  if (cases.some(({ give }) => (typeof give === "number") !== numeric)) throw invalid(`${field}.rules`, "gives texts in one case and numbers in another");
  if (cases.some(({ atLeast }, i) => i > 0 && atLeast >= cases[i - 1]!.atLeast))
    throw invalid(`${field}.rules.cases`, "atLeast must fall: the first that is reached decides");
  return {
    kind: "rules",
    on: textIn(rules["on"], `${field}.rules.on`),
    as: textIn(rules["as"], `${field}.rules.as`),
    cases,
    otherwise,
  };
}

function givenIn(value: unknown, field: string): Given {
  return typeof value === "number" && Number.isFinite(value) ? value : textIn(value, field);
}

function keptBy({ otherwise }: RulesStep): string[] {
  return typeof otherwise === "object" ? [otherwise.tensor] : [];
}

/** @param find a model that is loaded @throws MODEL_FILE_INVALID where a step's model or tensor is not there */
export function openEnsemble(plan: EnsemblePlan, find: FindModel): ServableModel {
  const infos = new Map<string, TensorInfo>(plan.inputs.map((info) => [info.name, info]));
  for (const [i, step] of plan.steps.entries()) {
    if (step.kind === "rules") {
      infos.set(step.as, { name: step.as, datatype: typeof step.otherwise === "string" ? "BYTES" : "FP64", shape: [-1] });
      continue;
    }
    const model = find(step.model)?.model;
    if (model === undefined) throw invalid(`steps[${i}].model`, `${step.model} is not loaded`);
    if (model.format === "ensemble") throw invalid(`steps[${i}].model`, `${step.model} is an ensemble itself`);
    for (const own of step.outputs.keys()) {
      const info = model.outputs.find(({ name }) => name === own);
      if (info === undefined)
        throw invalid(`steps[${i}].outputs`, `${step.model} has no output ${own}; it has ${model.outputs.map(({ name }) => name).join(", ")}`);
      infos.set(step.outputs.get(own)!, { ...info, name: step.outputs.get(own)! });
    }
  }
  const outputs = plan.outputs.map((name) => infos.get(name)!);
  return {
    format: "ensemble",
    kind: plan.steps.map((step) => (step.kind === "rules" ? "rules" : step.model)).join(" -> "),
    inputs: plan.inputs,
    outputs,
    tabular: undefined,
    runs: "inline",
    memoryBytes: 0,
    predict: async (tensors, wanted = plan.outputs, asked) => {
      const made = new Map(tensors.map((tensor) => [tensor.name, tensor]));
      for (const info of plan.inputs) {
        const tensor = made.get(info.name);
        if (tensor === undefined) throw refusedTensor(info.name, "is missing");
        checkTensor(tensor, info);
      }
      for (const step of plan.steps) {
        if (step.kind === "rules") made.set(step.as, applyRules(step, made));
        else for (const tensor of await runStep(step, made, find, asked)) made.set(tensor.name, tensor);
      }
      return wanted.map((name) => made.get(name)!);
    },
    close: async () => {},
  };
}

async function runStep(
  { model: name, inputs, outputs }: ModelStep,
  made: ReadonlyMap<string, Tensor>,
  find: FindModel,
  asked: AskedAs | undefined,
): Promise<readonly Tensor[]> {
  const found = find(name);
  if (found === undefined) throw new KarkhanaError("MODEL_RUN_FAILED", { problem: `its step ${name} is not loaded` });
  const given = Array.from(inputs, ([own, from]) => converted({ ...made.get(from)!, name: own }, found.model.inputs));
  const answered = await found.run(given, [...outputs.keys()], asked);
  return answered.map((tensor) => ({ ...tensor, name: outputs.get(tensor.name)! }));
}

/** Between the two float types; everything else the model checks. */
function converted(tensor: Tensor, infos: readonly TensorInfo[]): Tensor {
  const wanted = infos.find(({ name }) => name === tensor.name)?.datatype;
  if (wanted === "FP32" && tensor.datatype === "FP64") return { ...tensor, datatype: wanted, data: Float32Array.from(asFloats(tensor)) };
  return wanted === "FP64" && tensor.datatype === "FP32" ? { ...tensor, datatype: wanted, data: asFloats(tensor) } : tensor;
}

/** One text or number a row, by its only element. @throws TENSOR_REFUSED for rows of several */
function applyRules({ on, as, cases, otherwise }: RulesStep, made: ReadonlyMap<string, Tensor>): Tensor {
  const values = onePerRow(made.get(on)!);
  const shape = [values.length];
  // NaN reaches no bound: it is decided by `otherwise`.
  const caseOf = (value: number): Given | undefined => cases.find(({ atLeast }) => value >= atLeast)?.give;
  if (typeof otherwise === "string") return { name: as, datatype: "BYTES", shape, data: Array.from(values, (value) => String(caseOf(value) ?? otherwise)) };
  const rest = typeof otherwise === "number" ? undefined : onePerRow(made.get(otherwise.tensor)!);
  if (rest !== undefined && rest.length !== values.length)
    throw refusedTensor(as, `takes ${rest.length} rows where no case holds, and decides by ${values.length}`);
  return { name: as, datatype: "FP64", shape, data: Float64Array.from(values, (value, row) => Number(caseOf(value) ?? rest?.[row] ?? otherwise)) };
}

function onePerRow(tensor: Tensor): Float64Array {
  const values = asFloats(tensor);
  const rows = tensor.shape[0] ?? 1;
  if (values.length !== rows) throw refusedTensor(tensor.name, `has ${values.length} elements in ${rows} rows; rules take one a row`);
  return values;
}
