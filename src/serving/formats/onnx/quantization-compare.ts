/** Asks a model and its smaller form the same questions, and reports how far the answers and the times are apart. */
import { sha256 } from "../../../kernel/hashing.ts";
import type { Rng } from "../../../kernel/rng.ts";
import type { ServableModel, Tensor } from "../model.ts";
import { asFloats, newTensorData } from "../tensor.ts";
import { openOnnx, readOnnx } from "./open.ts";
import type { QuantizationKind, QuantizationReport } from "./quantization-report.ts";
import type { Quantized } from "./quantize.ts";

export interface CompareOptions {
  readonly kind: QuantizationKind;
  readonly original: Uint8Array;
  readonly quantized: Quantized;
  /** Questions, each one batch of all inputs. */
  readonly batches: readonly (readonly Tensor[])[];
  readonly rowsFrom: string;
  /** Timed runs of each model; default 200. */
  readonly repeats?: number;
  readonly timerMs: () => number;
  readonly madeAt: string;
}

/** @throws RUNTIME_ABSENT, MODEL_FILE_INVALID, MODEL_RUN_FAILED, TENSOR_REFUSED */
export async function compareQuantized(options: CompareOptions): Promise<QuantizationReport> {
  const { kind, original, quantized, batches, rowsFrom, timerMs, repeats = 200 } = options;
  const before = await openOnnx(readOnnx(original, "runtime"));
  try {
    const after = await openOnnx(readOnnx(quantized.bytes, "runtime"));
    try {
      const outputs = await distances(before, after, batches);
      const [first] = batches;
      const times = await timesOf([before, after], first!, repeats, timerMs);
      return {
        kind,
        originalHash: sha256(original),
        quantizedHash: sha256(quantized.bytes),
        originalBytes: original.length,
        quantizedBytes: quantized.bytes.length,
        rows: batches.reduce((sum, [tensor]) => sum + (tensor?.shape[0] ?? 1), 0),
        rowsFrom,
        outputs,
        latency: {
          batch: first![0]?.shape[0] ?? 1,
          originalP50Ms: quantile(times[0]!, 0.5),
          quantizedP50Ms: quantile(times[1]!, 0.5),
          originalP95Ms: quantile(times[0]!, 0.95),
          quantizedP95Ms: quantile(times[1]!, 0.95),
        },
        changed: quantized.changed,
        left: quantized.left,
        madeAt: options.madeAt,
      };
    } finally {
      await after.close();
    }
  } finally {
    await before.close();
  }
}

/** Batches of normal numbers for a model's float inputs, zeros for the others; where no rows of the user's are at hand. */
export function madeBatches(original: Uint8Array, rng: Rng, rows: number): Tensor[][] {
  const { inputs } = readOnnx(original, "runtime");
  const half = Math.ceil(rows / 2);
  return [half, rows - half].map((count) =>
    inputs.map(({ name, datatype, shape }): Tensor => {
      const lengths = shape.map((length, i) => (length === -1 ? (i === 0 ? count : 1) : length));
      const data = newTensorData(
        datatype,
        lengths.reduce((a, b) => a * b, 1),
      );
      if (data instanceof Float32Array || data instanceof Float64Array) for (let i = 0; i < data.length; i += 1) data[i] = normal(rng);
      return { name, datatype, shape: lengths, data };
    }),
  );
}

function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

async function distances(before: ServableModel, after: ServableModel, batches: readonly (readonly Tensor[])[]): Promise<QuantizationReport["outputs"]> {
  const sums = new Map<string, { max: number; sum: number; count: number; same: number; rows: number; width: number }>();
  for (const batch of batches) {
    const [was, is] = [await before.predict(batch), await after.predict(batch)];
    for (const [i, tensor] of was.entries()) {
      const total = sums.get(tensor.name) ?? { max: 0, sum: 0, count: 0, same: 0, rows: 0, width: 1 };
      sums.set(tensor.name, total);
      const rows = tensor.shape[0] ?? 1;
      total.rows += rows;
      if (Array.isArray(tensor.data)) {
        total.same += Array.from(tensor.data).filter((text, row) => text === is[i]!.data[row]).length;
        continue;
      }
      const [a, b] = [asFloats(tensor), asFloats(is[i]!)];
      const width = rows === 0 ? 1 : a.length / rows;
      total.width = width;
      for (let at = 0; at < a.length; at++) {
        const far = Math.abs(a[at]! - b[at]!);
        total.max = Math.max(total.max, far);
        total.sum += far;
        total.count++;
      }
      for (let row = 0; row < rows; row++) total.same += Number(top(a, row, width) === top(b, row, width));
    }
  }
  return [...sums].map(([name, { max, sum, count, same, rows, width }]) => ({
    name,
    maxAbsolute: max,
    meanAbsolute: count === 0 ? 0 : sum / count,
    sameTop: width === 1 && count > 0 ? null : same / Math.max(1, rows),
  }));
}

function top(values: Float64Array, row: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (values[row * width + i]! > values[row * width + best]!) best = i;
  return best;
}

/** In turns, so that whatever else the machine does falls on both. */
async function timesOf(models: readonly ServableModel[], batch: readonly Tensor[], repeats: number, timerMs: () => number): Promise<number[][]> {
  const times = models.map((): number[] => []);
  for (let i = -20; i < repeats; i++)
    for (const [m, model] of models.entries()) {
      const startedMs = timerMs();
      await model.predict(batch);
      if (i >= 0) times[m]!.push(timerMs() - startedMs);
    }
  return times;
}

function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
