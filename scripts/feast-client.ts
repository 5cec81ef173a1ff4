/**
 * Installs Feast's stock Python SDK into an environment of its own, once a version, and prints that environment's Python:
 *   node scripts/feast-client.ts
 * Needs python3 with its venv module. Only the protocol tests and the bench use it.
 */
import { pythonEnvironment } from "./python-environment.ts";

const version = "0.67.0";
console.log(pythonEnvironment(`feast-${version}`, [`feast==${version}`]));
