from heapq import heappop, heappush


def windows(events, asks, width):
    rows = [(max(e["known"], e["at"] + 1), e["at"] + width, e["value"]) for e in events]
    rows = sorted(row for row in rows if row[0] <= row[1])
    leaving = sorted((end, value) for _, end, value in rows)
    heap, out, entered, left, total = [], [], 0, 0, 0
    for t in asks:
        while entered < len(rows) and rows[entered][0] <= t:
            _, end, value = rows[entered]
            heappush(heap, (-value, end))
            total += value
            entered += 1
        while left < len(leaving) and leaving[left][0] < t:
            total -= leaving[left][1]
            left += 1
        while heap and heap[0][1] < t:
            heappop(heap)
        count = entered - left
        out.append({"count": count, "sum": total if count else None, "max": -heap[0][0] if count else None})
    return out
