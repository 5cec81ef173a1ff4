import { KarkhanaError } from "../kernel/error.ts";

/** Names become blob folders, URL segments and metric labels, so they hold nothing that means something there. */
export function requireModelName(name: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/.test(name)) return;
  throw new KarkhanaError("INVALID_ARGUMENT", {
    field: "model",
    problem: 'expected 1 to 255 letters, digits, "_", "-" or ".", not starting with "-" or "."',
    value: name,
  });
}

/** A decision without a reason is worth nothing to whoever reads the history. */
export function requireReason(reason: string): void {
  if (reason.trim() !== "") return;
  throw new KarkhanaError("INVALID_ARGUMENT", { field: "reason", problem: "expected a sentence that says why", value: JSON.stringify(reason) });
}
