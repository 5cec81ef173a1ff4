from math import exp, log, tanh

PAIRS = {"add": lambda x, y: (x + y, 1, 1), "sub": lambda x, y: (x - y, 1, -1), "mul": lambda x, y: (x * y, y, x), "div": lambda x, y: (x / y, 1 / y, -x / (y * y))}
SINGLES = {"exp": lambda x: (exp(x), exp(x)), "log": lambda x: (log(x), 1 / x), "tanh": lambda x: (tanh(x), 1 - tanh(x) ** 2), "relu": lambda x: (max(x, 0.0), float(x > 0))}


def differentiate(nodes, inputs):
    values, parents = [], []
    for node in nodes:
        op = node["op"]
        if op == "input":
            value, local = inputs[node["index"]], []
        elif op in PAIRS:
            value, left, right = PAIRS[op](values[node["a"]], values[node["b"]])
            local = [(node["a"], left), (node["b"], right)]
        elif op == "pow":
            x, n = values[node["a"]], node["exponent"]
            value, local = x**n, [(node["a"], 0.0 if n == 0 else n * x ** (n - 1))]
        else:
            value, slope = SINGLES[op](values[node["a"]])
            local = [(node["a"], slope)]
        values.append(value)
        parents.append(local)
    gradients, gradient = [0.0] * len(nodes), [0.0] * len(inputs)
    gradients[-1] = 1.0
    for i in range(len(nodes) - 1, -1, -1):
        if nodes[i]["op"] == "input":
            gradient[nodes[i]["index"]] += gradients[i]
        for parent, slope in parents[i]:
            gradients[parent] += gradients[i] * slope
    return {"value": values[-1], "gradient": gradient}
