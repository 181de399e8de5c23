"""Eight workers claim, report, finish, fail, lapse, cancel, release, move and ship the same pallets at random.

Whatever they are told: a pallet is in one place, no task is done twice, what left is gone, no bin holds more than it
takes but by a person's word, and the ledger's invariants hold. A failing seed is in the test's name.
"""

import random
import threading
from collections import Counter
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.warehouse.postgres.task_store import open_task_store
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    CancelTask,
    ClaimTask,
    Command,
    CreateTask,
    FailTask,
    FinishTask,
    LapseTask,
    MoveStock,
    ReassignTask,
    ReleaseTask,
    ReportTask,
    Result,
)
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute
from warehouse.postgres.loads.posting import post_load
from warehouse.postgres.transaction import in_transaction
from warehouse.site import Direction
from warehouse.tasks import LoadWhere, TaskStep

WORKERS = 8
PALLETS = 10
STEPS = 40


class Worker:
    """One client with its own connection and memory of what it claimed."""

    def __init__(self, dsn: str, number: int, seed: int, units: list[str]) -> None:
        self._conn = psycopg.connect(dsn, autocommit=True)
        self._chance = random.Random(f"{seed}:{number}")
        self._actor = Actor(f"w{number}", rights=ALL_RIGHTS)
        self._units = units
        self._claims: list[tuple[UUID, int]] = []
        self.codes: Counter[str] = Counter()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for _ in range(STEPS):
                self._act()
        except BaseException as error:
            self.failure = error
        finally:
            self._conn.close()

    def _act(self) -> None:
        command = self._command()
        outcome = execute(self._conn, command, actor=self._actor, source=self._actor.name, client_event_id=str(uuid4()))
        if isinstance(outcome, Result):
            self.codes[type(command).__name__] += 1
            task = outcome.response.get("task")
            if isinstance(command, ClaimTask) and task is not None:
                self._claims.append((UUID(task["task_id"]), task["attempt"]))
        else:
            self.codes[outcome.code] += 1

    def _command(self) -> Command:
        chance, kind = self._chance, self._chance.random()
        vehicle = self._actor.name + "-truck"
        place = chance.choice(["STAGE", "BIN-1", "B1", "B2", "B3"])
        if kind < 0.25 or not self._claims:
            return ClaimTask(owner=vehicle)
        task_id, attempt = chance.choice(self._claims)
        options: list[Command] = [
            ReportTask(task_id, attempt, TaskStep.PICKED, vehicle),
            ReportTask(task_id, attempt, TaskStep.ACCEPTED),
            FinishTask(task_id, attempt),
            FinishTask(task_id, attempt),
            FinishTask(task_id, attempt, chance.choice([None, "BIN-1"])),
            FailTask(task_id, attempt, "broken", chance.choice(list(LoadWhere))),
            FailTask(task_id, attempt, "silent", LoadWhere.UNKNOWN, lost=True),
            LapseTask(task_id, chance.randrange(8)),
            CancelTask(task_id, location=chance.choice([None, place])),
            ReleaseTask(task_id, location=chance.choice([None, place])),
            ReassignTask(task_id, f"w{chance.randrange(WORKERS)}"),
            CreateTask(chance.choice(self._units), chance.choice([None, place])),
            MoveStock("I4", 1, "STAGE", "BIN-1"),
        ]
        return chance.choice(options)


@pytest.mark.parametrize("seed", range(3))
def test_every_pallet_stays_in_one_place_and_nothing_is_done_twice(database: str, seed: int) -> None:
    yard = open_task_store(database, bins=6)
    received = [yard.receive(number) for number in range(1, PALLETS + 1)]
    units = [unit for unit, _ in received]
    workers = [Worker(database, number, seed, units) for number in range(WORKERS)]
    threads = [threading.Thread(target=worker.run) for worker in workers]

    def ship() -> None:
        """Two of the pallets leave in the middle of it."""
        with psycopg.connect(database, autocommit=True) as conn:
            for _, load in received[:2]:
                leaving = yard.store.load(tuple(tag.epc for tag in load.tags), Direction.OUT, minute=60 * 24 * 365)
                in_transaction(conn, lambda leaving=leaving: post_load(conn, leaving))  # type: ignore[misc]

    yard.store.document("delivery", "DN-1", {"I2": 6})
    threads.append(threading.Thread(target=ship))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        if worker.failure is not None:
            raise worker.failure
    done = sum((worker.codes for worker in workers), Counter[str]())
    assert done["FinishTask"] >= 3, done
    conn = yard.store.conn
    assert check(conn) == []
    for unit in units:
        assert len(yard.at(unit)) <= 1
    left = conn.execute("select sum(on_hand) from balance join item using (item_id) where code = 'I2'").fetchone()
    assert left == (3 * (PALLETS - 2),)
    assert yard.store.fulfilled("DN-1") == [6]
    twice = "select task_id from task_event where event = 'done' group by 1 having count(*) > 1"
    assert conn.execute(twice).fetchall() == []
    crowded = """select l.code from balance b join location l using (location_id)
        join storage_place s using (location_id)
        where s.units_max is not null and b.hu_id is not null
        group by l.code, s.units_max having count(distinct b.hu_id) > s.units_max"""
    told = {"B1", "B2", "B3"}  # a person may put a load anywhere, and says so
    assert {code for (code,) in conn.execute(crowded)} <= told
    numbers = """select task_id from task_event group by task_id having count(*) <> max(beat) + 1"""
    assert conn.execute(numbers).fetchall() == []
    conn.close()
