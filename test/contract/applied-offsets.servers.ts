import { openRedis } from "../../src/storage/kv/redis.ts";
import { appliedOffsetsContract } from "./applied-offsets-contract.ts";

const url = process.env["KARKHANA_TEST_REDIS_URL"];
if (url === undefined) throw new Error("KARKHANA_TEST_REDIS_URL is not set: run scripts/test-servers.sh <command>");

appliedOffsetsContract("Redis, by two connections", async () => {
  const prefix = `applied-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const [writer, reader] = [await openRedis(url, { prefix }), await openRedis(url, { prefix })];
  return {
    writer,
    reader,
    close: async () => {
      await writer.close();
      await reader.close();
    },
  };
});
