import { fieldNamed, refuseFilter } from "./fields.ts";
import type { Field, SearchScope } from "./filter.ts";
import { tokenize } from "./filter-tokens.ts";

export interface Order {
  readonly field: Field;
  readonly descending: boolean;
}

const maxOrders = 20;

/** "metrics.auc DESC", "start_time", "params.`learning rate` asc". @throws SEARCH_INVALID */
export function parseOrders(clauses: readonly string[], scope: SearchScope): Order[] {
  if (clauses.length > maxOrders) refuseFilter(`\`order_by\` has more than ${maxOrders} fields`);
  const orders = clauses.map((clause) => parseOrder(clause, scope));
  const seen = new Set(orders.map(({ field }) => `${field.kind}.${field.key}`));
  if (seen.size < orders.length) refuseFilter(`\`order_by\` contains duplicate fields: ${JSON.stringify(clauses)}`);
  return orders;
}

function parseOrder(clause: string, scope: SearchScope): Order {
  const [left, direction, ...rest] = tokenize(clause);
  const isQuoted = left?.kind === "string" && left.text.startsWith('"');
  if (rest.length > 0 || (left?.kind !== "name" && !isQuoted)) return refuseFilter(`Invalid order_by clause '${clause}'. Could not be parsed.`);
  const word = direction?.text.toLowerCase() ?? "asc";
  if (word !== "asc" && word !== "desc") refuseFilter(`Invalid ordering key in order_by clause '${clause}'.`);
  const field = left.kind === "string" ? fieldNamed(scope, undefined, left.value) : fieldNamed(scope, left.prefix, left.key);
  return { field, descending: word === "desc" };
}
