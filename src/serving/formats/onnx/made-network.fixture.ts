import { seededRng } from "../../../kernel/rng.ts";
import { bytesField, intField, messageField, textField, writeMessage, type Field } from "./wire.ts";

export const inputs = 24;
const classes = 5;

/** X [n, 24] -> MatMul -> Add -> Relu -> Gemm (transB) -> probabilities: made here field by field. */
export function network({
  opset = 17,
  irVersion = 8,
  alpha = 1,
  hidden = 64,
}: { opset?: number; irVersion?: number; alpha?: number; hidden?: number } = {}): Uint8Array {
  const rng = seededRng(3);
  const tensor = (name: string, dims: number[]): Field => {
    const raw = new Uint8Array(new Float32Array(dims.reduce((a, b) => a * b, 1)).map(() => (rng.next() - 0.5) * 0.8).buffer);
    return messageField(5, [...dims.map((d) => intField(1, d)), intField(2, 1), textField(8, name), bytesField(9, raw)]);
  };
  const node = (operator: string, from: string[], to: string, attributes: Field[] = []): Field =>
    messageField(1, [...from.map((name) => textField(1, name)), textField(2, to), textField(3, `${to}_node`), textField(4, operator), ...attributes]);
  const value = (number: number, name: string, width: number): Field =>
    messageField(number, [
      textField(1, name),
      messageField(2, [messageField(1, [intField(1, 1), messageField(2, [messageField(1, [textField(2, "n")]), messageField(1, [intField(1, width)])])])]),
    ]);
  const floatBytes = new Uint8Array(Float32Array.of(alpha).buffer);
  const gemm = [
    messageField(5, [textField(1, "transB"), intField(3, 1), intField(20, 2)]),
    messageField(5, [textField(1, "alpha"), { number: 2, wire: 5, value: floatBytes }, intField(20, 1)]),
  ];
  const graph = [
    node("MatMul", ["X", "w1"], "h0"),
    node("Add", ["h0", "b1"], "h1"),
    node("Relu", ["h1"], "h2"),
    node("Gemm", ["h2", "w2", "b2"], "h3", gemm),
    node("Gemm", ["h3", "w3", ""], "h4"),
    node("Softmax", ["h4"], "probabilities"),
    textField(2, "made"),
    tensor("w1", [inputs, hidden]),
    tensor("b1", [hidden]),
    tensor("w2", [hidden, hidden]),
    tensor("b2", [hidden]),
    tensor("w3", [hidden, classes]),
    value(11, "X", inputs),
    value(12, "probabilities", classes),
  ];
  return writeMessage([intField(1, irVersion), messageField(7, graph), messageField(8, [textField(1, ""), intField(2, opset)])]);
}
