from bisect import bisect_right
from math import isnan, log


def stability(reference, current, edges, epsilon):
    bins = len(edges) + 2

    def shares(values):
        counts = [0] * bins
        for x in values:
            counts[bins - 1 if x is None or isnan(x) else bisect_right(edges, x)] += 1
        return [max(count / len(values), epsilon) for count in counts]

    contributions = [(c - r) * log(c / r) for r, c in zip(shares(reference), shares(current))]
    psi = sum(contributions)
    floor = (bins - 1) * (1 / len(reference) + 1 / len(current))
    return {"contributions": contributions, "psi": psi, "floor": floor, "drifted": psi > 3 * floor}
