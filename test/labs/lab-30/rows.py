from math import exp, log


def product(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def turned(a):
    return [list(column) for column in zip(*a)]


def step(x, labels, net, rate):
    n = len(x)
    add = lambda rows, b: [[v + w for v, w in zip(row, b)] for row in rows]
    z1 = add(product(x, net["w1"]), net["b1"])
    a1 = [[max(v, 0.0) for v in row] for row in z1]
    z2 = add(product(a1, net["w2"]), net["b2"])
    p, loss, dz2 = [], 0.0, []
    for row, y in zip(z2, labels):
        total = sum(exp(v - max(row)) for v in row)
        loss += (max(row) + log(total) - row[y]) / n
        p.append([exp(v - max(row)) / total for v in row])
        dz2.append([(share - (k == y)) / n for k, share in enumerate(p[-1])])
    dz1 = [[g if z > 0 else 0.0 for g, z in zip(gs, zs)] for gs, zs in zip(product(dz2, turned(net["w2"])), z1)]
    dw1, dw2 = product(turned(x), dz1), product(turned(a1), dz2)
    db1, db2 = [sum(c) for c in turned(dz1)], [sum(c) for c in turned(dz2)]
    less = lambda v, g: [less(a, b) for a, b in zip(v, g)] if isinstance(v, list) else v - rate * g
    stepped = {"w1": less(net["w1"], dw1), "b1": less(net["b1"], db1), "w2": less(net["w2"], dw2), "b2": less(net["b2"], db2)}
    return {"z1": z1, "a1": a1, "z2": z2, "p": p, "loss": loss, "dz2": dz2, "dw2": dw2, "db2": db2, "dz1": dz1, "dw1": dw1, "db1": db1, "stepped": stepped}
