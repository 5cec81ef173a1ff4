def debias(log, positions, floor):
    views, clicks = [0] * positions, [0] * positions
    for i in log:
        if i["shuffled"]:
            views[i["position"]] += 1
            clicks[i["position"]] += i["click"]
    top = clicks[0] / views[0] if positions and views[0] else 0
    propensities = [1.0 if not top else floor if not v else max(floor, c / v / top) for c, v in zip(clicks, views)]
    sums = {}
    for i in log:
        cell = sums.setdefault(i["query"], {}).setdefault(i["doc"], [0.0, 0])
        cell[0] += 1 / propensities[i["position"]] if i["click"] else 0
        cell[1] += 1
    relevance = {q: {d: t / n for d, (t, n) in docs.items()} for q, docs in sums.items()}
    ranking = {q: sorted(docs, key=lambda d: (-docs[d], d)) for q, docs in relevance.items()}
    return {"propensities": propensities, "relevance": relevance, "ranking": ranking}
