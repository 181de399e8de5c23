"""Postings and reservations a second by 16 workers, on one hot item and spread, against a bare conditional UPDATE.

A posting is the command `MoveStock`, a reservation the command `ReserveStock`, each in a transaction of its own:
stored answer, double entry, balances under their CHECKs, audit and outbox. Hot: all workers take from one balance.
Spread: each worker has an item and places of its own.

Peer, in interleaved rounds: `update`, one `UPDATE stock SET on_hand = on_hand - 1 WHERE id = ? AND on_hand >= 1`
a transaction, which keeps no book at all. Workers are processes; fsync is on for all.
"""

import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

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
from warehouse.postgres.commands import execute
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer

WORKERS = 16
ROUNDS = 3
SECONDS = 4.0
# psycopg prepares a statement at its fifth use, PostgreSQL settles on a plan after five more: a service's connections
# live for hours.
WARM_UP = 12
STOCK = Decimal(10_000_000)
ACTOR = Actor("bench", "bench", ALL_RIGHTS)
Connection = psycopg.Connection[Any]


def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, object]:
    """Median operations/s by contestant, hot and spread, and ratios within a round."""
    fork = multiprocessing.get_context("fork")
    contestants: dict[str, Callable[[Connection, int], None]] = {"post": _post, "reserve": _reserve, "update": _update}
    rates: dict[str, list[float]] = {f"{name}_{where}": [] for where in ("hot", "spread") for name in contestants}
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        migrate(server.dsn)
        _fill(server.dsn)
        for _ in range(rounds):
            for where in ("hot", "spread"):
                for name, work in contestants.items():
                    rates[f"{name}_{where}"].append(_measure(fork, server.dsn, work, where == "hot", seconds))
    result: dict[str, object] = {"bench": "ledger", "unit": "operations/s", "rounds": rounds, "workers": WORKERS}
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


def _measure(fork: Any, dsn: str, work: Callable[[Connection, int], None], hot: bool, seconds: float) -> float:
    done: Any = fork.Queue()
    ready: Any = fork.Barrier(WORKERS)
    workers = [
        fork.Process(target=_worker, args=(dsn, work, 0 if hot else number, seconds, ready, done))
        for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    counts = [done.get(timeout=seconds + 60) for _ in workers]
    for worker in workers:
        worker.join()
    return float(sum(count / spent_s for count, spent_s in counts))


def _worker(
    dsn: str, work: Callable[[Connection, int], None], item: int, seconds: float, ready: Any, done: Any
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(WARM_UP):
            work(connection, item)
        ready.wait(60)
        began_s, count = time.perf_counter(), 0
        while (spent_s := time.perf_counter() - began_s) < seconds:
            work(connection, item)
            count += 1
        done.put((count, spent_s))


def _post(connection: Connection, item: int) -> None:
    _do(connection, MoveStock(f"I{item}", Decimal(1), f"FROM{item}", f"TO{item}"))


def _reserve(connection: Connection, item: int) -> None:
    _do(connection, ReserveStock(f"I{item}", Decimal(1), f"FROM{item}", "bench"))


def _update(connection: Connection, item: int) -> None:
    done = connection.execute("update bare set on_hand = on_hand - 1 where id = %s and on_hand >= 1", (item,))
    assert done.rowcount == 1


def _do(connection: Connection, command: Command) -> None:
    outcome = execute(connection, command, actor=ACTOR, source="bench", client_event_id=str(uuid4()))
    assert isinstance(outcome, Result), outcome


if __name__ == "__main__":
    run()
