"""Sixteen workers at the last pieces: reserving, issuing, moving, adjusting, counting, shipping, reversing at once.

Every accepted command is written into a plain Python model of the stock, which knows nothing of order: what each did is
a difference, and differences add up. In the end books and model agree piece by piece, every invariant holds, nothing
was ever taken twice, and the movements done again one by one, in the ledger's order, by a plain ledger that knows no
other, end at the same stock: the storm was as if each had been alone. One command in four is sent again under its key,
as clicks and lost answers do. Every second worker asks at one desk, whose groups then meet the others' single
commands.

`make soak` runs it for minutes; TAGLEDGER_TEST_STORM_S says for how many seconds.
"""

import os
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from tagledger.command_desk import DirectBus
from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Command, Refusal, Result
from warehouse.ledger import StockStatus
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute
from warehouse.postgres.database.connect import connect, service_dsn

WORKERS = 16
ITEMS = ("I2", "I4", "I6")
BINS = ("STAGE", "BIN-1", "BIN-2")
OPENING = 6
TOTE = "TOTE-1"
HUGE = Decimal(10**6)
# What the store answers when somebody else was faster, or there is nothing; anything else is a bug.
EXPECTED = {
    "not_enough", "reserved", "negative_later", "not_found", "already_reversed", "wrong_state", "count_conflict",
    "same_place", "over", "recount_needed",
}  # fmt: skip

Effect = tuple[str, str, int]
VIRTUAL = {"SUPPLIER", "CUSTOMER", "PRODUCTION", "SCRAP", "COUNT-LOSS", "ADJUSTMENT"}


@dataclass
class Model:
    """What was accepted, by all workers: differences by item and place, moves that can be undone, reservations."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    stock: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    moves: dict[str, tuple[Effect, ...]] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)

    def did(self, effects: tuple[Effect, ...], move_id: str | None = None) -> None:
        with self.lock:
            for item, place, quantity in effects:
                self.stock[item, place] += quantity
            if move_id is not None:
                self.moves[move_id] = effects

    def any_move(self, chance: random.Random) -> tuple[str, tuple[Effect, ...]] | None:
        with self.lock:
            return chance.choice(sorted(self.moves.items())) if self.moves else None


class Worker:
    """One of them, with a connection and a chance of its own."""

    def __init__(self, dsn: str, number: int, seed: int, model: Model, desk: DirectBus) -> None:
        self.conn = connect(dsn)
        self.desk = desk
        self.actor = Actor(f"worker-{number}", "", ALL_RIGHTS)
        self.number = number
        self.chance = random.Random(f"{seed}-{number}")
        self.model = model
        self.asked = 0
        self.counted = 0

    def step(self) -> None:
        doing: tuple[Callable[[], None], ...] = (
            self.move, self.move, self.adjust, self.issue, self.receive, self.reserve, self.reserve, self.release,
            self.reverse, self.count, self.transfer, self.unit, self.block,
        )  # fmt: skip
        self.chance.choice(doing)()

    def ask(self, command: Command) -> Result | None:
        """The answer when it was done."""
        self.asked += 1
        event = f"{self.number}-{self.asked}"
        outcome = self.execute(command, event)
        if self.chance.random() < 0.25:
            again = self.execute(command, event)
            if isinstance(outcome, Result):
                assert isinstance(again, Result)
                assert (again.response, again.repeated) == (outcome.response, True)
            else:
                assert again == outcome
        with self.model.lock:
            kind = type(command).__name__
            self.model.answers[f"{kind} {outcome.code if isinstance(outcome, Refusal) else 'done'}"] += 1
        if isinstance(outcome, Refusal):
            assert outcome.code in EXPECTED, (command, outcome)
            return None
        return outcome

    def execute(self, command: Command, event: str) -> Result | Refusal:
        if self.number % 2:
            return self.desk.execute(command, self.actor, "storm", event)
        return execute(self.conn, command, actor=self.actor, source="storm", client_event_id=event)

    def some(self) -> tuple[str, str, int]:
        return self.chance.choice(ITEMS), self.chance.choice(BINS), self.chance.randint(1, 3)

    def move(self) -> None:
        item, source, quantity = self.some()
        target = self.chance.choice(BINS)
        done = self.ask(c.MoveStock(item, Decimal(quantity), source, target))
        if done is not None:
            self.model.did(((item, source, -quantity), (item, target, quantity)), done.response["move_id"])

    def adjust(self) -> None:
        item, place, quantity = self.some()
        signed = quantity if self.chance.random() < 0.5 else -quantity
        done = self.ask(c.AdjustStock(item, Decimal(signed), place, "storm", force=self.chance.random() < 0.2))
        if done is not None:
            self.model.did(((item, place, signed),), done.response["move_id"])

    def issue(self) -> None:
        item, place, quantity = self.some()
        done = self.ask(c.FulfilLine("delivery", "OUT", ITEMS.index(item) + 1, Decimal(quantity), place))
        if done is not None:
            self.model.did(((item, place, -quantity),), done.response["move_id"])

    def receive(self) -> None:
        item, place, quantity = self.some()
        done = self.ask(c.FulfilLine("purchase_receipt", "IN", ITEMS.index(item) + 1, Decimal(quantity), place))
        if done is not None:
            self.model.did(((item, place, quantity),), done.response["move_id"])

    def transfer(self) -> None:
        """Ship or receive a piece or two on one of the open transfers, whoever did the other half."""
        item, _, quantity = self.some()
        line = ITEMS.index(item) + 1
        if self.chance.random() < 0.5:
            done = self.ask(c.ShipTransfer("T", line, Decimal(quantity), "STAGE"))
            effects = ((item, "STAGE", -quantity), (item, "TRANSIT", quantity))
        else:
            done = self.ask(c.ReceiveTransfer("T", line, Decimal(quantity), "BIN-1"))
            effects = ((item, "TRANSIT", -quantity), (item, "BIN-1", quantity))
        if done is not None:
            self.model.did(effects)

    def unit(self) -> None:
        """Put pieces on the one tote, or take them off it, wherever it stands."""
        item, place, quantity = self.some()
        on = self.chance.random() < 0.6
        unit = {"target_unit": TOTE} if on else {"source_unit": TOTE}
        self.ask(c.MoveStock(item, Decimal(quantity), place, place, **unit))

    def block(self) -> None:
        """Change the status of pieces, one way or the other: what is blocked is not issued."""
        item, place, quantity = self.some()
        blocked, inspection = StockStatus.BLOCKED, StockStatus.INSPECTION
        if self.chance.random() < 0.5:
            self.ask(c.MoveStock(item, Decimal(quantity), place, place, to_status=blocked))
            return
        self.ask(c.MoveStock(item, Decimal(quantity), place, place, status=blocked, to_status=inspection))
        self.ask(c.DecideInspection(item, Decimal(quantity), place, c.Inspected.ACCEPT))

    def reserve(self) -> None:
        item, place, quantity = self.some()
        done = self.ask(c.ReserveStock(item, Decimal(quantity), place, self.actor.name))
        if done is not None:
            with self.model.lock:
                self.model.reserved.add(done.response["reservation_id"])

    def release(self) -> None:
        with self.model.lock:
            held = sorted(self.model.reserved)
        if held and self.ask(c.ReleaseReservation(UUID(self.chance.choice(held)))) is not None:
            pass  # the database alone knows which reservations gave way: the invariants check their sum

    def reverse(self) -> None:
        chosen = self.model.any_move(self.chance)
        if chosen is not None and self.ask(c.ReverseMovement(UUID(chosen[0]), "storm")) is not None:
            self.model.did(tuple((item, place, -quantity) for item, place, quantity in chosen[1]))

    def count(self) -> None:
        """A sheet of one place: each line one too many or too few or as the books say; posted if nothing moved."""
        self.counted += 1
        number, place = f"C-{self.number}-{self.counted}", self.chance.choice(BINS)
        if self.ask(c.StartCount(number, (place,), tolerance_percent=Decimal(10**6))) is None:
            return
        lines = self.conn.execute(
            """select line_no, i.code, l.code, expected from count_line join count_sheet s using (count_id)
               join item i using (item_id) join location l using (location_id) where s.number = %s order by 1""",
            (number,),
        ).fetchall()
        place_of = {}
        for line_no, item, location, expected in lines:
            place_of[line_no] = (item, location)
            self.ask(c.EnterCount(number, max(Decimal(0), expected + self.chance.randint(-1, 1)), line_no))
        done = self.ask(c.PostCount(number, keep_count=self.chance.random() < 0.5, reason="storm"))
        if done is None:
            self.ask(c.CancelCount(number))
            return
        self.model.did(
            tuple((*place_of[row["line_no"]], int(Decimal(row["difference"]))) for row in done.response["differences"])
        )


def storm(dsn: str, seed: int, seconds: float, steps_max: int) -> Model:
    """All workers until each has made its steps or the time is up; the model of what was accepted."""
    store = open_store(dsn)
    model = Model()
    store.items(2, 4, 6)
    store.do(c.CreateLocation("BIN-2", parent="STAGE"))
    for kind, number in (("purchase_receipt", "IN"), ("delivery", "OUT")):
        store.do(c.CreateDocument(kind, number, tuple(c.LineSpec(item, HUGE) for item in ITEMS)))
    lines = tuple(c.LineSpec(item, HUGE) for item in ITEMS)
    store.do(c.CreateDocument("transfer", "T", lines, source="STAGE", target="BIN-1"))
    store.do(c.CreateHandlingUnit(TOTE, kind="tote"))
    for item in ITEMS:
        for place in BINS:
            store.do(c.AdjustStock(item, Decimal(OPENING), place, "opening"))
            model.did(((item, place, OPENING),))
    store.conn.close()
    end_s = time.monotonic() + seconds

    def work(number: int) -> None:
        worker = Worker(dsn, number, seed, model, desk)
        try:
            for _ in range(steps_max):
                if time.monotonic() > end_s:
                    return
                worker.step()
        finally:
            worker.conn.close()

    with (
        ConnectionPool[Connection[Any]](service_dsn(dsn), max_size=WORKERS, open=True) as connections,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        desk = DirectBus(connections)
        for future in [pool.submit(work, number) for number in range(WORKERS)]:
            future.result()
    return model


Piece = tuple[str, str, str, str]
"""Item, place, unit, status."""


@dataclass
class Serial:
    """The plainest ledger, which does one command after the other: nothing may ever be below zero."""

    stock: dict[Piece, int] = field(default_factory=lambda: defaultdict(int))
    moved: dict[int, tuple[Piece, Piece, int]] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)

    def move(self, seq: int, source: Piece, target: Piece, quantity: int, reverses: int | None) -> None:
        if reverses is not None:
            assert self.moved[reverses] == (target, source, quantity), f"{seq} does not mirror {reverses}"
            assert reverses not in self.undone, f"{reverses} was undone twice"
            self.undone.add(reverses)
        self.moved[seq] = (source, target, quantity)
        self.stock[source] -= quantity
        self.stock[target] += quantity
        assert source[1] in VIRTUAL or self.stock[source] >= 0, f"{seq} took {quantity} of what was not there: {source}"


def linearised(store: Store) -> dict[tuple[str, str], int]:
    """Every movement once more, one after the other in the ledger's order, by the plain ledger; what stands in the end.

    Balances are locked before a movement gets its seq, so the order of seq is one in which each command could have
    been the only one: a history that was not linearisable would take what is not there.
    """
    ledger = Serial()
    for seq, item, source, target, from_unit, to_unit, from_status, to_status, quantity, reverses in store.conn.execute(
        """select m.seq, i.code, s.code, t.code, coalesce(f.code, ''), coalesce(u.code, ''), m.from_status, m.to_status,
                  m.quantity::int, m.reverses
           from move m join item i using (item_id) join location s on s.location_id = m.from_location_id
           join location t on t.location_id = m.to_location_id left join handling_unit f on f.hu_id = m.from_hu_id
           left join handling_unit u on u.hu_id = m.to_hu_id order by m.seq"""
    ):
        ledger.move(
            seq, (item, source, from_unit, from_status), (item, target, to_unit, to_status), quantity, reverses
        )  # fmt: skip
    standing: dict[tuple[str, str], int] = defaultdict(int)
    for (item, place, _, _), quantity in ledger.stock.items():
        if place not in VIRTUAL:
            standing[item, place] += quantity
    return {where: quantity for where, quantity in standing.items() if quantity}


def agree(store: Store, model: Model) -> None:
    """Three accounts of one storm: what workers were told, what the books hold, what a plain ledger makes of it."""
    rows = store.conn.execute(
        """select i.code, l.code, sum(b.on_hand)::int from balance b join item i using (item_id)
           join location l using (location_id) group by 1, 2 having sum(b.on_hand) <> 0"""
    )
    held = {(item, place): on_hand for item, place, on_hand in rows}
    assert held == {where: quantity for where, quantity in model.stock.items() if quantity}
    assert held == linearised(store)
    commands = store.one("select count(*) from request where source = 'storm' and accepted")
    assert commands == sum(count for answer, count in model.answers.items() if answer.endswith(" done"))
    assert min(model.stock.values()) >= 0
    assert check(store.conn) == []


def test_sixteen_workers_at_the_last_pieces(database: str) -> None:
    model = storm(database, seed=1, seconds=60, steps_max=25)
    with psycopg.connect(database, autocommit=True) as conn:
        agree(Store(conn), model)
    for must in ("MoveStock done", "FulfilLine done", "ReverseMovement done", "ReserveStock done", "PostCount done"):
        assert model.answers[must], model.answers
    late = sum(count for answer, count in model.answers.items() if answer.endswith((" not_enough", " reserved")))
    assert late, "nobody was too late: there was no last piece"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_sixteen_workers_for_minutes(database: str) -> None:
    model = storm(database, seed=7, seconds=float(os.environ.get("TAGLEDGER_TEST_STORM_S", "180")), steps_max=10**6)
    with psycopg.connect(database, autocommit=True) as conn:
        agree(Store(conn), model)
    print(sum(model.answers.values()), "commands:", dict(sorted(model.answers.items())))
