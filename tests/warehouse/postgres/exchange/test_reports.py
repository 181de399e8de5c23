"""Every report against figures computed by hand from a small store's March."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    AdjustStock,
    Command,
    CreateDocument,
    CreateItem,
    CreateLocation,
    EnterCount,
    FulfilLine,
    LineSpec,
    MoveStock,
    PostCount,
    Result,
    ReverseMovement,
    SetCategory,
    StartCount,
)
from warehouse.postgres.commands import execute
from warehouse.postgres.exchange.reports import QUERIES, ask, columns_of, rows_of

BEGIN, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)  # 30 days


@dataclass(slots=True)
class Store:
    conn: Connection[Any]

    def do(self, command: Command) -> dict[str, Any]:
        actor = Actor("kim", rights=ALL_RIGHTS)
        done = execute(self.conn, command, actor=actor, source="test", client_event_id=str(uuid4()))
        assert isinstance(done, Result), (command, done)
        return done.response

    def report(self, name: str, *wanted: str, **asked: Any) -> list[tuple[Any, ...]]:
        """Those columns of the rows, or all."""
        given = {"since": BEGIN, "until": END, **asked}
        now = given.pop("now", END)
        with self.conn.transaction():
            rows = list(rows_of(self.conn, ask(name, now, **given)))
        columns = columns_of(name)
        assert all(len(row) == len(columns) for row in rows)
        places = [columns.index(column) for column in wanted or columns]
        return [tuple(row[place] for place in places) for row in rows]

    def adjust(self, item: str, difference: str, place: str, day: int) -> UUID:
        at = BEGIN + timedelta(days=day)
        made = self.do(AdjustStock(item, Decimal(difference), place, "test", effective_at=at))
        return UUID(made["move_id"])

    def issue(self, item: str, quantity: str, place: str, day: int) -> UUID:
        number = f"D-{uuid4()}"
        self.do(CreateDocument("delivery", number, (LineSpec(item, Decimal(quantity)),)))
        at = BEGIN + timedelta(days=day)
        return UUID(self.do(FulfilLine("delivery", number, 1, Decimal(quantity), place, effective_at=at))["move_id"])


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with psycopg.connect(database, autocommit=True) as conn:
        made = Store(conn)
        for command in (
            SetCategory("C", "Cat", dead_after_days=20),
            CreateItem("A", "Bearing", category="C", weight_kg=Decimal(2)),
            CreateItem("B", "Pump", category="C"),
            CreateItem("D", "Old", dead_after_days=20),
            CreateLocation("W", level="warehouse"),
            CreateLocation("Z1", level="zone", parent="W"),
            *(CreateLocation(code, level="bin", parent="Z1") for code in ("Z1-1", "Z1-2", "Z1-3")),
            CreateLocation("LOOSE", level="bin"),
        ):
            made.do(command)
        yield made


def test_turnover_weighs_stock_by_time(store: Store) -> None:
    store.adjust("A", "10", "Z1-1", -5)
    store.adjust("A", "20", "Z1-1", 15)  # 15 of the 30 days there: +10 on average
    store.issue("A", "6", "Z1-1", 20)  # 10 days less: -2
    wrong = store.issue("A", "5", "Z1-1", 21)
    store.do(ReverseMovement(wrong, "not sent"))  # never was
    store.do(MoveStock("A", Decimal(1), "Z1-1", "Z1-2", effective_at=BEGIN + timedelta(days=22)))  # changes nothing
    rows = store.report("turnover", "item", "opening", "closing", "average", "issued", "turnover", "days_of_stock")
    # (10 + 10 - 2) = 18 on average, 6 went out: 1/3 of a turn, and 18 last 90 days at 6 in 30
    assert rows == [("A", 10, 24, 18, 6, Decimal("0.3333"), 90)]


def test_stock_and_movements_list_what_is_there_and_what_happened(store: Store) -> None:
    store.adjust("A", "10", "Z1-1", -5)
    store.adjust("B", "3", "LOOSE", 2)
    gone = store.adjust("B", "-1", "LOOSE", 3)
    store.do(ReverseMovement(gone, "there it is"))
    stock = store.report("stock", "item", "location", "zone", "on_hand", "free")
    assert stock == [("A", "Z1-1", "Z1", 10, 10), ("B", "LOOSE", "", 3, 3)]
    assert store.report("stock", "item", location="Z1") == [("A",)]
    moved = store.report("movements", "item", "quantity", "source", "target", "reversal")
    assert moved == [("B", 3, "ADJUSTMENT", "LOOSE", False), ("B", 1, "LOOSE", "ADJUSTMENT", False)]
    assert store.report("movements", "item", item="A") == []


def test_dead_stock_is_what_lies_still_and_its_rate_counts_items(store: Store) -> None:
    store.adjust("A", "10", "Z1-1", 0)
    store.issue("A", "1", "Z1-1", 25)  # used within the 20 days
    store.adjust("B", "10", "Z1-1", 0)
    store.adjust("B", "4", "Z1-1", 28)  # 10 still, 4 fresh
    store.adjust("D", "7", "Z1-2", 0)
    rows = store.report("dead-stock", "item", "on_hand", "dead", "dead_after_days", "last_used")
    assert rows == [
        ("B", 14, 10, 20, None),
        ("D", 7, 7, 20, None),
        ("A", 9, 0, 20, BEGIN + timedelta(days=25)),
    ]
    rates = store.report("dead-stock-rate", "category", "items", "dead_items", "rate")
    assert rates == [("C", 2, 1, Decimal("0.5")), ("", 3, 2, Decimal("0.6667"))]


def test_frequency_ranks_by_times_in_and_out(store: Store) -> None:
    for day in (1, 2, 3):
        store.adjust("A", "2", "Z1-1", day)
    store.issue("A", "1", "Z1-1", 4)
    store.adjust("B", "100", "Z1-1", 5)
    store.do(MoveStock("B", Decimal(5), "Z1-1", "Z1-2", effective_at=BEGIN + timedelta(days=6)))
    rows = store.report("frequency", "rank", "item", "ins", "outs", "total", "in_quantity", "out_quantity")
    assert rows == [(1, "A", 3, 1, 4, 6, 1), (2, "B", 1, 0, 1, 100, 0)]


def test_utilisation_is_the_tightest_limit_of_each_bin(store: Store) -> None:
    store.adjust("A", "30", "Z1-1", 0)  # 60 kg
    store.adjust("B", "5", "Z1-2", 0)
    store.conn.execute(
        """insert into storage_place (location_id, capacity, weight_max_kg)
           select location_id, 100, 80 from location where code = 'Z1-1'"""
    )
    bins = store.report("utilisation-bins", "zone", "bin", "on_hand", "weight_kg", "share", "occupied")
    assert bins == [
        ("", "LOOSE", 0, 0, 0, False),
        ("Z1", "Z1-1", 30, 60, Decimal("0.75"), True),  # 30 of 100, but 60 of 80 kg
        ("Z1", "Z1-2", 5, 0, 1, True),
        ("Z1", "Z1-3", 0, 0, 0, False),
    ]
    zones = store.report("utilisation-zones", location="Z1")
    assert zones == [("Z1", 3, 2, Decimal("0.6667"), Decimal("0.5833"))]


def test_accuracy_is_by_the_first_count_and_variance_by_what_was_posted(store: Store) -> None:
    store.adjust("A", "100", "Z1-1", -2)
    store.adjust("B", "10", "Z1-1", -2)
    store.adjust("B", "10", "Z1-2", -2)
    store.do(StartCount("C-1", locations=("Z1-1", "Z1-2"), tolerance_percent=Decimal(50)))
    lines = store.conn.execute(
        """select i.code, l.code, c.line_no from count_line c join item i using (item_id)
           join location l using (location_id)"""
    ).fetchall()
    found = {("A", "Z1-1"): 99, ("B", "Z1-1"): 12, ("B", "Z1-2"): 10}
    for item, place, line_no in lines:
        store.do(EnterCount("C-1", Decimal(found[item, place]), line_no))
    store.do(PostCount("C-1"))
    now = datetime.now(UTC) + timedelta(minutes=1)
    period = {"since": now - timedelta(hours=1), "until": now}
    exact = store.report("accuracy", **period)
    assert exact == [("C-1", 3, 1, Decimal("0.3333"), 2, 1), ("", 3, 1, Decimal("0.3333"), 2, 1)]
    tolerant = store.report("accuracy", "within", tolerance_percent=Decimal(1), **period)
    assert tolerant == [(2,), (2,)]
    rows = store.report("count-variance", "count", "item", "location", "difference", **period)
    assert rows == [("C-1", "A", "Z1-1", -1), ("C-1", "B", "Z1-1", 2), ("", "", "", None)]


def test_picking_is_from_the_lists_making_to_its_last_pick(store: Store) -> None:
    a, b = (store.conn.execute("select item_id from item where code = %s", (code,)).fetchone() for code in "AB")
    place = store.conn.execute("select location_id from location where code = 'Z1-1'").fetchone()
    assert a is not None
    assert b is not None
    assert place is not None
    store.conn.execute(
        "insert into pick_list (number, assignee, created_by, created_at) values ('P-1', 'kim', 'kim', %s)", (BEGIN,)
    )
    for line_no, (item_id, state, minutes) in enumerate(
        ((a[0], "picked", 4), (b[0], "picked", 10), (b[0], "released", 12))
    ):
        reservation_id = uuid4()
        store.conn.execute(
            """insert into reservation (reservation_id, holder, item_id, location_id, quantity, state, ended_at)
               values (%s, 'x', %s, %s, 1, %s, %s)""",
            (reservation_id, item_id, place[0], state, BEGIN + timedelta(minutes=minutes)),
        )
        store.conn.execute(
            """insert into pick_line (pick_list_id, line_no, reservation_id, quantity, short)
               select pick_list_id, %s, %s, 1, %s from pick_list""",
            (line_no + 1, reservation_id, 1 if state == "released" else 0),
        )
    rows = store.report("picking", "list", "lines", "picked", "short", "minutes", "seconds_per_line")
    assert rows == [("P-1", 3, 2, 1, 10, 300)]


def test_portals_are_judged_by_what_they_could_not_decide_and_people_corrected(store: Store) -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    for passage_id, revision, direction, belongs, unsure in (
        (first, 0, "in", 9, 1),
        (first, 1, "in", 10, 0),  # late reads decided it
        (second, 0, "unsure", 5, 0),
        (third, 0, "in", 8, 2),
    ):
        store.conn.execute(
            """insert into passage (passage_id, revision, portal, opened_at, closed_at, direction, direction_score,
                                    belongs, unsure, strays) values (%s, %s, 'door-1', %s, %s, %s, 1, %s, %s, 3)""",
            (passage_id, revision, BEGIN, BEGIN, direction, belongs, unsure),
        )
    store.conn.execute("insert into portal (name) values ('door-1')")
    store.conn.execute(
        """insert into signal_override (override_id, portal, colour, reason, ordered_by, at, until_at)
           values (gen_random_uuid(), 'door-1', 'green', 'checked by hand', 'kim', %s, %s)""",
        (BEGIN, BEGIN),
    )
    for state in ("open", "dismissed"):
        store.conn.execute(
            """insert into discrepancy (discrepancy_id, kind, passage_id, revision, portal, detail, state, at)
               values (gen_random_uuid(), 'over', %s, 0, 'door-1', 'x', %s, %s)""",
            (third, state, BEGIN),
        )
    assert store.report("portals") == [("door-1", 3, 2, Decimal("0.6667"), 23, 2, 9, 1, 1, 0, 2, 1)]


@pytest.mark.parametrize("name", QUERIES)
def test_an_empty_store_has_empty_reports(database: str, name: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        assert Store(conn).report(name) == []


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before"):
        ask("stock", END, END, BEGIN)


def test_reporting_tools_read_the_views_and_nothing_else(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        store = Store(conn)
        store.do(CreateItem("A"))
        store.do(CreateLocation("B-1"))
        store.adjust("A", "5", "B-1", 0)
        with conn.transaction():
            conn.execute("set local role tagledger_bi")
            row = conn.execute(
                """select i.item, t.location, sum(m.quantity) from bi.fact_movement m join bi.dim_item i using (item_id)
                   join bi.dim_location t on t.location_id = m.to_location_id join bi.dim_day d using (day)
                   group by 1, 2"""
            ).fetchone()
            assert row == ("A", "B-1", 5)
            views = conn.execute("select table_name from information_schema.views where table_schema = 'bi'").fetchall()
            for (view,) in views:
                conn.execute(psycopg.sql.SQL("select * from bi.{} limit 1").format(psycopg.sql.Identifier(view)))
            assert len(views) == 13
        for forbidden in ("select * from move", "insert into bi.dim_lot default values", "select * from api_key"):
            conn.execute("set role tagledger_bi")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(forbidden.encode())
            conn.execute("reset role")
