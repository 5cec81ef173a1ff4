/** Python servers of models, each with what it is installed from. All answer from the one LightGBM model file in the folder given. */
import path from "node:path";

export interface Peer {
  readonly name: string;
  readonly packages: readonly string[];
  /** @param folder holds model.txt, and what `train.py` wrote beside it */
  readonly command: (python: string, folder: string, port: number) => readonly string[];
  readonly path: string;
  readonly health: string;
  readonly body: (row: readonly number[]) => unknown;
}

const script =
  (file: string) =>
  (python: string, folder: string, port: number): readonly string[] => [python, path.join(import.meta.dirname, file), folder, String(port)];
const lightgbm = ["lightgbm==4.6.0", "numpy<2.4", "pandas<3"];
const instances = (row: readonly number[]): unknown => ({ instances: [row] });

export const trainingPackages: readonly string[] = [...lightgbm, "scikit-learn<1.8"];

export const peers: readonly Peer[] = [
  {
    name: "fastapi",
    packages: [...lightgbm, "fastapi==0.121.0", "uvicorn[standard]==0.38.0"],
    command: script("fastapi_server.py"),
    path: "/predict",
    health: "/health",
    body: instances,
  },
  {
    name: "litserve",
    packages: [...lightgbm, "litserve==0.2.16"],
    command: script("litserve_server.py"),
    path: "/predict",
    health: "/health",
    body: instances,
  },
  {
    name: "mlflow",
    packages: [...lightgbm, "mlflow==3.17.2", "scikit-learn<1.8"],
    command: script("mlflow_server.py"),
    path: "/invocations",
    health: "/ping",
    body: (row) => ({ inputs: [row] }),
  },
  {
    name: "bentoml",
    packages: [...lightgbm, "bentoml==1.4.30"],
    command: script("bentoml_server.py"),
    path: "/predict",
    health: "/readyz",
    body: instances,
  },
  {
    name: "ray-serve",
    packages: [...lightgbm, "ray[serve]==2.60.0"],
    command: script("ray_server.py"),
    path: "/predict",
    health: "/-/healthz",
    body: instances,
  },
  {
    name: "mlserver",
    packages: [...lightgbm, "mlserver==1.7.1", "mlserver-lightgbm==1.7.1"],
    command: script("mlserver_server.py"),
    path: "/v2/models/bench/infer",
    health: "/v2/models/bench/ready",
    body: (row) => ({ inputs: [{ name: "input", shape: [1, row.length], datatype: "FP64", data: row }] }),
  },
  {
    name: "triton",
    packages: [...lightgbm, "nvidia-pytriton==0.7.0"],
    command: script("pytriton_server.py"),
    path: "/v2/models/bench/infer",
    health: "/v2/models/bench/ready",
    body: (row) => ({ inputs: [{ name: "input", shape: [1, row.length], datatype: "FP64", data: row }] }),
  },
];
