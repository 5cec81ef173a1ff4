import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { karkhana, refusalOf } from "./command.ts";
import { writeFile } from "./made-files.ts";
import { keptIn, openShop, type Kept } from "./shop.ts";

/*
 * The command line as a stranger meets it: real processes, a file of their own, and everything that can go wrong on the way.
 * A refusal is a code, what is wrong and what to do, on stderr (with --json one line on stdout), exit status 1, and nothing half-written.
 */
const shop = await openShop();
afterAll(() => shop.close());

describe("flags and commands", () => {
  const refusals: readonly (readonly [what: string, args: readonly string[], code: string, message: RegExp, remedy: RegExp])[] = [
    ["an unknown command", ["frobnicate"], "UNKNOWN_COMMAND", /frobnicate/, /karkhana help/],
    ["an unknown flag", ["run", "--frob"], "INVALID_CONFIG", /--frob: there is no such flag; there are --project/, /--help/],
    ["a flag without its value", ["run", "--port"], "INVALID_CONFIG", /--port: needs a value/, /--help/],
    ["a value for a flag that takes none", ["run", "--exit=3"], "INVALID_CONFIG", /--exit: takes no value/, /--help/],
    ["a port that is no number", ["run", "--port", "abc"], "INVALID_CONFIG", /--port: must be a whole number from 0 to 65535 \(got abc\)/, /--help/],
    ["a port out of range", ["up", "--serving-port", "70000"], "INVALID_CONFIG", /--serving-port: .*\(got 70000\)/, /--help/],
    ["no serving process", ["up", "--serving-processes", "0"], "INVALID_CONFIG", /--serving-processes: must be a whole number from 1 to 64/, /--help/],
    ["a restart of what does not run", ["restart", "--project", shop.project, "--data", shop.at()], "NOTHING_RUNS", /Nothing runs/, /karkhana up/],
    ["an argument too many", ["run", "twice"], "INVALID_CONFIG", /takes flags only \(got twice\)/, /--help/],
    ["promote without --version", ["promote", "--project", shop.project], "INVALID_CONFIG", /--version: is required/, /--help/],
    ["init without --file", ["init", shop.at("new")], "INVALID_CONFIG", /--file: is required/, /--help/],
    ["init of a project that is there", ["init", shop.project, "--file", shop.at("churn.csv")], "INVALID_CONFIG", /already holds a project/, /--help/],
  ];

  test.concurrent.each(refusals)("%s is refused", async (_what, args, code, message, remedy) => {
    const refusal = refusalOf(await karkhana(args));
    expect(refusal).toEqual({ status: 1, stdout: "", code, message: expect.stringMatching(message), remedy: expect.stringMatching(remedy) });
  });

  test("with --json a refusal is one JSON line on stdout, and nothing else is said", async () => {
    const { status, stdout, stderr } = await karkhana(["run", "--json", "--project", shop.at("nowhere")]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      event: "error",
      error: { code: "PROJECT_NOT_FOUND", message: expect.any(String), remedy: expect.any(String), details: { path: shop.at("nowhere") } },
    });
  });

  test("help lists the commands, and each command its flags", async () => {
    const [all, one] = await Promise.all([karkhana(["help"]), karkhana(["run", "--help"])]);
    expect(all.status).toBe(0);
    for (const name of ["init", "up", "run", "train", "restart", "status", "promote", "rollback", "doctor"])
      expect(all.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(one.stdout).toContain("--serving-port <n>");
    expect((await karkhana(["help", "run"])).stdout).toBe(one.stdout);
    // Read in a pipe or in a terminal of the usual width.
    expect([all.stdout, one.stdout].join("\n").split("\n")).toEqual(expect.not.arrayContaining([expect.stringMatching(/^.{81}/)]));
  });

  test("it says which version it is", async () => {
    expect(await karkhana(["--version"])).toEqual({ status: 0, stdout: expect.stringMatching(/^karkhana \d+\.\d+\.\d+ \(Node \d+/), stderr: "" });
  });
});

describe("project files", () => {
  const refused = async (project: string, data = shop.at("never-made")): Promise<ReturnType<typeof refusalOf>> => {
    const refusal = refusalOf(await karkhana(["run", "--exit", "--project", project, "--data", data]));
    // It is said before anything is made.
    expect(existsSync(data)).toBe(false);
    return refusal;
  };

  test("one that is not there", async () => {
    expect(await refused(shop.at("nowhere"))).toMatchObject({
      status: 1,
      code: "PROJECT_NOT_FOUND",
      message: expect.stringContaining(shop.at("nowhere")),
      remedy: expect.stringContaining("karkhana init"),
    });
  });

  test("one that throws, with the line", async () => {
    mkdirSync(shop.at("throwing"));
    writeFileSync(shop.at("throwing", "karkhana.project.ts"), `\n\nthrow new Error("no such table");\n`);
    expect(await refused(shop.at("throwing"))).toMatchObject({
      status: 1,
      code: "PROJECT_INVALID",
      message: expect.stringMatching(/no such table \(line 3\)/),
    });
  });

  test("one whose default export is something else", async () => {
    mkdirSync(shop.at("other"));
    writeFileSync(shop.at("other", "karkhana.project.ts"), `export default { name: "other", models: 3 };\n`);
    expect(await refused(shop.at("other"))).toMatchObject({ status: 1, code: "PROJECT_INVALID", message: expect.stringContaining("not made with project(") });
  });

  const mistakes: readonly (readonly [what: string, text: string, replacement: string, message: RegExp])[] = [
    ["a label over a column that is not there", `label: "churned"`, `label: "chured"`, /label of model outcome: there is no column chured; there are ts,/],
    [
      "a feature of a field that requests do not carry",
      `request: ["customer", "amount", "plan"]`,
      `request: ["customer", "amount"] as const`,
      /features: read a field that requests do not carry.*plan/,
    ],
    ["times out of order", /validFrom: "[^"]*"/.source, "", /training\.validFrom: must be after from/],
    ["a replay of no model", `replay: { model: "outcome"`, `replay: { model: "income"`, /replay\.model: must be one of outcome \(got income\)/],
  ];
  test.concurrent.each(mistakes)("%s", async (what, text, replacement, message) => {
    const name = what.replaceAll(" ", "-");
    const before = readFileSync(shop.projectFile, "utf8");
    const [match = text] = new RegExp(replacement === "" ? text : "(?!)").exec(before) ?? [];
    const project = shop.variant(name, match, replacement === "" ? `validFrom: "2001-01-01"` : replacement);
    expect(await refused(project)).toMatchObject({ status: 1, code: "PROJECT_INVALID", message: expect.stringMatching(message) });
  });
});

describe("data folders and configuration", () => {
  test.concurrent("a folder that holds something else is left as it was", async () => {
    mkdirSync(shop.at("home"));
    writeFileSync(shop.at("home", "letter.txt"), "dear");
    const refusal = refusalOf(await karkhana(["run", "--exit", "--fresh", "--project", shop.project, "--data", shop.at("home")]));
    expect(refusal).toMatchObject({
      status: 1,
      code: "DATA_DIR_REFUSED",
      message: expect.stringContaining("letter.txt"),
      remedy: expect.stringContaining("--data"),
    });
    expect(readdirSync(shop.at("home"))).toEqual(["letter.txt"]);
  });

  test.concurrent("a folder of a newer Karkhana is left as it was", async () => {
    mkdirSync(shop.at("newer"));
    writeFileSync(shop.at("newer", "format.json"), `{"format":99}\n`);
    expect(refusalOf(await karkhana(["up", "--project", shop.project, "--data", shop.at("newer")]))).toMatchObject({
      status: 1,
      code: "DATA_DIR_NEWER",
      message: expect.stringContaining("format 99"),
    });
    expect(readdirSync(shop.at("newer"))).toEqual(["format.json"]);
  });

  test.concurrent.each(["status", "rollback", "promote"])("%s before anything ran makes no data folder", async (command) => {
    const data = shop.at(`nothing-${command}`);
    const refusal = refusalOf(await karkhana([command, "--project", shop.project, "--data", data, ...(command === "promote" ? ["--version", "1"] : [])]));
    expect(refusal).toMatchObject({ status: 1, code: "DATA_DIR_NOT_FOUND", remedy: expect.stringContaining("karkhana run") });
    expect(existsSync(data)).toBe(false);
  });

  test.concurrent.each([
    ["no URL of PostgreSQL", "mysql://admin:hunter2@localhost/db", "INVALID_CONFIG", "KARKHANA_DATABASE_URL"],
    ["no URL at all", "hunter2", "INVALID_CONFIG", "KARKHANA_DATABASE_URL"],
    ["an address where nothing answers", "postgres://admin:hunter2@127.0.0.1:1/db", "STORAGE_UNREACHABLE", "127.0.0.1:1"],
  ])("KARKHANA_DATABASE_URL with %s is refused without printing the secret", async (_what, url, code, named) => {
    const data = shop.at(`secret-${code}-${url.length}`);
    mkdirSync(data);
    writeFileSync(path.join(data, "format.json"), `{"format":1}\n`);
    const surroundings = { env: { KARKHANA_DATABASE_URL: url } };
    const [status, up, doctor] = await Promise.all([
      karkhana(["status", "--project", shop.project, "--data", data], surroundings),
      karkhana(["up", "--json", "--project", shop.project, "--data", data], surroundings),
      karkhana(["doctor", "--project", shop.project, "--data", data], surroundings),
    ]);
    expect(refusalOf(status)).toMatchObject({ status: 1, code, message: expect.stringContaining(named) });
    expect(JSON.parse(up.stdout)).toMatchObject({ event: "error", error: { code } });
    expect(doctor.status).toBe(1);
    for (const { stdout, stderr } of [status, up, doctor]) expect(stdout + stderr).not.toContain("hunter2");
  });

  test("the doctor says of everything that is wrong what to do about it", async () => {
    const project = shop.variant("sick", `path: "../churn.csv"`, `path: "../gone.csv"`);
    const [sick, well] = await Promise.all([
      karkhana(["doctor", "--project", project, "--data", shop.at("home"), "--port", "0", "--serving-port", "0"], { env: { KARKHANA_DATABSE_URL: "x" } }),
      karkhana(["doctor", "--project", shop.project, "--port", "0", "--serving-port", "0"]),
    ]);
    const lines = sick.stdout.trimEnd().split("\n");
    expect(sick.status).toBe(1);
    expect(lines.filter((line) => line.startsWith("✗")).map((line) => line.slice(2, 20).trim())).toEqual(["source history", "data folder"]);
    expect(sick.stdout).toContain("KARKHANA_DATABSE_URL");
    const complaints = lines.flatMap((line, i) => (/^[✗·]/.test(line) ? [{ line, next: lines[i + 1] }] : []));
    expect(complaints.length).toBeGreaterThan(2);
    for (const { line, next } of complaints) expect(next, line).toMatch(/^ +→ \S.*[.]$/);
    expect(well.status).toBe(0);
    expect(well.stdout).not.toContain("✗");
  });
});

describe("data that cannot be used", () => {
  const train = async (project: string): Promise<{ refusal: ReturnType<typeof refusalOf>; kept: Kept }> => {
    const data = path.join(project, ".karkhana");
    const refusal = refusalOf(await karkhana(["train", "--project", project]));
    return { refusal, kept: await keptIn(data) };
  };
  const nothing = { accepted: 0, versions: 0, runs: ["failed"] };

  test("a column that is not there", async () => {
    const { refusal, kept } = await train(shop.variant("lacking", `"plan": "string",`, `"plan": "string", "region": "string",`));
    expect(refusal).toMatchObject({
      status: 1,
      code: "DATASET_SCHEMA_MISMATCH",
      message: expect.stringMatching(/column region: declared string, found no such column; there are ts, customer/),
      remedy: expect.stringContaining("schema"),
    });
    expect(kept).toEqual(nothing);
  });

  test("a Parquet file that was cut off", async () => {
    await writeFile(shop.at("cut.parquet"));
    const made = await karkhana(["init", shop.at("cut"), "--file", shop.at("cut.parquet")]);
    expect(made.status).toBe(0);
    truncateSync(shop.at("cut.parquet"), 20_000);
    const { refusal, kept } = await train(shop.at("cut"));
    expect(refusal).toMatchObject({
      status: 1,
      code: "SOURCE_UNREADABLE",
      message: expect.stringContaining("cut.parquet"),
      remedy: expect.stringContaining("whole"),
    });
    expect(kept).toEqual(nothing);
    expect(refusalOf(await karkhana(["init", shop.at("cut-again"), "--file", shop.at("cut.parquet")]))).toMatchObject({ status: 1, code: "SOURCE_UNREADABLE" });
    expect(existsSync(shop.at("cut-again"))).toBe(false);
  });

  test("rows beyond what the contract allows: which rule, how many, which row first", async () => {
    const { refusal, kept } = await train(shop.variant("strict", `max: 1000`, `max: 50`));
    expect(refusal).toMatchObject({
      status: 1,
      code: "DATASET_REFUSED",
      message: expect.stringMatching(/amount max \d+ \(first in row \d+: [\d.]+\)/),
      remedy: expect.stringMatching(/page Data shows the rows, under version [0-9a-f]{64}/),
    });
    expect(kept).toEqual(nothing);
  });
});
