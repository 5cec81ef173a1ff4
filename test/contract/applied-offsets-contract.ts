import { afterEach, describe, expect, test } from "vitest";
import { pushed } from "../../src/data/source.ts";
import { entity, featureService, featureView, window } from "../../src/features/definition.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { loggedSources } from "../../src/features/vector.ts";
import type { KeyValueStore } from "../../src/storage/kv/port.ts";

const minute = 60_000_000;
const start = 1_000_000 * minute;
const visits = pushed("visits", { schema: { at: "timestamp", who: "string", n: "int64" }, eventTime: "at" });
const orders = pushed("orders", { schema: { at: "timestamp", who: "string", n: "int64" }, eventTime: "at" });
const person = entity("person", { keys: ["who"] });
const features = { ever: window("lifetime").count(), hour: window("1h").count(), distinct: window("1h").distinct("n") };
const views = [visits, orders].map((source) => featureView(source.name, { entity: person, source, on: { who: "who" }, features }));
const service = featureService(
  "s",
  views.map((view) => view.at({ who: "who" }, view.name)),
);

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a prediction says was applied belongs to the very values that it was made of, whatever another writer does meanwhile. */
export function appliedOffsetsContract(
  name: string,
  open: () => Promise<{ readonly writer: KeyValueStore; readonly reader: KeyValueStore; readonly close: () => Promise<void> }>,
): void {
  describe(`applied offsets on ${name}`, () => {
    let close: () => Promise<void>;
    afterEach(() => close());

    test("while two sources are written to, every vector holds exactly the rows below the offsets it was read with", async () => {
      const world = await open();
      close = () => world.close();
      const writing = createOnlineFeatures({ store: world.writer, views });
      const reading = createOnlineFeatures({ store: world.reader, views });
      const read = reading.reader(service);
      const batches = 120;
      const perBatch = 3;
      const state = { isWriting: true };
      const write = async (): Promise<void> => {
        for (let sequence = 0; sequence < batches; sequence++) {
          await nextTurn();
          for (const source of sequence % 3 === 0 ? [visits, orders] : [visits]) {
            // Out of order, so that sealed blocks are replaced: every row counts at the time that is asked of.
            const at = (i: number): number => start - ((sequence * 37 + i * 11) % 59) * minute - 1;
            const rows = Array.from({ length: perBatch }, (_, i) => ({
              at: at(i),
              arrived: start,
              who: "a",
              n: sequence * perBatch + i,
              _row: sequence * 65_536 + i,
            }));
            await writing.ingest(source.name, rows, { producer: "p", sequence, logEnd: sequence + 1 });
          }
        }
        state.isWriting = false;
      };
      const seen = new Set<string>();
      const ask = async (): Promise<void> => {
        const [vector, applied]: [Float64Array, number[]] = [new Float64Array(service.slots.length), []];
        await read(start, { who: "a" }, vector, 0, applied);
        // The orders' log has a record for every batch and rows in each third.
        const rows = [applied[0]! * perBatch, Math.ceil(applied[1]! / 3) * perBatch];
        expect([...vector], `applied ${applied.join(", ")}`).toEqual(rows.flatMap((count) => [count, count, count]));
        seen.add(applied.join(" "));
      };
      expect(loggedSources(service)).toEqual(["visits", "orders"]);
      const asking = async (): Promise<void> => {
        while (state.isWriting) {
          await ask();
          await nextTurn();
        }
      };
      await Promise.all([write(), asking(), asking(), asking()]);
      await ask();
      expect(seen.size, "states that were seen").toBeGreaterThan(5);
      expect(seen.has(`${batches} ${batches - 2}`)).toBe(true);
    });
  });
}
