import { histogramLines, sample } from "../prometheus-lines.ts";
import type { Backend } from "./backend.ts";
import { exchangeOutcomes } from "./stats.ts";

/** Prometheus text of what was counted of language models. @param family names a counter's family as the format wants it */
export function backendLines(backends: Iterable<Backend>, family: (counter: string) => string): string[] {
  const all = [...backends];
  if (all.length === 0) return [];
  const head = (name: string, type: string, help: string): string[] => [`# HELP ${family(name)} ${help}`, `# TYPE ${family(name)} ${type}`];
  const labels = ({ name }: Backend): Record<string, string> => ({ model: name });
  return [
    ...head("karkhana_llm_under_way", "gauge", "Questions a language model's backend is answering."),
    ...all.map((backend) => sample("karkhana_llm_under_way", labels(backend), backend.underWay)),
    ...head(
      "karkhana_llm_requests_total",
      "counter",
      "Questions to a language model's backend by how they ended; fallback: another backend was asked instead.",
    ),
    ...all.flatMap((backend) =>
      exchangeOutcomes
        .filter((outcome) => backend.stats.outcomes[outcome] > 0)
        .map((outcome) => sample("karkhana_llm_requests_total", { ...labels(backend), outcome }, backend.stats.outcomes[outcome])),
    ),
    ...head("karkhana_llm_tokens_total", "counter", "Tokens as the backends counted them."),
    ...all.flatMap((backend) => [
      sample("karkhana_llm_tokens_total", { ...labels(backend), kind: "prompt" }, backend.stats.promptTokens),
      sample("karkhana_llm_tokens_total", { ...labels(backend), kind: "completion" }, backend.stats.completionTokens),
    ]),
    ...head("karkhana_llm_cost_total", "counter", "Cost of these tokens at the declared prices."),
    ...all.flatMap(({ name, plan, stats }) =>
      plan.price === undefined ? [] : [sample("karkhana_llm_cost_total", { model: name, currency: plan.price.currency }, stats.cost)],
    ),
    ...head("karkhana_llm_time_to_first_token_seconds", "histogram", "From a question to the first token of its stream."),
    ...all.flatMap((backend) => histogramLines("karkhana_llm_time_to_first_token_seconds", labels(backend), backend.stats.firstTokenSeconds)),
    ...head("karkhana_llm_tokens_per_second", "histogram", "Tokens a second: of a stream after its first token, of a whole answer over its whole time."),
    ...all.flatMap((backend) => histogramLines("karkhana_llm_tokens_per_second", labels(backend), backend.stats.tokensPerSecond)),
    ...head("karkhana_llm_request_seconds", "histogram", "Whole time of answered questions."),
    ...all.flatMap((backend) => histogramLines("karkhana_llm_request_seconds", labels(backend), backend.stats.seconds)),
  ];
}
