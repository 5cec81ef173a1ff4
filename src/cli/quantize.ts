import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso } from "../kernel/time.ts";
import { seededRng } from "../kernel/rng.ts";
import { compareQuantized, madeBatches } from "../serving/formats/onnx/quantization-compare.ts";
import { quantizationKinds, type QuantizationKind, type QuantizationReport } from "../serving/formats/onnx/quantization-report.ts";
import { quantizeOnnx } from "../serving/formats/onnx/quantize.ts";
import { readGoldenInputs } from "../serving/oip/golden.ts";
import { systemClock } from "../server/system.ts";
import { isSet, optionalText, text } from "./arguments.ts";
import type { Command } from "./command.ts";

/** `karkhana quantize model.onnx --out .karkhana/models/<name>/<version>`: a smaller model and the report without which it is not deployed. */
export const quantize: Command = {
  name: "quantize",
  summary: "Make an ONNX model smaller (int8, fp16), and report what that costs and gains",
  positionals: ["model.onnx"],
  required: 1,
  flags: {
    kind: { type: "string", value: quantizationKinds.join("|"), help: "What weights become", default: "int8" },
    out: { type: "string", value: "folder", help: "Where model.onnx and quantization.json are put; a version's folder of the models folder serves them" },
    rows: { type: "string", value: "file", help: 'Questions to compare on, as {"inputs":[…]} of the Open Inference Protocol; default: seeded random rows' },
    batch: { type: "integer", value: "n", help: "Rows of a timed batch, without --rows", default: 32, min: 1, max: 10_000 },
    json: { type: "boolean", help: "Print the report as JSON" },
  },
  run: async ({ values, positionals }) => {
    const [file] = positionals;
    if (file === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "model.onnx", problem: "say which file", value: "nothing" });
    const kind = kindOf(text(values, "kind"));
    const out = text(values, "out");
    const original = await readAsked(file);
    const quantized = quantizeOnnx(original, kind);
    const rowsFile = optionalText(values, "rows");
    const batch = Number(values["batch"]);
    const batches = rowsFile === undefined ? madeBatches(original, seededRng(1, "quantize"), 2 * batch) : [readGoldenInputs(await readAsked(rowsFile))];
    const rowsFrom = rowsFile === undefined ? "seeded random rows; rows of your own say more (--rows)" : path.basename(rowsFile);
    const report = await compareQuantized({
      kind,
      original,
      quantized,
      batches,
      rowsFrom,
      timerMs: () => performance.now(),
      madeAt: formatIso(systemClock.nowUs()),
    });
    await mkdir(out, { recursive: true });
    // The report first: a model that lies there without one would be refused, a report without its model says nothing wrong.
    await put(path.join(out, "quantization.json"), new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`));
    await put(path.join(out, "model.onnx"), quantized.bytes);
    console.log(isSet(values, "json") ? JSON.stringify(report) : describe(report, out));
    return 0;
  },
};

function kindOf(kind: string): QuantizationKind {
  const known = quantizationKinds.find((one) => one === kind);
  if (known === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--kind", problem: `expected ${quantizationKinds.join(" or ")}`, value: kind });
  return known;
}

async function readAsked(file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    throw new KarkhanaError("SOURCE_UNREADABLE", { path: file, problem: cause instanceof Error ? cause.message : String(cause) }, { cause });
  }
}

/** Whole or absent. */
async function put(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, bytes);
  await rename(temporary, file);
}

function describe(report: QuantizationReport, out: string): string {
  const { latency, outputs } = report;
  const kb = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KB`;
  const ratio = (a: number, b: number): string => (b === 0 ? "-" : (a / b).toFixed(2));
  return [
    `${report.kind}: ${kb(report.originalBytes)} -> ${kb(report.quantizedBytes)} (${ratio(report.quantizedBytes, report.originalBytes)} of the size), ${report.changed.length} weights changed, ${report.left.length} left`,
    `a batch of ${latency.batch}: p50 ${latency.originalP50Ms.toFixed(3)} -> ${latency.quantizedP50Ms.toFixed(3)} ms (${ratio(latency.quantizedP50Ms, latency.originalP50Ms)}), p95 ${latency.originalP95Ms.toFixed(3)} -> ${latency.quantizedP95Ms.toFixed(3)} ms`,
    `answers on ${report.rows} rows (${report.rowsFrom}):`,
    ...outputs.map(
      ({ name, maxAbsolute, meanAbsolute, sameTop }) =>
        `  ${name}: largest difference ${maxAbsolute.toPrecision(3)}, mean ${meanAbsolute.toPrecision(3)}${sameTop === null ? "" : `, same largest class in ${(sameTop * 100).toFixed(1)}% of rows`}`,
    ),
    ...report.left.slice(0, 5).map((why) => `  left: ${why}`),
    `written: ${path.join(out, "model.onnx")} and its report quantization.json`,
  ].join("\n");
}
