import { openLmdb } from "../../../src/storage/kv/lmdb.ts";

// Writes ever higher numbers until it is killed; says each one once it is written.
const store = openLmdb(process.argv[2]!);
for (let n = 1; ; n++) {
  await store.write({ puts: [{ key: Buffer.from("n"), value: Buffer.from(String(n)) }] });
  process.stdout.write(`${n}\n`);
}
