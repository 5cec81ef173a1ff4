"""What the files of scenarios share. Each prints one JSON line a scenario: {"scenario": name, "problem": null or what went wrong}.

Imports nothing but the standard library: every stock client has an environment of its own.
"""

import json
import traceback

registered = {}


def scenario(name):
    """Names a function that fails by raising anything."""

    def register(work):
        registered[name] = work
        return work

    return register


def refused(code, work):
    """What MLflow's client says when the server refuses; its exceptions carry the code."""
    try:
        work()
    except Exception as error:
        assert getattr(error, "error_code", None) == code, f"{getattr(error, 'error_code', type(error).__name__)}: {error}"
        return str(error)
    raise AssertionError(f"not refused with {code}")


def run_all(scenarios=registered):
    """Runs them in order, whatever happened to the one before."""
    for name, work in scenarios.items():
        problem = None
        try:
            work()
        except BaseException:  # whatever a stock client throws is the finding, an exit too
            problem = traceback.format_exc()
        print(json.dumps({"scenario": name, "problem": problem}), flush=True)
