import { number, optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { changeDeployment } from "./change-deployment.ts";

/** `karkhana promote [model] --version n`: refused unless the version holds its five proofs. */
export const promote: Command = {
  name: "promote",
  summary: "Make a version the champion; refused unless its five proofs are there",
  positionals: ["model"],
  flags: {
    ...projectFlags,
    version: { type: "integer", value: "n", help: "Version to promote", min: 1 },
    reason: { type: "string", value: "text", help: "Why; kept in the registry's history", default: "promoted by hand" },
    json: { type: "boolean", help: "Print the deployment as JSON" },
  },
  run: async (parsed) => {
    const version = number(parsed.values, "version");
    return changeDeployment(parsed, (registry, model) => registry.promote(model, version, optionalText(parsed.values, "reason") ?? ""));
  },
};
