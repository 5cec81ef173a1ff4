from math import inf


def beam_search(width, max_length, end, alpha, score):
    beam = [(0.0, [])]
    for _ in range(max_length):
        if all(tokens and tokens[-1] == end for _, tokens in beam):
            break
        candidates = []
        for total, tokens in beam:
            if tokens and tokens[-1] == end:
                candidates.append((total, tokens))
            else:
                candidates += [(total + p, tokens + [token]) for token, p in enumerate(score(tokens)) if p > -inf]
        beam = sorted(candidates, key=lambda c: (-c[0], c[1]))[:width]
    total, tokens = min(beam, key=lambda c: (-c[0] / len(c[1]) ** alpha, c[1]))
    return {"tokens": tokens, "total": total}
