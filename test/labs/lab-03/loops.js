// Plain loops; groups as nested maps, one level a column.
export function validate(rows, expectations) {
  return expectations.map((e) => {
    const bad = [];
    if (e.kind === "unique") {
      const root = new Map();
      rows.forEach((row, i) => {
        let level = root;
        for (const column of e.columns) {
          const value = row[column] ?? null;
          if (value === null) return;
          if (!level.has(value)) level.set(value, new Map());
          level = level.get(value);
        }
        level.rows = [...(level.rows ?? []), i];
      });
      const visit = (level) => {
        if (level.rows !== undefined && level.rows.length > 1) bad.push(...level.rows);
        for (const next of level.values()) visit(next);
      };
      visit(root);
      return bad.sort((a, b) => a - b);
    }
    let before = null;
    for (let i = 0; i < rows.length; i++) {
      const value = rows[i][e.column] ?? null;
      if (value === null) {
        if (e.kind === "notNull") bad.push(i);
        continue;
      }
      let fails = false;
      if (e.kind === "range") fails = typeof value !== "number" || Number.isNaN(value) || value < e.min || value > e.max;
      if (e.kind === "oneOf") fails = !e.values.some((other) => other === value);
      if (e.kind === "pattern") {
        const match = typeof value === "string" ? value.match(new RegExp(`(?:${e.pattern})(?![\\s\\S])`)) : null;
        fails = match === null || match.index !== 0;
      }
      if (e.kind === "increasing") {
        fails = before !== null && value < before;
        before = value;
      }
      if (fails) bad.push(i);
    }
    return bad;
  });
}
