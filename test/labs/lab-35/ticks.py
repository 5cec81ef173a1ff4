def simulate(requests, policy):
    size, delay = policy["maxSize"], policy["maxDelay"]
    out = [{"id": r["id"], "outcome": None, "start": None, "end": None} for r in requests]
    queue, nxt, free, now = [], 0, 0, 0
    while nxt < len(requests) or queue:
        while nxt < len(requests) and requests[nxt]["at"] == now:
            queue.append(nxt)
            nxt += 1
        for i in list(queue):
            r = requests[i]
            if r["cancel"] is not None and r["cancel"] <= now:
                out[i]["outcome"] = "cancelled"
            elif r["deadline"] is not None and r["deadline"] <= now:
                out[i]["outcome"] = "expired"
            if out[i]["outcome"]:
                queue.remove(i)
        if now >= free and queue and (len(queue) >= size or now - requests[queue[0]]["at"] >= delay):
            batch, queue = queue[:size], queue[size:]
            free = now + policy["base"] + policy["each"] * len(batch)
            for i in batch:
                out[i].update(outcome="done", start=now, end=free)
        now += 1
    return out
