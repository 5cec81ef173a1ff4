/** Our page for an address of MLflow's own pages, which its clients print after every run (`/#/experiments/1/runs/9f…`); undefined for any other. */
export function fromMlflowAddress(hash: string): string | undefined {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const parts = path.split("/").slice(1).map(decoded);
  const [kind, name, below, inner] = parts;
  const workspace = new URLSearchParams(query).get("workspace");
  const suffix = (first: string): string => (workspace === null ? "" : `${first}workspace=${encodeURIComponent(workspace)}`);
  if (kind === "experiments" && below === "runs" && inner !== undefined) return `/runs/${encodeURIComponent(inner)}${suffix("?")}`;
  if (kind === "experiments" && name !== undefined && name !== "") return `/runs?e=${encodeURIComponent(name)}${suffix("&")}`;
  if (kind === "experiments") return `/experiments${suffix("?")}`;
  if (kind !== "models") return undefined;
  if (name === undefined || name === "") return `/models${suffix("?")}`;
  const model = `/models/${encodeURIComponent(name)}`;
  return `${below === "versions" && inner !== undefined ? `${model}/versions/${encodeURIComponent(inner)}` : model}${suffix("?")}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
