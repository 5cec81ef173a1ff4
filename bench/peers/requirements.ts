/** What each peer is made of: versions that are installed together, in an environment of its own. */
export interface Peer {
  readonly name: string;
  readonly packages: readonly string[];
  /** Started with the folder of the model and a port; answers `path`. */
  readonly command: (python: string, folder: string, port: number) => readonly string[];
  readonly path: string;
  /** The body for rows of features. */
  readonly body: (rows: readonly (readonly number[])[], names: readonly string[]) => unknown;
  /** Answers 200 once it can be asked. */
  readonly health: string;
}

const script =
  (file: string) =>
  (python: string, folder: string, port: number): readonly string[] => [python, new URL(file, import.meta.url).pathname, folder, String(port)];
const lightgbm = ["lightgbm==4.6.0", "numpy<2.3"];

/** The same LightGBM model behind each; features are sent along, since none of them reads features by key. */
export const peers: readonly Peer[] = [
  {
    name: "FastAPI + LightGBM",
    packages: [...lightgbm, "fastapi==0.121.0", "uvicorn[standard]==0.38.0"],
    command: script("fastapi_server.py"),
    path: "/predict",
    body: (rows) => ({ instances: rows }),
    health: "/health",
  },
  {
    name: "MLflow scoring server",
    packages: [...lightgbm, "mlflow==3.17.2", "scikit-learn<1.8"],
    command: (python, folder, port) => [python, "-m", "mlflow", "models", "serve", "-m", `${folder}/mlflow-model`, "--env-manager", "local", "-h", "127.0.0.1", "-p", String(port)],
    path: "/invocations",
    body: (rows) => ({ inputs: rows }),
    health: "/ping",
  },
  {
    name: "BentoML",
    packages: [...lightgbm, "bentoml==1.4.27"],
    command: script("bentoml_server.py"),
    path: "/predict",
    body: (rows) => ({ instances: rows }),
    health: "/readyz",
  },
  {
    name: "Ray Serve",
    packages: [...lightgbm, "ray[serve]==2.51.1"],
    command: script("ray_server.py"),
    path: "/predict",
    body: (rows) => ({ instances: rows }),
    health: "/-/healthz",
  },
  {
    name: "MLServer",
    packages: [...lightgbm, "mlserver==1.7.1", "mlserver-lightgbm==1.7.1"],
    command: (python, folder) => [python, "-m", "mlserver.cli", "start", `${folder}/mlserver`],
    path: "/v2/models/bench/infer",
    body: (rows) => ({ inputs: [{ name: "input", shape: [rows.length, rows[0]?.length ?? 0], datatype: "FP64", data: rows.flat() }] }),
    health: "/v2/health/ready",
  },
  {
    name: "LitServe",
    packages: [...lightgbm, "litserve==0.2.16"],
    command: script("litserve_server.py"),
    path: "/predict",
    body: (rows) => ({ instances: rows }),
    health: "/health",
  },
];
