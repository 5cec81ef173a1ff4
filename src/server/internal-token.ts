import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { errnoOf } from "../storage/errno.ts";

/** What the platform's own processes show each other. Only who can read the data folder, which holds everything anyway, can read it. */
export function internalToken(dataFolder: string): string {
  const file = path.join(dataFolder, "run", "token");
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, randomBytes(32).toString("base64url"), { flag: "wx", mode: 0o600 });
  } catch (error) {
    // Another process was first.
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  const token = readFileSync(file, "utf8");
  // One that was cut short by a crash between making and writing it protects nothing.
  if (/^[\w-]{43}$/.test(token)) return token;
  writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600 });
  return readFileSync(file, "utf8");
}
