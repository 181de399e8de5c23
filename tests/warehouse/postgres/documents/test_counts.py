"""Counts on a real server: the store moves while it is counted, and only differences are posted."""

from decimal import Decimal

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Refusal, Result
from warehouse.ledger import Tracking
from warehouse.postgres.commands import execute
from warehouse.postgres.queries.counts import count_sheet, count_sheets

MANAGER = Actor("manager", rights=ALL_RIGHTS)


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2, 4)
    for item, place, quantity in (("I2", "STAGE", 7), ("I4", "STAGE", 30), ("I2", "BIN-1", 10)):
        store.do(c.AdjustStock(item, Decimal(quantity), place, "opening", effective_at=DAY_0))
    return store


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
    refused = as_manager(store, c.PostCount("C", approve=True), "m0")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid", "reason")
    done = as_manager(store, c.PostCount("C", approve=True, reason="broken glass"))
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
    refused = as_manager(store, c.PostCount("C", approve=True, reason="put there"), "m0")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("recount_needed", "lines.2")
    count(store, 2, 4)
    done = as_manager(store, c.PostCount("C", approve=True, reason="put there"))
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


def test_a_difference_of_little_quantity_and_great_value_needs_approval(store: Store) -> None:
    store.do(c.SetValuation("I2", c.Valuation.AVERAGE, unit_cost=Decimal("90.00")))
    store.do(
        c.StartCount("C", ("STAGE",), ("I2",), tolerance_quantity=Decimal(2), tolerance_value=Decimal(100), recounts=0)
    )
    count(store, 1, 5)
    assert store.refused(c.PostCount("C")) == ("beyond_tolerance", "lines.1")
    count(store, 1, 6)
    store.do(c.PostCount("C"))
    row = store.conn.execute("select difference, unit_cost, value_difference, approved_by from count_line").fetchone()
    assert row == (-1, 90, -90, None)


def test_a_random_count_is_the_same_for_the_same_seed(store: Store) -> None:
    def chosen(number: str, seed: int) -> list[tuple[int, int]]:
        lines = store.do(c.StartCount(number, ("STAGE", "BIN-1"), choice=c.CountChoice.RANDOM, sample=2, seed=seed))
        assert lines["lines"] == 2
        return store.conn.execute(
            "select item_id, location_id from count_line join count_sheet using (count_id)"
            " where number = %s order by 1, 2",
            (number,),
        ).fetchall()

    assert chosen("R1", 5) == chosen("R2", 5)
    assert len({tuple(chosen(f"S{seed}", seed)) for seed in range(12)}) > 1


def test_a_cycle_count_takes_what_is_due_by_the_value_of_its_use(store: Store) -> None:
    from datetime import timedelta

    store.document("delivery", "DN", {"I4": 20})
    now = store.one("select now()")
    store.do(c.FulfilLine("delivery", "DN", 1, Decimal(20), "STAGE", effective_at=now - timedelta(days=1)))
    assert store.do(c.StartCount("C1", ("STAGE", "BIN-1"), choice=c.CountChoice.CYCLE, sample=10))["lines"] == 3
    for line_no, quantity in ((1, 10), (2, 7), (3, 10)):
        store.do(c.EnterCount("C1", Decimal(quantity), line_no))
    store.do(c.PostCount("C1"))
    again = c.StartCount("C2", ("STAGE", "BIN-1"), choice=c.CountChoice.CYCLE, sample=10)
    assert store.refused(again) == ("wrong_state", "choice")
    store.conn.execute("update count_sheet set posted_at = posted_at - interval '45 days'")
    store.do(c.StartCount("C3", ("STAGE", "BIN-1"), choice=c.CountChoice.CYCLE, sample=10))
    due = store.conn.execute(
        "select i.code from count_line join item i using (item_id) join count_sheet using (count_id)"
        " where number = 'C3'"
    ).fetchall()
    assert due == [("I4",)]  # class A, every 30 days; what was not used is class C


def test_what_should_be_gone_is_looked_for(store: Store) -> None:
    store.do(c.MoveStock("I2", Decimal(10), "BIN-1", "STAGE"))
    assert store.do(c.StartCount("Z", ("BIN-1",), choice=c.CountChoice.ZERO))["lines"] == 1
    store.do(c.EnterCount("Z", Decimal(0), 1))
    assert store.do(c.PostCount("Z"))["differences"] == []


def test_a_sweep_counts_by_the_tags_that_are_there(store: Store) -> None:
    from uuid import uuid4

    from tests.warehouse.postgres.store import NOON_US
    from warehouse.loads import LocationEvent, LocationUpdate
    from warehouse.postgres.loads import locations

    store.items(6)
    here = store.tags(2, 1, 6)  # the books have 7 of I2
    beside = store.tags(6, 1, 2)
    with store.conn.transaction():
        locations.apply(
            store.conn,
            [LocationUpdate(uuid4(), e, LocationEvent.ARRIVED, "STAGE", NOON_US, "t") for e in (*here, *beside)],
        )
    store.do(c.StartCount("C", ("STAGE",), tolerance_percent=Decimal(100), recounts=0))
    assert store.do(c.SweepCount("C", "STAGE")) == {"number": "C", "counted": 1, "beside": 1}
    rows = store.conn.execute(
        "select i.code, counted, method from count_line join item i using (item_id) order by line_no"
    ).fetchall()
    assert rows == [("I2", 6, "rfid"), ("I4", None, "hand"), ("I6", 2, "rfid")]
    assert store.refused(c.SweepCount("C", "BIN-1")) == ("wrong_state", "location")
    count(store, 2, 30)
    done = as_manager(store, c.PostCount("C", approve=True, reason="swept"))
    assert isinstance(done, Result)
    assert (store.stock("I2"), store.stock("I6")) == (6, 2)


def test_i7_a_count_that_names_no_tolerance_has_the_nearest_places(store: Store) -> None:
    store.do(c.CreateLocation("WH", level="warehouse"))
    store.do(c.CreateLocation("RACK", parent="WH"))
    store.do(c.CreateLocation("R-1", level="bin", parent="RACK"))
    store.do(c.SetCountTolerance("WH", percent=Decimal(20)))
    store.do(c.SetCountTolerance("RACK", quantity=Decimal(1)))
    for place in ("WH", "R-1"):
        store.do(c.AdjustStock("I2", Decimal(10), place, "opening"))
    store.do(c.StartCount("C", ("WH",), recounts=0))
    for place, counted in (("WH", 8), ("R-1", 8)):
        store.do(c.EnterCount("C", Decimal(counted), item="I2", location=place))
    assert store.refused(c.PostCount("C"))[0] == "beyond_tolerance"  # 20 % of WH, but one piece of the rack
    store.do(c.EnterCount("C", Decimal(9), item="I2", location="R-1"))
    store.do(c.PostCount("C"))
    assert (store.stock("I2", "WH"), store.stock("I2", "R-1")) == (8, 9)
    store.do(c.SetCountTolerance("RACK"))  # now the warehouse's
    assert store.refused(c.SetCountTolerance("RACK")) == ("not_found", "location")
    store.do(c.StartCount("D", ("R-1",), recounts=0))
    store.do(c.EnterCount("D", Decimal(8), 1))
    store.do(c.PostCount("D"))
    store.do(c.StartCount("E", ("R-1",), recounts=0, tolerance_value=Decimal(5)))  # its own: no difference passes
    store.do(c.EnterCount("E", Decimal(7), 1))
    assert store.refused(c.PostCount("E"))[0] == "beyond_tolerance"


def test_i14_all_of_an_item_by_lot_counts_what_nobody_named_as_none(store: Store) -> None:
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    for lot, quantity in (("lot1", 10), ("lot2", 30)):
        store.do(c.CreateLot("L", lot))
        store.do(c.AdjustStock("L", Decimal(quantity), "STAGE", "opening", lot=lot))
    store.do(c.StartCount("C", ("STAGE",), items=("L",), tolerance_quantity=Decimal(99)))
    whole = c.EnterItemCount("C", "L", "STAGE", (c.LotCount(Decimal(30), "lot1"),))
    assert len(store.do(whole)["lines"]) == 2
    store.do(c.PostCount("C", reason="counted"))
    lots = store.conn.execute("select on_hand from balance join lot using (lot_id) order by code").fetchall()
    assert lots in ([(30,), (0,)], [(30,)])
    store.do(c.StartCount("D", ("STAGE",), items=("L",)))
    for counted, refusal in (
        ((c.LotCount(Decimal(1)),), ("invalid", "counted.0.lot")),
        ((c.LotCount(Decimal(1), "lot1"), c.LotCount(Decimal(2), "lot1")), ("invalid", "counted.1.lot")),
        ((c.LotCount(Decimal("0.5"), "lot1"),), ("invalid", "counted.0.quantity")),
    ):
        assert store.refused(c.EnterItemCount("D", "L", "STAGE", counted)) == refusal


async def test_i12_how_far_a_count_is_follows_from_its_lines(store: Store, database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as reading:

        async def state() -> str:
            sheet = await count_sheet(reading, "C")
            assert sheet is not None
            assert [sheet] == await count_sheets(reading, None, 10)
            return sheet.state

        store.do(c.StartCount("C", ("STAGE",), tolerance_quantity=Decimal(1)))
        assert await state() == "requested"
        count(store, 1, 7)
        assert await state() == "counting"
        count(store, 2, 25)
        assert await state() == "investigating"
        count(store, 2, 25)
        assert await state() == "counted"
        assert isinstance(as_manager(store, c.PostCount("C", approve=True, reason="gone")), Result)
        assert await state() == "completed"
