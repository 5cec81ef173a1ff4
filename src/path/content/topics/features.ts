import { command, lab, page, planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "features";

export const features: readonly Topic[] = [
  {
    id: "feature-stores",
    title: "Feature stores, batch and streaming: Feast, Tecton",
    area,
    treatment: ["built"],
    places: [page("/features"), lab(40)],
    depth: "A feature declared once gives the same value in a training row and in an answer, as of the same moment.",
    labs: [40],
    rows: [19],
  },
  {
    id: "serving-skew",
    title: "Skew between training and serving",
    area,
    treatment: ["built"],
    places: [command("karkhana run"), page("/features"), lab(40)],
    depth: "Served vectors are recomputed offline and compared value by value; a mismatch has a name and a cost.",
    after: ["feature-stores"],
    labs: [40],
    rows: [20],
  },
  {
    id: "streaming-features",
    title: "Features in real time: Kafka and Flink",
    area,
    treatment: ["built", "simulated"],
    places: [page("/features"), lab(14)],
    depth: "Late events, equal times and a restart change no value.",
    after: ["feature-stores"],
    labs: [14],
    rows: [21],
  },
  {
    id: "features-for-trees",
    title: "Feature engineering where boosted trees dominate",
    area,
    treatment: ["built"],
    places: [page("/features"), planned],
    depth: "Each encoding is shown not to leak the label of its own row.",
    labs: [28],
    names: ["GBDT"],
    rows: [22],
  },
];
