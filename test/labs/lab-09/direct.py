from math import inf, log


def information(p, q, joint, unit):
    flat = [v for row in joint for v in row]
    for values in (p, q, flat):
        if min(values) < 0 or abs(sum(values) - 1) > 1e-9:
            raise ValueError("not a distribution")
    scale = log(2) if unit == "bits" else 1.0

    def cross(a, b):
        return sum((-x * log(y) if y > 0 else inf) for x, y in zip(a, b) if x > 0) / scale

    rows, columns = [sum(row) for row in joint], [sum(column) for column in zip(*joint)]
    entropy, between = cross(p, p), cross(p, q)
    return {"entropy": entropy, "crossEntropy": between, "divergence": between - entropy, "mutual": cross(rows, rows) + cross(columns, columns) - cross(flat, flat)}
