import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { KarkhanaError } from "../../kernel/error.ts";
import { loadClientFile, type LoadPlan, type LoadReport } from "./client.ts";

/** Runs a plan in a process of its own, so that asking takes nothing from whoever is measured but CPU. @param onMeasuring called when the warm-up is over */
export async function runLoadProcess(plan: LoadPlan, onMeasuring: () => void = () => {}): Promise<LoadReport> {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-load-"));
  try {
    const file = path.join(folder, "plan.json");
    writeFileSync(file, JSON.stringify(plan));
    const client = spawn(process.execPath, [loadClientFile, file], { stdio: ["ignore", "pipe", "pipe"] });
    let [output, problem] = ["", ""];
    client.stdout.on("data", (chunk: Buffer) => {
      if (!output.includes("measuring\n") && (output + chunk.toString()).includes("measuring\n")) onMeasuring();
      output += chunk.toString();
    });
    client.stderr.on("data", (chunk: Buffer) => (problem = (problem + chunk.toString()).slice(-2000)));
    await new Promise((resolve) => client.once("close", resolve));
    const last = output.trimEnd().split("\n").at(-1) ?? "";
    if (!last.startsWith("{"))
      throw new KarkhanaError("SERVING_UNREACHABLE", { url: `http://${plan.host}:${plan.port}`, problem: problem.trim() || "the load client gave no report" });
    return JSON.parse(last) as LoadReport;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
