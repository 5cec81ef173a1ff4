def run_pipeline(steps, cached, run):
    by_name = {step["name"]: step for step in steps}
    following = {name: [] for name in by_name}
    waiting = {}
    for step in steps:
        waiting[step["name"]] = len(step["after"])
        for need in step["after"]:
            following[need].append(step["name"])  # a KeyError is a need that does not exist
    order = [name for name, count in waiting.items() if count == 0]
    for name in order:
        for other in following[name]:
            waiting[other] -= 1
            if waiting[other] == 0:
                order.append(other)
    if len(order) < len(steps):
        raise ValueError("the steps hold a cycle")
    results = {}
    for name in order:
        states = {results[need]["state"] for need in by_name[name]["after"]}
        state, tries = "failed", 0
        if states & {"failed", "skipped"}:
            state = "skipped"
        elif name in cached and states <= {"cached"}:
            state = "cached"
        else:
            while state == "failed" and tries < by_name[name]["attempts"]:
                tries += 1
                if run(name):
                    state = "done"
        results[name] = {"state": state, "attempts": tries}
    return results
