import { kafka, type KafkaTopic, type SourceDefinition } from "../../src/data/source.ts";
import { entity, featureService, featureView, latest, window, type FeatureService, type FeatureViewDefinition } from "../../src/features/definition.ts";

/** A topic of bookings, corrected and deleted by key, in the shape of a change-data stream. */
export function bookingsOf(topic: Partial<KafkaTopic> & Pick<KafkaTopic, "brokers">): {
  source: SourceDefinition;
  views: readonly FeatureViewDefinition[];
  service: FeatureService;
} {
  const source = kafka("bookings", {
    topic: {
      topic: "bookings",
      columns: { hotel: "after.hotel", nights: "after.nights", price: "after.price" },
      key: "booking",
      timestamp: "at",
      tombstone: "gone",
      ...topic,
    },
    schema: { booking: "string", at: "timestamp", hotel: "string", nights: "int64", price: "float64", gone: "boolean" },
    eventTime: "at",
    knownTime: "at",
    id: "booking",
    deleted: "gone",
  });
  const hotel = featureView("hotel", {
    entity: entity("hotel", { keys: ["hotel"] }),
    source,
    on: { hotel: "hotel" },
    features: { bookings: window("1d").count(), nights: window("1d").sum("nights"), dearest: window("1d").max("price"), last: latest("price") },
  });
  return { source, views: [hotel], service: featureService("hotels", [hotel.at({ hotel: "hotel" })]) };
}

/** Messages carry this clock, so that whoever reads them anew knows the same. */
export const firstMs = 1_767_225_600_000;

export interface Sent {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer;
  readonly value?: Buffer;
  readonly timestamp: bigint;
}

/** Bookings made, changed, moved to another hotel and taken back; one in fifty is no booking. */
export function bookings(from: number, to: number, topic = "bookings"): Sent[] {
  return Array.from({ length: to - from }, (_, i): Sent => {
    const n = from + i;
    const booking = `b${n % 97}`;
    const common = { topic, partition: (n % 97) % 3, key: Buffer.from(booking), timestamp: BigInt(firstMs + n * 1000) };
    if (n % 50 === 49) return { ...common, value: Buffer.from("{half") };
    if (n % 13 === 12) return common;
    return {
      ...common,
      value: Buffer.from(JSON.stringify({ op: "u", after: { hotel: `h${n % 5}`, nights: (n % 9) + 1, price: n % 7 === 0 ? null : n / 4 } })),
    };
  });
}

export const hotels: readonly string[] = ["h0", "h1", "h2", "h3", "h4"];
