"""Commands executed together end as they would one after another; one that fails leaves the others alone."""

import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from tagledger.command_desk import DirectBus
from tests.warehouse.postgres.store import CLERK, Store
from warehouse import commands as c
from warehouse.commands import Actor, Command, Refusal, Result
from warehouse.ledger import StockStatus, Tracking
from warehouse.postgres import outbox
from warehouse.postgres.commands import execute
from warehouse.postgres.group import Outcome, execute_all
from warehouse.postgres.requests import Request

TWO_WORLDS = ("ONE", "GROUP")
PLACES = ("STAGE", "BIN-1", "BIN-2", "NOWHERE", "CUSTOMER")


@pytest.fixture
def store(store: Store) -> Store:
    store.do(c.CreateLocation("BIN-2"))
    return store


def stocked(store: Store, world: str) -> None:
    """Plain, lot-tracked and serial-tracked stock under this world's names; a blocked lot."""
    for name, tracking in (("P", Tracking.NONE), ("L", Tracking.LOT), ("S", Tracking.SERIAL)):
        store.do(c.CreateItem(f"{world}-{name}", tracking=tracking))
    for lot in ("L1", "L2", "L3"):
        store.do(c.CreateLot(f"{world}-L", lot))
        store.do(c.AdjustStock(f"{world}-L", Decimal(12), "STAGE", "opening", lot=lot))
    store.do(c.BlockLot(f"{world}-L", "L3", True, "suspect"))
    store.do(c.AdjustStock(f"{world}-P", Decimal(30), "STAGE", "opening"))
    for serial in ("S1", "S2"):
        store.conn.execute(
            "insert into serial (item_id, code) select item_id, %s from item where code = %s", (serial, f"{world}-S")
        )
        store.do(c.AdjustStock(f"{world}-S", Decimal(1), "STAGE", "opening", serial=serial))


def any_command(chance: random.Random, world: str) -> Command:
    tracking = chance.choice("PPPLLS")
    lot = chance.choice(("L1", "L1", "L2", "L2", "L3", "L9", None)) if tracking == "L" else None
    serial = chance.choice(("S1", "S2", "S9")) if tracking == "S" else None
    item = f"{world}-{tracking}" if chance.random() < 0.95 else "UNHEARD-OF"
    quantity = Decimal(1 if tracking == "S" else chance.choice((1, 1, 1, 1, 2, 3, 6, -1)))
    source, target = chance.choice(PLACES[:3] if chance.random() < 0.9 else PLACES), chance.choice(PLACES[:3])
    if chance.random() < 0.25:
        return c.ReserveStock(item, quantity, source, "holder", lot=lot, serial=serial)
    status = StockStatus.BLOCKED if chance.random() < 0.1 else StockStatus.AVAILABLE
    return c.MoveStock(item, quantity, source, target, lot=lot, serial=serial, to_status=status)


def told(outcome: Outcome | Result | Refusal, world: str) -> str:
    if isinstance(outcome, Refusal):
        return f"{outcome.code} {outcome.field}"
    assert isinstance(outcome, Result), outcome
    return f"done {sorted(outcome.response)}"


def standing(store: Store, world: str) -> list[tuple[object, ...]]:
    return store.conn.execute(
        """select right(i.code, 1), lo.code, s.code, l.code, b.status, b.on_hand, b.reserved,
                  rank() over (order by b.first_in_at) from balance b join item i using (item_id)
           join location l using (location_id) left join lot lo using (lot_id) left join serial s using (serial_id)
           where i.code like %s order by 1, 2, 3, 4, 5""",
        (f"{world}-%",),
    ).fetchall()


@pytest.mark.parametrize("seed", range(3))
def test_a_group_ends_as_its_commands_would_one_after_another(store: Store, seed: int) -> None:
    answers = {}
    for world in TWO_WORLDS:
        stocked(store, world)
        chance = random.Random(seed)
        asked = [
            Request.of(any_command(chance, world), CLERK, world, f"{world}-{n}")
            for n in range(120)  # more than one group
        ]
        if world == "GROUP":
            outcomes: list[Outcome] = execute_all(store.conn, asked)
        else:
            outcomes = [
                execute(store.conn, each.command, actor=CLERK, source=each.source, client_event_id=each.client_event_id)
                for each in asked
            ]
        answers[world] = [told(outcome, world) for outcome in outcomes]
        again = execute_all(store.conn, asked)
        assert [told(outcome, world) for outcome in again] == answers[world]
        assert all(outcome.repeated for outcome in again if isinstance(outcome, Result))
    assert answers["GROUP"] == answers["ONE"]
    assert standing(store, "GROUP") == standing(store, "ONE")
    done = sum(answer.startswith("done") for answer in answers["GROUP"])
    assert 10 < done < 110, "both done and refused ones are needed to say anything"
    # Every command left its answer, its audit row and, where it was done, its message: as if it had been alone.
    made = """select count(*), count(a.request_id), count(o.key), count(m.request_id) from request r
        left join audit_log a using (request_id) left join outbox o on o.key = r.request_id::text
        left join move m using (request_id) where r.source = %s"""
    of_one, of_group = (store.conn.execute(made, (world,)).fetchone() for world in TWO_WORLDS)
    assert of_group == of_one
    assert of_group is not None
    assert of_group[:3] == (120, 120, done)


def test_one_that_breaks_leaves_the_others_alone(store: Store) -> None:
    stocked(store, "GROUP")
    store.conn.execute("set role none")  # the tables are the owner's
    store.conn.execute("alter table move add constraint no_boom check (reason <> 'boom') not valid")
    store.conn.execute("reset role")
    asked = [
        Request.of(c.MoveStock("GROUP-P", Decimal(1), "STAGE", "BIN-1", reason=reason), CLERK, "test", f"b-{n}")
        for n, reason in enumerate(("", "boom", ""))
    ]
    first, broken, last = execute_all(store.conn, asked)
    assert isinstance(first, Result)
    assert isinstance(broken, psycopg.errors.CheckViolation)
    assert isinstance(last, Result)
    assert store.one("select count(*) from move where request_id = any(%s)", ([r.request_id for r in asked],)) == 2


def test_twins_in_one_group_are_done_once_and_another_under_the_id_is_refused(store: Store) -> None:
    stocked(store, "GROUP")
    once, other = (c.MoveStock("GROUP-P", Decimal(n), "STAGE", "BIN-1") for n in (1, 2))
    asked = [Request.of(command, CLERK, "test", "same") for command in (once, once, other)]
    first, twin, reused = execute_all(store.conn, asked)
    assert isinstance(first, Result)
    assert twin == Result(first.request_id, first.response, repeated=True)
    assert isinstance(reused, Refusal)
    assert reused.code == "request_id_reused"


def test_who_may_not_is_refused_in_a_group_as_alone(store: Store) -> None:
    stocked(store, "GROUP")
    command = c.MoveStock("GROUP-P", Decimal(1), "STAGE", "BIN-1")
    asked = [Request.of(command, Actor(name), "test", name) for name in ("anna", "ben")]
    for outcome in execute_all(store.conn, asked):
        assert isinstance(outcome, Refusal)
        assert outcome.code == "forbidden"


def test_a_group_leaves_it_to_its_caller_to_wake_the_readers_of_the_outbox(store: Store, database: str) -> None:
    stocked(store, "GROUP")
    asked = [
        Request.of(c.MoveStock("GROUP-P", Decimal(1), "STAGE", "BIN-1"), CLERK, "test", f"w-{n}") for n in range(4)
    ]
    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute("listen tagledger_feed")
        assert all(isinstance(outcome, Result) for outcome in execute_all(store.conn, asked[:3]))
        assert list(listener.notifies(timeout=0.3)) == []
        outbox.wake(store.conn)
        assert len(list(listener.notifies(timeout=5.0, stop_after=1))) == 1
        execute_all(store.conn, asked[3:])  # alone it is no group
        assert len(list(listener.notifies(timeout=5.0, stop_after=1))) == 1


def test_what_many_ask_for_at_once_is_told_without_looking(store: Store, database: str) -> None:
    """Whoever looks into the outbox when it is woken, and only then, sees every message."""
    stocked(store, "GROUP")
    with (
        ConnectionPool[psycopg.Connection[Any]](database, max_size=4, open=True) as pool,
        psycopg.connect(database, autocommit=True) as listener,
        ThreadPoolExecutor(12) as threads,
    ):
        bus = DirectBus(pool)
        listener.execute("listen tagledger_feed")
        move = c.MoveStock("GROUP-P", Decimal(1), "STAGE", "BIN-1")
        for n in range(30):
            threads.submit(bus.execute, move, CLERK, "test", f"t-{n}")
        told = 0
        for _ in listener.notifies(timeout=20.0):
            told = store.one("select count(*) from outbox where payload ->> 'command' = 'MoveStock'")
            if told == 30:
                break
        assert told == 30


def test_a_group_reads_what_it_names_and_not_the_whole_store(store: Store) -> None:
    store.do(c.CreateItem("P"))
    store.do(c.AdjustStock("P", Decimal(9), "STAGE", "opening"))
    with store.conn.transaction(force_rollback=True):  # stock that no movement brought
        store.conn.execute(
            "insert into location (code, kind) select 'X' || n, 'internal' from generate_series(1, 3000) n"
        )
        store.conn.execute(
            """insert into balance (item_id, location_id, on_hand, last_seq, last_effective_at, first_in_at)
               select b.item_id, l.location_id, 5, b.last_seq, b.last_effective_at, b.first_in_at
               from balance b, location l where l.code like 'X%'"""
        )
        store.conn.execute("analyze location, balance")
        before = rows_read(store)
        moves = [c.MoveStock("P", Decimal(1), f"X{n}", f"X{n + 1}") for n in (1, 3)]
        asked = [Request.of(move, CLERK, "test", f"x{n}") for n, move in enumerate(moves)]
        assert all(isinstance(outcome, Result) for outcome in execute_all(store.conn, asked))
        after = rows_read(store)
    assert {table: after[table] - before[table] < 100 for table in after} == {"balance": True, "location": True}


def rows_read(store: Store) -> dict[str, int]:
    """In the transaction under way."""
    return dict(
        store.conn.execute(
            """select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
               where relname in ('balance', 'location')"""
        ).fetchall()
    )
