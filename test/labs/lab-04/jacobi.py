from math import atan2, cos, sin


def eigen(a):
    n = len(a)
    a = [list(row) for row in a]
    v = [[float(i == j) for j in range(n)] for i in range(n)]
    for _ in range(40):
        for p in range(n):
            for q in range(p + 1, n):
                if a[p][q] == 0:
                    continue
                angle = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p])
                c, s = cos(angle), sin(angle)
                for m in (a, v):
                    for row in m:
                        row[p], row[q] = c * row[p] - s * row[q], s * row[p] + c * row[q]
                a[p], a[q] = [c * x - s * y for x, y in zip(a[p], a[q])], [s * x + c * y for x, y in zip(a[p], a[q])]
    order = sorted(range(n), key=lambda i: -a[i][i])
    return {"values": [a[i][i] for i in order], "vectors": [[row[i] for row in v] for i in order]}
