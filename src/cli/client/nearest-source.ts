import type { FeatureViewDefinition } from "../../features/definition.ts";
import { planView } from "../../features/view-plan.ts";

interface Embedded {
  readonly view: FeatureViewDefinition;
  readonly embeddings: readonly (readonly [feature: string, dimensions: number])[];
}

function embedded(views: readonly FeatureViewDefinition[]): Embedded[] {
  return views
    .map((view) => ({
      view,
      embeddings: Object.entries(view.features).flatMap(([name, one]) => (one.embedding === undefined ? [] : [[name, one.embedding.dimensions] as const])),
    }))
    .filter(({ embeddings }) => embeddings.length > 0);
}

/** Types of views whose entities can be asked for their neighbours; nothing where there are none. */
export function nearestTypes(views: readonly FeatureViewDefinition[]): string {
  const found = embedded(views);
  if (found.length === 0) return "";
  const members = found.map(({ view, embeddings }) => {
    const { keyTypes } = planView(view);
    const keys = view.entity.keys.map((key, i) => `readonly ${JSON.stringify(key)}: ${keyTypes[i]!}`).join("; ");
    const attributes = Object.entries(view.features)
      .filter(([, one]) => one.aggregate === "latest" && one.embedding === undefined)
      .map(([name]) => `readonly ${JSON.stringify(name)}?: string | number`)
      .join("; ");
    const vectors = embeddings.map(([name, dimensions]) => `readonly ${JSON.stringify(name)}: ${dimensions}`).join("; ");
    return `  readonly ${JSON.stringify(view.name)}: { readonly key: { ${keys} }; readonly where: { ${attributes} }; readonly embeddings: { ${vectors} } };`;
  });
  const lengths = found.map(
    ({ view, embeddings }) => `  ${JSON.stringify(view.name)}: { ${embeddings.map(([name, d]) => `${JSON.stringify(name)}: ${d}`).join(", ")} },`,
  );
  return `
/** Views with embeddings: their keys, what neighbours can be told apart by, and how long the vectors are. */
export interface Views {
${members.join("\n")}
}

const dimensions: { readonly [V in keyof Views]: Views[V]["embeddings"] } = {
${lengths.join("\n")}
};

export interface Neighbour<V extends keyof Views> {
  readonly key: Views[V]["key"];
  /** 1 - cosine, minus the dot product, or the length of the difference, as the view says: smaller is nearer. */
  readonly distance: number;
  readonly eventTime: string;
  readonly attributes: { readonly [A in keyof Views[V]["where"]]: string | number | null };
}

/** A list whose length the compiler knows must have the right one; of others it is looked at before they are sent. */
type OfLength<A extends readonly number[], D> = number extends A["length"] ? unknown : A["length"] extends D ? unknown : \`expected \${D & number} numbers\`;
`;
}

/** The client's method. */
export function nearestMethod(views: readonly FeatureViewDefinition[]): string {
  if (embedded(views).length === 0) return "";
  return `    /** Entities whose vectors are nearest to a vector, or to that of an entity, nearest first. @param feature which embedding, where the view has several @throws PredictionError, RangeError for a vector of another length */
    nearest: async <V extends keyof Views, const A extends readonly number[], F extends keyof Views[V]["embeddings"] = keyof Views[V]["embeddings"]>(
      view: V,
      question: ({ readonly vector: A & OfLength<A, Views[V]["embeddings"][F]> } | { readonly key: Views[V]["key"] }) & {
        readonly k?: number;
        readonly feature?: F;
        readonly where?: Views[V]["where"];
        /** Look at every vector, however many. */
        readonly exact?: boolean;
      },
    ): Promise<readonly Neighbour<V>[]> => {
      const lengths: Readonly<Record<string, number>> = dimensions[view];
      const expected = lengths[String(question.feature ?? Object.keys(lengths)[0])];
      if ("vector" in question && question.vector.length !== expected)
        throw new RangeError(\`\${view}: expected a vector of \${String(expected)} numbers, got \${question.vector.length}\`);
      const reply = (await send(\`/v1/views/\${encodeURIComponent(view)}/nearest\`, question)) as { readonly neighbours: readonly Neighbour<V>[] };
      return reply.neighbours;
    },
`;
}
