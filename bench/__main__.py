"""Run benchmarks and keep their figures in `bench/results/bench.json`, one entry a benchmark.

    python -m bench             the comparisons of the README's table (`STANDARD`), each in a process of its own
    python -m bench long        those that need many minutes or a machine with more cores (`LONG`)
    python -m bench NAME ...    these
    python -m bench table       the README's table from the kept figures, each with the commit it was measured at

A benchmark is a module of this package with `run() -> dict`: it prints its own table and returns its medians and
ratios, which also go to standard output as one JSON line. One that cannot run (no Kafka here, say) or is not done
within its limit is told at the end; the others run all the same.
"""

import datetime
import importlib
import json
import os
import pkgutil
import platform
import signal
import subprocess
import sys
import time

import bench
from bench.figures import KEY_FIGURES, RESULTS, table, write_readme

LONG = ("memory", "live")
STANDARD = tuple(name for name in dict.fromkeys(name for name, *_ in KEY_FIGURES) if name not in LONG)
LIMIT_S, LONG_LIMIT_S = 600.0, 7200.0
"""Of one benchmark; then it is ended."""
END_S = 30.0


def names() -> list[str]:
    """The benchmarks there are."""
    found = []
    for module in pkgutil.iter_modules(bench.__path__):
        if not module.name.startswith("_") and hasattr(importlib.import_module(f"bench.{module.name}"), "run"):
            found.append(module.name)
    return found


def main(chosen: list[str]) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `tagledger` does
    if chosen == ["table"]:
        write_readme()
        print(table(), end="")
        return 0
    wanted = STANDARD if not chosen else LONG if chosen == ["long"] else tuple(chosen)
    known = names()
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    if len(wanted) == 1:
        measure(wanted[0])
        return 0
    began_s = time.monotonic()
    failed = {name: problem for name in wanted if (problem := _measured_apart(name))}
    print(f"\n{len(wanted) - len(failed)} of {len(wanted)} in {time.monotonic() - began_s:.0f} s", flush=True)
    for name, problem in failed.items():
        print(f"{name} {problem}", file=sys.stderr)
    return 1 if failed else 0


def measure(name: str) -> None:
    """Run one in this process and keep its figures. Raises what it raises."""
    print(f"\n== {name}", flush=True)
    began_s = time.monotonic()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    figures = importlib.import_module(f"bench.{name}").run()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": f"{os.cpu_count()} × {platform.machine()}, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "seconds": round(time.monotonic() - began_s),
        "figures": figures,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    print(f"({results[name]['seconds']} s)", flush=True)


def _measured_apart(name: str) -> str:
    """Run one in a process of its own, so that no other's memory and threads are in its figures; what went wrong."""
    limit_s = LONG_LIMIT_S if name in LONG else LIMIT_S
    with subprocess.Popen([sys.executable, "-m", "bench", name], start_new_session=True) as process:
        try:
            code = process.wait(limit_s)
            return "" if code == 0 else f"did not run: exit {code}, see above"
        except subprocess.TimeoutExpired:
            return f"was ended after {limit_s:.0f} s"
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it and what it started: as Ctrl-C does, and if that is not heard, at once."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
