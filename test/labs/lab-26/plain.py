from math import exp, log1p


def calibrate(scores, labels, bins):
    n, ones = len(scores), sum(labels)
    target = [(ones + 1) / (ones + 2) if y else 1 / (n - ones + 2) for y in labels]

    def loss(a, b):
        return sum(max(a * s + b, 0) + log1p(exp(-abs(a * s + b))) - t * (a * s + b) for s, t in zip(scores, target))

    a = b = 0.0
    for _ in range(100):
        p = [1 / (1 + exp(-(a * s + b))) for s in scores]
        ga = sum((q - t) * s for q, t, s in zip(p, target, scores))
        gb = sum(q - t for q, t in zip(p, target))
        aa = 1e-9 + sum(q * (1 - q) * s * s for q, s in zip(p, scores))
        ab = sum(q * (1 - q) * s for q, s in zip(p, scores))
        bb = 1e-9 + sum(q * (1 - q) for q in p)
        det = aa * bb - ab * ab
        da, db, step = (bb * ga - ab * gb) / det, (aa * gb - ab * ga) / det, 1.0
        while step > 1e-12 and loss(a - step * da, b - step * db) > loss(a, b):
            step /= 2
        a, b = a - step * da, b - step * db

    pools = []
    for value in sorted(set(scores)):
        own = [y for s, y in zip(scores, labels) if s == value]
        pools.append([value, sum(own), len(own)])
        while len(pools) > 1 and pools[-2][1] / pools[-2][2] > pools[-1][1] / pools[-1][2]:
            top = pools.pop()
            pools[-1] = [top[0], pools[-1][1] + top[1], pools[-1][2] + top[2]]
    isotonic = [next(total / count for upper, total, count in pools if s <= upper) for s in scores]

    gaps = [0.0] * bins
    for s, y in zip(scores, labels):
        gaps[min(bins - 1, int(s * bins))] += s - y
    return {"platt": {"a": a, "b": b}, "isotonic": isotonic, "ece": sum(abs(g) for g in gaps) / n}
