import { seededRng, type Rng } from "../../kernel/rng.ts";
import { numberAnswer, chosen, shown, textAnswer, type Answers, type Grade, type Mark, type Option, type Question, type Sheet } from "../drills/sheet.ts";

/*
 * Round 2: derivations with numbers nobody can look up. Every expected value is computed from the drawn numbers by the derivation itself,
 * and the tests hold it against a numeric derivative or a brute-force minimum.
 */

const fundamentalsVersion = 1;
const minutes = 20;
const tolerance = 0.01;

export interface FundamentalItem {
  readonly question: Question;
  readonly section: string;
  /** A number, or the id of the right option. */
  readonly expected: number | string;
  readonly why: string;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** Two decimals, never near zero. */
const draw = (rng: Rng, low: number, high: number): number => {
  const value = Math.round((low + (high - low) * rng.next()) * 100) / 100;
  return Math.abs(value) < 0.15 ? (value < 0 ? -0.3 : 0.3) : value;
};

function crossEntropy(rng: Rng): FundamentalItem[] {
  const z = [draw(rng, -2, 2), draw(rng, -2, 2), draw(rng, -2, 2)];
  const y = rng.int(3);
  const exps = z.map(Math.exp);
  const total = exps.reduce((a, b) => a + b, 0);
  const p = exps.map((e) => e / total);
  const asked = rng.int(3);
  const section = `Softmax and cross-entropy. Logits z = (${z.join(", ")}), the true class is ${y} (counted from 0).`;
  return [
    {
      section,
      question: { id: "ce-loss", kind: "number", prompt: "The loss", unit: "nats" },
      expected: -Math.log(p[y]!),
      why: "-ln softmax(z) of the true class",
    },
    {
      section,
      question: { id: "ce-grad", kind: "number", prompt: `Its derivative by z[${asked}]`, unit: "" },
      expected: p[asked]! - (asked === y ? 1 : 0),
      why: "dL/dz = softmax(z) - onehot(y)",
    },
  ];
}

function leastSquares(rng: Rng): FundamentalItem[] {
  const x = [1, 2, 4].map((base) => base + rng.int(2));
  const y = x.map(() => draw(rng, 0.5, 6));
  const lambda = draw(rng, 0.5, 3);
  const sxx = x.reduce((a, v) => a + v * v, 0);
  const sxy = x.reduce((a, v, i) => a + v * y[i]!, 0);
  const section = `Least squares without an intercept. x = (${x.join(", ")}), y = (${y.join(", ")}); the loss is the sum of squared residuals.`;
  return [
    {
      section,
      question: { id: "ols", kind: "number", prompt: "The weight that minimises it", unit: "" },
      expected: sxy / sxx,
      why: "w = sum(xy) / sum(xx), from a zero derivative",
    },
    {
      section,
      question: { id: "ridge", kind: "number", prompt: `The weight with the penalty ${lambda} w² added`, unit: "" },
      expected: sxy / (sxx + lambda),
      why: "w = sum(xy) / (sum(xx) + lambda)",
    },
    {
      section,
      question: { id: "prior", kind: "number", prompt: "With noise of variance 1, that penalty is a Gaussian prior on w. Its variance", unit: "" },
      expected: 1 / lambda,
      why: "sum(r²) / (2 s²) + w² / (2 t²), times 2 s²: lambda = s² / t²",
    },
  ];
}

function lassoStep(rng: Rng): FundamentalItem[] {
  const a = draw(rng, 1, 3);
  const lambda = draw(rng, 0.4, 1.4);
  const section = `L1. Minimise (w - ${a})² / 2 + ${lambda} |w|.`;
  return [
    {
      section,
      question: { id: "lasso", kind: "number", prompt: "The w that minimises it", unit: "" },
      expected: Math.sign(a) * Math.max(0, Math.abs(a) - lambda),
      why: "soft threshold: sign(a) max(0, |a| - lambda)",
    },
    {
      section,
      question: {
        id: "laplace",
        kind: "choice",
        prompt: "Which prior on w does the L1 penalty stand for?",
        options: options("Gaussian", "Laplace", "Student's t", "uniform"),
      },
      expected: "laplace",
      why: "-ln of a Laplace density is |w| / b plus a constant",
    },
  ];
}

function backprop(rng: Rng): FundamentalItem[] {
  const [x, w1, w2, y] = [draw(rng, 0.5, 2), draw(rng, -1.5, 1.5), draw(rng, -1.5, 1.5), rng.int(2)];
  const h = Math.tanh(w1 * x);
  const p = sigmoid(w2 * h);
  const section = `One backpropagation step. h = tanh(w1 x), p = sigmoid(w2 h), loss = -y ln p - (1 - y) ln(1 - p); x = ${x}, w1 = ${w1}, w2 = ${w2}, y = ${y}.`;
  return [
    { section, question: { id: "bp-p", kind: "number", prompt: "p", unit: "" }, expected: p, why: "forward" },
    { section, question: { id: "bp-w2", kind: "number", prompt: "dLoss/dw2", unit: "" }, expected: (p - y) * h, why: "(p - y) h" },
    {
      section,
      question: { id: "bp-w1", kind: "number", prompt: "dLoss/dw1", unit: "" },
      expected: (p - y) * w2 * (1 - h * h) * x,
      why: "(p - y) w2 (1 - h²) x",
    },
  ];
}

function overfit(rng: Rng): FundamentalItem[] {
  const epoch = 4 + rng.int(3);
  const valid = Array.from({ length: 10 }, (_, i) => {
    const e = i + 1;
    return 0.6 * Math.exp(-0.35 * Math.min(e, epoch)) + 0.3 + (e > epoch ? 0.02 * (e - epoch) : 0) + 0.001 * rng.next();
  });
  const train = valid.map((_, i) => 0.62 * Math.exp(-0.33 * (i + 1)) + 0.24);
  const fixed = (values: readonly number[]): string => values.map((v) => v.toFixed(3)).join(", ");
  const section = `Reading curves. Training loss by epoch: ${fixed(train)}. Validation loss: ${fixed(valid)}.`;
  return [
    {
      section,
      question: { id: "stop", kind: "number", prompt: "Which epoch's weights do you keep?", unit: "epoch" },
      expected: epoch,
      why: "the lowest validation loss",
    },
    {
      section,
      question: {
        id: "fault",
        kind: "choice",
        prompt: "What is going on?",
        options: options("overfitting", "a learning rate too high", "labels shuffled", "validation rows among the training rows"),
      },
      expected: "overfitting",
      why: "training loss falls on, validation loss turns: from there on it learns the rows, not the rule",
    },
  ];
}

function options(...texts: readonly string[]): Option[] {
  return texts.map((text) => ({ id: text.toLowerCase().replaceAll(/[^a-z]+/g, "-"), text }));
}

export function fundamentalItems(seed: string): FundamentalItem[] {
  const rng = seededRng(seed, "fundamentals");
  return [
    ...crossEntropy(rng.fork("ce")),
    ...leastSquares(rng.fork("ols")),
    ...lassoStep(rng.fork("l1")),
    ...backprop(rng.fork("bp")),
    ...overfit(rng.fork("curves")),
  ];
}

export function createFundamentals(seed: string): { sheet: Sheet; truth: { readonly items: readonly FundamentalItem[] } } {
  const items = fundamentalItems(seed);
  const sections = [...new Set(items.map(({ section }) => section))];
  return {
    sheet: {
      kind: "interview",
      subject: "round-2-fundamentals",
      version: fundamentalsVersion,
      title: "Round 2: fundamentals",
      intro: [
        `Derive each on paper, then work it out. ${minutes} minutes; fresh numbers each time; within ${tolerance * 100} % or 0.001. Cross-entropy, least squares and the backpropagation step must all be right: that is where the round ends for most.`,
      ],
      minutes,
      facts: [],
      signals: [],
      log: [],
      sections: sections.map((section, i) => ({
        title: `Question ${i + 1}`,
        text: section,
        questions: items.filter((item) => item.section === section).map(({ question }) => question),
      })),
    },
    truth: { items },
  };
}

export function gradeFundamentals(
  { items }: { readonly items: readonly FundamentalItem[] },
  answers: Answers,
): Omit<Grade, "passed"> & { readonly passed: boolean } {
  const marks: Mark[] = items.map(({ question, expected, why }) => {
    const given = typeof expected === "number" ? numberAnswer(answers, question.id) : (chosen(answers, question.id)[0] ?? "");
    const right = typeof expected === "number" ? Math.abs(Number(given) - expected) <= Math.max(1e-3, tolerance * Math.abs(expected)) : given === expected;
    return {
      questionId: question.id,
      prompt: question.prompt,
      right,
      given: textAnswer(answers, question.id) || "nothing",
      expected: typeof expected === "number" ? shown(expected) : expected,
      why,
      points: right ? 1 : 0,
      of: 1,
    };
  });
  const must = ["ce-loss", "ce-grad", "ols", "bp-w2", "bp-w1"];
  const lost = marks.filter(({ questionId, right }) => must.includes(questionId) && !right);
  const score = marks.filter(({ right }) => right).length / marks.length;
  return {
    score,
    passed: lost.length === 0 && score >= 0.75,
    says:
      lost.length > 0
        ? `Ended at ${lost.map(({ prompt }) => prompt.toLowerCase()).join(", ")}: a derivation that must not fail.`
        : `${Math.round(score * 100)} % right.`,
    marks,
    reveals: [],
    record: { right: marks.filter(({ right }) => right).length, of: marks.length },
  };
}
