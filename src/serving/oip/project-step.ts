import type { ServedModel } from "../served-model.ts";
import type { GraphModel } from "./ensemble.ts";
import { infer, questionOf, type InferOptions } from "./infer.ts";
import { rawScoreOutput, scoreOutput } from "./model-face.ts";

/**
 * A model of the project as a step of a graph. What it is asked as part of somebody's question is routed, logged and watched as any other
 * question is, under the question's id; at load, when nobody asks, its champion's answer is tried out and not logged.
 */
export function projectStep(model: ServedModel, options: InferOptions): GraphModel {
  return {
    model: {
      format: "karkhana",
      inputs: model.current().champion.rows.inputs,
      // A version without a raw score refuses the question, not the graph: the next version may have one.
      outputs: [scoreOutput, rawScoreOutput].map((name) => ({ name, datatype: "FP64", shape: [-1, 1] })),
    },
    run: async (inputs, outputs, asked) => {
      const wanted = outputs.map((name) => ({ name, binary: true, classification: 0 }));
      const schedule = { priority: 0, timeoutUs: 0, binaryByDefault: true };
      const question = questionOf({ id: asked?.id ?? "", inputs, outputs: wanted, ...schedule });
      if (asked !== undefined) return (await infer(model, "", question, asked.call, options)).outputs;
      const unheard = { startedMs: options.timerMs(), deadlineMs: Infinity, tenant: "" };
      const shadows = { add: () => undefined };
      return (await infer(model, "", question, unheard, { ...options, shadows, feedback: { logPredictions: async () => undefined } })).outputs;
    },
  };
}
