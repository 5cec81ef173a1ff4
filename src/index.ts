export { csv, duckdbTable, jsonLines, kafka, parquet, postgresTable, pushed } from "./data/source.ts";
export {
  categorical,
  derivedFeatures,
  embedding,
  entity,
  featureService,
  featureView,
  latest,
  numeric,
  requestFeatures,
  window,
} from "./features/definition.ts";
export { model, project } from "./project/definition.ts";
