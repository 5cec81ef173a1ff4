// Column by column; duplicates by sorting tagged keys.
const tag = (value) => `${typeof value}:${Object.is(value, -0) ? 0 : value}`;
const filled = (rows, column) => rows.map((row, i) => ({ i, value: row[column] ?? null })).filter(({ value }) => value !== null);
const kinds = {
  notNull: (rows, { column }) => rows.map((_, i) => i).filter((i) => (rows[i][column] ?? null) === null),
  range: (rows, { column, min, max }) => pickBad(filled(rows, column), (v) => typeof v === "number" && v >= min && v <= max),
  oneOf: (rows, { column, values }) => pickBad(filled(rows, column), (v) => values.map(tag).includes(tag(v))),
  pattern: (rows, { column, pattern }) => pickBad(filled(rows, column), (v) => typeof v === "string" && new RegExp(`^(${pattern})$`, "u").test(v)),
  increasing: (rows, { column }) => {
    const list = filled(rows, column);
    return list.filter(({ value }, at) => at > 0 && value < list[at - 1].value).map(({ i }) => i);
  },
  unique: (rows, { columns }) => {
    const keyed = rows
      .map((row, i) => ({ i, parts: columns.map((column) => row[column] ?? null) }))
      .filter(({ parts }) => !parts.includes(null))
      .map(({ i, parts }) => ({ i, key: parts.map((part) => `${tag(part).length} ${tag(part)}`).join("") }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    return keyed
      .filter(({ key }, at) => keyed[at - 1]?.key === key || keyed[at + 1]?.key === key)
      .map(({ i }) => i)
      .sort((a, b) => a - b);
  },
};
function pickBad(list, isGood) {
  return list.filter(({ value }) => !isGood(value)).map(({ i }) => i);
}
export function validate(rows, expectations) {
  return expectations.map((expectation) => kinds[expectation.kind](rows, expectation));
}
