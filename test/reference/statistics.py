"""Reference values of src/math from SciPy. Usage: python statistics.py > statistics.json (SciPy and NumPy only)."""

import json
import sys

import numpy
import scipy
from scipy import stats
from scipy.spatial.distance import jensenshannon

rng = numpy.random.default_rng(7)


def samples():
    pairs = {
        "normals": (rng.normal(size=60), rng.normal(0.4, 1.2, size=45)),
        "same": (rng.normal(size=30), rng.normal(size=50)),
        "one-each": (numpy.array([1.0]), numpy.array([2.5])),
        "counts-with-ties": (rng.poisson(3, size=80).astype(float), rng.poisson(4, size=64).astype(float)),
        "disjoint": (numpy.arange(6.0), numpy.arange(10.0, 14.0)),
        "skewed": (rng.lognormal(size=200), rng.lognormal(0.3, 1, size=150)),
    }
    large = (rng.normal(size=3000), rng.normal(0.05, 1, size=2500))
    out = []
    for name, (a, b) in {**pairs, "large": large}.items():
        test = stats.ks_2samp(a, b, method="exact" if name != "large" else "asymp")
        limit = stats.kstwobign.sf(test.statistic * numpy.sqrt(len(a) * len(b) / (len(a) + len(b))))
        out.append({
            "name": name, "reference": a.tolist(), "current": b.tolist(), "ksStatistic": test.statistic,
            "ksPValue": test.pvalue, "ksLimitPValue": limit, "wasserstein": stats.wasserstein_distance(a, b),
        })
    return out


def shares():
    out = []
    for k in (2, 5, 12):
        for _ in range(3):
            p, q = rng.dirichlet(numpy.ones(k)), rng.dirichlet(numpy.ones(k))
            if k == 12:
                p[3] = 0
                p /= p.sum()
            out.append({"p": p.tolist(), "q": q.tolist(), "jensenShannon": float(jensenshannon(p, q)),
                        "hellinger": float(numpy.sqrt(max(0, 1 - numpy.sqrt(p * q).sum())))})
    return out


degrees = [0.5, 1, 2, 3, 5, 9, 10, 11, 30, 100, 1000]
probabilities = [1e-12, 1e-6, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9998214285714286, 0.999999, 1 - 1e-12]
json.dump({
    "made": {"script": "statistics.py", "scipy": scipy.__version__, "numpy": numpy.__version__, "python": sys.version.split()[0]},
    "normalQuantile": [[p, stats.norm.ppf(p)] for p in [1e-300, 1e-40, *probabilities]],
    "normalSurvival": [[z, stats.norm.sf(z)] for z in [-8, -3, -1, -0.1, 0, 0.1, 1, 1.96, 3, 6, 10, 20]],
    "chiSquareQuantile": [[p, d, stats.chi2.ppf(p, d)] for d in degrees for p in probabilities],
    "chiSquareSurvival": [[float(x), d, stats.chi2.sf(x, d)] for d in degrees for x in [0, 0.01, 0.5, 1, 3, d, 2 * d + 1, 4 * d + 20, 10 * d + 100]],
    "samples": samples(),
    "shares": shares(),
}, sys.stdout, separators=(",", ":"))
