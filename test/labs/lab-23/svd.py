from math import sqrt


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


def least_squares(x, y):
    wide = len(x) < len(x[0])
    columns = [list(row) for row in (x if wide else zip(*x))]
    k = len(columns)
    v = [[float(i == j) for j in range(k)] for i in range(k)]
    for _ in range(60):
        busy = False
        for p in range(k):
            for q in range(p + 1, k):
                a, b, g = dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])
                if g == 0 or abs(g) <= 1e-16 * sqrt(a * b):
                    continue
                busy = True
                zeta = (b - a) / (2 * g)
                t = (-1 if zeta < 0 else 1) / (abs(zeta) + sqrt(1 + zeta * zeta))
                c = 1 / sqrt(1 + t * t)
                for m in (columns, v):
                    m[p], m[q] = [c * s - c * t * u for s, u in zip(m[p], m[q])], [c * t * s + c * u for s, u in zip(m[p], m[q])]
        if not busy:
            break
    squares = [dot(column, column) for column in columns]
    w = [0.0] * len(x[0])
    for u, vi, square in zip(columns, v, squares):
        if square > 1e-20 * max(squares):
            left, right = (vi, u) if wide else (u, vi)
            factor = dot(left, y) / square
            w = [a + factor * b for a, b in zip(w, right)]
    return w
