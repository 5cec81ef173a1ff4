import { lab, planned, reading } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "compression";

export const compression: readonly Topic[] = [
  {
    id: "onnx",
    title: "ONNX and ONNX Runtime, and when each form wins",
    area,
    treatment: ["built", "driven"],
    places: [planned],
    depth: "The same model answers equally through both paths, and both are timed.",
    rows: [56],
  },
  {
    id: "compiled-models",
    title: "TorchScript, TensorRT, CoreML",
    area,
    treatment: ["driven", "explained"],
    places: [reading],
    depth: "Given a device and a deadline, one says which target fits and what it costs.",
    after: ["onnx"],
    rows: [57],
  },
  {
    id: "quantisation",
    title: "Quantisation: FP16, INT8",
    area,
    treatment: ["built", "simulated"],
    places: [lab(36)],
    depth: "The error stays within half a step, zero is exact, and the loss of quality is reported beside the gain in speed.",
    labs: [36],
    rows: [58],
  },
  {
    id: "distillation-and-pruning",
    title: "Distillation, structured pruning, compression with a system",
    area,
    treatment: ["built", "simulated"],
    places: [lab(36)],
    depth: "A smaller model stays within a stated budget of quality.",
    labs: [36],
    rows: [59],
  },
  {
    id: "inference-cost",
    title: "Less cost and latency of inference",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "Cost per 1,000 predictions stands beside latency, before and after.",
    after: ["quantisation"],
    rows: [60],
  },
];
