def fit(x, y, lam, kind):
    n, d = len(x), len(x[0])
    dot = lambda a, b: sum(p * q for p, q in zip(a, b))
    means, mean_y = [sum(c) / n for c in zip(*x)], sum(y) / n
    columns = [[v - m for v in c] for c, m in zip(zip(*x), means)]
    target = [v - mean_y for v in y]
    g = [[dot(a, b) / n for b in columns] for a in columns]
    c = [dot(a, target) / n for a in columns]
    w = [0.0] * d
    if kind == "lasso":
        for _ in range(5000):
            moved = 0.0
            for j in range(d):
                pull = c[j] - dot(g[j], w) + g[j][j] * w[j]
                new = (1 if pull > 0 else -1) * max(abs(pull) - lam, 0.0) / g[j][j]
                moved, w[j] = max(moved, abs(new - w[j])), new
            if moved < 1e-13:
                break
    else:
        a = [[v + (lam if i == j else 0) for j, v in enumerate(row)] + [c[i]] for i, row in enumerate(g)]
        for i in range(d):
            pivot = max(range(i, d), key=lambda r: abs(a[r][i]))
            a[i], a[pivot] = a[pivot], a[i]
            for r in range(d):
                if r != i:
                    factor = a[r][i] / a[i][i]
                    a[r] = [p - factor * q for p, q in zip(a[r], a[i])]
        w = [a[i][d] / a[i][i] for i in range(d)]
    return {"intercept": mean_y - dot(means, w), "weights": w}
