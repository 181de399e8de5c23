"""Run benchmarks and keep their figures in `bench/results/bench.json`, one entry a benchmark.

A benchmark is a module of this package with `run() -> dict`: it prints its own table and returns its medians and ratios,
which also go to standard output as one JSON line.
"""

import datetime
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
from pathlib import Path

import bench

RESULTS = Path(__file__).parent / "results" / "bench.json"


def names() -> list[str]:
    """The benchmarks there are."""
    found = []
    for module in pkgutil.iter_modules(bench.__path__):
        if not module.name.startswith("_") and hasattr(importlib.import_module(f"bench.{module.name}"), "run"):
            found.append(module.name)
    return found


def main(chosen: list[str]) -> int:
    known = names()
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    for name in chosen or known:
        print(f"\n== {name}", flush=True)
        results[name] = {
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "commit": commit.stdout.strip(),
            "machine": f"{os.cpu_count()} × {platform.machine()}, Python {platform.python_version()}",
            "figures": importlib.import_module(f"bench.{name}").run(),
        }
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
