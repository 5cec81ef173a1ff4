// What failed in a run of `.ci/run`, as its last lines: often only the end of its output is kept.
// Plain JavaScript without dependencies: it must also speak where installing them was what failed.
//
// Reads the run's log folder: <suite>.json (Vitest's report), and of each suite or gate that failed <name>.failed (why, one line)
// and <name>.out (all it wrote).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const maxLines = 150;
const messageLines = 15;
const outputLines = 30;
const maxColumns = 240;

const plain = (text) => {
  // eslint-disable-next-line no-control-regex -- colours are control characters
  const lines = text.replaceAll(/\u001B\[[\d;?]*[A-Za-z]/g, "").split(/\r?\n|\r/);
  return lines.filter((line) => line.trim() !== "").map((line) => (line.length > maxColumns ? `${line.slice(0, maxColumns)} …` : line));
};

const isOwn = (line) => !/^\s+at .*(node_modules|node:internal|<anonymous>)/.test(line);
const outputOf = (folder, name) => (existsSync(join(folder, `${name}.out`)) ? plain(readFileSync(join(folder, `${name}.out`), "utf8")) : []);

/** What the suite wrote of a failed test, which holds expected and received values; the report holds messages alone. */
function writtenOf(output, path) {
  const at = output.findLastIndex((line) => line.startsWith(" FAIL ") && line.endsWith(` > ${path}`));
  if (at === -1) return [];
  const after = output.slice(at + 1).filter((line) => !line.startsWith(" FAIL "));
  return after.slice(0, after.findIndex((line) => line.includes("⎯⎯⎯")) + 1).filter((line) => !line.includes("⎯⎯⎯"));
}

/** Each failure: what it is called, and lines that say why, the most telling first. */
function ofReport(suite, folder) {
  const { testResults } = JSON.parse(readFileSync(join(folder, `${suite}.json`), "utf8"));
  const output = outputOf(folder, suite);
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const where = `${suite}: ${name.replace(`${process.cwd()}/`, "")}`;
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (status === "failed" && failed.length === 0) return [{ title: where, why: plain(message ?? "") }];
    return failed.map((test) => {
      const path = [...test.ancestorTitles, test.title].join(" > ");
      const written = writtenOf(output, path);
      return { title: `${where} > ${path}`, why: written.length > 0 ? written : plain(test.failureMessages.join("\n")).filter(isOwn) };
    });
  });
}

function failuresIn(folder) {
  const names = readdirSync(folder);
  const reported = names
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => {
      const suite = name.slice(0, -".json".length);
      try {
        return ofReport(suite, folder);
      } catch (error) {
        return [{ title: `${suite}: its report cannot be read`, why: [String(error)] }];
      }
    });
  const others = names
    .filter((name) => name.endsWith(".failed"))
    .map((name) => {
      const failed = name.slice(0, -".failed".length);
      return { title: `${failed}: ${readFileSync(join(folder, name), "utf8").trim()}`, why: outputOf(folder, failed).slice(-outputLines), isEnd: true };
    });
  return [...others, ...reported];
}

const failures = failuresIn(process.argv[2]);
if (failures.length > 0) {
  console.log(`== what failed (${failures.length}):`);
  // Every name before any reason: names are never cut short for the sake of reasons.
  const named = failures.slice(0, maxLines - 2);
  const forReasons = maxLines - 2 - named.length;
  const each = Math.floor(forReasons / named.length);
  for (const { title, why, isEnd } of named) {
    console.log(`-- ${title}`);
    const most = Math.min(each, isEnd === true ? outputLines : messageLines);
    for (const line of isEnd === true ? why.slice(why.length - Math.min(most, why.length)) : why.slice(0, most)) console.log(`   ${line}`);
  }
  if (failures.length > named.length) console.log(`-- and ${failures.length - named.length} more`);
}
