import re
from collections import Counter


def validate(rows, expectations):
    def number(v):
        return isinstance(v, (int, float))

    def one(e):
        kind = e["kind"]
        if kind == "unique":
            keys = [tuple((number(r.get(c)), r.get(c)) for c in e["columns"]) for r in rows]
            counts = Counter(keys)
            return [i for i, key in enumerate(keys) if counts[key] > 1 and all(v is not None for _, v in key)]
        values = [r.get(e["column"]) for r in rows]
        if kind == "notNull":
            return [i for i, v in enumerate(values) if v is None]
        there = [(i, v) for i, v in enumerate(values) if v is not None]
        if kind == "range":
            return [i for i, v in there if not (number(v) and e["min"] <= v <= e["max"])]
        if kind == "pattern":
            return [i for i, v in there if not (isinstance(v, str) and re.fullmatch(e["pattern"], v))]
        if kind == "oneOf":
            return [i for i, v in there if not any(v == w and number(v) == number(w) for w in e["values"])]
        return [i for (_, before), (i, v) in zip(there, there[1:]) if v < before]

    return [one(e) for e in expectations]
