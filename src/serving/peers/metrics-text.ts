/**
 * Metrics of several processes as one text: a family's samples lie together, and each says whose it is. They are told apart rather than summed,
 * since the sum of counters falls when one process dies, which a scraper would take for a restart of all; `sum without (process)` is the whole.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function joinMetrics(texts: readonly { readonly process: number; readonly text: string }[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  let isOpen = false;
  for (const { process, text } of texts) {
    let name = "";
    for (const line of text.split("\n")) {
      if (line === "") continue;
      if (line === "# EOF") {
        isOpen = true;
        continue;
      }
      const [, about] = /^# (?:HELP|TYPE|UNIT) (\S+)/.exec(line) ?? [];
      name = about ?? name;
      let family = families.get(name);
      if (family === undefined) families.set(name, (family = { head: [], samples: [] }));
      if (about === undefined) family.samples.push(labelled(line, process));
      else if (!family.head.includes(line)) family.head.push(line);
    }
  }
  const lines = Array.from(families.values(), ({ head, samples }) => [...head, ...samples]).flat();
  return `${[...lines, ...(isOpen ? ["# EOF"] : [])].join("\n")}\n`;
}

function labelled(sample: string, process: number): string {
  const end = sample.search(/[{ ]/);
  const [name, rest] = [sample.slice(0, end), sample.slice(end)];
  const label = `process="${process}"`;
  return rest.startsWith("{}") || rest.startsWith(" ") ? `${name}{${label}}${rest.replace("{}", "")}` : `${name}{${label},${rest.slice(1)}`;
}
