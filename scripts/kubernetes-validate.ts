/**
 * Installs kubernetes-validate, which carries the schemas that Kubernetes publishes of its API, into an environment of its own, once a
 * version, and prints its command:
 *   node scripts/kubernetes-validate.ts
 * Needs python3 with its venv module. Only the tests of the manifests use it.
 */
import path from "node:path";
import { pythonEnvironment } from "./python-environment.ts";

const version = "1.37.0";
console.log(path.join(path.dirname(pythonEnvironment(`kubernetes-validate-${version}`, [`kubernetes-validate==${version}`])), "kubernetes-validate"));
