/**
 * What runs a project's serving processes on Kubernetes. Each pod is one `karkhana up --role serving`: the registry is PostgreSQL, the online
 * features are Redis, the versions' files come from a volume that every pod reads, and each pod logs into a folder of its own on a volume.
 */
export interface KubernetesOptions {
  /** Name of everything; a DNS label. */
  readonly name: string;
  readonly namespace: string;
  /** Holds the program and the project. */
  readonly image: string;
  /** Where in the image the project lies. */
  readonly projectFolder: string;
  readonly servingPort: number;
  readonly grpcPort: number;
  /** In each pod, on the same ports. */
  readonly servingProcesses: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Requests under way in a pod, on average, above which another pod is started. */
  readonly targetInFlight: number;
  /** Such as "1" or "500m". */
  readonly cpu: string;
  /** Such as "1Gi". */
  readonly memory: string;
  readonly gpus: number;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Secret with KARKHANA_DATABASE_URL and KARKHANA_REDIS_URL. Users are in the database: `karkhana auth` makes them. */
  readonly secret: string;
  /** Claim of a volume that many pods may mount: the blobs, and the logs by pod. */
  readonly volumeClaim: string;
}

export type Manifest = Readonly<Record<string, unknown>> & { readonly kind: string };

/** Seconds that a pod still answers after it was told to end: others hear of it no sooner. */
const preStopSeconds = 5;
/** Longer than `drainTimeoutMs` of the serving limits and the pause before it. */
const graceSeconds = 30;

export function manifestsOf(options: KubernetesOptions): Manifest[] {
  return [service(options), deployment(options), autoscaler(options), disruptionBudget(options)];
}

function metadata({ name, namespace }: KubernetesOptions): Readonly<Record<string, unknown>> {
  return { name, namespace, labels: labels(name) };
}

function labels(name: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/component": "serving", "app.kubernetes.io/managed-by": "karkhana" };
}

function selector(name: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/component": "serving" };
}

function service(options: KubernetesOptions): Manifest {
  const { name, servingPort, grpcPort } = options;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(options),
    spec: {
      selector: selector(name),
      ports: [
        { name: "http", port: servingPort, targetPort: "http", protocol: "TCP", appProtocol: "http" },
        { name: "grpc", port: grpcPort, targetPort: "grpc", protocol: "TCP", appProtocol: "kubernetes.io/h2c" },
      ],
    },
  };
}

function deployment(options: KubernetesOptions): Manifest {
  const { name, minReplicas, servingPort, nodeSelector, gpus, volumeClaim } = options;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(options),
    spec: {
      replicas: minReplicas,
      // One more before one less: no request finds nobody.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selector(name) },
      template: {
        metadata: {
          labels: labels(name),
          annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(servingPort), "prometheus.io/path": "/metrics" },
        },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: graceSeconds,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: { type: "RuntimeDefault" } },
          ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
          ...(gpus === 0 ? {} : { tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }] }),
          topologySpreadConstraints: [
            { maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: selector(name) } },
          ],
          containers: [container(options)],
          volumes: [
            { name: "data", emptyDir: {} },
            { name: "shared", persistentVolumeClaim: { claimName: volumeClaim } },
          ],
        },
      },
    },
  };
}

function container(options: KubernetesOptions): Readonly<Record<string, unknown>> {
  const { name, namespace, image, projectFolder, servingPort, grpcPort, servingProcesses, cpu, memory, gpus, secret } = options;
  const gpu = gpus === 0 ? {} : { "nvidia.com/gpu": String(gpus) };
  const probe = (path: string, rest: Readonly<Record<string, number>>): Readonly<Record<string, unknown>> => ({ httpGet: { path, port: "http" }, ...rest });
  return {
    name: "serving",
    image,
    command: ["karkhana", "up"],
    args: [
      "--role",
      "serving",
      "--host",
      "0.0.0.0",
      "--serving-port",
      String(servingPort),
      "--grpc-port",
      String(grpcPort),
      ...(servingProcesses === 1 ? [] : ["--serving-processes", String(servingProcesses)]),
      "--project",
      projectFolder,
      "--data",
      "/data",
    ],
    envFrom: [{ secretRef: { name: secret } }],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      // The kubelet's probes come by the pod's address, everybody else by the service's names.
      {
        name: "KARKHANA_ALLOWED_HOSTS",
        value: ["$(POD_IP)", name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`].join(","),
      },
    ],
    ports: [
      { name: "http", containerPort: servingPort, protocol: "TCP" },
      { name: "grpc", containerPort: grpcPort, protocol: "TCP" },
    ],
    resources: { requests: { cpu, memory, ...gpu }, limits: { memory, ...gpu } },
    // Starting loads and checks every deployed version: up to two minutes before it counts as dead.
    startupProbe: probe("/v2/health/ready", { periodSeconds: 2, failureThreshold: 60 }),
    livenessProbe: probe("/v2/health/live", { periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 3 }),
    readinessProbe: probe("/v2/health/ready", { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }),
    lifecycle: { preStop: { sleep: { seconds: preStopSeconds } } },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    volumeMounts: [
      { name: "data", mountPath: "/data" },
      { name: "shared", mountPath: "/data/blobs", subPath: "blobs", readOnly: true },
      { name: "shared", mountPath: "/data/log", subPathExpr: "log/$(POD_NAME)" },
    ],
  };
}

function autoscaler(options: KubernetesOptions): Manifest {
  const { name, minReplicas, maxReplicas, targetInFlight } = options;
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadata(options),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      minReplicas,
      maxReplicas,
      metrics: [
        // By way of an adapter that serves Prometheus' figures as custom metrics of pods.
        { type: "Pods", pods: { metric: { name: "karkhana_serving_in_flight" }, target: { type: "AverageValue", averageValue: String(targetInFlight) } } },
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 75 } } },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 300 }, scaleUp: { stabilizationWindowSeconds: 0 } },
    },
  };
}

function disruptionBudget(options: KubernetesOptions): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(options),
    spec: { maxUnavailable: 1, selector: { matchLabels: selector(options.name) } },
  };
}
