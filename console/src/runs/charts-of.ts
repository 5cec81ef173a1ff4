/** `train_loss` and `valid_loss` are one chart, called `loss`; a metric alone has its own name. */
export function chartsOf(keys: readonly string[]): { name: string; keys: string[] }[] {
  const split = /^(train|training|valid|validation|val|test|eval)$/i;
  const nameOf = (key: string): string => {
    const parts = key.split(/([./_ -])/);
    const kept = parts.filter((part, i) => !split.test(part) && !(i > 0 && /^[./_ -]$/.test(part) && split.test(parts[i - 1]!)));
    return kept.join("").replace(/^[./_ -]+|[./_ -]+$/g, "") || key;
  };
  return [...Map.groupBy(keys, nameOf)].map(([name, own]) => ({ name: own.length === 1 ? own[0]! : name, keys: own }));
}
