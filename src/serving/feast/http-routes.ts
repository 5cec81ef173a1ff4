/** Feast's feature server paths, so that its HTTP clients read and push here. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { NewId } from "../../kernel/ids.ts";
import { viewsOf } from "../../project/definition.ts";
import type { OnlineFace } from "../faces.ts";
import type { AnswerWork } from "../http-call.ts";
import type { ServedModel } from "../served-model.ts";
import { pushAnswer } from "../push-request.ts";
import { arrowType, toArrow } from "./arrow.ts";
import { FeastReader, toJson } from "./online-features.ts";
import { readFeastPush, readOnlineFeaturesRequest, type FeastLimits } from "./request.ts";

export interface FeastRouteOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  /** Names of each one's columns. */
  readonly sources: ReadonlyMap<string, ReadonlySet<string>>;
  readonly online: OnlineFace;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly limits: FeastLimits;
  readonly answer: AnswerWork;
}

export function addFeastRoutes(app: FastifyInstance, { models, sources, online, clock, newId, limits, answer }: FeastRouteOptions): void {
  const definitions = [...models.values()].map(({ definition }) => definition);
  const reader = new FeastReader({
    views: definitions.flatMap(({ service }) => viewsOf(service)),
    services: new Map(definitions.map(({ name, service }) => [name, service])),
    columnsReader: (service) => online.columnsReader(service),
    vectorReader: (service) => online.reader(service, {}),
  });

  app.post("/get-online-features", (request, reply) => {
    const isArrow = request.headers.accept?.includes(arrowType) === true;
    answer(request, reply, "features", async () => {
      const found = await reader.read(readOnlineFeaturesRequest(request.body, limits, clock.nowUs()));
      return isArrow ? { body: await toArrow(found), headers: { "content-type": arrowType } } : toJson(found);
    });
  });

  app.post("/push", (request, reply) => {
    answer(request, reply, "push", async () => {
      const { source, rows } = readFeastPush(request.body, limits);
      const columns = sources.get(source);
      if (columns === undefined) throw new KarkhanaError("SOURCE_NOT_IN_PROJECT", { source: source.slice(0, 100), sources: [...sources.keys()].join(", ") });
      // Feast's pushes carry no number, so a retry cannot be known as one, unless the client names it itself.
      const key = request.headers["idempotency-key"];
      const producer = `feast:${typeof key === "string" && key !== "" ? key.slice(0, limits.maxTextLength) : newId()}`;
      return pushAnswer(await online.ingest(source, rows, { producer, sequence: 0 }), rows, columns);
    });
  });
}
