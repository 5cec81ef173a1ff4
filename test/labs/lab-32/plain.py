from math import cos, exp, sin, sqrt


def attend(x, wq, wk, wv, options):
    d, h, n = len(x[0]), len(wq[0]), len(x)
    if options["positions"]:
        x = [[v + (sin(t / 10000 ** (c / d)) if c % 2 == 0 else cos(t / 10000 ** ((c - 1) / d))) for c, v in enumerate(row)] for t, row in enumerate(x)]

    def times(a, b):
        return [[sum(v * b[k][j] for k, v in enumerate(row)) for j in range(len(b[0]))] for row in a]

    q, k, v = times(x, wq), times(x, wk), times(x, wv)
    weights = []
    for i in range(n):
        seen = [j for j in range(n) if options["real"][j] and (not options["causal"] or j <= i)]
        row = [0.0] * n
        if seen:
            scores = {j: sum(a * b for a, b in zip(q[i], k[j])) / sqrt(h) for j in seen}
            top = max(scores.values())
            total = sum(exp(s - top) for s in scores.values())
            for j in seen:
                row[j] = exp(scores[j] - top) / total
        weights.append(row)
    return {"weights": weights, "output": times(weights, v)}
