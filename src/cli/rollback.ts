import { optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { changeDeployment } from "./change-deployment.ts";

/** `karkhana rollback [model]`: back to the champion before the last promotion, in force before the command ends. */
export const rollback: Command = {
  name: "rollback",
  summary: "Return a model's traffic to the champion before the last promotion",
  positionals: ["model"],
  flags: {
    ...projectFlags,
    reason: { type: "string", value: "text", help: "Why; kept in the registry's history", default: "rolled back by hand" },
    json: { type: "boolean", help: "Print the deployment as JSON" },
  },
  run: (parsed) => changeDeployment(parsed, (registry, model) => registry.rollback(model, optionalText(parsed.values, "reason") ?? "")),
};
