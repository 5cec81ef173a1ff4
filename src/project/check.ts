import type { SourceDefinition } from "../data/source.ts";
import { parseExpressionOf } from "../data/expression.ts";
import { isVectorType } from "../data/vector-column.ts";
import { rulesOf } from "../data/rules.ts";
import { boundField } from "../features/binding.ts";
import { featureViewHash } from "../features/definition.ts";
import { defaultSlackUs } from "../features/online/online-features.ts";
import { planView } from "../features/view-plan.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { MICROS_PER_DAY, parseDuration, parseIso } from "../kernel/time.ts";
import { resolveGbdtParams } from "../learn/gbdt/check-params.ts";
import { logRetentionOf } from "./log-retention.ts";
import { sourcesOf, viewsOf, type ModelDefinition, type ProjectDefinition } from "./definition.ts";

/**
 * Everything about a project that can be wrong without looking at its data, said before anything is started or written.
 * @throws INVALID_ARGUMENT, EXPRESSION_INVALID naming the part of the project
 */
export function checkProject(definition: ProjectDefinition): void {
  const { models, replay } = definition;
  if (models.length === 0) throw refuse("models", "declares no model", "[]");
  refuseTwice(
    "models",
    models.map((model) => model.name),
  );
  for (const source of sourcesOf(definition)) rulesOf(source);
  refuseTwice("feature views", [...new Map(models.flatMap(({ service }) => viewsOf(service)).map((view) => [featureViewHash(view), view.name])).values()]);
  for (const source of sourcesOf(definition)) checkRetention(source, definition);
  for (const model of models) checkModel(model);
  logRetentionOf(definition);
  if (replay === undefined) return;
  if (!models.some((model) => model.name === replay.model))
    throw refuse("replay.model", `must be one of ${models.map((model) => model.name).join(", ")}`, replay.model);
  requireOrder("replay", [
    ["from", replay.from],
    ["to", replay.to],
  ]);
}

/** The log of a pushed source is what its online state can be made from again: it must not be shorter than what features look at. */
function checkRetention(source: SourceDefinition, { models }: ProjectDefinition): void {
  if (source.retention === undefined) return;
  const field = `source ${source.name}, retention`;
  const keptUs = parseDuration(source.retention, field);
  if (source.format !== "pushed") return;
  for (const view of models.flatMap((model) => viewsOf(model.service)).filter((one) => one.source.name === source.name)) {
    const neededUs = planView(view).reachUs + defaultSlackUs;
    if (keptUs < neededUs)
      throw refuse(
        field,
        Number.isFinite(neededUs)
          ? `view ${view.name} looks back further: at least ${Math.ceil(neededUs / MICROS_PER_DAY)}d`
          : `view ${view.name} looks at all rows there ever were: leave it out`,
        source.retention,
      );
  }
}

function checkModel(model: ModelDefinition): void {
  const where = `model ${model.name}`;
  const { spine, request, service, training } = model;
  // Names become blob folders, addresses and labels of metrics.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/.test(model.name))
    throw refuse("models", 'expected names of 1 to 255 letters, digits, "_", "-" or ".", not starting with "-" or "."', model.name);
  parseExpressionOf("boolean", model.label, spine.schema, `label of ${where}`);
  for (const field of request)
    if (isVectorType(spine.schema[field])) throw refuse(`${where}, request`, "names a list of numbers; a request carries numbers and text", field);
  for (const field of request)
    if (!Object.hasOwn(spine.schema, field)) throw refuse(`${where}, request`, `names a column that source ${spine.name} does not have`, field);
  refuseTwice(`${where}, request`, request);
  if (service.slots.length === 0) throw refuse(`${where}, features`, "names no feature", "[]");
  for (const view of viewsOf(service)) planView(view);
  for (const feature of service.features) {
    const fields =
      feature.kind === "field"
        ? [feature.field]
        : feature.kind === "featureReference"
          ? feature.view.entity.keys.map((key) => boundField(feature.binding, key, feature.prefix))
          : [];
    for (const field of fields)
      if (!request.includes(field)) throw refuse(`${where}, features`, `read a field that requests do not carry; they carry ${request.join(", ")}`, field);
  }
  refuseTwice(
    `${where}, features`,
    service.slots.map((slot) => slot.name),
  );
  for (const slice of model.slices)
    if (!request.includes(slice)) throw refuse(`${where}, slices`, `must be fields of the request: ${request.join(", ")}`, slice);
  requireOrder(`${where}, training`, [
    ["from", training.from],
    ["validFrom", training.validFrom],
    ["holdoutFrom", training.holdoutFrom],
    ["to", training.to],
  ]);
  resolveGbdtParams(model.trainer.gbdt);
  parseDuration(model.monitors.window, `${where}, monitors.window`);
  const { deadlineMs } = model.serving;
  if (deadlineMs !== undefined && !(deadlineMs > 0)) throw refuse(`${where}, serving.deadlineMs`, "must be more than 0 milliseconds", deadlineMs);
  for (const field of model.serving.stickyBy ?? [])
    if (!model.request.includes(field)) throw refuse(`${where}, serving.stickyBy`, `expected fields of a request (${model.request.join(", ")})`, field);
  parseDuration(model.retrain.lookback, `${where}, retrain.lookback`);
  parseDuration(model.retrain.cooldown, `${where}, retrain.cooldown`);
  const { on, upTo } = model.retrain;
  for (const kind of on) if (kind !== "drift" && kind !== "quality") throw refuse(`${where}, retrain.on`, "expected a list of drift and quality", String(kind));
  if (upTo !== "shadow" && upTo !== "champion") throw refuse(`${where}, retrain.upTo`, "expected shadow or champion", String(upTo));
  for (const [gate, value] of Object.entries(model.gates))
    if (!(value >= 0 && Number.isFinite(value))) throw refuse(`${where}, gates.${gate}`, "expected a number of at least 0", String(value));
  if (model.gates.abShare > 0.5) throw refuse(`${where}, gates.abShare`, "expected a share from 0 to 0.5", model.gates.abShare);
}

function requireOrder(field: string, times: readonly (readonly [string, string])[]): void {
  let before: readonly [string, number] | undefined;
  for (const [name, text] of times) {
    const us = parseIso(text, `${field}.${name}`);
    if (before !== undefined && us <= before[1]) throw refuse(`${field}.${name}`, `must be after ${before[0]}`, text);
    before = [name, us];
  }
}

function refuseTwice(field: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw refuse(field, "the same name twice", twice);
}

function refuse(field: string, problem: string, value: unknown): KarkhanaError {
  return new KarkhanaError("INVALID_ARGUMENT", { field, problem, value });
}
