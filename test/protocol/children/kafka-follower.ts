/** A process that follows a topic into a data folder, to be killed: node kafka-follower.ts <folder> <broker> <topic>. Says how many rows it has. */
import path from "node:path";
import { openKafkaTopic } from "../../../src/features/online/kafka-topic.ts";
import { openLoggedFeatures } from "../../../src/features/online/logged-features.ts";
import { createOnlineFeatures } from "../../../src/features/online/online-features.ts";
import { followTopic } from "../../../src/features/online/topic-follower.ts";
import { systemClock } from "../../../src/server/system.ts";
import { openLmdb } from "../../../src/storage/kv/lmdb.ts";
import { bookingsOf } from "../kafka-world.ts";

const [, , folder, broker, topic] = process.argv;
const { source, views } = bookingsOf({ brokers: [broker!], topic: topic! });
const state = createOnlineFeatures({ store: openLmdb(path.join(folder!, "state")), views, sources: [source] });
const online = await openLoggedFeatures({ online: state, sources: [source], folder: path.join(folder!, "log"), clock: systemClock });
const stream = await openKafkaTopic(source, source.topic!, { environment: process.env, projectFolder: "/" });
followTopic(
  {
    ...online,
    ingest: async (name, rows, origin) => {
      const result = await online.ingest(name, rows, origin);
      process.stdout.write(`${origin.producer} ${origin.sequence}\n`);
      return result;
    },
  },
  source,
  stream,
  { clock: systemClock },
);
