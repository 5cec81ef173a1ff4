import { expect, test } from "vitest";
import { readBackendPlan } from "./plan.ts";

const read = (plan: Record<string, unknown>) => readBackendPlan(new TextEncoder().encode(JSON.stringify(plan)));

test("a declaration needs an address and a name; texts are not logged unless it says so", () => {
  expect(read({ url: "http://10.0.0.7:8000/v1/", model: "llama" })).toMatchObject({
    url: "http://10.0.0.7:8000/v1",
    model: "llama",
    fallback: [],
    log: { text: false },
  });
});

test.each([
  [{ url: "file:///etc/passwd" }, /openai.json.url/],
  [{ url: "http://user:pass@host/v1" }, /neither a user/],
  [{ apiKey: "sk-1" }, /apiKey.*is not one of/],
  [{ apiKeyVariable: "sk-not-a-name" }, /name of an environment variable/],
  [{ apiKeyVariable: "KARKHANA_DATABASE_URL" }, /ends in API_KEY/],
  [{ maxConcurrent: 0 }, /maxConcurrent/],
  [{ log: { redact: ["everything"] } }, /log.redact/],
  [{ price: { currency: "dollars" } }, /price.currency/],
])("openai.json with %j is refused by the name of its field", (change, message) => {
  expect(() => read({ url: "http://10.0.0.7:8000/v1", model: "llama", ...change })).toThrow(message);
});
