from math import exp, log


def cross_entropy(logits, labels, smoothing):
    counted = sum(y >= 0 for y in labels)
    loss, gradient = 0.0, []
    for row, y in zip(logits, labels):
        if y < 0:
            gradient.append([0.0] * len(row))
            continue
        top = max(row)
        total = sum(exp(z - top) for z in row)
        targets = [smoothing / len(row) + (1 - smoothing if k == y else 0) for k in range(len(row))]
        loss += sum(t * (log(total) + top - z) for t, z in zip(targets, row)) / counted
        gradient.append([(exp(z - top) / total - t) / counted for t, z in zip(targets, row)])
    return {"loss": loss, "gradient": gradient}
