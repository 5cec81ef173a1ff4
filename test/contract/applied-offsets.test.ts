import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openLmdb } from "../../src/storage/kv/lmdb.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import { appliedOffsetsContract } from "./applied-offsets-contract.ts";

appliedOffsetsContract("memory", async () => {
  const store = openMemoryStore();
  return { writer: store, reader: store, close: () => store.close() };
});

appliedOffsetsContract("LMDB", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-applied-"));
  const store = openLmdb(folder);
  return {
    writer: store,
    reader: store,
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});
