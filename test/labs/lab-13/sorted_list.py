def top_k(n, k, compare):
    kept = []
    for item in range(n if k > 0 else 0):
        if len(kept) == k:
            if compare(kept[-1], item) >= 0:
                continue
            kept.pop()
        low, high = 0, len(kept)
        while low < high:
            middle = (low + high) // 2
            if compare(kept[middle], item) >= 0:
                low = middle + 1
            else:
                high = middle
        kept.insert(low, item)
    return kept
