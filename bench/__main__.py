"""Run benchmarks and keep their figures in `bench/results/bench.json`, one entry a benchmark.

    python -m bench             the comparisons of the README's table, about a quarter of an hour on two idle cores
    python -m bench NAME ...    these
    python -m bench table       the README's table from the kept figures, each with the commit it was measured at

A benchmark is a module of this package with `run() -> dict`: it prints its own table and returns its medians and
ratios, which also go to standard output as one JSON line. One that cannot run (no Kafka here, say) is told at the end;
the others run all the same.
"""

import datetime
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import time
import traceback

import bench
from bench.figures import KEY_FIGURES, RESULTS, table, write_readme


def names() -> list[str]:
    """The benchmarks there are."""
    found = []
    for module in pkgutil.iter_modules(bench.__path__):
        if not module.name.startswith("_") and hasattr(importlib.import_module(f"bench.{module.name}"), "run"):
            found.append(module.name)
    return found


def main(chosen: list[str]) -> int:
    if chosen == ["table"]:
        write_readme()
        print(table(), end="")
        return 0
    known = names()
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    failed: dict[str, str] = {}
    for name in chosen or list(dict.fromkeys(name for name, *_ in KEY_FIGURES)):
        print(f"\n== {name}", flush=True)
        began_s = time.monotonic()
        try:
            figures = importlib.import_module(f"bench.{name}").run()
        except Exception as error:  # the others are measured all the same; told at the end
            traceback.print_exc()
            failed[name] = str(error) or type(error).__name__
            continue
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        results[name] = {
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "commit": commit.stdout.strip(),
            "machine": f"{os.cpu_count()} × {platform.machine()}, Python {platform.python_version()}",
            "seconds": round(time.monotonic() - began_s),
            "figures": figures,
        }
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        print(f"({results[name]['seconds']} s)", flush=True)
    for name, reason in failed.items():
        print(f"{name} did not run: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
