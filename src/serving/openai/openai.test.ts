import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openExchangeLog, readExchanges, type ExchangeLog, type ExchangeRecord } from "../../feedback/exchanges.ts";
import { statusOf } from "../../server/error-status.ts";
import { openWorld, type World } from "../test-world.ts";
import { seededRng } from "../../kernel/rng.ts";
import {
  dataIn,
  endStream,
  errorOf,
  event,
  openBackendServer,
  piece,
  refusing,
  startStream,
  usage,
  well,
  words,
  type BackendServer,
  type Behaviour,
} from "./backend-server.fixture.ts";
import type { BackendReport } from "./stats.ts";

const key = "sk-very-secret-key";
const eventStream = { "content-type": "text/event-stream" };
let folder: string;
let world: World;
let main: BackendServer;
let spare: BackendServer;
let log: ExchangeLog;

const declare = async (name: string, plan: Record<string, unknown>, version = 1) => {
  await mkdir(path.join(folder, "models", name, String(version)), { recursive: true });
  await writeFile(path.join(folder, "models", name, String(version), "openai.json"), JSON.stringify(plan));
};
interface AskInit {
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
  readonly of?: World;
}
const post = (route: string, body: unknown, { of = world, ...init }: AskInit = {}) =>
  fetch(`${of.url}/v1${route}`, { method: "POST", ...init, headers: { "content-type": "application/json", ...init.headers }, body: JSON.stringify(body) });
const messages = [{ role: "user", content: "Will it be late? Write to anna@example.com, 4111 1111 1111 1111." }];
const chat = (model: string, rest: Record<string, unknown> = {}, init: AskInit = {}) => post("/chat/completions", { model, messages, ...rest }, init);
const reportOf = async (model: string) =>
  ((await (await fetch(`${world.url}/v1/stats`)).json()) as { backends: BackendReport[] }).backends.find((one) => one.model === model)!;
const exchanges = () => readExchanges(path.join(folder, "log"));
/** Records are written behind the answer's back. */
const lastExchange = async (isIt: (record: ExchangeRecord) => boolean) =>
  eventually(async () => {
    const found = (await exchanges()).findLast(isIt);
    if (found === undefined) throw new Error("not written yet");
    return found;
  });
/** Once it holds; that it never does is told by a limit that no slow machine comes near. */
const eventually = <T>(look: () => T | Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 120_000, interval: 20 });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-openai-"));
  [main, spare] = [await openBackendServer(), await openBackendServer()];
  const price = { currency: "USD", input: 0.5, output: 2 };
  await declare("writer", {
    url: main.url,
    model: "meta/llama",
    apiKeyVariable: "MAIN_API_KEY",
    price,
    log: { text: true, maxCharacters: 60, redact: ["email", "digits"] },
  });
  await declare("guarded", { url: main.url, model: "meta/llama", fallback: ["spare"], maxConcurrent: 4 });
  // Only for what never comes: whatever else they wait for may take its time.
  await declare("hasty", { url: main.url, model: "meta/llama", fallback: ["spare"], firstByteTimeoutMs: 200 });
  await declare("hasty-between", { url: main.url, model: "meta/llama", fallback: ["spare"], idleTimeoutMs: 200 });
  await declare("spare", { url: spare.url, model: "small" });
  await declare("keyless", { url: main.url, model: "m", apiKeyVariable: "NOBODY_SET_API_KEY" });
  log = openExchangeLog(path.join(folder, "log"));
  const serving = { modelsFolder: path.join(folder, "models"), environment: { MAIN_API_KEY: key }, exchanges: log };
  world = await openWorld({ statusOf, serving });
});
afterAll(async () => {
  await world.close();
  await log.close();
  await main.close();
  await spare.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  // A version put in force anew has failed nobody yet.
  for (const name of ["guarded", "hasty", "hasty-between", "writer", "spare"])
    await fetch(`${world.url}/v2/repository/models/${name}/load`, { method: "POST" });
  main.behave(well);
  spare.behave(well);
  main.asked.length = spare.asked.length = 0;
});

describe("a language model on another server", () => {
  test("is listed as OpenAI's clients read it, beside what was there", async () => {
    const body = (await (await fetch(`${world.url}/v1/models`)).json()) as { object: string; data: { id: string }[]; models: unknown[] };
    expect(body.object).toBe("list");
    expect(body.data.map(({ id }) => id)).toEqual(["guarded", "hasty", "hasty-between", "spare", "writer"]);
    expect(body.models).toHaveLength(1);
    const index = (await (await fetch(`${world.url}/v2/repository/index`, { method: "POST" })).json()) as { name: string; state: string; reason: string }[];
    expect(index.find(({ name }) => name === "writer")).toMatchObject({ state: "READY" });
    expect(index.find(({ name }) => name === "keyless")).toMatchObject({ state: "UNAVAILABLE", reason: expect.stringMatching(/no key in NOBODY_SET_API_KEY/) });
  });

  test("answers whole, by the name it has there, with its key and not the client's", async () => {
    const before = await reportOf("writer");
    const response = await chat("writer", { temperature: 0.2 }, { headers: { authorization: "Bearer of-the-client", "x-tenant": "shop" } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: words.join("") } }], usage });
    expect(main.asked).toMatchObject([{ path: "/v1/chat/completions", authorization: `Bearer ${key}`, body: { model: "meta/llama", temperature: 0.2 } }]);
    const after = await reportOf("writer");
    expect(after.outcomes["ok"]! - before.outcomes["ok"]!).toBe(1);
    expect([after.promptTokens - before.promptTokens, after.completionTokens - before.completionTokens]).toEqual([7, 6]);
    expect(after.cost!.amount - before.cost!.amount).toBeCloseTo((7 * 0.5 + 6 * 2) / 1000, 12);
    const record = await lastExchange(({ tenant }) => tenant === "shop");
    expect(record).toMatchObject({ model: "writer", outcome: "ok", status: 200, promptTokens: 7, completionTokens: 6, stream: false, firstTokenUs: null });
    expect(record.prompt).toBe("Will it be late? Write to [email] [digits].".replace("[email]", "[email],"));
    expect(record.completion).toBe(words.join(""));
  });

  test("embeds, and completes", async () => {
    expect(await (await post("/embeddings", { model: "writer", input: ["a", "b"] })).json()).toMatchObject({
      data: [{ embedding: [0.5, -0.25, 1] }, { index: 1 }],
    });
    expect(await (await post("/completions", { model: "writer", prompt: "a" })).json()).toMatchObject({ choices: [{ text: words.join("") }] });
  });

  test("streams: what has come is with the client before the rest is made", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    main.behave(async (asked, reply) => {
      startStream(reply);
      reply.write(": keeps the connection\n\n");
      // Half an event, to be put together here.
      const first = piece(asked, { content: "The" });
      reply.write(first.slice(0, 30));
      await new Promise((resolve) => setImmediate(resolve));
      reply.write(first.slice(30));
      await gate;
      reply.write(piece(asked, { content: " rest" }, "stop"));
      endStream(asked, reply);
    });
    const before = await reportOf("writer");
    const response = await chat("writer", { stream: true });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader.read()).value!;
    expect(JSON.parse(dataIn(first)[0]!)).toMatchObject({ choices: [{ delta: { content: "The" } }] });
    open();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
    const events = dataIn(rest);
    // The tokens were asked for by this server: who did not ask for them is not sent them.
    expect(events).toHaveLength(2);
    expect(events.at(-1)).toBe("[DONE]");
    expect(main.asked[0]!.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    await eventually(async () => {
      const after = await reportOf("writer");
      expect(after.firstTokenSeconds.count - before.firstTokenSeconds.count).toBe(1);
      expect(after.tokensPerSecond.count - before.tokensPerSecond.count).toBe(1);
      expect(after.completionTokens - before.completionTokens).toBe(6);
    });
    const metrics = await (await fetch(`${world.url}/metrics`)).text();
    expect(metrics).toMatch(/karkhana_llm_time_to_first_token_seconds_count\{model="writer"\} [1-9]/);
    expect(metrics).toMatch(/karkhana_llm_tokens_total\{model="writer",kind="completion"\} [1-9]/);
    expect((await lastExchange(({ stream }) => stream)).firstTokenUs).toBeGreaterThan(0);
  });

  test("streams its tokens to who asks for them", async () => {
    const response = await chat("writer", { stream: true, stream_options: { include_usage: true } });
    const events = dataIn(await response.text());
    expect(JSON.parse(events.at(-2)!)).toMatchObject({ choices: [], usage });
  });

  test("is held back by a client that reads slowly, and nothing is lost or kept meanwhile", async () => {
    const text = "x".repeat(16_384);
    const numPieces = 2000;
    let sent = 0;
    let isBlocked = false;
    main.behave(async (asked, reply) => {
      startStream(reply);
      for (sent = 0; sent < numPieces; sent++)
        if (!reply.write(piece(asked, { content: text }))) {
          isBlocked = true;
          await once(reply, "drain");
          isBlocked = false;
        }
      endStream(asked, reply);
    });
    const response = await chat("writer", { stream: true });
    const reader = response.body!.getReader();
    let length = (await reader.read()).value!.length;
    // Until it has stood still at the same piece for a while: an unbounded buffer between would take all 32 MB.
    let [seenAt, still] = [-1, 0];
    await eventually(() => {
      still = isBlocked && sent === seenAt ? still + 1 : 0;
      seenAt = sent;
      if (still < 10 && sent < numPieces) throw new Error("moving");
    });
    expect(sent).toBeLessThan(numPieces);
    for (let part = await reader.read(); !part.done; part = await reader.read()) length += part.value.length;
    expect(sent).toBe(numPieces);
    expect(length).toBeGreaterThan(numPieces * text.length);
  });

  test("is told to stop when its client leaves", async () => {
    main.behave((asked, reply) => {
      startStream(reply);
      reply.write(piece(asked, { content: "The" }));
    });
    const [left, before] = [main.left(), await reportOf("writer")];
    const ending = new AbortController();
    const response = await chat("writer", { stream: true }, { signal: ending.signal });
    await response.body!.getReader().read();
    ending.abort();
    await left;
    await eventually(async () => {
      const { outcomes, underWay } = await reportOf("writer");
      expect([outcomes["left"]! - before.outcomes["left"]!, underWay]).toEqual([1, 0]);
    });
  });

  test("is told to stop when the client's time is over, and the client is told so", async () => {
    main.behave(() => {});
    const left = main.left();
    const response = await chat("writer", {}, { headers: { "x-request-timeout-ms": "50" } });
    expect([response.status, (await errorOf(response)).code]).toEqual([503, "DEADLINE_PASSED"]);
    await left;
    main.behave((asked, reply) => {
      startStream(reply);
      reply.write(piece(asked, { content: "The" }));
    });
    const stream = dataIn(await (await chat("writer", { stream: true }, { headers: { "x-request-timeout-ms": "1000" } })).text());
    expect(JSON.parse(stream.at(-1)!)).toMatchObject({ error: { code: "DEADLINE_PASSED" } });
  });
});

describe("a backend that fails", () => {
  const fallbackCases: readonly (readonly [string, Parameters<BackendServer["behave"]>[0], string])[] = [
    ["answers 500", refusing(500, "engine died"), "guarded"],
    ["has no room", refusing(429, "busy", { "retry-after": "7" }), "guarded"],
    ["does not know the key", refusing(401, `Incorrect API key provided: ${key}`), "guarded"],
    ["is silent", () => {}, "hasty"],
    ["breaks the connection", (_asked, reply) => void reply.destroy(), "guarded"],
    ["answers something else", (_asked, reply) => void reply.writeHead(200, { "content-type": "text/html" }).end("<h1>proxy</h1>"), "guarded"],
  ];
  test.each(fallbackCases)("before the first byte (it %s) is replaced by the next, whole or streamed", async (_name, behaviour, model) => {
    main.behave(behaviour);
    const before = await reportOf(model);
    for (const stream of [false, true]) {
      const response = await chat(model, { stream });
      expect([response.status, response.headers.get("x-karkhana-backend")]).toEqual([200, "spare"]);
      expect(await response.text()).toContain(stream ? '"content":" late"' : words.join(""));
    }
    expect(spare.asked.map(({ body }) => body["model"])).toEqual(["small", "small"]);
    expect((await reportOf(model)).outcomes["fallback"]! - before.outcomes["fallback"]!).toBe(2);
    expect(await lastExchange((record) => record.model === model)).toMatchObject({ backend: "spare", fellBack: [model], outcome: "ok" });
  });

  const firstEvents: readonly (readonly [string, Parameters<BackendServer["behave"]>[0]])[] = [
    [
      "an error",
      (asked, reply) => {
        startStream(reply);
        reply.write(event({ error: { message: "CUDA out of memory", code: 500 } }));
        endStream(asked, reply);
      },
    ],
    ["no JSON", (_asked, reply) => void reply.writeHead(200, eventStream).end("data: {broken\n\n")],
    ["nothing", (_asked, reply) => void reply.writeHead(200, eventStream).end()],
  ];
  test.each(firstEvents)("with %s as its stream's first event is replaced too", async (_name, behaviour) => {
    main.behave(behaviour);
    const response = await chat("guarded", { stream: true });
    expect(response.headers.get("x-karkhana-backend")).toBe("spare");
    expect(dataIn(await response.text()).at(-1)).toBe("[DONE]");
  });

  test.each([
    ["breaks off", (reply) => void reply.destroy(), /broke off|aborted/],
    ["falls silent", () => {}, /silent for 200 ms/, "hasty-between"],
    ["sends no JSON", (reply) => void reply.write("data: {broken\n\n"), /no JSON/],
    ["ends without its end", (reply) => void reply.end(), /before its \[DONE\]/],
    ["sends an event without end", (reply) => void reply.write(`data: ${"x".repeat(1_200_000)}`), /larger than/],
  ] satisfies (readonly [string, (reply: Parameters<typeof startStream>[0]) => void, RegExp, string?])[])(
    "in the middle of a stream (it %s) ends it with an error, and nobody else begins again",
    async (_name, fail, message, model = "guarded") => {
      main.behave((asked, reply) => {
        startStream(reply);
        reply.write(piece(asked, { content: "The" }) + piece(asked, { content: " flight" }), () => fail(reply));
      });
      const events = dataIn(await (await chat(model, { stream: true })).text());
      expect(JSON.parse(events[1]!)).toMatchObject({ choices: [{ delta: { content: " flight" } }] });
      expect(JSON.parse(events.at(-1)!)).toMatchObject({
        error: { type: "server_error", code: "LLM_BACKEND_FAILED", message: expect.stringMatching(message) },
      });
      expect(spare.asked).toEqual([]);
    },
  );

  test("is told about in OpenAI's words where nobody stands in, without its address or key", async () => {
    main.behave(refusing(500, `engine died; Authorization: Bearer ${key}`));
    const failed = await chat("writer");
    const error = await errorOf(failed);
    expect([failed.status, error.type, error.code]).toEqual([502, "server_error", "LLM_BACKEND_FAILED"]);
    expect(error.message).toContain("engine died");
    expect(error.message).not.toContain(key);
    main.behave(refusing(401, `Incorrect API key provided: ${key}`));
    const denied = await errorOf(await chat("writer"));
    expect(denied.message).toContain("does not accept this server's key");
    expect(denied.message).not.toContain("Incorrect");
    main.behave(refusing(429, "busy", { "retry-after": "7" }));
    const busy = await chat("writer");
    expect([busy.status, busy.headers.get("retry-after"), (await errorOf(busy)).type]).toEqual([429, "7", "rate_limit_error"]);
    main.behave((_asked, reply) => void reply.writeHead(302, { location: `${spare.url}/chat/completions` }).end());
    expect((await chat("writer")).status).toBe(502);
    expect(spare.asked).toEqual([]);
  });

  test("and the question's own faults are told as that, and no other backend is asked", async () => {
    main.behave(refusing(400, "max_tokens is too large"));
    const refused = await chat("guarded", { max_tokens: 1e9 });
    const error = await errorOf(refused);
    expect([refused.status, error.type, error.code]).toEqual([400, "invalid_request_error", "LLM_REQUEST_REFUSED"]);
    expect(error.message).toMatch(/^max_tokens is too large/);
    expect(spare.asked).toEqual([]);
    expect((await errorOf(await chat("nobody"))).code).toBe("LLM_MODEL_UNKNOWN");
    expect((await errorOf(await post("/embeddings", { model: "writer", input: "a", stream: true }))).message).toMatch(/not streamed/);
    const noJson = await fetch(`${world.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: "{" });
    expect([noJson.status, (await errorOf(noJson)).type]).toEqual([400, "invalid_request_error"]);
  });
});

test("more questions than a backend has room for go to the next, a tenant's flood is refused", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  main.behave(async (asked, reply) => {
    await gate;
    await well(asked, reply);
  });
  await declare("narrow", { url: main.url, model: "m", maxConcurrent: 4, fallback: ["spare"] });
  await fetch(`${world.url}/v2/repository/models/narrow/load`, { method: "POST" });
  const ask = (tenant: string) => chat("narrow", {}, { headers: { "x-tenant": tenant } });
  const flood = Array.from({ length: 2 }, () => ask("flood"));
  await eventually(() => expect(main.asked).toHaveLength(2));
  const other = ask("other");
  await eventually(() => expect(main.asked).toHaveLength(3));
  const over = await ask("flood");
  expect([over.status, (await errorOf(over)).code]).toEqual([429, "SHARE_EXCEEDED"]);
  const second = ask("other");
  await eventually(() => expect(main.asked).toHaveLength(4));
  const spilled = await ask("third");
  expect([spilled.status, spilled.headers.get("x-karkhana-backend")]).toEqual([200, "spare"]);
  open();
  for (const response of await Promise.all([...flood, other, second])) expect(response.status).toBe(200);
});

test("a backend that failed again and again is asked last for a while", async () => {
  await declare("weak", { url: main.url, model: "m", fallback: ["spare"] });
  let nowMs = 0;
  const other = await openWorld({ statusOf, serving: { modelsFolder: path.join(folder, "models"), timerMs: () => nowMs } });
  const ask = async () => (await chat("weak", {}, { of: other })).headers.get("x-karkhana-backend");
  try {
    main.behave(refusing(500, "engine died"));
    for (let i = 0; i < 5; i++) expect(await ask()).toBe("spare");
    nowMs = 4999;
    expect([await ask(), main.asked.length]).toEqual(["spare", 3]);
    nowMs = 5001;
    expect([await ask(), main.asked.length]).toEqual(["spare", 4]);
    spare.behave(refusing(503, "starting"));
    main.behave(well);
    expect(await ask()).toBe("weak");
    spare.behave(well);
    expect(await ask()).toBe("weak");
  } finally {
    await other.close();
  }
});

test.each([
  ["deeply nested", `{"model":"spare","messages":${"[".repeat(200_000)}${"]".repeat(200_000)}}`],
  ["larger than is read", `{"model":"spare","messages":"${"x".repeat(4_200_000)}"}`],
  ["not an object", "[]"],
  ["without a model", '{"messages":[]}'],
  ["with a model that is none", '{"model":{"$ne":1}}'],
])("a body that is %s is the client's error in OpenAI's shape", async (_name, body) => {
  const response = await fetch(`${world.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body });
  expect([400, 413]).toContain(response.status);
  expect((await errorOf(response)).type).toBe("invalid_request_error");
  expect(spare.asked).toEqual([]);
});

test("whatever backends and clients do, every question ends once, is counted once, and leaves nothing open", async () => {
  const rng = seededRng(11);
  const misbehave: readonly Behaviour[] = [
    well,
    refusing(500, "engine died"),
    refusing(429, "busy"),
    () => {},
    (_asked, reply) => void reply.destroy(),
    (asked, reply) => {
      startStream(reply);
      reply.write(piece(asked, { content: "The" }), () => reply.destroy());
    },
    (asked, reply) => {
      startStream(reply);
      reply.write(piece(asked, { content: "The" }));
    },
  ];
  for (const server of [main, spare]) server.behave((asked, reply) => misbehave[rng.int(misbehave.length)]!(asked, reply));
  await declare("chaos", { url: main.url, model: "m", fallback: ["chaos-spare"], firstByteTimeoutMs: 60, idleTimeoutMs: 60, maxConcurrent: 40 });
  await declare("chaos-spare", { url: spare.url, model: "m", firstByteTimeoutMs: 60, idleTimeoutMs: 60, maxConcurrent: 20 });
  for (const name of ["chaos", "chaos-spare"]) await fetch(`${world.url}/v2/repository/models/${name}/load`, { method: "POST" });
  const numQuestions = 120;
  const ended = await Promise.all(
    Array.from({ length: numQuestions }, async (_, i) => {
      const ending = new AbortController();
      try {
        const response = await chat("chaos", { stream: i % 2 === 0 }, { signal: ending.signal, headers: { "x-tenant": `t${i % 5}` } });
        if (i % 7 === 0) {
          ending.abort();
          return "left";
        }
        const text = await response.text();
        return text.includes("[DONE]") || text.includes('"error"') || text.includes(words.join("")) ? "told" : `half: ${text}`;
      } catch (error) {
        return String(error);
      }
    }),
  );
  expect(ended.filter((how) => how !== "told" && how !== "left")).toEqual([]);
  await eventually(async () => {
    const reports = [await reportOf("chaos"), await reportOf("chaos-spare")];
    expect(reports.map(({ underWay }) => underWay)).toEqual([0, 0]);
    const final = reports.flatMap(({ outcomes }) => Object.entries(outcomes).filter(([outcome]) => outcome !== "fallback"));
    expect(final.reduce((sum, [, n]) => sum + n, 0)).toBe(numQuestions);
  });
  const logged = await eventually(async () => {
    const found = (await exchanges()).filter(({ model }) => model === "chaos");
    expect(found).toHaveLength(numQuestions);
    return found;
  });
  expect(new Set(logged.map(({ id }) => id)).size).toBe(numQuestions);
});

test("a server that is told to end lets a stream come to its end", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  spare.behave(async (asked, reply) => {
    startStream(reply);
    reply.write(piece(asked, { content: "The" }));
    await gate;
    endStream(asked, reply);
  });
  const other = await openWorld({ statusOf, serving: { modelsFolder: path.join(folder, "models"), exchanges: log } });
  const asked = { model: "spare", stream: true, messages: [{ role: "user", content: "last words" }] };
  const response = await fetch(`${other.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(asked),
  });
  const closed = other.close();
  open();
  expect(dataIn(await response.text()).at(-1)).toBe("[DONE]");
  await closed;
  expect((await exchanges()).at(-1)).toMatchObject({ backend: "spare", outcome: "ok" });
});

test("a new version of a declaration is in force at once, and what the old one is answering ends", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  main.behave(async (asked, reply) => {
    startStream(reply);
    reply.write(piece(asked, { content: "old" }));
    await gate;
    endStream(asked, reply);
  });
  await declare("moving", { url: main.url, model: "m" });
  const load = () => fetch(`${world.url}/v2/repository/models/moving/load`, { method: "POST" });
  expect((await load()).status).toBe(200);
  const old = await chat("moving", { stream: true });
  await declare("moving", { url: spare.url, model: "m" }, 2);
  expect((await load()).status).toBe(200);
  expect((await chat("moving")).headers.get("x-karkhana-version")).toBe("2");
  open();
  expect(dataIn(await old.text()).at(-1)).toBe("[DONE]");
  expect((await fetch(`${world.url}/v2/repository/models/moving/unload`, { method: "POST" })).status).toBe(200);
  expect((await chat("moving")).status).toBe(404);
});

test("texts are logged only where the declaration says so, cut and redacted; keys never", async () => {
  await chat("spare");
  const record = await lastExchange(({ model }) => model === "spare");
  expect([record.prompt, record.completion]).toEqual([null, null]);
  const all = JSON.stringify(await exchanges());
  expect(all).toContain("[email]");
  for (const secret of [key, "anna@example.com", "4111"]) expect(all).not.toContain(secret);
  for (const { prompt, completion } of await exchanges()) expect(Math.max(prompt?.length ?? 0, completion?.length ?? 0)).toBeLessThanOrEqual(60);
});
