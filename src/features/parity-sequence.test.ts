import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { pushedTypes } from "../data/pushed-copy.ts";
import { relationOf } from "../data/relation.ts";
import { pushed, type SourceDefinition } from "../data/source.ts";
import { asStream } from "../data/versions.ts";
import { seededRng } from "../kernel/rng.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import type { KeyValueStore } from "../storage/kv/port.ts";
import { openSegmentReader } from "../storage/segments/log.ts";
import type { SegmentReader } from "../storage/segments/port.ts";
import { entity, featureService, featureView, latest, window, type FeatureService } from "./definition.ts";
import { copyPushed, locatePushed } from "./offline/pushed-rows.ts";
import { openLoggedFeatures, type LoggedFeatures } from "./online/logged-features.ts";
import { createOnlineFeatures, type OnlineFeatures, type SourceRow } from "./online/online-features.ts";
import { pushLogFolder } from "./online/push-log.ts";
import { compareVectors, type ServedVector, type VectorDifference } from "./parity.ts";
import { minute } from "./test-streams.ts";
import { planView } from "./view-plan.ts";
import { loggedSources } from "./vector.ts";

const start = 1_000_000 * minute;
const schema = { at: "timestamp", shop: "string", n: "int64", amount: "float64" } as const;
/** Rows that are known when they arrive. */
const sales = pushed("sales", { schema, eventTime: "at", lateness: "2h" });
/** Corrected, moved to other shops and deleted; known when they say, which may be long before they arrive. */
const offers = pushed("offers", {
  schema: { ...schema, id: "string", told: "timestamp", gone: "boolean" },
  eventTime: "at",
  knownTime: "told",
  id: "id",
  deleted: "gone",
  where: "n is null or n < 4",
});
const shopOf = entity("shop", { keys: ["shop"] });
const bySale = featureView("by_sale", {
  entity: shopOf,
  source: sales,
  on: { shop: "shop" },
  features: { count: window("20m").count(), spent: window("1h").sum("amount"), last: latest("n"), lasts: window("1h").lastN("amount", 3) },
});
const everSold = featureView("ever_sold", {
  entity: shopOf,
  source: sales,
  on: { shop: "shop" },
  features: { ever: window("lifetime").count(), most: window("lifetime").max("amount") },
});
const byOffer = featureView("by_offer", {
  entity: shopOf,
  source: offers,
  on: { shop: "shop" },
  features: { count: window("lifetime").count(), sum: window("1h").sum("n"), last: latest("amount"), kinds: window("1h").distinct("n") },
});
const views = [bySale, everSold, byOffer];
const service = featureService("shops", [
  bySale.at({ shop: "shop" }, "s"),
  everSold.at({ shop: "shop" }, "e"),
  byOffer.at({ shop: "shop" }, "o"),
  bySale.at({ shop: "other" }, "other"),
]);
const shops = ["a", "b", "c"];

let duck: DuckDb;
beforeAll(async () => void (duck = await openDuckDb({ threads: 1 })));
afterAll(() => duck.close());

let folder: string;
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), "karkhana-sequence-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** A store whose writes wait until they are let through, one at a time; reads go on. */
class HeldWrites {
  readonly store: KeyValueStore;
  readonly #waiting: (() => void)[] = [];

  constructor(under: KeyValueStore) {
    this.store = {
      ...under,
      write: async (batch) => {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        return under.write(batch);
      },
    };
  }

  get numWaiting(): number {
    return this.#waiting.length;
  }

  /** @returns false if nothing waits */
  letOne(): boolean {
    const next = this.#waiting.shift();
    next?.();
    return next !== undefined;
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await nextTurn();
}

interface Pushing {
  readonly source: SourceDefinition;
  readonly held: HeldWrites;
  readonly online: LoggedFeatures;
  readonly reader: SegmentReader;
  readonly pushes: Promise<unknown>[];
}

/** Two sources that are pushed to one store, each at its own pace, and whoever asks it. */
class World {
  nowUs = start;
  readonly under: KeyValueStore = openMemoryStore();
  readonly pushings: Pushing[] = [];
  readonly asked: OnlineFeatures;
  readonly served: ServedVector[] = [];
  /** Called between two rounds of a read that has to wait. */
  betweenRounds: () => Promise<void> = async () => {};

  constructor() {
    const store: KeyValueStore = {
      ...this.under,
      getMany: async (keys) => {
        const found = await this.under.getMany(keys);
        const kept = found.map((value) => value && Uint8Array.from(value));
        await this.betweenRounds();
        return kept;
      },
    };
    this.asked = createOnlineFeatures({ store, views });
  }

  async open(): Promise<this> {
    for (const source of [sales, offers]) {
      const held = new HeldWrites(this.under);
      const online = await openLoggedFeatures({
        online: createOnlineFeatures({ store: held.store, views }),
        sources: [source],
        folder: path.join(folder, "log"),
        clock: { nowUs: () => this.nowUs },
      });
      this.pushings.push({ source, held, online, reader: await openSegmentReader(pushLogFolder(path.join(folder, "log"), source.name)), pushes: [] });
    }
    return this;
  }

  /** Resolves once the rows are in the log; they are on their way into the store. */
  async push({ source, online, reader, pushes }: Pushing, rows: readonly SourceRow[]): Promise<void> {
    const sequence = pushes.length;
    pushes.push(online.ingest(source.name, rows, { producer: "p", sequence }));
    await until(async () => (await reader.endOffset()) > sequence);
  }

  /** Lets the next batch into the store, if there is one. */
  async apply({ source, held, pushes }: Pushing): Promise<void> {
    const before = await this.asked.appliedOffset(source.name);
    if (before >= pushes.length) return;
    await until(() => held.letOne());
    await until(async () => (await this.asked.appliedOffset(source.name)) > before);
  }

  async ask(timeUs: number, shop: string, other: string): Promise<ServedVector> {
    const vector = new Float64Array(service.slots.length);
    const offsets: number[] = [];
    await this.asked.reader(service)(timeUs, { shop, other }, vector, 0, offsets);
    const one = { id: String(this.served.length), timeUs, fields: { shop, other }, vector, applied: { sources: loggedSources(service), offsets } };
    this.served.push(one);
    return one;
  }

  async close(): Promise<void> {
    for (const one of this.pushings) {
      for (let left = one.pushes.length; left > 0; left--) await this.apply(one);
      await Promise.all(one.pushes);
      await one.online.close();
      await one.reader.close();
    }
  }

  async copy(): Promise<void> {
    const plans = (source: SourceDefinition) => views.filter((view) => view.source.name === source.name).map(planView);
    for (const { source } of this.pushings) await copyPushed({ ...folders(), duck, source, plans: plans(source), nowUs: this.nowUs });
  }
}

const folders = () => ({ logFolder: path.join(folder, "log"), copyFolder: path.join(folder, "copy") });
const relation = (source: SourceDefinition): string =>
  relationOf(locatePushed(source, folders()), { numQuarantined: 0, foundTypes: pushedTypes(source) }, "/nowhere");
const compare = (
  served: readonly ServedVector[],
  options: { onLeftOut?: (id: string) => void; maxOwnRows?: number; service?: FeatureService } = {},
): Promise<VectorDifference[]> =>
  compareVectors(duck, { service, relations: relation, streams: (source) => relation(asStream(source)), served, dictionary: {}, ...options });
const byArrival = (served: readonly ServedVector[]): ServedVector[] => served.map(({ id, timeUs, fields, vector }) => ({ id, timeUs, fields, vector }));

test("a row that had arrived and was not yet applied is no difference, and would be one by its time of arrival", async () => {
  const world = await new World().open();
  const [ofSales] = world.pushings;
  await world.push(ofSales!, [{ at: start - minute, shop: "a", n: 1, amount: 2 }]);
  await world.apply(ofSales!);
  await world.push(ofSales!, [{ at: start - minute, shop: "a", n: 2, amount: 3 }]);
  const asked = await world.ask(start + 1, "a", "b");
  expect(asked.applied).toEqual({ sources: ["sales", "offers"], offsets: [1, 0] });
  expect(asked.vector[0], "the second row is not seen").toBe(1);
  await world.close();
  await world.copy();
  expect(new Set((await compare(byArrival([asked]))).map(({ slot }) => slot))).toEqual(
    new Set(["s.count", "s.spent", "s.last", "s.lasts.0", "s.lasts.1", "e.ever", "e.most"]),
  );
  expect(await compare([asked])).toEqual([]);
});

test("a row that was applied and is not in the vector is found, also where rows are on their way", async () => {
  const world = await new World().open();
  const [ofSales] = world.pushings;
  const before = await world.ask(start + 1, "a", "b");
  await world.push(ofSales!, [{ at: start - minute, shop: "a", n: 1, amount: 2 }]);
  await world.apply(ofSales!);
  await world.push(ofSales!, [{ at: start - minute, shop: "a", n: 2, amount: 3 }]);
  const after = await world.ask(start + 1, "a", "b");
  await world.close();
  await world.copy();
  // What a store would have served that took note of the batch and lost its row.
  const lost = { ...after, vector: before.vector };
  expect((await compare([lost])).map(({ slot, served, offline }) => [slot, served, offline])).toContainEqual(["s.count", 0, 1]);
  // And one that served a row before it said that it was applied.
  const ahead = { ...after, applied: before.applied! };
  expect((await compare([ahead])).map(({ slot, served, offline }) => [slot, served, offline])).toContainEqual(["s.count", 1, 0]);
  // By the time of arrival the served value would be held against rows that had not been applied.
  expect((await compare(byArrival([lost]))).map(({ slot, served, offline }) => [slot, served, offline])).toContainEqual(["s.count", 0, 2]);
});

test("a correction on its way neither ends the version it replaces nor moves it", async () => {
  const world = await new World().open();
  const ofOffers = world.pushings[1]!;
  const offer = { at: start - minute, told: start - minute, id: "f", n: 1, amount: 1, gone: false };
  await world.push(ofOffers, [{ ...offer, shop: "a" }]);
  await world.apply(ofOffers);
  await world.push(ofOffers, [{ ...offer, shop: "b", told: start - 1 }]);
  const early = [await world.ask(start, "a", "a"), await world.ask(start, "b", "a")];
  await world.apply(ofOffers);
  const late = [await world.ask(start, "a", "a"), await world.ask(start, "b", "a")];
  await world.close();
  await world.copy();
  expect([...early, ...late].map(({ vector }) => vector[service.slots.findIndex(({ name }) => name === "o.count")])).toEqual([1, 0, 0, 1]);
  expect(await compare([...early, ...late])).toEqual([]);
  expect((await compare(byArrival(early))).length).toBeGreaterThan(0);
});

test("a read that meets a block which was replaced since begins again, and says what was applied when it began again", async () => {
  const world = await new World().open();
  const [ofSales] = world.pushings;
  for (let batch = 0; batch < 4; batch++) {
    const rows = Array.from({ length: 100 }, (_, i) => ({ at: start - 40 * minute + (batch * 100 + i) * 6_000_000, shop: "a", n: 1, amount: 1 }));
    await world.push(ofSales!, rows);
    await world.apply(ofSales!);
  }
  const before = await world.ask(start, "a", "c");
  // Into the block in which the window of twenty minutes begins.
  await world.push(ofSales!, [{ at: start - 20 * minute + 1_000_000, shop: "a", n: 1, amount: 1 }]);
  let rounds = 0;
  world.betweenRounds = async () => {
    if (rounds++ === 0) await world.apply(ofSales!);
  };
  const after = await world.ask(start, "a", "c");
  expect(rounds, "heads, blocks in vain, heads, blocks").toBe(4);
  expect([before, after].map(({ applied, vector }) => [applied!.offsets[0], vector[0]])).toEqual([
    [4, 200],
    [5, 201],
  ]);
  await world.close();
  await world.copy();
  expect(await compare(world.served)).toEqual([]);
});

test("whatever is pushed, applied and asked in whatever order: every vector is what SQL says at its own sequence, and no other", async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("push" as const), source: fc.nat(1), count: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("apply" as const), source: fc.nat(1) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("ask" as const), back: fc.constantFrom(0, 0, 1, minute), moves: fc.array(fc.nat(1), { maxLength: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), us: fc.constantFrom(1, minute, 7 * minute) }) },
  );
  let [byTime, tampered, betweenRounds, compared] = [0, 0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 12, maxLength: 40 }), async (seed, steps) => {
      rmSync(folder, { recursive: true });
      folder = mkdtempSync(path.join(tmpdir(), "karkhana-sequence-"));
      const rng = seededRng(seed);
      const world = await new World().open();
      const rowOf = (): SourceRow => {
        const at = world.nowUs - rng.int(4) * minute * (rng.int(6) === 0 ? 40 : 1);
        const told = at + [0, 0, minute, -minute, 3 * minute][rng.int(5)]!;
        const id = rng.int(5) === 0 ? null : `f${rng.int(5)}`;
        return { at, told, id, shop: shops[rng.int(shops.length)]!, n: rng.int(6), amount: rng.int(9) === 0 ? null : rng.int(5) / 2, gone: rng.int(6) === 0 };
      };
      for (const one of steps) {
        if (one.kind === "push") {
          const pushing = world.pushings[one.source]!;
          await world.push(pushing, Array.from({ length: one.count }, rowOf));
        } else if (one.kind === "apply") await world.apply(world.pushings[one.source]!);
        else if (one.kind === "wait") world.nowUs += one.us;
        else {
          const moves = [...one.moves];
          world.betweenRounds = async () => {
            const source = moves.shift();
            if (source === undefined) return;
            betweenRounds++;
            await world.apply(world.pushings[source]!);
          };
          for (const shop of shops) await world.ask(world.nowUs - one.back, shop, shops[rng.int(shops.length)]!);
          world.betweenRounds = async () => {};
        }
      }
      await world.close();
      await world.copy();
      const { served } = world;
      compared += served.length;
      expect(await compare(served)).toEqual([]);
      byTime += (await compare(byArrival(served))).length;
      // Each as if it had been read one batch later or earlier.
      const shifted = served.map((one, i) => ({
        ...one,
        applied: { ...one.applied!, offsets: one.applied!.offsets.map((offset) => Math.max(0, offset + (i % 2 === 0 ? 1 : -1))) },
      }));
      tampered += (await compare(shifted)).length;
    }),
    { numRuns: 8, seed: 5, endOnFailure: true },
  );
  expect(byTime, "values that differ by arrival").toBeGreaterThan(50);
  expect(tampered, "values that differ at another sequence").toBeGreaterThan(50);
  expect(betweenRounds, "batches applied between the rounds of a read").toBeGreaterThan(10);
  expect(compared).toBeGreaterThan(100);
});

test("vectors that would need more rows apart than are allowed are left out and told of, the others are compared", async () => {
  const world = await new World().open();
  const [ofSales] = world.pushings;
  await world.push(ofSales!, [
    ...Array.from({ length: 20 }, () => ({ at: start - minute, shop: "a", n: 1, amount: 2 })),
    { at: start - minute, shop: "b", n: 1, amount: 2 },
  ]);
  await world.apply(ofSales!);
  await world.push(
    ofSales!,
    ["a", "b", "c"].map((shop) => ({ at: start - minute, shop, n: 2, amount: 3 })),
  );
  for (const shop of shops) await world.ask(start + 1, shop, shop);
  await world.close();
  await world.copy();
  const leftOut: string[] = [];
  expect(await compare(world.served, { maxOwnRows: 10, onLeftOut: (id) => leftOut.push(id) })).toEqual([]);
  expect(leftOut).toEqual(["0"]);
});
