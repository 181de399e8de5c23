"""Postings and reservations a second by 16 workers, on one hot item and spread, against a bare conditional UPDATE.

A posting is the command `MoveStock`, a reservation the command `ReserveStock`, asked as the API asks them: by threads
of one process at its desk, which executes what waits together. Each is committed when its worker hears of it: stored
answer, double entry, balances under their CHECKs, audit and outbox. Hot: all workers take from one balance. Spread:
each worker has an item and places of its own. At the end every invariant of the ledger is computed anew.

Peer, in interleaved rounds: `update`, one `UPDATE stock SET on_hand = on_hand - 1 WHERE id = ? AND on_hand >= 1`
a transaction, which keeps no book at all, by 16 processes with a connection each. fsync is on for all.

After them, in rounds of its own: `rows`, the rows of postings alone, written by hand in groups by two processes
(`bench.posting_rows`). Nothing is asked or answered, so it bounds what any way of keeping these books can reach.

Where a posting's CPU time goes, spread (/proc, beside other work): half in PostgreSQL, half in Python, in groups of 7;
0.61 ms in all on idle cores when a group asked in two calls and wrote in two, an eighth less since it asks in one and
writes in one (interleaved rounds beside other work). In groups of 7 more than half of it is what a group costs whatever
is in it: four messages, the start of a dozen statements, the commit. In groups of 64, which 16 callers cannot make, a
posting costs 0.11 ms of each. The bare UPDATE costs 0.08 and 0.07 ms, the rows by hand 0.14 ms of PostgreSQL alone. At
half the bare UPDATE's rate a posting would have 0.31 ms for both, with two cores never idle. Hot, a group changes two
balances once, and the bare UPDATEs wait for each other's commits.

When a group begins leaves little to gain: two groups at a time can be of 8 at most, and are of 7. One at a time, which
waits until those answered last have asked again, is of 15 and costs a posting a quarter less CPU (0.65 for 0.85 ms
beside other work), but then Python and PostgreSQL wait for each other: 0.22 for 0.21 of the bare UPDATE's rate on cores
that are never idle; where nothing else runs it would leave one of two idle (reckoned, not run).

What bounds it: nearly alone on two cores it was 3,200 postings a second, 0.47 ms of CPU time each, and a quarter of the
cores' time idle. The backends of the two groups under way spent a quarter of their time in commits that waited for the
disk and three tenths in the two calls; for the rest they waited for Python (pg_stat_activity every 3 ms, beside other
work). All 16 callers are in one group or the other, so nobody is left to use what is idle. Tried, beside other work:
three groups at a time 0.91 of the rate of two, Python's threads switched sooner 0.95 to 0.99, callers woken one by one
1.03 spread and 0.96 hot; not waiting for the disk (synchronous_commit off, which no posting may have) only 1.19.

Half of 13,300 a second would leave a caller 2.4 ms from asking to answer. About one of them is the commit, so two
groups of 8 would have 0.17 ms a posting for Python and PostgreSQL, one after the other, where the rows by hand take
PostgreSQL 0.14 (reckoned). So it is out of reach for 16 callers that wait, on these cores and this disk, with these
rows written.

Of PostgreSQL's time for a group of 8 (perf, stacks): movements and balances 34 % (entries in trees 9, foreign keys 8,
CHECKs 3), names, twins and locks 24 %, answers, audit and outbox 13 % (entries in trees 6), parameters read from JSON
7 %, messages 9 %, the commit 8 %. Left out on trial, of PostgreSQL's half: foreign keys to item and places 11 %, three
of a movement's ten trees 11 %, three of the audit's five 6 %, CHECKs 3 %; BRIN for the two by time, and facts told as
json, nothing. Of Python's, three quarters is the interpreter, 8 % futexes, 3 % the garbage collector.

What a posting writes, spread (pg_stat_statements): four rows inserted, with nineteen entries in trees, and two balances
changed in place: 31 WAL records of 3.2 kB together; the bare UPDATE changes one row in place, 116 bytes.

A transaction that notifies holds a lock of the whole database until it is on disk: on a disk that took 5 ms, 16
connections committed 190 of them a second, and 670 that did not notify. Groups notify when they are committed.
"""

import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg_pool import ConnectionPool

from bench import posting_rows
from tagledger.command_desk import DirectBus
from tagledger.group_desk import LEADERS, GroupDesk
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    AdjustStock,
    Command,
    CreateItem,
    CreateLocation,
    MoveStock,
    ReserveStock,
    Result,
)
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute
from warehouse.postgres.database.connect import service_dsn
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.postgres.group import Outcome
from warehouse.postgres.requests import Request

WORKERS = 16
ROUNDS = 3
SECONDS = 4.0
# psycopg prepares a statement at its fifth use, PostgreSQL settles on a plan after five more: a service's connections
# live for hours.
WARM_UP = 12
STOCK = Decimal(10_000_000)
ACTOR = Actor("bench", "bench", ALL_RIGHTS)
Connection = psycopg.Connection[Any]
Task = Callable[[Connection, int], None]
"""Done again and again by a process, which has a number."""


def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, object]:
    """Median operations/s by contestant, hot and spread, and ratios within a round."""
    fork = multiprocessing.get_context("fork")
    contestants = ("post", "reserve", "update")
    rows: list[float] = []
    rows_x: list[float] = []
    rates: dict[str, list[float]] = {f"{name}_{where}": [] for where in ("hot", "spread") for name in contestants}
    groups: list[int] = []
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        migrate(server.dsn)
        _fill(server.dsn)
        for _ in range(rounds):
            for where in ("hot", "spread"):
                update = partial(_updating, hot=where == "hot")
                rates[f"update_{where}"].append(_processes(fork, server.dsn, WORKERS, update, seconds))
                for name, make in (("post", _move), ("reserve", _reserve)):
                    rates[f"{name}_{where}"].append(_desk(server.dsn, make, where == "hot", seconds, groups))
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            assert check(connection) == []
            posting_rows.prepare(connection, WORKERS)
        # These rows keep no books, so they come last, and beside an `update` of their own.
        for _ in range(rounds):
            bare = _processes(fork, server.dsn, WORKERS, partial(_updating, hot=False), seconds)
            by_hand = _processes(fork, server.dsn, WORKERS // posting_rows.GROUP, _writing, seconds)
            rows.append(posting_rows.GROUP * by_hand)
            rows_x.append(posting_rows.GROUP * by_hand / bare)
    result: dict[str, object] = {
        "bench": "ledger",
        "unit": "operations/s",
        "rounds": rounds,
        "workers": WORKERS,
        "commands_a_group": round(statistics.mean(groups), 1),
    }
    print(f"{'':10}{'post/s':>10}{'reserve/s':>11}{'update/s':>10}{'post x':>9}{'reserve x':>11}")
    for where in ("hot", "spread"):
        row = {name: round(statistics.median(rates[f"{name}_{where}"])) for name in contestants}
        ratio = {
            f"{name}_x_update": round(
                statistics.median(
                    a / b for a, b in zip(rates[f"{name}_{where}"], rates[f"update_{where}"], strict=True)
                ),
                3,
            )
            for name in ("post", "reserve")
        }
        result[where] = row | ratio
        print(
            f"{where:10}{row['post']:10,}{row['reserve']:11,}{row['update']:10,}"
            f"{ratio['post_x_update']:9}{ratio['reserve_x_update']:11}"
        )
    by_hand_rate, by_hand_x = round(statistics.median(rows)), round(statistics.median(rows_x), 3)
    result["by_hand"] = {"rows": by_hand_rate, "rows_x_update": by_hand_x}
    print(f"the rows of postings written by hand, spread: {by_hand_rate:,}/s, {by_hand_x} of update")
    print(json.dumps(result))
    return result


def _fill(dsn: str) -> None:
    """One item a worker with stock in a bin of its own; the hot ones are worker 0's."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table bare (id int primary key, on_hand numeric not null check (on_hand >= 0))")
        for worker in range(WORKERS):
            _do(connection, CreateItem(f"I{worker}"))
            _do(connection, CreateLocation(f"FROM{worker}"))
            _do(connection, CreateLocation(f"TO{worker}"))
            _do(connection, AdjustStock(f"I{worker}", STOCK, f"FROM{worker}", "bench"))
            connection.execute("insert into bare values (%s, %s)", (worker, STOCK))


def _desk(dsn: str, make: Callable[[int], Command], hot: bool, seconds: float, groups: list[int]) -> float:
    """Threads at one desk; commands/s. The size of every group goes to `groups`."""
    with ConnectionPool[Connection](service_dsn(dsn), min_size=LEADERS, max_size=LEADERS, open=True) as pool:
        bus = DirectBus(pool)

        def counted(requests: Sequence[Request]) -> list[Outcome]:
            groups.append(len(requests))
            return bus.execute_all(requests)

        desk = GroupDesk(counted)

        def work(worker: int) -> float:
            def once() -> None:
                asked = Request.of(make(0 if hot else worker), ACTOR, "bench", str(uuid4()))
                outcome = desk.execute(asked)
                assert isinstance(outcome, Result), outcome

            for _ in range(WARM_UP):
                once()
            ready.wait(60)
            began_s, count = time.perf_counter(), 0
            while (spent_s := time.perf_counter() - began_s) < seconds:
                once()
                count += 1
            return count / spent_s

        ready = threading.Barrier(WORKERS)
        with ThreadPoolExecutor(WORKERS) as threads:
            return sum(threads.map(work, range(WORKERS)))


def _processes(fork: Any, dsn: str, workers: int, task: Task, seconds: float) -> float:
    """Processes with a connection each; how often a second all together did their task."""
    done: Any = fork.Queue()
    ready: Any = fork.Barrier(workers)
    started = [
        fork.Process(target=_worker, args=(dsn, number, task, seconds, ready, done)) for number in range(workers)
    ]
    for worker in started:
        worker.start()
    counts = [done.get(timeout=seconds + 60) for _ in started]
    for worker in started:
        worker.join()
    return float(sum(count / spent_s for count, spent_s in counts))


def _worker(dsn: str, number: int, task: Task, seconds: float, ready: Any, done: Any) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(WARM_UP):
            task(connection, number)
        ready.wait(60)
        began_s, count = time.perf_counter(), 0
        while (spent_s := time.perf_counter() - began_s) < seconds:
            task(connection, number)
            count += 1
        done.put((count, spent_s))


def _updating(connection: Connection, number: int, *, hot: bool) -> None:
    item = 0 if hot else number
    done = connection.execute("update bare set on_hand = on_hand - 1 where id = %s and on_hand >= 1", (item,))
    assert done.rowcount == 1


def _writing(connection: Connection, number: int) -> None:
    posting_rows.write(connection, number * posting_rows.GROUP)


def _move(item: int) -> Command:
    return MoveStock(f"I{item}", Decimal(1), f"FROM{item}", f"TO{item}")


def _reserve(item: int) -> Command:
    return ReserveStock(f"I{item}", Decimal(1), f"FROM{item}", "bench")


def _do(connection: Connection, command: Command) -> None:
    outcome = execute(connection, command, actor=ACTOR, source="bench", client_event_id=str(uuid4()))
    assert isinstance(outcome, Result), outcome


if __name__ == "__main__":
    run()
