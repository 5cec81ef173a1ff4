def quantised_layer(weights, x):
    # Python's round() goes to the even neighbour.
    scales = [max(abs(w) for w in row) / 127 or 1.0 for row in weights]
    codes = [[max(-127, min(127, round(w / s))) for w in row] for row, s in zip(weights, scales)]
    lo, hi = min(0.0, *x), max(0.0, *x)
    input_scale = (hi - lo) / 255 or 1.0
    zero = round(-lo / input_scale)
    input_codes = [max(0, min(255, round(v / input_scale) + zero)) for v in x]
    output = [s * input_scale * sum(c * (a - zero) for c, a in zip(row, input_codes)) for row, s in zip(codes, scales)]
    return {"scales": scales, "codes": codes, "inputScale": input_scale, "zeroPoint": zero, "inputCodes": input_codes, "output": output}
