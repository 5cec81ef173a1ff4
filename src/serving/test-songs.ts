/** A project whose view has an embedding, for tests of nearest neighbours. */
import { csv } from "../data/source.ts";
import { embedding, entity, featureView, latest, numeric, type FeatureViewDefinition } from "../features/definition.ts";
import { model, project, type ProjectDefinition } from "../project/definition.ts";

const songs = csv("songs", {
  path: "songs.csv",
  eventTime: "at",
  schema: { at: "timestamp", album: "string", track: "int64", sound: "float32[2]", mood: "string", plays: "int64" },
});
export const track: FeatureViewDefinition = featureView("track", {
  entity: entity("track", { keys: ["album", "track"] }),
  source: songs,
  on: { album: "album", track: "track" },
  features: { sound: embedding("sound", { dimensions: 2, metric: "cosine" }), mood: latest("mood") },
});
const hit = model("hit", {
  spine: songs,
  request: ["album", "track", "plays"],
  label: "plays > 100",
  features: [numeric("plays"), track.at({ album: "album", track: "track" })],
  trainer: { gbdt: {} },
  training: { from: "2024-01-01", validFrom: "2024-02-01", holdoutFrom: "2024-03-01", to: "2024-04-01" },
});

export const songsProject: ProjectDefinition = project("songs", { models: [hit] });
