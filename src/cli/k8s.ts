import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { KarkhanaError } from "../kernel/error.ts";
import { maxServingProcesses } from "../server/configuration.ts";
import { number, optionalText, text, type FlagValues } from "./arguments.ts";
import { portFlags, projectFlags, type Command } from "./command.ts";
import { manifestsOf, type KubernetesOptions } from "./kubernetes/manifests.ts";
import { chooseProject } from "./project-folder.ts";

/** `karkhana k8s`: manifests that run the project's serving processes on Kubernetes. */
export const k8s: Command = {
  name: "k8s",
  summary: "Write Kubernetes manifests for the project's serving processes",
  flags: {
    project: projectFlags["project"]!,
    image: { type: "string", value: "image", help: "Container image with the program and the project" },
    name: { type: "string", value: "label", help: "Name of the objects; default <project>-serving" },
    namespace: { type: "string", value: "label", help: "Namespace", default: "default" },
    "project-folder": { type: "string", value: "folder", help: "The project's folder in the image", default: "/project" },
    "serving-port": portFlags["serving-port"]!,
    "grpc-port": { ...portFlags["grpc-port"]!, help: "Serving port of gRPC", default: 4711 },
    "serving-processes": { type: "integer", value: "n", help: "Serving processes in each pod", default: 1, min: 1, max: maxServingProcesses },
    "min-replicas": { type: "integer", value: "n", help: "Pods at least", default: 2, min: 1 },
    "max-replicas": { type: "integer", value: "n", help: "Pods at most", default: 10, min: 1 },
    "target-in-flight": {
      type: "integer",
      value: "n",
      help: "Requests under way in a pod above which another is started; a busy one has 64",
      default: 32,
      min: 1,
    },
    cpu: { type: "string", value: "quantity", help: "CPU a pod asks for", default: "1" },
    memory: { type: "string", value: "quantity", help: "Memory a pod asks for and is held to", default: "1Gi" },
    gpus: { type: "integer", value: "n", help: "NVIDIA GPUs a pod", default: 0, max: 64 },
    "node-selector": { type: "string", value: "key=value,…", help: "Labels of the nodes to run on" },
    secret: { type: "string", value: "name", help: "Secret with KARKHANA_DATABASE_URL and KARKHANA_REDIS_URL", default: "karkhana" },
    "volume-claim": { type: "string", value: "name", help: "Claim of a volume that many pods may mount", default: "karkhana-data" },
    out: { type: "string", value: "file", help: "File to write; default: print" },
  },
  run: async ({ values }) => {
    const { project } = await chooseProject(values);
    const options: KubernetesOptions = {
      name: label("--name", optionalText(values, "name") ?? dnsLabel(`${project.definition.name}-serving`)),
      namespace: label("--namespace", text(values, "namespace")),
      image: text(values, "image"),
      projectFolder: text(values, "project-folder"),
      servingPort: number(values, "serving-port"),
      grpcPort: number(values, "grpc-port"),
      servingProcesses: number(values, "serving-processes"),
      minReplicas: number(values, "min-replicas"),
      maxReplicas: number(values, "max-replicas"),
      targetInFlight: number(values, "target-in-flight"),
      cpu: quantity("--cpu", values, "cpu"),
      memory: quantity("--memory", values, "memory"),
      gpus: number(values, "gpus"),
      nodeSelector: nodeSelector(optionalText(values, "node-selector")),
      secret: label("--secret", text(values, "secret")),
      volumeClaim: label("--volume-claim", text(values, "volume-claim")),
    };
    if (options.maxReplicas < options.minReplicas)
      throw new KarkhanaError("INVALID_CONFIG", {
        field: "--max-replicas",
        problem: `must be at least --min-replicas (${options.minReplicas})`,
        value: options.maxReplicas,
      });
    const yaml = manifestsOf(options)
      .map((manifest) => stringify(manifest, { lineWidth: 0 }))
      .join("---\n");
    const out = optionalText(values, "out");
    if (out === undefined) process.stdout.write(yaml);
    else {
      mkdirSync(path.dirname(path.resolve(out)), { recursive: true });
      writeFileSync(out, yaml);
      console.log(`${out} written`);
    }
    return 0;
  },
};

function dnsLabel(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63);
}

function label(flag: string, name: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    throw new KarkhanaError("INVALID_CONFIG", {
      field: flag,
      problem: 'expected 1 to 63 lowercase letters, digits or "-", beginning and ending with a letter or digit',
      value: name,
    });
  return name;
}

function quantity(flag: string, values: FlagValues, name: string): string {
  const value = text(values, name);
  if (!/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.test(value))
    throw new KarkhanaError("INVALID_CONFIG", { field: flag, problem: 'expected a quantity such as "500m" or "1Gi"', value });
  return value;
}

function nodeSelector(given: string | undefined): Record<string, string> {
  const pairs = (given ?? "").split(",").filter((pair) => pair !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new KarkhanaError("INVALID_CONFIG", { field: "--node-selector", problem: "expected key=value, with commas between", value: pair });
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
