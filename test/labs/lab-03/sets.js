export function validate(rows, expectations) {
  const present = (row, column) => row[column] !== null && row[column] !== undefined;
  const breaks = {
    notNull:
      ({ column }) =>
      (row) =>
        !present(row, column),
    range:
      ({ column, min, max }) =>
      (row) =>
        present(row, column) && !(typeof row[column] === "number" && row[column] >= min && row[column] <= max),
    pattern: ({ column, pattern }) => {
      const whole = new RegExp(`^(?:${pattern})$`);
      return (row) => present(row, column) && !(typeof row[column] === "string" && whole.test(row[column]));
    },
    oneOf: ({ column, values }) => {
      const allowed = new Set(values);
      return (row) => present(row, column) && !allowed.has(row[column]);
    },
    unique: ({ columns }) => {
      const key = (row) => JSON.stringify(columns.map((column) => row[column]));
      const counts = new Map();
      for (const row of rows) counts.set(key(row), (counts.get(key(row)) ?? 0) + 1);
      return (row) => columns.every((column) => present(row, column)) && counts.get(key(row)) > 1;
    },
    increasing: ({ column }) => {
      let last = -Infinity;
      return (row) => {
        if (!present(row, column)) return false;
        const smaller = row[column] < last;
        last = row[column];
        return smaller;
      };
    },
  };
  return expectations.map((expectation) => {
    const broken = breaks[expectation.kind](expectation);
    return rows.flatMap((row, i) => (broken(row) ? [i] : []));
  });
}
