from math import inf


def viterbi(start, transition, emission, observed):
    if not observed:
        return {"path": [], "score": 0.0}
    states = range(len(start))
    best, back = [start[i] + emission[i][observed[0]] for i in states], []
    for symbol in observed[1:]:
        source = [max(states, key=lambda i: best[i] + transition[i][j]) for j in states]
        best = [best[source[j]] + transition[source[j]][j] + emission[j][symbol] for j in states]
        back.append(source)
    score = max(best)
    if score == -inf:
        return {"path": None, "score": score}
    path = [best.index(score)]
    for source in reversed(back):
        path.append(source[path[-1]])
    return {"path": path[::-1], "score": score}
