import { parentPort, workerData } from "node:worker_threads";
import { toErrorRecord } from "../../kernel/error.ts";
import type { ApartReply, ApartRequest } from "./sqlite-apart.ts";
import { isBusy, SqliteConnection } from "./sqlite-connection.ts";

/** Readers of a WAL file wait for nobody, but for a moment while it is opened, recovered or closed. */
const busySteps = 1500;
const pause = new Int32Array(new SharedArrayBuffer(4));

function patiently<T>(action: () => T): T {
  for (let step = 0; ; step++) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error) || step >= busySteps) throw error;
      Atomics.wait(pause, 0, 0, 20);
    }
  }
}

let connection: SqliteConnection | undefined;

parentPort?.on("message", (request: ApartRequest) => {
  if (request.kind === "close") {
    connection?.close();
    parentPort?.close();
    return;
  }
  const tell = (reply: ApartReply): void => parentPort?.postMessage(reply);
  try {
    connection ??= patiently(() => new SqliteConnection(String(workerData), "read"));
    const open = connection;
    const { rows } = patiently(() => open.execute({ sql: request.sql, parameters: request.parameters }));
    tell({ kind: "rows", id: request.id, rows });
  } catch (error) {
    tell({ kind: "failed", id: request.id, error: toErrorRecord(error) });
  }
});
