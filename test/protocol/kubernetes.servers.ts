import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

// The manifests that the command writes against the schemas that Kubernetes publishes of its API.
const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..", "..");
const releases = ["1.30", "1.34", "1.37"];

let validator: string;
let folder: string;
beforeAll(async () => {
  validator = (await run(process.execPath, [path.join(root, "scripts", "kubernetes-validate.ts")])).stdout.trim();
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-k8s-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, ...flags: readonly string[]): Promise<string> {
  const out = path.join(folder, name);
  await run(process.execPath, [
    path.join(root, "src", "cli", "main.ts"),
    "k8s",
    "--project",
    path.join(root, "test", "e2e", "small"),
    "--image",
    "example/small:1",
    "--out",
    out,
    ...flags,
  ]);
  return out;
}

async function problems(file: string, release: string): Promise<string> {
  const { stdout, stderr } = await run(validator, ["--strict", "--quiet", "-k", release, file]).catch((error: { stdout: string; stderr: string }) => error);
  return stdout + stderr;
}

test.each(releases)("Kubernetes %s takes them, with a GPU and without", async (release) => {
  expect(await problems(await write("plain.yaml"), release)).toBe("");
  expect(
    await problems(
      await write("gpu.yaml", "--gpus", "1", "--node-selector", "accelerator=l4,zone=a", "--cpu", "500m", "--memory", "2Gi", "--serving-processes", "2"),
      release,
    ),
  ).toBe("");
});

test("the check would see a field that does not exist and a value of another type", async () => {
  const file = await write("plain.yaml");
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(file, "utf8");
  for (const broken of [text.replace("minReplicas: 2", "minReplicas: two"), text.replace("readinessProbe:", "readynessProbe:")]) {
    expect(broken).not.toBe(text);
    await writeFile(path.join(folder, "broken.yaml"), broken);
    expect(await problems(path.join(folder, "broken.yaml"), "1.37")).toContain("did not validate");
  }
});

test("they hold what the issue of a deployment needs: probes, drain, autoscaling on a serving metric, a disruption budget, GPU placement", async () => {
  const { readFile } = await import("node:fs/promises");
  const file = await write("gpu.yaml", "--gpus", "2", "--node-selector", "accelerator=l4", "--min-replicas", "3");
  const documents = parseAllDocuments(await readFile(file, "utf8")).map((document) => document.toJS() as { kind: string; spec: Record<string, unknown> });
  const [service, deployment, autoscaler, budget] = documents;
  expect(documents.map(({ kind }) => kind)).toEqual(["Service", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget"]);
  expect(service!.spec["ports"]).toMatchObject([
    { name: "http", port: 4710 },
    { name: "grpc", port: 4711 },
  ]);
  expect(deployment!.spec).toMatchObject({
    replicas: 3,
    template: {
      spec: {
        nodeSelector: { accelerator: "l4" },
        tolerations: [{ key: "nvidia.com/gpu", operator: "Exists" }],
        containers: [
          {
            resources: { limits: { "nvidia.com/gpu": "2" } },
            readinessProbe: { httpGet: { path: "/v2/health/ready" } },
            livenessProbe: { httpGet: { path: "/v2/health/live" } },
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
          },
        ],
      },
    },
  });
  expect(autoscaler!.spec["metrics"]).toMatchObject([{ type: "Pods", pods: { metric: { name: "karkhana_serving_in_flight" } } }, { type: "Resource" }]);
  expect(budget!.spec).toMatchObject({ maxUnavailable: 1 });
});

test("flags that make no manifest are refused by name", async () => {
  const refusal = async (...flags: readonly string[]): Promise<string> => write("x.yaml", ...flags).then(String, (error: { stderr: string }) => error.stderr);
  expect(await refusal("--memory", "lots")).toContain("--memory");
  expect(await refusal("--min-replicas", "5", "--max-replicas", "2")).toContain("--max-replicas");
  expect(await refusal("--name", "Not A Label")).toContain("--name");
  expect(await refusal("--node-selector", "gpu")).toContain("--node-selector");
});
