def analyse(steps, changed):
    after = {s["name"]: s["after"] for s in steps}
    cost = {s["name"]: s["seconds"] for s in steps}
    following = {name: [] for name in after}
    for name, before in after.items():
        for other in before:
            following[other].append(name)
    open_ = {name: len(before) for name, before in after.items()}
    order = [name for name in after if open_[name] == 0]
    finish, source = {}, {}
    for name in order:
        source[name] = max(after[name], key=finish.get, default=None)
        finish[name] = cost[name] + finish.get(source[name], 0)
        for other in following[name]:
            open_[other] -= 1
            if open_[other] == 0:
                order.append(other)
    if len(order) < len(after):
        walk, name = [], next(n for n in after if open_[n] > 0)
        while name not in walk:
            walk.append(name)
            name = next(n for n in after[name] if open_[n] > 0)
        return {"cycle": walk[walk.index(name):][::-1], "seconds": None, "path": None, "affected": None}
    path, name = [], max(order, key=finish.get)
    seconds = finish[name]
    while name is not None:
        path.append(name)
        name = source[name]
    affected = {changed}
    for name in order:
        if any(other in affected for other in after[name]):
            affected.add(name)
    return {"cycle": None, "seconds": seconds, "path": path[::-1], "affected": sorted(affected - {changed})}
