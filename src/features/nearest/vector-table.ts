import { order } from "../../data/expression-function.ts";
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { EmbeddingMetric } from "../definition.ts";
import type { KeyPart } from "../key-part.ts";
import type { FeatureValue } from "../vector.ts";
import { distances, selfProduct } from "./distance.ts";

/** What an entity's newest row says. */
export interface EmbeddedEntity {
  readonly keys: readonly KeyPart[];
  readonly eventUs: Micros;
  readonly vector: Float32Array;
  /** Values of the view's other `latest` features, by name. */
  readonly attributes: Readonly<Record<string, FeatureValue>>;
}

export interface Neighbour {
  readonly keys: readonly KeyPart[];
  readonly distance: number;
  readonly eventUs: Micros;
  readonly attributes: Readonly<Record<string, FeatureValue>>;
  /** Where it was asked for. */
  readonly vector?: Float32Array;
}

export interface VectorTableOptions {
  readonly name: string;
  readonly dimensions: number;
  readonly metric: EmbeddingMetric;
  /** Of the vectors; beyond it no entity is added. */
  readonly maxBytes: number;
}

/** Which entities a search may find. */
export type Admits = (slot: number) => boolean;

const blockRows = 1024;

/**
 * Vectors of entities side by side in one Float32Array, each in a slot that it keeps until it is removed. Memory: 4 bytes a dimension and slot,
 * doubled while it grows, and some 200 bytes for each entity's key and attributes.
 */
export class VectorTable {
  readonly options: VectorTableOptions;
  #vectors: Float32Array;
  #squares: Float64Array;
  readonly #entities: (EmbeddedEntity | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #distances = new Float64Array(blockRows);

  constructor(options: VectorTableOptions) {
    this.options = options;
    const rows = Math.min(64, Math.floor(options.maxBytes / (4 * options.dimensions)));
    this.#vectors = new Float32Array(rows * options.dimensions);
    this.#squares = new Float64Array(rows);
  }

  /** Entities held. */
  get size(): number {
    return this.#entities.length - this.#free.length;
  }

  entityAt(slot: number): EmbeddedEntity | undefined {
    return this.#entities[slot];
  }

  vectorAt(slot: number): Float32Array {
    const { dimensions } = this.options;
    return this.#vectors.subarray(slot * dimensions, (slot + 1) * dimensions);
  }

  /** @returns the entity's slot @throws NEAREST_INDEX_FULL */
  add(entity: EmbeddedEntity): number {
    const { dimensions, metric } = this.options;
    const slot = this.#free.pop() ?? this.#entities.length;
    if ((slot + 1) * dimensions > this.#vectors.length) this.#grow();
    this.#vectors.set(entity.vector, slot * dimensions);
    this.#squares[slot] = selfProduct(this.#vectors, slot * dimensions, dimensions, metric);
    // The table's own copy is the one that is kept.
    this.#entities[slot] = { ...entity, vector: noVector };
    return slot;
  }

  remove(slot: number): void {
    this.#entities[slot] = undefined;
    this.#free.push(slot);
  }

  #grow(): void {
    const { dimensions, maxBytes, name } = this.options;
    const most = Math.floor(maxBytes / (4 * dimensions));
    const rows = Math.min(most, (this.#vectors.length / dimensions) * 2);
    if (rows * dimensions <= this.#vectors.length) throw new KarkhanaError("NEAREST_INDEX_FULL", { view: name, maxBytes });
    const vectors = new Float32Array(rows * dimensions);
    vectors.set(this.#vectors);
    const squares = new Float64Array(rows);
    squares.set(this.#squares);
    [this.#vectors, this.#squares] = [vectors, squares];
  }

  /** The k nearest of those admitted, nearest first, of equally near ones the smaller key. Looks at every vector. */
  nearest(question: Float32Array, k: number, admits: Admits, wantsVectors = false): Neighbour[] {
    const best = new Nearest(k, this.#entities);
    const { metric } = this.options;
    for (let from = 0; from < this.#entities.length; from += blockRows) {
      const to = Math.min(this.#entities.length, from + blockRows);
      distances(this.#vectors, this.#squares, question, metric, from, to, this.#distances);
      for (let slot = from; slot < to; slot++) {
        const distance = this.#distances[slot - from]!;
        if (distance <= best.worst && this.#entities[slot] !== undefined && admits(slot)) best.offer(slot, distance);
      }
    }
    return best.neighbours(wantsVectors ? (slot) => this.vectorAt(slot).slice() : undefined);
  }

  /** The same among some slots only. */
  nearestAmong(slots: readonly number[], question: Float32Array, k: number, admits: Admits, wantsVectors = false): Neighbour[] {
    const best = new Nearest(k, this.#entities);
    for (const slot of slots) {
      if (this.#entities[slot] === undefined || !admits(slot)) continue;
      distances(this.#vectors, this.#squares, question, this.options.metric, slot, slot + 1, this.#distances);
      best.offer(slot, this.#distances[0]!);
    }
    return best.neighbours(wantsVectors ? (slot) => this.vectorAt(slot).slice() : undefined);
  }
}

const noVector = new Float32Array(0);

/** The k best so far, in order: k is small, so an insertion is cheaper than a heap. */
class Nearest {
  readonly #k: number;
  readonly #entities: readonly (EmbeddedEntity | undefined)[];
  readonly #slots: number[] = [];
  readonly #distances: number[] = [];

  constructor(k: number, entities: readonly (EmbeddedEntity | undefined)[]) {
    this.#k = k;
    this.#entities = entities;
  }

  /** Nothing beyond this distance is wanted. */
  get worst(): number {
    return this.#slots.length < this.#k ? Number.POSITIVE_INFINITY : this.#distances[this.#k - 1]!;
  }

  offer(slot: number, distance: number): void {
    let at = this.#slots.length;
    while (at > 0 && this.#isNearer(slot, distance, at - 1)) at--;
    if (at >= this.#k) return;
    this.#slots.splice(at, 0, slot);
    this.#distances.splice(at, 0, distance);
    if (this.#slots.length > this.#k) {
      this.#slots.pop();
      this.#distances.pop();
    }
  }

  #isNearer(slot: number, distance: number, place: number): boolean {
    const other = this.#distances[place]!;
    return distance < other || (distance === other && compareKeys(this.#entities[slot]!.keys, this.#entities[this.#slots[place]!]!.keys) < 0);
  }

  neighbours(vectorAt: ((slot: number) => Float32Array) | undefined): Neighbour[] {
    return this.#slots.map((slot, i) => {
      const { keys, eventUs, attributes } = this.#entities[slot]!;
      return { keys, distance: this.#distances[i]!, eventUs, attributes, ...(vectorAt === undefined ? {} : { vector: vectorAt(slot) }) };
    });
  }
}

/** Key by key; text by its bytes, as DuckDB orders it. */
function compareKeys(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (const [i, own] of a.entries()) {
    const difference = order(own, b[i]!);
    if (difference !== 0) return difference;
  }
  return 0;
}
