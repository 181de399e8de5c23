"""Counts on a real server: the store moves while it is counted, and only differences are posted."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.warehouse.postgres.books import DAY_0
from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Refusal, Result
from warehouse.postgres.commands import execute
from warehouse.postgres.integrity import check

MANAGER = Actor("manager", rights=ALL_RIGHTS)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database)
    made.items(2, 4)
    for item, place, quantity in (("I2", "STAGE", 7), ("I4", "STAGE", 30), ("I2", "BIN-1", 10)):
        made.do(c.AdjustStock(item, Decimal(quantity), place, "opening", effective_at=DAY_0))
    yield made
    assert check(made.conn) == []
    made.conn.close()


def as_manager(store: Store, command: c.Command, event: str = "m") -> Result | Refusal:
    return execute(store.conn, command, actor=MANAGER, source="test", client_event_id=event)


def count(store: Store, line_no: int, quantity: int) -> None:
    store.do(c.EnterCount("C", Decimal(quantity), line_no))


def test_i1_what_leaves_after_the_count_stops_the_posting_until_the_count_is_kept(store: Store) -> None:
    store.do(c.StartCount("C", ("STAGE",), ("I2",), tolerance_percent=Decimal(100)))
    count(store, 1, 5)
    store.do(c.MoveStock("I2", Decimal(3), "STAGE", "BIN-1"))
    assert store.refused(c.PostCount("C")) == ("count_conflict", "lines.1")
    assert store.do(c.PostCount("C", keep_count=True))["differences"] == [{"line_no": 1, "difference": "1"}]
    assert store.stock("I2") == 5


def test_i2_what_leaves_before_a_recount_makes_no_difference(store: Store) -> None:
    store.do(c.StartCount("C", ("STAGE",), ("I2",)))
    count(store, 1, 7)
    store.do(c.MoveStock("I2", Decimal(4), "STAGE", "BIN-1"))
    count(store, 1, 3)
    assert store.do(c.PostCount("C"))["differences"] == []
    assert store.stock("I2") == 3


def test_i4_counting_an_item_in_a_place_queues_all_its_rows_there_and_no_other(store: Store) -> None:
    store.items(1)
    for serial in range(1, 4):
        store.tags(1, serial, 1)
        store.do(c.AdjustStock("I1", Decimal(1), "STAGE", "opening", serial=str(serial)))
    store.tags(1, 9, 1)
    store.do(c.AdjustStock("I1", Decimal(1), "BIN-1", "opening", serial="9"))
    assert store.do(c.StartCount("C", ("STAGE",), ("I1",)))["lines"] == 3


def test_i6_i9_beyond_the_tolerance_another_person_approves_and_all_lines_are_posted_at_once(store: Store) -> None:
    store.do(c.StartCount("C", ("STAGE", "BIN-1"), tolerance_percent=Decimal(10)))
    for line_no, quantity in ((1, 9), (2, 7), (3, 33)):
        count(store, line_no, quantity)
    count(store, 2, 4)  # 7 counted as 4
    assert store.refused(c.PostCount("C")) == ("beyond_tolerance", "lines.2")
    assert store.refused(c.PostCount("C", approve=True)) == ("own_request", "lines.2")
    done = as_manager(store, c.PostCount("C", approve=True))
    assert isinstance(done, Result)
    assert [d["difference"] for d in done.response["differences"]] == ["-1", "-3", "3"]
    assert (store.stock("I2", "BIN-1"), store.stock("I2"), store.stock("I4")) == (9, 4, 33)
    assert store.refused(c.PostCount("C")) == ("wrong_state", "number")


def test_i11_a_movement_of_the_same_instant_is_a_conflict(store: Store) -> None:
    store.do(c.StartCount("C", ("STAGE",), ("I4",), tolerance_percent=Decimal(100)))
    count(store, 1, 29)
    at = store.one("select counted_at from count_line")
    store.do(c.MoveStock("I4", Decimal(1), "STAGE", "BIN-1", effective_at=at))
    assert store.refused(c.PostCount("C")) == ("count_conflict", "lines.1")


def test_stock_found_beside_the_sheet_gets_a_line(store: Store) -> None:
    store.do(c.StartCount("C", ("BIN-1",)))
    count(store, 1, 10)
    found = c.EnterCount("C", Decimal(4), item="I4", location="BIN-1")
    assert store.do(found)["line_no"] == 2
    done = as_manager(store, c.PostCount("C", approve=True))
    assert isinstance(done, Result)
    assert store.stock("I4", "BIN-1") == 4


def test_a_sheet_half_counted_is_not_posted_and_holds_the_period(store: Store) -> None:
    store.do(c.StartCount("C", ("STAGE",)))
    count(store, 1, 7)
    assert store.refused(c.PostCount("C")) == ("wrong_state", "number")
    store.conn.execute("update count_sheet set created_at = '2026-01-02'")
    close = c.ClosePeriod(DAY_0.date())
    assert store.refused(close) == ("wrong_state", "through")
    store.do(c.CancelCount("C"))
    store.do(close)


def test_reserved_stock_is_not_counted_away(store: Store) -> None:
    store.do(c.ReserveStock("I2", Decimal(6), "STAGE", "me"))
    store.do(c.StartCount("C", ("STAGE",), ("I2",), tolerance_percent=Decimal(100)))
    count(store, 1, 5)
    assert store.refused(c.PostCount("C")) == ("reserved", "quantity")
