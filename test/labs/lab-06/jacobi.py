from math import atan2, cos, sin


def pca(rows, k):
    n, d = len(rows), len(rows[0])
    mean = [sum(row[j] for row in rows) / n for j in range(d)]
    x = [[value - mean[j] for j, value in enumerate(row)] for row in rows]
    a = [[sum(row[i] * row[j] for row in x) / (n - 1) for j in range(d)] for i in range(d)]
    v = [[float(i == j) for j in range(d)] for i in range(d)]
    for _ in range(40):
        for p in range(d):
            for q in range(p + 1, d):
                if a[p][q] == 0:
                    continue
                angle = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p])
                c, s = cos(angle), sin(angle)
                for m in (a, v):
                    for row in m:
                        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
                for i in range(d):
                    a[p][i], a[q][i] = c * a[p][i] - s * a[q][i], s * a[p][i] + c * a[q][i]
    order = sorted(range(d), key=lambda i: -a[i][i])[:k]
    total = sum(a[i][i] for i in range(d))
    return {
        "mean": mean,
        "components": [[v[i][j] for i in range(d)] for j in order],
        "variances": [a[j][j] for j in order],
        "ratios": [a[j][j] / total for j in order],
    }
