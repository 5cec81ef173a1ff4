import math
import random


def search(train, space, budget):
    rng = random.Random(5)

    def value(p, u):
        v = p["low"] * (p["high"] / p["low"]) ** u if p["scale"] == "log" else p["low"] + u * (p["high"] - p["low"])
        return min(p["high"], max(p["low"], round(v) if p["whole"] else v))

    point, step, best, loss = [0.5] * len(space), 0.3, None, math.inf
    for trial in range(budget):
        child = point if trial == 0 else [min(1.0, max(0.0, x + step * rng.gauss(0, 1))) for x in point]
        configuration = {p["name"]: value(p, u) for p, u in zip(space, child)}
        result = train(configuration)
        if result < loss:
            best, loss, point, step = configuration, result, child, min(0.25, step * 1.5)
        elif loss < math.inf:
            step *= 0.89
    return {"best": best, "loss": loss}
