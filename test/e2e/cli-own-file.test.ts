import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFeedback } from "../../src/feedback/log.ts";
import type { LoopEvent } from "../../src/workflows/progress.ts";
import { karkhana, karkhanaUp, refusalOf, type Ended, type Up } from "./command.ts";
import { writeFile } from "./made-files.ts";
import { keptIn, openShop } from "./shop.ts";

/*
 * From one's own file to a served model, each step by the command line in processes of its own: init on files of several kinds, training,
 * what is refused while nothing is deployed, the whole loop, and requests that are refused once it serves.
 */
const root = path.join(import.meta.dirname, "../..");
const shop = await openShop();
afterAll(() => shop.close());

describe("init on one's own file", () => {
  const awkward = `select ts as "when it happened", customer as "cust ""id""", amount as "select", plan as "план", churned as label, amount * 2 as "a'b\\c\${x}" from churn`;
  const files: readonly (readonly [what: string, file: string, select: string | undefined])[] = [
    ["CSV with names that mean something to SQL and TypeScript", "awkward.csv", awkward],
    ["JSON lines", "churn.jsonl", undefined],
    [
      "dates, a 0/1 outcome and empty cells",
      "dates.csv",
      `select strftime(ts, '%Y-%m-%d') as day, customer, case when i % 3 > 0 then amount end as amount, plan, churned::int as left_us from (select *, row_number() over () as i from churn)`,
    ],
  ];

  mkdirSync(shop.at("home"));
  test.each(files)("%s: the written project type-checks and trains", async (_what, file, select) => {
    await writeFile(shop.at(file), select);
    const project = shop.at(`from-${file}`);
    const made = await karkhana(["init", path.relative(shop.at("home"), project), "--file", path.relative(shop.at("home"), shop.at(file))], {
      cwd: shop.at("home"),
    });
    expect(made).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("3,000 rows") });
    const checked = spawnSync(path.join(root, "node_modules/.bin/tsc"), ["-p", project], { encoding: "utf8" });
    expect(`${checked.stdout}${checked.stderr}`).toBe("");
    const trained = await karkhana(["train", "--project", project]);
    expect(trained).toMatchObject({ status: 0, stderr: "", stdout: expect.stringMatching(/v1 of outcome: AUC 0\.[67]/) });
    expect(await keptIn(path.join(project, ".karkhana"))).toEqual({ accepted: 1, versions: 1, runs: ["succeeded"] });
  });

  const unusable: readonly (readonly [what: string, file: string, select: string, message: RegExp])[] = [
    [
      "no column of times",
      "untimed.csv",
      "select customer, amount, churned from churn",
      /--time: the file has no column of dates or times .* it has customer \(string\), amount \(float64\), churned \(boolean\)/,
    ],
    ["no outcome", "unlabelled.csv", "select ts, customer, amount from churn", /--label: the file has no true\/false or 0\/1 column/],
    ["one outcome only", "always.csv", "select * replace (true as churned) from churn", /--label: has one outcome only in this file \(always true\)/],
    ["too few rows", "few.csv", "select * from churn limit 40", /--file: is too small or too one-sided: the training rows .* at least 10 of each are needed/],
    [
      "no values that come again",
      "unique.csv",
      "select ts, 'o' || row_number() over () as order_id, amount, churned from churn",
      /--key: no column has values that come again/,
    ],
    ["a header and nothing below it", "header.csv", "select * from churn limit 0", /--file: has a header but no rows/],
  ];
  test.concurrent.each(unusable)("%s is refused, and no folder made", async (what, file, select, message) => {
    await writeFile(shop.at(file), select);
    const project = shop.at(what.replaceAll(" ", "-"));
    expect(refusalOf(await karkhana(["init", project, "--file", shop.at(file)]))).toMatchObject({
      status: 1,
      code: "INVALID_CONFIG",
      message: expect.stringMatching(message),
    });
    expect(existsSync(project)).toBe(false);
  });

  test("rows without a key are set aside, and said; a column of one value or with many gaps is no key by itself", async () => {
    const gaps = `select ts, case when i % 20 > 0 then customer end as customer, case when i % 2 > 0 then 'X10' end as coupon, amount, churned
      from (select *, row_number() over () as i from churn)`;
    await writeFile(shop.at("gaps.csv"), gaps);
    const project = shop.at("with gaps");
    const [made, unnamed, halfEmpty] = await Promise.all([
      karkhana(["init", project, "--file", shop.at("gaps.csv"), "--key", "customer"], { env: { npm_lifecycle_event: "karkhana" } }),
      karkhana(["init", shop.at("no-project"), "--file", shop.at("gaps.csv")]),
      karkhana(["init", shop.at("no-project"), "--file", shop.at("gaps.csv"), "--key", "coupon"]),
    ]);
    expect(made).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("150 rows will be set aside: customer notNull (150)") });
    expect(made.stdout).toContain(`npm run karkhana -- run --project '${project}'`);
    expect(readFileSync(path.join(project, "karkhana.project.ts"), "utf8")).toContain("maxQuarantinedShare: 0.07 }");
    expect((await karkhana(["train", "--project", project])).stdout).toContain("check data: 2,850 rows");
    expect(refusalOf(unnamed).message).toMatch(/--key: no column has values that come again/);
    expect(refusalOf(halfEmpty).message).toMatch(/--key: 1500 of 3000 rows could not be used: coupon notNull \(1500\)/);
  });

  test("an object's field is named as what could be a column", async () => {
    const nested = `select ts, {'id': customer, 'plan': plan} as who, [amount] as amounts, amount, churned from churn`;
    await writeFile(shop.at("nested.jsonl"), nested);
    const refusal = refusalOf(await karkhana(["init", shop.at("no-project"), "--file", shop.at("nested.jsonl")]));
    expect(refusal.message).toMatch(
      /--key: no column has values .* "who" is left out: it holds objects; .*jq -c '\.who_id = \.who\.id'.* "amounts" is left out: it holds lists/,
    );
  });

  test("a file with another separator, and a list in place of lines, are refused in those words", async () => {
    writeFileSync(shop.at("semicolons.csv"), "ts;customer;churned\n2024-01-01;c1;true\n");
    writeFileSync(shop.at("list.json"), `[\n{"ts":"2024-01-01","customer":"c1","churned":true},\n{"ts":"2024-01-02","customer":"c1","churned":true}\n]\n`);
    const [semicolons, list] = await Promise.all([
      karkhana(["init", shop.at("no-project"), "--file", shop.at("semicolons.csv")]),
      karkhana(["init", shop.at("no-project"), "--file", shop.at("list.json")]),
    ]);
    expect(refusalOf(semicolons)).toMatchObject({
      status: 1,
      code: "SOURCE_UNREADABLE",
      message: expect.stringContaining('separated by ";"; commas are needed'),
    });
    expect(refusalOf(list)).toMatchObject({ status: 1, code: "SOURCE_UNREADABLE", message: expect.stringContaining("one JSON object a line") });
  });

  test("an empty file and a file of another kind are refused", async () => {
    writeFileSync(shop.at("empty.csv"), "");
    const [empty, other] = await Promise.all([
      karkhana(["init", shop.at("no-project"), "--file", shop.at("empty.csv")]),
      karkhana(["init", shop.at("no-project"), "--file", shop.projectFile]),
    ]);
    expect(refusalOf(empty)).toMatchObject({ status: 1, message: expect.stringContaining("is empty") });
    expect(refusalOf(other)).toMatchObject({ status: 1, message: expect.stringContaining("must end in .parquet") });
  });
});

describe("trained, but nothing deployed", () => {
  const data = shop.at("trained");
  let up: Up;

  beforeAll(async () => {
    await karkhana(["train", "--json", "--project", shop.project, "--data", data]);
    up = await karkhanaUp(["--project", shop.project, "--data", data]);
  });
  afterAll(async () => {
    await up.stop();
  });

  test("a prediction is refused with what to do", async () => {
    const reply = await fetch(`${up.servingUrl}/v1/models/outcome/predict`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"instances":[{"fields":{"customer":"c1","amount":20,"plan":"pro"}}]}`,
    });
    expect(reply.status).toBe(503);
    expect(await reply.json()).toMatchObject({ error: { code: "MODEL_NOT_LOADED", remedy: expect.stringContaining("karkhana run") } });
  });

  test("a second start on the data folder is refused, naming the process that has it", async () => {
    const refusal = refusalOf(await karkhana(["up", "--project", shop.project, "--data", data, "--port", "0", "--serving-port", "0"]));
    expect(refusal).toMatchObject({
      status: 1,
      code: "DATA_DIR_IN_USE",
      message: expect.stringContaining(`process ${up.pid}`),
      remedy: expect.stringContaining("--data"),
    });
    expect((await fetch(`${up.controlUrl}/health`)).status).toBe(200);
  });

  test("a version without proofs is not promoted, and the missing kinds are named", async () => {
    const refusal = refusalOf(await karkhana(["promote", "--version", "1", "--project", shop.project, "--data", data]));
    expect(refusal).toMatchObject({ status: 1, code: "PROOF_MISSING" });
    for (const kind of ["shadow", "ab", "rollback"]) expect(refusal.message).toContain(kind);
    expect(refusal.message).not.toMatch(/offline-evaluation|monitors/);
  });

  test("there is nothing to roll back to, no version 7 and no model of another name", async () => {
    const on = ["--project", shop.project, "--data", data];
    const [rollback, version, model] = await Promise.all([
      karkhana(["rollback", ...on]),
      karkhana(["promote", "--version", "7", ...on]),
      karkhana(["rollback", "income", ...on]),
    ]);
    expect(refusalOf(rollback)).toMatchObject({ status: 1, code: "NOTHING_TO_ROLL_BACK" });
    expect(refusalOf(version)).toMatchObject({ status: 1, code: "VERSION_NOT_FOUND", message: expect.stringContaining("no version 7") });
    expect(refusalOf(model)).toMatchObject({ status: 1, code: "MODEL_NOT_IN_PROJECT", message: expect.stringContaining("it has outcome") });
  });

  test("status says so, for people and as JSON", async () => {
    const [text, json] = await Promise.all([
      karkhana(["status", "--project", shop.project, "--data", data]),
      karkhana(["status", "--json", "--project", shop.project, "--data", data]),
    ]);
    expect(text.stdout).toMatch(/outcome: v1 registered; nothing is deployed/);
    expect(JSON.parse(json.stdout)).toMatchObject({
      running: { servingUrl: up.servingUrl },
      models: [{ model: "outcome", versions: [{ version: 1, state: "registered" }] }],
      deployments: [],
    });
  });

  test("a port that is taken is named with its flag, and nothing is left running", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    for (const flag of ["--port", "--serving-port"]) {
      const other = flag === "--port" ? "--serving-port" : "--port";
      const ended = await karkhana(["up", "--project", shop.project, "--data", shop.at("ports"), flag, String(port), other, "0"]);
      expect(refusalOf(ended)).toEqual({
        status: 1,
        stdout: "",
        code: "PORT_IN_USE",
        message: expect.stringContaining(`127.0.0.1:${port}`),
        remedy: expect.stringContaining(flag),
      });
      expect(existsSync(shop.at("ports", "run", "running.json"))).toBe(false);
    }
    holder.close();
  });
});

test("without history to replay, the loop ends with a version that is live", async () => {
  const replay = /, replay: \{[^}]*\}/.exec(readFileSync(shop.projectFile, "utf8"))?.[0] ?? "";
  const project = shop.variant("unreplayed", replay, "");
  const { status, stdout } = await karkhana(["run", "--exit", "--json", "--project", project, "--port", "0", "--serving-port", "0"]);
  expect(status).toBe(0);
  const summary = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  expect(summary).toMatchObject({ event: "summary", rows: 3000, predictions: 0, aucLive: null, latencyMs: { p50: null }, champions: [{ version: 1 }] });
});

test("a model that does not meet its gates goes nowhere: the loop ends with what it reached, and the versions are kept", async () => {
  const project = shop.variant("demanding", "minAuc: 0.55", "minAuc: 0.99");
  const refusal = refusalOf(await karkhana(["run", "--exit", "--project", project, "--port", "0", "--serving-port", "0"]));
  expect(refusal).toMatchObject({
    status: 1,
    code: "GATES_NOT_MET",
    message: expect.stringMatching(/AUC 0\.[67]\d* is below the gate 0\.99/),
    remedy: expect.stringContaining("lower the gates"),
  });
  expect(await keptIn(path.join(project, ".karkhana"))).toMatchObject({ accepted: 1, versions: 2 });
  expect((await karkhana(["status", "--project", project])).stdout).toMatch(/v1 registered, v2 registered; nothing is deployed/);
});

describe("the whole loop on one's own file", () => {
  const data = path.join(shop.project, ".karkhana");
  let ended: Ended;
  let up: Up | undefined;

  beforeAll(async () => {
    ended = await karkhana(["run", "--exit", "--json", "--project", shop.project, "--port", "0", "--serving-port", "0"]);
  });
  afterAll(async () => {
    await up?.stop();
  });

  test("ends by itself with a summary of plain JSON events, online equal to offline", () => {
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    const events = ended.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as LoopEvent);
    expect(new Set(events.map((event) => event.event))).toContain("decision");
    const last = events.at(-1);
    expect(last).toMatchObject({ event: "summary", rows: 3000, mismatches: 0, promotions: 1 });
    expect(last?.event === "summary" && last.vectorsCompared).toBeGreaterThan(700);
  });

  describe("served", () => {
    const predict = async (
      body: string,
      model = "outcome",
      type = "application/json",
    ): Promise<{ status: number; error: { code: string; message: string; remedy: string } }> => {
      const reply = await fetch(`${servingUrl()}/v1/models/${model}/predict`, { method: "POST", headers: { "content-type": type }, body });
      return { status: reply.status, ...((await reply.json()) as { error: { code: string; message: string; remedy: string } }) };
    };
    const servingUrl = (): string => up?.servingUrl ?? "";
    const asking = (fields: unknown): string => JSON.stringify({ instances: [{ fields }] });
    const fine = { customer: "c1", amount: 20, plan: "pro" };

    beforeAll(async () => {
      up = await karkhanaUp(["--project", shop.project]);
    });

    const refusals: readonly (readonly [what: string, status: number, code: string, message: RegExp, body: string, model?: string, type?: string])[] = [
      [
        "a value above the contract's range",
        400,
        "INVALID_ARGUMENT",
        /instances\[0\]\.fields\.amount: must be at most 1000 \(got 1001\)/,
        asking({ ...fine, amount: 1001 }),
      ],
      ["a value below it", 400, "INVALID_ARGUMENT", /amount: must be at least 0 \(got -1\)/, asking({ ...fine, amount: -1 })],
      ["text for a number", 400, "INVALID_ARGUMENT", /amount: expected a finite number \(got twenty\)/, asking({ ...fine, amount: "twenty" })],
      ["a key that is null", 400, "INVALID_ARGUMENT", /customer: must not be null/, asking({ ...fine, customer: null })],
      ["a field that is missing", 400, "INVALID_ARGUMENT", /plan: is missing/, asking({ customer: "c1", amount: 20 })],
      [
        "a field too many",
        400,
        "INVALID_ARGUMENT",
        /churned: is not a field of this model, which has customer, amount, plan/,
        asking({ ...fine, churned: true }),
      ],
      ["no instances", 400, "INVALID_ARGUMENT", /instances: expected a list/, `{"instances":{}}`],
      ["half a JSON text", 400, "REQUEST_MALFORMED", /JSON/, `{"instances":[`],
      ["another content type", 415, "CONTENT_TYPE_REFUSED", /text\/csv/, "a,b", "outcome", "text/csv"],
      ["a model that is not there", 404, "MODEL_NOT_IN_PROJECT", /Model income is not in the project; it has outcome/, asking(fine), "income"],
      ["a body too large", 413, "BODY_TOO_LARGE", /larger than 1048576 bytes/, asking({ ...fine, plan: "x".repeat(1_100_000) })],
    ];
    const whole = refusals.map(
      ([what, status, code, message, body, model = "outcome", type = "application/json"]) => [what, status, code, message, body, model, type] as const,
    );
    test.each(whole)("%s is refused", async (_what, status, code, message, body, model, type) => {
      const reply = await predict(body, model, type);
      expect(reply).toMatchObject({ status, error: { code, message: expect.stringMatching(message) } });
      expect(reply.error.remedy.length).toBeGreaterThan(10);
    });

    test("what was refused left nothing in the prediction log; what is answered does", async () => {
      const reader = await readFeedback(path.join(data, "log"));
      const before = await reader.ends();
      for (const [, , , , body, model, type] of whole) await predict(body, model, type);
      // A batch with one bad instance is refused whole.
      expect(await predict(JSON.stringify({ instances: [{ fields: fine }, { fields: { ...fine, amount: -1 } }] }))).toMatchObject({ status: 400 });
      expect(await reader.ends()).toEqual(before);
      expect(await predict(asking(fine))).toMatchObject({ status: 200 });
      expect(await reader.ends()).toEqual({ ...before, predictions: before.predictions + 1 });
      await reader.close();
    });

    test("a rollback takes effect before the command ends, and a second one undoes it", async () => {
      const served = async (): Promise<number | undefined> => {
        const reply = await fetch(`${servingUrl()}/v1/models`);
        return ((await reply.json()) as { models: readonly { champion?: number }[] }).models[0]?.champion;
      };
      const before = await served();
      const done = await karkhana(["rollback", "--project", shop.project, "--reason", "to see it work"]);
      expect(done).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("version 1 is champion") });
      expect([before, await served()]).toEqual([2, 1]);
      // What was rolled back from is what a second rollback returns to.
      await karkhana(["rollback", "--project", shop.project]);
      expect(await served()).toBe(before);
    });
  });
});

test("a copied data folder is the same house: the finished loop is told again, marked as recorded", async () => {
  cpSync(path.join(shop.project, ".karkhana"), shop.at("moved"), { recursive: true });
  rmSync(shop.at("moved", "run"), { recursive: true, force: true });
  const { status, stdout } = await karkhana([
    "run",
    "--exit",
    "--json",
    "--project",
    shop.project,
    "--data",
    shop.at("moved"),
    "--port",
    "0",
    "--serving-port",
    "0",
  ]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ event: "summary", recorded: true, rows: 3000 });
});
