from bisect import bisect_left, bisect_right


def point_in_time(questions, events, options):
    ttl, window = options["ttl"], options["window"]
    by_key = {}
    for order, e in enumerate(events):
        by_key.setdefault(tuple(e["key"]), []).append((e["event"], e["known"], order, e["value"]))
    times = {}
    for key, own in by_key.items():
        own.sort()
        times[key] = [e[0] for e in own]
    latest, count, mean = [], [], []
    for q in questions:
        key, at = tuple(q["key"]), q["at"]
        own, when = by_key.get(key, []), times.get(key, [])
        end = bisect_right(when, at)
        latest.append(next((e[3] for e in reversed(own[bisect_left(when, at - ttl):end]) if e[1] <= at), None))
        values = [e[3] for e in own[bisect_left(when, at - window):bisect_left(when, at)] if e[1] <= at]
        count.append(len(values))
        mean.append(sum(values) / len(values) if values else None)
    skewed = [i for i, q in enumerate(questions) if q["served"] != latest[i]]
    return {"latest": latest, "count": count, "mean": mean, "skewed": skewed}
