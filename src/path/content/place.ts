import type { Place } from "./types.ts";

/** Short ways to say where a topic is worked on. */
export const command = (text: string): Place => ({ kind: "command", command: text });
export const page = (path: string): Place => ({ kind: "page", page: path });
export const file = (path: string): Place => ({ kind: "file", file: path });
export const lab = (number: number): Place => ({ kind: "lab", lab: number });
export const planned: Place = { kind: "planned" };
export const reading: Place = { kind: "reading" };
