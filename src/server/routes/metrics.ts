import type { FastifyInstance } from "fastify";
import { featureViewHash, type FeatureViewDefinition } from "../../features/definition.ts";
import { metricLines, sourceFamilies, type MetricFamily, type MetricSample } from "../../features/online/watch-metrics.ts";
import { viewsOf } from "../../project/definition.ts";
import type { RouteContext } from "../control-rooms.ts";
import { parityOf } from "../feature-profile.ts";

const plainText = "text/plain; version=0.0.4; charset=utf-8";

/** What only the control process knows, for Prometheus: what parity found, feature by feature, and how sources stand by the platform's clock. */
export function addMetricsRoute(app: FastifyInstance, context: RouteContext): void {
  const { project, explorer, clock } = context;
  const views = new Map(project.models.flatMap(({ service }) => viewsOf(service)).map((view) => [featureViewHash(view), view]));
  app.get("/metrics", { schema: { hide: true } }, async (_request, reply) => {
    const bySource = Map.groupBy(views.values(), (view) => view.source.name);
    const sources = await Promise.all(
      [...bySource].map(async ([source, own]) => ({
        source,
        views: [...new Set(own.map(({ name }) => name))],
        counters: (await explorer.health(own[0]!)).counters,
      })),
    );
    const lines = metricLines([...(await parityFamilies(context, views)), ...sourceFamilies(sources, clock.nowUs())]);
    return reply.header("content-type", plainText).send(`${lines.join("\n")}\n`);
  });
}

async function parityFamilies(context: RouteContext, views: ReadonlyMap<string, FeatureViewDefinition>): Promise<MetricFamily[]> {
  const vectors: MetricSample[] = [];
  const mismatches: MetricSample[] = [];
  for (const [hash, { name: view }] of views) {
    for (const [feature, found] of await parityOf(context, hash)) {
      const labels = { view, version: hash.slice(0, 12), feature };
      vectors.push({ labels, value: found.vectors });
      mismatches.push({ labels, value: found.mismatches });
    }
  }
  return [
    {
      name: "karkhana_feature_parity_compared_total",
      help: "Served values recomputed by the offline SQL.",
      type: "counter",
      merge: "max",
      samples: vectors,
    },
    {
      name: "karkhana_feature_parity_mismatches_total",
      help: "Served values that the offline SQL does not give; the rate is this over those compared.",
      type: "counter",
      merge: "max",
      samples: mismatches,
    },
  ];
}
