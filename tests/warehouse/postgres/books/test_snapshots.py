"""Snapshots of closed days: what they hold, that questions about the past use them, and that nothing slips in."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0, day
from tests.warehouse.postgres.store import CLERK, Store
from warehouse import commands as c
from warehouse.commands import Refusal
from warehouse.ledger import Circumstance, NewMove, Place
from warehouse.postgres.books import seals, snapshots
from warehouse.postgres.books.ledger import post
from warehouse.postgres.commands import execute
from warehouse.postgres.queries.past import Clock, stock_as_of


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2)
    for number, quantity in enumerate((10, 5, 7)):
        store.do(c.AdjustStock("I2", D(quantity), "STAGE", "opening", effective_at=day(number)))
    store.do(c.MoveStock("I2", D(4), "STAGE", "BIN-1", effective_at=day(1.5)))
    return store


def take(store: Store) -> list[int]:
    with store.conn.transaction():
        return [snapshots.take(store.conn, missed) for missed in snapshots.missing(store.conn)]


async def past(store: Store, moment: Any) -> dict[str, int]:
    dsn = store.conn.info.dsn + f" password={store.conn.info.password}"
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
        return {row.location: int(row.on_hand) for row in await stock_as_of(conn, moment, item="I2")}


async def test_a_closed_day_is_kept_and_the_past_is_read_from_it(store: Store) -> None:
    wanted = {0.5: {"STAGE": 10}, 1: {"STAGE": 15}, 1.6: {"STAGE": 11, "BIN-1": 4}, 2: {"STAGE": 18, "BIN-1": 4}}
    assert {at: await past(store, day(at)) for at in wanted} == wanted
    for number in (0, 1):
        store.do(c.ClosePeriod(day(number).date()))
    assert take(store) == [2, 1]
    assert take(store) == []
    assert {at: await past(store, day(at)) for at in wanted} == wanted
    rows = store.conn.execute("select day, sum(on_hand) from stock_snapshot group by 1 order by 1").fetchall()
    assert rows == [(day(0).date(), 10), (day(1).date(), 15)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store.conn.execute("delete from stock_snapshot")


async def test_what_the_books_said_goes_forward_from_what_was_taken_by_then(store: Store) -> None:
    said: dict[Any, dict[str, int]] = {}

    def remember(**wanted: int) -> None:
        said[store.one("select clock_timestamp()")] = {place.replace("_", "-"): n for place, n in wanted.items()}

    remember(STAGE=18, BIN_1=4)  # before there is a snapshot
    store.do(c.ClosePeriod(day(1).date()))
    assert take(store) == [2]
    remember(STAGE=18, BIN_1=4)
    store.do(c.AdjustStock("I2", D(2), "STAGE", "late", effective_at=day(3)))
    remember(STAGE=20, BIN_1=4)
    ahead = datetime.now(UTC) + timedelta(days=3)
    _moved(store, 5, "STAGE", "BIN-1", ahead)  # by a clock that was wrong, as older versions took it
    remember(STAGE=15, BIN_1=9)
    _moved(store, 9, "BIN-1", "ADJUSTMENT", ahead)
    remember(STAGE=15)
    dsn = store.conn.info.dsn + f" password={store.conn.info.password}"
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
        for moment, wanted in said.items():
            for named in ({"item": "I2"}, {"item": "I2", "location": "STAGE"}):
                rows = await stock_as_of(conn, moment, clock=Clock.RECORDED, **named)  # type: ignore[arg-type]
                expected = {at: n for at, n in wanted.items() if at == named.get("location", at)}
                assert {row.location: int(row.on_hand) for row in rows} == expected


def _moved(store: Store, quantity: int, source: str, target: str, at: datetime) -> None:
    item_id = store.one("select item_id from item where code = 'I2'")
    ends = [Place(store.one("select location_id from location where code = %s", (code,))) for code in (source, target)]
    with store.conn.transaction():
        posted = post(store.conn, [NewMove(uuid4(), "move", item_id, D(quantity), *ends)], Circumstance("clerk", at))
    assert isinstance(posted, tuple)


def test_the_service_role_closes_takes_snapshots_values_and_seals(store: Store) -> None:
    store.conn.execute("set role tagledger_service")
    store.do(c.ClosePeriod(day(0).date()))
    assert take(store) == [1]
    store.do(c.SetValuation("I2", c.Valuation.AVERAGE, unit_cost=D(2)))
    with store.conn.transaction():
        assert seals.seal(store.conn) is not None
    store.conn.execute("reset role")


def test_the_day_is_the_day_in_utc_whatever_the_offset(store: Store) -> None:
    from datetime import timezone

    store.do(c.ClosePeriod(DAY_0.date()))
    east = DAY_0.replace(hour=23, minute=30).astimezone(timezone(timedelta(hours=8)))
    assert east.date() > DAY_0.date()
    late = c.AdjustStock("I2", D(1), "STAGE", "found", effective_at=east)
    assert store.refused(late) == ("period_closed", "effective_at")


def test_a_posting_under_way_while_its_day_is_closed_is_refused_in_the_end(store: Store, database: str) -> None:
    """The close waits for who has written; who has only read starts again and finds the day closed."""
    outcome: list[object] = []

    def post() -> None:
        with psycopg.connect(database, autocommit=True) as own:
            late = c.AdjustStock("I2", D(1), "STAGE", "found", effective_at=DAY_0)
            outcome.append(execute(own, late, actor=CLERK, source="late", client_event_id="1"))

    with psycopg.connect(database) as closing:
        closing.execute("lock table move in share row exclusive mode")
        thread = threading.Thread(target=post)
        thread.start()
        while not store.one("select count(*) from pg_locks where not granted"):
            assert thread.is_alive()
        closing.execute("insert into period_close (closed_through, closed_by) values (%s, 'test')", (DAY_0.date(),))
        closing.commit()
        thread.join(30)
    assert isinstance(outcome[0], Refusal)
    assert outcome[0].code == "period_closed"
