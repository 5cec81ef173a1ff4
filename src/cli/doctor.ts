import { isSet } from "./arguments.ts";
import { portFlags, projectFlags, type Command } from "./command.ts";
import { checks, type Finding } from "./doctor-checks.ts";

/** `karkhana doctor`: what is installed, reachable and misconfigured, and what to do about it. */
export const doctor: Command = {
  name: "doctor",
  summary: "Say what is installed, reachable and misconfigured, and what to do",
  flags: { ...projectFlags, ...portFlags, json: { type: "boolean", help: "Print as JSON" } },
  run: async ({ values }) => {
    const findings: Finding[] = [];
    for (const check of checks) {
      try {
        findings.push(...(await check.run(values)));
      } catch (error) {
        findings.push({ what: check.what, state: "wrong", found: error instanceof Error ? error.message : String(error), remedy: "Unexpected: report it." });
      }
    }
    if (isSet(values, "json")) console.log(JSON.stringify(findings));
    else
      for (const { what, state, found, remedy } of findings)
        console.log(
          `${{ good: "✓", note: "·", wrong: "✗" }[state]} ${what.padEnd(22)} ${found}${remedy === undefined ? "" : `\n  ${" ".repeat(22)} → ${remedy}`}`,
        );
    return findings.some((finding) => finding.state === "wrong") ? 1 : 0;
  },
};
