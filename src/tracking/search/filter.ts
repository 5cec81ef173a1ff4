/** A parsed search filter, checked: every field is known, every operator and value fits it. */
export type Filter = { readonly op: "and" | "or"; readonly terms: readonly Filter[] } | { readonly op: "not"; readonly term: Filter } | Comparison;

export type Comparison = { readonly op: "compare"; readonly field: Field } & (
  | { readonly comparator: NumberComparator; readonly value: number }
  | { readonly comparator: "=" | "!=" | "LIKE" | "ILIKE"; readonly value: string }
  | { readonly comparator: "IN" | "NOT IN"; readonly value: readonly string[] }
  | { readonly comparator: "IS NULL" | "IS NOT NULL" }
);

export type NumberComparator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** What may stand on the left: a metric, param or tag by its key, or an attribute of the record itself. */
export interface Field {
  readonly kind: FieldKind;
  readonly key: string;
}

/** A dataset is one that the record names: its name, its digest, or the context it was used in. */
export type FieldKind = "metric" | "param" | "tag" | "attribute" | "dataset";

/** What can be searched of one kind of record; runs and experiments differ only in this. */
export interface SearchScope {
  readonly kinds: readonly FieldKind[];
  readonly attributes: Readonly<Record<string, "number" | "text">>;
  /** Attributes that may be compared with a list; "all": those, and params and tags as well. */
  readonly listed: readonly string[] | "all";
  /** Names users of MLflow's pages know attributes by. */
  readonly aliases: Readonly<Record<string, Field>>;
}
