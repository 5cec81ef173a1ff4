/** A command of this program as it can be typed here and now: from a clone by way of npm, paths quoted where the shell would cut them. */
export function ownCommand(...args: readonly string[]): string {
  const begun = process.env["npm_lifecycle_event"] === "karkhana" ? ["npm", "run", "karkhana", "--"] : ["karkhana"];
  return [...begun, ...args.map(quoted)].join(" ");
}

function quoted(arg: string): string {
  if (/^[\w@%+=:,./~-]+$/.test(arg)) return arg;
  return process.platform === "win32" ? `"${arg}"` : `'${arg.replaceAll("'", `'\\''`)}'`;
}
