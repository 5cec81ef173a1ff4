/** What making an ONNX model smaller cost. A model that was made smaller is deployed only with this beside it. */
import { KarkhanaError } from "../../../kernel/error.ts";
import type { OnnxModel } from "./open.ts";

/** Key of the mark that quantisation leaves in the model (`metadata_props`). */
export const quantizationMark = "karkhana.quantization";

export const quantizationKinds = ["fp16", "int8"] as const;
export type QuantizationKind = (typeof quantizationKinds)[number];

export interface QuantizationReport {
  readonly kind: QuantizationKind;
  /** SHA-256 of the files. */
  readonly originalHash: string;
  readonly quantizedHash: string;
  readonly originalBytes: number;
  readonly quantizedBytes: number;
  /** Rows both were asked, and where they came from. */
  readonly rows: number;
  readonly rowsFrom: string;
  /** By output: distance between the two models' answers. */
  readonly outputs: readonly {
    readonly name: string;
    readonly maxAbsolute: number;
    readonly meanAbsolute: number;
    /** Share of rows whose largest element is the same one; null for outputs of one element. */
    readonly sameTop: number | null;
  }[];
  /** Milliseconds a batch, both in this process one after the other. */
  readonly latency: {
    readonly batch: number;
    readonly originalP50Ms: number;
    readonly quantizedP50Ms: number;
    readonly originalP95Ms: number;
    readonly quantizedP95Ms: number;
  };
  /** Tensors made smaller, and those left as they were with the reason. */
  readonly changed: readonly string[];
  readonly left: readonly string[];
  readonly madeAt: string;
}

/** @param hash of the model's file @param readReport undefined: there is none @throws QUANTIZATION_UNREPORTED */
export async function checkQuantization(model: OnnxModel, hash: string, readReport: () => Promise<Uint8Array | undefined>): Promise<void> {
  const kind = model.engine === "runtime" ? model.quantization : undefined;
  if (kind === undefined) return;
  const refuse = (problem: string): KarkhanaError => new KarkhanaError("QUANTIZATION_UNREPORTED", { kind, problem });
  const bytes = await readReport();
  if (bytes === undefined) throw refuse("there is no quantization.json beside it");
  let report: unknown;
  try {
    report = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw refuse("quantization.json is not JSON");
  }
  const { quantizedHash, outputs, latency, rows } = Object(report) as Partial<Record<keyof QuantizationReport, unknown>>;
  if (quantizedHash !== hash) throw refuse("quantization.json is of another file");
  if (!Array.isArray(outputs) || outputs.length === 0 || typeof latency !== "object" || latency === null || typeof rows !== "number" || !(rows > 0))
    throw refuse("quantization.json holds no comparison of answers and latency");
}
