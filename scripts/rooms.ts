/** Which rooms a room may import. The lint rules and `test/rooms.test.ts` both read this table. */
const below = ["kernel", "math", "storage"] as const;
const capabilities = ["data", "features", "learn", "tracking", "registry", "feedback", "project", "serving", "monitoring", "pipelines"] as const;

export const rooms: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  math: ["kernel"],
  storage: ["kernel"],
  data: below,
  features: [...below, "data"],
  learn: ["kernel", "math"],
  tracking: below,
  feedback: below,
  pipelines: below,
  access: ["kernel", "storage"],
  registry: [...below, "tracking"],
  project: ["kernel", "data", "features", "learn"],
  serving: [...below, "access", "data", "features", "learn", "registry", "feedback", "project"],
  monitoring: [...below, "features", "learn", "registry", "feedback", "project"],
  workflows: [...below, ...capabilities],
  path: [...below, "data", "tracking", "registry", "feedback", "monitoring", "pipelines", "project"],
  server: [...below, "access", ...capabilities, "workflows", "path"],
  cli: [...below, "access", ...capabilities, "workflows", "path", "server"],
};

/** Rooms that compute only: no machine clock, no machine randomness, no Node modules (hashing.ts alone may use node:crypto, which is deterministic). */
export const pureRooms: readonly string[] = ["kernel", "math", "learn"];
