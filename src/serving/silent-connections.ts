import type { Server } from "node:http";
import type { Socket } from "node:net";

/** A connection on which nothing was ever asked is not waited for when the server ends, unless it is so young that its question may be on the way. */
const youngMs = 1000;

/** Clients open connections ahead of their questions; Node counts one without a question as busy. @returns closes those that have been silent */
export function silentConnections(server: Server, timerMs: () => number): () => void {
  const opened = new Map<Socket, number>();
  server.on("connection", (socket: Socket) => {
    opened.set(socket, timerMs());
    socket.once("close", () => opened.delete(socket));
  });
  return () => {
    const nowMs = timerMs();
    for (const [socket, atMs] of opened) if (socket.bytesRead === 0 && nowMs - atMs >= youngMs) socket.destroy();
  };
}
