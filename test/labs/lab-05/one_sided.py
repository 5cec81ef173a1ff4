from math import hypot, sqrt


def dot(x, y):
    return sum(p * q for p, q in zip(x, y))


def svd(a):
    wide = len(a) < len(a[0])
    columns = [list(row) for row in (a if wide else zip(*a))]
    r, n = len(columns), len(columns[0])
    v = [[float(i == j) for j in range(r)] for i in range(r)]
    for _ in range(40):
        for p in range(r):
            for q in range(p + 1, r):
                x, y, z = dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])
                if z == 0 or abs(z) <= 1e-17 * sqrt(x * y):
                    continue
                zeta = (y - x) / (2 * z)
                t = (-1 if zeta < 0 else 1) / (abs(zeta) + hypot(1, zeta))
                c = 1 / hypot(1, t)
                for m in (columns, v):
                    m[p], m[q] = [c * (e - t * f) for e, f in zip(m[p], m[q])], [c * (t * e + f) for e, f in zip(m[p], m[q])]
    lengths = [sqrt(dot(u, u)) for u in columns]
    order = sorted(range(r), key=lambda i: -lengths[i])
    long = []

    def complete(u):
        for _ in range(3):
            for w in long:
                c = dot(u, w)
                u = [e - c * f for e, f in zip(u, w)]
        return u

    for i in order:
        if lengths[i] > 1e-14 * lengths[order[0]]:
            u = complete(columns[i])
        else:
            u = max((complete([float(j == k) for j in range(n)]) for k in range(n)), key=lambda w: dot(w, w))
        size = sqrt(dot(u, u))
        long.append([e / size for e in u])
    short = [v[i] for i in order]
    return {"values": [lengths[i] for i in order], "left": short if wide else long, "right": long if wide else short}
