"""Outbound: how stock is chosen, pick lists, picks by scan and by portal, what is wrong or not there."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import ConfirmPick, CreatePickList, DocumentName
from warehouse.ledger import Tracking
from warehouse.postgres.queries.paging import AConn
from warehouse.postgres.queries.picking import pick_lines, pick_list, pick_lists
from warehouse.postgres.queries.promises import promises
from warehouse.removal import Order, Taking
from warehouse.site import Direction

TODAY = date.today()


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2)
    store.do(c.CreateItem("L", tracking=Tracking.LOT, category="food"))
    return store


@pytest.fixture
async def reader(database: str) -> AsyncIterator[AConn]:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        yield conn


def stock(store: Store, quantity: int, item: str = "I2", location: str = "STAGE", days: int = 0, **fields: Any) -> None:
    at = DAY_0 + timedelta(days=days)
    store.do(c.AdjustStock(item, Decimal(quantity), location, "opening", effective_at=at, **fields))


def lots(store: Store, **expiries: int) -> None:
    """Five of each lot, received on successive days, expiring in that many days from now."""
    for n, (code, days) in enumerate(expiries.items()):
        store.do(c.CreateLot("L", code, TODAY + timedelta(days=days)))
        stock(store, 5, "L", days=n, lot=code)


def allocated(store: Store, quantity: int, item: str = "L", kind: str = "delivery", **fields: Any) -> list[str]:
    number = str(store.one("select count(*) from document"))
    store.document(kind, number, {item: quantity}, **{k: fields.pop(k) for k in ("partner",) if k in fields})
    answer = store.do(c.AllocateLine(kind, number, 1, **fields))
    for one in answer["reservations"]:
        store.do(c.ReleaseReservation(one["reservation_id"]))
    return [f"{one['lot'] or one['location']} {one['quantity']}" for one in answer["reservations"]]


# Which stock


def test_the_most_particular_rule_says_how_stock_is_chosen(store: Store) -> None:
    lots(store, old=300, mid=100, new=200)
    assert allocated(store, 5) == ["old 5"]
    store.do(c.SetRemovalRule(Order.LIFO))
    assert allocated(store, 5) == ["new 5"]
    store.do(c.SetRemovalRule(Order.FEFO, category="food"))
    assert allocated(store, 5) == ["mid 5"]
    store.do(c.SetRemovalRule(Order.FIFO, category="food", kind="scrap"))
    assert allocated(store, 5) == ["mid 5"]
    assert allocated(store, 5, kind="scrap") == ["old 5"]
    store.do(c.SetRemovalRule(Order.LIFO, item="L"))
    assert allocated(store, 5, kind="scrap") == ["new 5"]
    assert allocated(store, 5, order=Order.FEFO) == ["mid 5"]
    store.do(c.SetRemovalRule(None, item="L"))
    assert allocated(store, 5, kind="scrap") == ["old 5"]
    assert store.refused(c.SetRemovalRule(None, item="L")) == ("not_found", "order")
    assert store.refused(c.SetRemovalRule(Order.FIFO, kind="letter")) == ("not_found", "kind")


def test_a_document_has_its_own_way_and_a_partner_his_shelf_life(store: Store) -> None:
    lots(store, short=10, long=90)
    store.document("delivery", "DN", {"L": 5})
    store.do(c.SetDocumentRemoval("delivery", "DN", Order.LIFO))
    answer = store.do(c.AllocateLine("delivery", "DN", 1))
    assert [one["lot"] for one in answer["reservations"]] == ["long"]
    store.do(c.CancelDocument("delivery", "DN"))
    store.do(c.SetPartner("FUSSY", usable_days_min=30))
    assert allocated(store, 5, partner="FUSSY") == ["long 5"]
    assert allocated(store, 5, partner="FUSSY", remaining_days_min=0) == ["long 5"]  # not for who allocates to waive
    assert allocated(store, 5, remaining_days_min=0) == ["short 5"]
    store.do(c.SetRemovalRule(Order.FIFO, remaining_days_min=100))
    assert allocated(store, 5, partner="FUSSY") == []


def test_a_named_lot_one_lot_alone_and_the_closest_place(store: Store) -> None:
    lots(store, a=50, b=60)
    stock(store, 8, "L", "BIN-1", lot="b")
    assert allocated(store, 5, lot="b") == ["b 5"]
    assert allocated(store, 9, single_lot=True) == ["b 8", "b 1"]
    assert allocated(store, 14, single_lot=True) == []
    for place, parent in (("R1", None), ("R1-A", "R1"), ("R1-B", "R1"), ("R2", None), ("R2-A", "R2")):
        store.do(c.CreateLocation(place, parent=parent))
    for place, days in (("R2-A", 0), ("R1-B", 1)):
        stock(store, 5, location=place, days=days)
    assert allocated(store, 7, "I2", order=Order.CLOSEST, near="R1-A") == ["R1-B 5", "R2-A 2"]
    assert allocated(store, 7, "I2", order=Order.CLOSEST, near="R2-A") == ["R2-A 5", "R1-B 2"]


def test_fewest_handling_units(store: Store) -> None:
    for code, quantity in (("U1", 3), ("U2", 10), ("U3", 6)):
        store.do(c.CreateHandlingUnit(code))
        stock(store, quantity, location="BIN-1")
        store.do(c.MoveStock("I2", Decimal(quantity), "BIN-1", "STAGE", target_unit=code))
    assert [line.split()[1] for line in allocated(store, 12, "I2", order=Order.LEAST_UNITS)] == ["10", "2"]
    assert [line.split()[1] for line in allocated(store, 6, "I2", order=Order.LEAST_UNITS)] == ["6"]


# Picks


def listed(store: Store, stage: str | None = None, item: str = "I2", quantity: int = 10) -> None:
    store.document("delivery", "DN", {item: quantity})
    store.do(c.AllocateLine("delivery", "DN", 1))
    store.do(CreatePickList("P", (DocumentName("delivery", "DN"),), stage=stage))


async def told(reader: AConn) -> list[tuple[str, int, int, int, str]]:
    found = await pick_list(reader, "P")
    assert found is not None
    lines = await pick_lines(reader, found.pick_list_id)
    return [(x.location, int(x.quantity), int(x.picked), int(x.short), x.state) for x in lines]


async def test_a_list_goes_place_after_place_and_is_picked_by_scan(store: Store, reader: AConn) -> None:
    stock(store, 6)
    stock(store, 6, location="BIN-1", days=1)
    listed(store)
    assert await told(reader) == [("BIN-1", 4, 0, 0, "pending"), ("STAGE", 6, 0, 0, "pending")]
    store.do(ConfirmPick("P", 1, Decimal(4), "BIN-1"))
    part = store.do(ConfirmPick("P", 2, Decimal(2), "STAGE"))
    assert part["open"] == "4"
    assert await told(reader) == [("BIN-1", 4, 4, 0, "picked"), ("STAGE", 6, 2, 0, "pending")]
    assert store.fulfilled("DN") == [6]
    assert store.refused(ConfirmPick("P", 1, Decimal(1), "BIN-1")) == ("wrong_state", "line_no")
    assert [x.open_lines for x in await pick_lists(reader, open_only=True)] == [1]
    store.do(ConfirmPick("P", 2, Decimal(4), "STAGE"))
    assert (await pick_lists(reader, open_only=True), store.fulfilled("DN")) == ([], [10])


async def test_goods_on_the_stage_stay_reserved_for_their_line_and_leave_through_the_door(
    store: Store, reader: AConn
) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 3)
    store.document("purchase_receipt", "ASN", {"I1": 3})
    store.post(store.load(epcs))
    store.do(c.CreateLocation("OUT"))
    listed(store, "OUT", "I1", 2)
    for n in (1, 2):
        store.do(ConfirmPick("P", n, Decimal(1), epc=epcs[n - 1]))
    assert await told(reader) == [("STAGE", 1, 1, 0, "picked")] * 2
    assert (store.stock("I1", "OUT"), store.fulfilled("DN")) == (2, [0])
    store.document("delivery", "OTHER", {"I1": 3})
    assert store.do(c.AllocateLine("delivery", "OTHER", 1))["short"] == "2"
    store.post(store.load(epcs[:2], Direction.OUT, minute=10**6, inside="OUT"))
    assert (store.fulfilled("DN"), store.fulfilled("OTHER"), store.findings()) == ([2], [0], [])


async def test_what_leaves_through_a_door_is_picked_too(store: Store, reader: AConn) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 1)
    store.document("purchase_receipt", "ASN", {"I1": 1})
    store.post(store.load(epcs))
    listed(store, item="I1", quantity=1)
    store.post(store.load(epcs, Direction.OUT, minute=5))
    assert await told(reader) == [("STAGE", 1, 1, 0, "picked")]


def test_the_wrong_thing_is_refused_with_the_reason(store: Store) -> None:
    store.items(1)
    lots(store, L1=50, L2=60)
    store.do(c.CreateHandlingUnit("U1"))
    tags = (c.TagSpec("E201", "L", "L1"), c.TagSpec("E202", "L", "L2"), c.TagSpec("E203", "I2"), c.TagSpec("E204", "L", "L1"))  # fmt: skip  # noqa: E501
    store.do(c.RegisterTags(tags))
    store.do(c.CreateHandlingUnit(epc="E2AA"))
    store.do(c.RetireTag("E204"))
    listed(store, item="L", quantity=5)

    def said(**scans: Any) -> tuple[str, str, str]:
        outcome = store.ask(ConfirmPick("P", 1, Decimal(1), **scans))
        assert isinstance(outcome, c.Refusal)
        return outcome.code, outcome.field, outcome.message

    def wrong(**scans: Any) -> str:
        code, _, message = said(**scans)
        assert code == "wrong_goods"
        return message

    assert wrong(location="STAGE", lot="L2") == "this is lot L2, the line names lot L1 (L at STAGE)"
    assert wrong(location="BIN-1", lot="L1") == "this is location BIN-1, the line names location STAGE (L at STAGE)"
    assert wrong(location="STAGE", lot="L1", unit="U1").endswith("the line names no unit (L at STAGE)")
    assert wrong(epc="e202") == "E202: this is of lot L2, the line names lot L1"
    assert wrong(epc="E203") == "E203: this is I2, the line names L"
    assert wrong(epc="E204") == "E204: this tag was retired"
    assert wrong(epc="E2AA") == "E2AA: this is unit E2AA, the line names no unit"
    assert wrong(epc="E299") == "E299: nobody registered this tag"
    assert wrong(epc="E201", lot="L2").startswith("this is lot L2")
    assert said(location="STAGE")[:2] == ("invalid", "lot")
    assert said(lot="L1")[:2] == ("invalid", "location")
    assert store.refused(ConfirmPick("P", 1, Decimal(6), epc="E201")) == ("over", "quantity")
    assert store.refused(ConfirmPick("P", 1, Decimal(0), epc="E201")) == ("invalid", "quantity")
    assert store.refused(ConfirmPick("P", 2, Decimal(1))) == ("not_found", "line_no")
    assert store.fulfilled("DN") == [0]


async def test_what_is_not_there_is_short_given_back_and_reported(store: Store, reader: AConn) -> None:
    stock(store, 10)
    listed(store)
    answer = store.do(ConfirmPick("P", 1, Decimal(7), "STAGE", short=True, reason="box is empty"))
    assert (answer["short"], answer["open"]) == ("3", "0")
    assert await told(reader) == [("STAGE", 10, 7, 3, "released")]
    assert store.findings() == ["short_pick"]
    assert store.one("select detail from discrepancy") == "P line 1: 3 of I2 not found at STAGE: box is empty"
    assert store.do(c.AllocateLine("delivery", "DN", 1))["short"] == "0"


async def test_a_reservation_that_gave_way_is_not_picked(store: Store, reader: AConn) -> None:
    stock(store, 10)
    listed(store)
    store.do(c.AdjustStock("I2", Decimal(-4), "STAGE", "broken", force=True))
    assert await told(reader) == [("STAGE", 6, 0, 0, "pending")]


def test_a_reservation_is_on_one_list_until_that_is_cancelled(store: Store) -> None:
    stock(store, 10)
    listed(store)
    again = CreatePickList("P2", (DocumentName("delivery", "DN"),))
    assert store.refused(again) == ("invalid", "documents")
    assert store.do(c.CancelPickList("P"))["freed"] == 1
    store.do(again)
    assert store.refused(ConfirmPick("P", 1, Decimal(1), "STAGE")) == ("not_found", "line_no")
    assert store.refused(CreatePickList("P2", (DocumentName("delivery", "DN"),))) == ("exists", "number")
    assert store.refused(CreatePickList("P3", (DocumentName("delivery", "X"),))) == ("not_found", "documents.0.number")
    store.document("other_receipt", "R", {"I2": 1})
    into = CreatePickList("P3", (DocumentName("other_receipt", "R"),))
    assert store.refused(into) == ("wrong_state", "documents.0.number")


# Without a document


def test_goods_that_leave_without_a_document_raise_an_alarm_with_the_posting(store: Store) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 1)
    store.document("purchase_receipt", "ASN", {"I1": 1})
    store.post(store.load(epcs))
    store.post(store.load(epcs, Direction.OUT, minute=5))
    rows = store.conn.execute("select payload ->> 'kind', payload ->> 'portal' from outbox where topic = 'alarm'")
    assert rows.fetchall() == [("no_document", "D1")]
    assert store.stock("I1") == 1


def test_e11_zones_are_taken_from_in_their_order_and_a_bin_only_whole(store: Store) -> None:
    for zone in ("Z1", "Z2"):
        store.do(c.CreateLocation(zone))
    for place, zone, quantity in (("Z1-1", "Z1", 50), ("Z1-2", "Z1", 50), ("Z2-1", "Z2", 50)):
        store.do(c.CreateLocation(place, level="bin", parent=zone))
        stock(store, quantity, location=place)
    stock(store, 500)  # in no zone of the rule
    rule = c.SetRemovalRule(Order.FIFO, "I2", zones=(c.ZoneTaking("Z1", Taking.EMPTY_BIN), c.ZoneTaking("Z2")))
    store.do(rule)
    assert allocated(store, 80, "I2") == ["Z1-1 50", "Z2-1 30"]
    assert allocated(store, 200, "I2") == ["Z1-1 50", "Z1-2 50", "Z2-1 50"]
    assert allocated(store, 80, "I2", order=Order.LARGEST) == ["STAGE 80"]  # an order of its own
    for wrong, field in (
        (c.SetRemovalRule(Order.LEAST_UNITS, "I2", zones=(c.ZoneTaking("Z1"),)), "zones"),
        (c.SetRemovalRule(Order.FIFO, "I2", zones=(c.ZoneTaking("Z1"), c.ZoneTaking("Z1"))), "zones.1.zone"),
        (c.SetRemovalRule(Order.FIFO, "I2", zones=(c.ZoneTaking("Z1", package=Decimal(0)),)), "zones.0.package"),
    ):
        assert store.refused(wrong) == ("invalid", field)


async def test_d14_what_can_be_promised_in_the_order_of_the_days(store: Store, reader: AConn) -> None:
    stock(store, 20)
    for n, quantity in enumerate((5, 3, 20, 20, 15)):
        store.document("delivery", f"D{n}", {"I2": quantity}, expected_at=DAY_0 + timedelta(days=n))
    found = await promises(reader, "I2")
    assert found is not None
    assert (found[0], [line.before for line in found[1]]) == (20, [0, 5, 8, 28, 48])
    assert [line.promisable for line in found[1]] == [5, 3, 12, 0, 0]
    store.do(c.AllocateLine("delivery", "D0", 1))
    after = await promises(reader, "I2")
    assert after is not None
    assert (after[0], [(line.reserved, line.promisable) for line in after[1][:2]]) == (15, [(5, 0), (0, 3)])
    assert await promises(reader, "nothing") is None
