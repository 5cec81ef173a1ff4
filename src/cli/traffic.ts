import { KarkhanaError } from "../kernel/error.ts";
import type { Registry, WantedShare, WantedTraffic } from "../registry/port.ts";
import { optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { changeDeployment } from "./change-deployment.ts";

/** `karkhana traffic [model] --split 4=5%,5=10% --shadows 6,7`: which versions answer which share of keys. */
export const traffic: Command = {
  name: "traffic",
  summary: "Split a model's traffic: challengers with their shares, shadows; the champion answers the rest",
  positionals: ["model"],
  flags: {
    ...projectFlags,
    split: { type: "string", value: "4=5%,5=10%", help: "Every challenger with its share; `none` for the champion alone. Without it challengers stay" },
    shadows: { type: "string", value: "6,7", help: "Every version that sees all and answers none; `none` for none. Without it shadows stay" },
    reason: { type: "string", value: "text", help: "Why; kept in the registry's history", default: "set by hand" },
    json: { type: "boolean", help: "Print the deployment as JSON" },
  },
  run: async (parsed) => {
    const { values } = parsed;
    const split = optionalText(values, "split");
    const shadows = optionalText(values, "shadows");
    const wanted = { ...(split === undefined ? {} : { challengers: readSplit(split) }), ...(shadows === undefined ? {} : { shadows: readVersions(shadows) }) };
    if (split === undefined && shadows === undefined)
      throw new KarkhanaError("INVALID_CONFIG", {
        field: "--split",
        problem: "say who is to answer, or who is to be shadowed with --shadows",
        value: "nothing",
      });
    return changeDeployment(parsed, async (registry, model) =>
      registry.setTraffic(
        model,
        { challengers: await challengersOf(registry, model), ...wanted } satisfies WantedTraffic,
        optionalText(values, "reason") ?? "",
      ),
    );
  },
};

async function challengersOf(registry: Registry, model: string): Promise<readonly WantedShare[]> {
  return (await registry.getDeployment(model))?.challengers.map(({ version, share }) => ({ version, share })) ?? [];
}

/** "4=5%,5=0.1" @throws INVALID_CONFIG */
export function readSplit(text: string): WantedShare[] {
  if (text.trim() === "none") return [];
  return text.split(",").map((part) => {
    const match = /^\s*v?(\d{1,9})\s*=\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/.exec(part);
    if (match === null)
      throw new KarkhanaError("INVALID_CONFIG", { field: "--split", problem: "expected version=share, as 4=5% or 4=0.05", value: part.slice(0, 60) });
    const [, version, share, unit] = match;
    return { version: Number(version), share: Number(share) / (unit === "%" ? 100 : 1) };
  });
}

function readVersions(text: string): number[] {
  if (text.trim() === "none") return [];
  return text.split(",").map((part) => {
    const match = /^\s*v?(\d{1,9})\s*$/.exec(part);
    if (match === null) throw new KarkhanaError("INVALID_CONFIG", { field: "--shadows", problem: "expected versions, as 6,7", value: part.slice(0, 60) });
    return Number(match[1]);
  });
}
