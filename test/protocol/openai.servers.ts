import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../../src/server/error-status.ts";
import { openBackendServer, piece, refusing, startStream, well, type BackendServer, type Behaviour } from "../../src/serving/openai/backend-server.fixture.ts";
import { openWorld, type World } from "../../src/serving/test-world.ts";
import { clientOf, pythonScenarios } from "./python-scenarios.ts";

// OpenAI's own Python client against a running server: nothing of ours on its side but the address.

/** The scenarios of openai-scenarios.py, so that one that vanishes there is missed here. */
const scenarios = [
  "the list of models",
  "a chat, whole",
  "a chat, streamed",
  "a chat, streamed with its tokens",
  "completions, whole and streamed",
  "embeddings, in base64 and as numbers",
  "twenty streams at once",
  "a backend that fails is stood in for",
  "refusals are the client's own kinds of error",
  "the client tries again when it is told to",
  "a stream that breaks off is an error, not an end",
  "a client that leaves stops the backend",
];

let wasBusy = false;
/** By the name a model has there. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  busy: refusing(429, "busy", { "retry-after": "1" }),
  dead: refusing(500, "engine died"),
  strict: refusing(400, "the prompt is too long"),
  once_busy: (asked, reply) => {
    if (wasBusy) return well(asked, reply);
    wasBusy = true;
    return refusing(429, "busy", { "retry-after": "1" })(asked, reply);
  },
  breaks: (asked, reply) => {
    startStream(reply);
    reply.write(piece(asked, { content: "The" }), () => reply.destroy());
  },
  endless: (asked, reply) => {
    startStream(reply);
    const write = (): void => {
      if (reply.destroyed) return;
      reply.write(piece(asked, { content: "on and on" }));
      setTimeout(write, 5);
    };
    write();
  },
};

let folder: string;
let backend: BackendServer;
let world: World;
let problems: Map<string, string | null>;

beforeAll(async () => {
  const python = await clientOf("openai-client.ts");
  backend = await openBackendServer();
  backend.behave((asked, reply) => (behaviours[String(asked.body["model"])] ?? well)(asked, reply));
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-openai-"));
  for (const name of ["writer", "falls_back", ...Object.keys(behaviours)]) {
    await mkdir(path.join(folder, name, "1"), { recursive: true });
    const plan = { url: backend.url, model: name === "falls_back" ? "dead" : name, ...(name === "falls_back" ? { fallback: ["writer"] } : {}) };
    await writeFile(path.join(folder, name, "1", "openai.json"), JSON.stringify(plan));
  }
  world = await openWorld({ statusOf, serving: { modelsFolder: folder } });
  problems = await pythonScenarios(python, "openai-scenarios.py", [world.url]);
});

afterAll(async () => {
  await world?.close();
  await backend?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each(scenarios)("%s", (scenario) => {
  expect(problems.get(scenario)).toBe(null);
});

test("ran the scenarios named here and no others", () => {
  expect([...problems.keys()]).toEqual(scenarios);
});
