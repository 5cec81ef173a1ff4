from heapq import heappop, heappush
from math import dist


def search(points, queries, k, distances):
    n = len(points)
    links = [[] for _ in points]

    def walk(starts, width, many):
        seen, found, todo = set(), [], []

        def add(ids):
            fresh = [i for i in ids if i not in seen]
            seen.update(fresh)
            for d, i in zip(many(fresh), fresh):
                if len(found) < width or d < -found[0][0]:
                    heappush(found, (-d, i))
                    heappush(todo, (d, i))
                    if len(found) > width:
                        heappop(found)

        add(starts)
        while todo:
            d, i = heappop(todo)
            if len(found) == width and d > -found[0][0]:
                break
            add(links[i])
        return [i for _, i in sorted((-d, i) for d, i in found)]

    def starts(size):
        return [i * size // min(size, 12) for i in range(min(size, 12))]

    for i in range(1, n):
        for j in walk(starts(i), 30, lambda ids: [dist(points[i], points[j]) for j in ids])[:10]:
            links[i].append(j)
            links[j].append(i)
    return [walk(starts(n), max(40, k), lambda ids: distances(q, ids))[:k] for q in range(queries)]
