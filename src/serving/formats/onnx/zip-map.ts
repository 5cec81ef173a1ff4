import type { OnnxGraph, OnnxNode } from "./graph.ts";
import { fieldNumbers, intsAttribute, textsAttribute } from "./graph.ts";
import { bytesField, intField, messageField, textField, textOf, readMessage, writeMessage, type Field } from "./wire.ts";

/** The ZipMap that makes a graph output, if one does: scikit-learn's converter puts it there to pair probabilities with class names. */
function zipMapOf({ nodes, outputs }: OnnxGraph): OnnxNode | undefined {
  return nodes.find((node) => node.operator === "ZipMap" && outputs.some((output) => output.kind === "other" && output.name === node.outputs[0]));
}

/**
 * The same model with ZipMap's output as the tensor under it, [rows, classes]: a list of maps is no tensor, and no protocol here
 * carries one. The columns are in the order of the class labels.
 */
export function withoutZipMap(bytes: Uint8Array, graph: OnnxGraph): Uint8Array {
  const zipMap = zipMapOf(graph);
  if (zipMap === undefined) return bytes;
  const name = zipMap.outputs[0]!;
  const numClasses = (intsAttribute(zipMap, "classlabels_int64s") ?? textsAttribute(zipMap, "classlabels_strings") ?? []).length;
  const identity = writeMessage([textField(1, zipMap.inputs[0]!), textField(2, name), textField(3, zipMap.name), textField(4, "Identity")]);
  const dimensions = [messageField(1, [textField(2, "rows")]), messageField(1, numClasses > 0 ? [intField(1, numClasses)] : [textField(2, "classes")])];
  const output = writeMessage([textField(1, name), messageField(2, [messageField(1, [intField(1, 1), messageField(2, dimensions)])])]);
  const fields = graph.graph.map((field): Field => {
    if (field.number === fieldNumbers.nodeOfGraph && field.value === zipMap.bytes) return bytesField(field.number, identity);
    if (field.number === fieldNumbers.outputOfGraph && field.value instanceof Uint8Array && textOf(readMessage(field.value), 1) === name)
      return bytesField(field.number, output);
    return field;
  });
  return writeMessage(graph.model.map((field) => (field.number === fieldNumbers.graphOfModel ? messageField(field.number, fields) : field)));
}
