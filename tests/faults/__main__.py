"""`python -m tests.faults --kind embedded --seed 17` runs one seed again; `--runs 200` runs that many from it on.

`--upgrade-from CHECKOUT` instead runs rolling upgrades of a cluster from an older checkout of this repository to this
one, one for each order that `tests.faults.plan` knows.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.faults.ground import ground
from tests.faults.plan import ORDERS, Kind, plan_of, upgrade_of
from tests.faults.run import Verdict, run


def main() -> int:
    """Exit 1 when a run had problems; the last line is one JSON object."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("--kind", choices=[str(kind) for kind in Kind], default="embedded")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--minutes", type=float, default=1e9, help="begin no run after that")
    options.add_argument(
        "--upgrade-from", type=Path, help="an older checkout; upgrade a cluster from it, in each order"
    )
    given = options.parse_args()
    old: Path | None = given.upgrade_from
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and what was started ends too
    kind = Kind(given.kind) if old is None else Kind.CLUSTER
    seeds = range(given.seed, given.seed + given.runs)
    plans = [plan_of(kind, seed) for seed in seeds] if old is None else [upgrade_of(order, 1) for order in ORDERS]
    end_s = time.monotonic() + given.minutes * 60
    failed: list[int] = []
    done, faults, ended, hung = 0, 0, 0, 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tagledger-faults-")))
        base = stack.enter_context(ground(folder, kind, old))
        for plan in plans:
            if time.monotonic() > end_s:
                break
            try:
                verdict = run(plan, base)
            except Exception as error:  # the series goes on; what happened is a problem of that seed
                verdict = Verdict(plan, (f"{type(error).__name__}: {error}",), 0.0, 0, 0)
            done, faults, ended = done + 1, faults + len(verdict.plan.faults), ended + verdict.ended_by_themselves
            hung += verdict.killed_hanging
            print(f"{'bad' if verdict.problems else 'ok '} {verdict.seconds:5.1f} s  {verdict.plan}", flush=True)
            for note in verdict.notes:
                print(f"      {note}", flush=True)
            if verdict.problems:
                failed.append(plan.seed)
                print("\n".join(f"    {problem}" for problem in verdict.problems), flush=True)
                print(f"    again: python -m tests.faults --kind {kind} --seed {plan.seed}", flush=True)
    print(
        json.dumps(
            {
                "kind": str(kind),
                "runs": done,
                "faults": faults,
                "failed": failed,
                "processes_ended_by_themselves": ended,
                "processes_that_hung_at_sigterm": hung,
            }
        )
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
