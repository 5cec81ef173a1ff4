import { Type, type TSchema } from "typebox";
import type * as Api from "./api-registry.ts";
import { of } from "./schemas.ts";

const text = Type.String();
const num = Type.Number();
const int = Type.Integer();
const flag = Type.Boolean();
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const oneOf = <const V extends readonly string[]>(...values: V) => Type.Unsafe<V[number]>(Type.Enum([...values]));
const textMap = Type.Record(Type.String(), Type.String());
const modelFields = {
  name: text,
  description: orNull(text),
  createdUs: num,
  updatedUs: num,
  tags: textMap,
  aliases: Type.Record(Type.String(), Type.Number()),
  newest: orNull(int),
  stages: Type.Array(Type.Object({ stage: text, version: int })),
  inProject: flag,
};
const versionFields = {
  version: int,
  state: text,
  stage: text,
  aliases: Type.Array(text),
  description: orNull(text),
  runId: orNull(text),
  createdUs: num,
  tags: textMap,
};

export const registrySchemas: Readonly<Record<"models" | "model" | "version", TSchema>> = {
  models: of<Api.RegisteredModelPage>()(Type.Object({ models: Type.Array(Type.Object(modelFields)), nextToken: orNull(text) })),
  model: of<Api.RegisteredModelDetail>()(Type.Object({ ...modelFields, versions: Type.Array(Type.Object(versionFields)), nextToken: orNull(text) })),
  version: of<Api.RegisteredVersionDetail>()(
    Type.Object({
      ...versionFields,
      model: text,
      inProject: flag,
      updatedUs: num,
      source: text,
      runLink: orNull(text),
      userId: orNull(text),
      loggedModelId: orNull(text),
      artifacts: orNull(text),
      definitionHash: orNull(text),
      serviceHash: orNull(text),
      datasetHash: orNull(text),
      place: orNull(oneOf("champion", "challenger", "shadow", "previous")),
      abShare: orNull(num),
      lineage: Type.Object({
        datasets: Type.Array(Type.Object({ name: text, digest: text, hash: orNull(text) })),
        views: Type.Array(Type.Object({ name: text, hash: text, features: int })),
        viewsAreThose: orNull(flag),
        run: orNull(Type.Object({ runId: text, name: text, experimentId: text, experiment: text, status: text })),
      }),
      proofs: Type.Array(
        Type.Object({
          kind: oneOf("offline-evaluation", "shadow", "ab", "monitors", "rollback"),
          state: oneOf("proved", "failed", "waived", "missing"),
          summary: text,
          details: Type.Record(Type.String(), Type.Unknown()),
          recordedUs: orNull(num),
          hash: orNull(text),
        }),
      ),
      events: Type.Array(Type.Object({ sequence: int, version: orNull(int), kind: text, reason: text, atUs: num })),
    }),
  ),
};
