/**
 * Installs OpenAI's stock Python client into an environment of its own, once a version, and prints that environment's Python:
 *   node scripts/openai-client.ts
 * Needs python3 with its venv module. Only the protocol tests use it.
 */
import { pythonEnvironment } from "./python-environment.ts";

const version = "3.54.0";
console.log(pythonEnvironment(`openai-${version}`, [`openai==${version}`]));
