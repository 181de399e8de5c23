"""The named quantities: each balance counted once, documents counted where they come and go, and the past two ways."""

from datetime import date, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0, day
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.ledger import StockStatus, Tracking
from warehouse.postgres.queries.past import Clock, stock_as_of
from warehouse.postgres.queries.stock import NamedQuantities, named_quantities, quantities_by_item, stock, stock_totals

NAMES = ("on_hand", "usable", "reserved", "available", "inspection", "blocked", "expired", "in_transit")


@pytest.fixture
def store(store: Store) -> Store:
    """Warehouses W1 (with zone W1-A and bins A1, A2) and W2; item L by lot."""
    for code in ("W1", "W2"):
        store.do(c.CreateLocation(code, level="warehouse"))
    store.do(c.CreateLocation("W1-A", parent="W1"))
    for code in ("A1", "A2"):
        store.do(c.CreateLocation(code, level="bin", parent="W1-A"))
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    store.items(2)
    for lot, expires_on in (("good", None), ("old", date(2026, 1, 1)), ("recalled", None)):
        store.do(c.CreateLot("L", lot, expires_on))
    return store


def bring(store: Store, quantity: int, place: str, item: str = "I2", **fields: Any) -> None:
    fields = {"effective_at": DAY_0, **fields}
    store.do(c.AdjustStock(item, D(quantity), place, "opening", **fields))


def shown(q: NamedQuantities | None) -> dict[str, int]:
    assert q is not None
    return {name: int(getattr(q, name)) for name in (*NAMES, "expected", "promised", "projected") if getattr(q, name)}


async def test_each_balance_has_one_state_and_they_add_up(store: Store, reading: Any) -> None:
    bring(store, 10, "A1", "L", lot="good")
    bring(store, 4, "A1", "L", lot="good", status=StockStatus.INSPECTION)
    bring(store, 3, "A2", "L", lot="good", status=StockStatus.BLOCKED)
    bring(store, 2, "A2", "L", lot="recalled", status=StockStatus.INSPECTION)
    store.do(c.BlockLot("L", "recalled"))
    bring(store, 5, "A2", "L", lot="old", effective_at=DAY_0 - timedelta(days=90))
    store.do(c.ReserveStock("L", D(6), "A1", "me", lot="good"))
    spec = c.LineSpec("L", D(3), "good")
    store.do(c.CreateDocument("transfer", "T", (spec,), source="A1", target="W2"))
    store.do(c.ShipTransfer("T", 1, D(3), lot="good"))
    everywhere = await named_quantities(reading, "L")
    assert shown(everywhere) == {
        "on_hand": 24, "usable": 7, "reserved": 6, "available": 1, "inspection": 4, "blocked": 5, "expired": 5,
        "in_transit": 3, "projected": 1,
    }  # fmt: skip
    assert everywhere is not None
    parts = ("usable", "inspection", "blocked", "expired", "in_transit")
    assert everywhere.on_hand == sum(getattr(everywhere, name) for name in parts)
    assert shown(await named_quantities(reading, "L", location="W1"))["on_hand"] == 21
    assert shown(await named_quantities(reading, "L", location="W2")) == {
        "in_transit": 3,
        "expected": 3,
        "projected": 3,
    }
    assert await named_quantities(reading, "L", location="W3") is None


async def test_documents_count_where_they_come_and_go(store: Store, reading: Any) -> None:
    bring(store, 20, "A1")
    store.document("purchase_receipt", "PO-1", {"I2": 7}, target="W1-A")
    store.document("purchase_receipt", "PO-2", {"I2": 5})
    store.document("delivery", "DN-1", {"I2": 6}, source="W1")
    store.document("delivery", "DN-2", {"I2": 4}, source="W2")
    store.document("transfer", "T", {"I2": 8}, source="A1", target="W2")
    store.do(c.AllocateLine("delivery", "DN-1", 1))
    store.do(c.ShipTransfer("T", 1, D(3)))
    at = {place: shown(await named_quantities(reading, "I2", location=place)) for place in (None, "W1", "W2", "A1")}
    assert at[None]["expected"] == 12
    assert at[None]["promised"] == 4  # DN-1 is reserved for, transfers stay in the house
    assert at[None]["projected"] == 17 - 6 + 12 - 4
    assert at["W1"] == {
        "on_hand": 17, "usable": 17, "reserved": 6, "available": 11, "expected": 7, "promised": 5, "projected": 13,
    }  # fmt: skip
    assert at["W2"] == {"in_transit": 3, "expected": 8, "promised": 4, "projected": 4}
    assert "expected" not in at["A1"]
    store.do(c.CancelDocument("delivery", "DN-2"))
    store.do(c.CloseDocument("purchase_receipt", "PO-2"))
    after = shown(await named_quantities(reading, "I2"))
    assert (after["expected"], "promised" in after) == (7, False)


async def test_a_document_without_a_place_counts_in_the_only_warehouse(store: Store, reading: Any) -> None:
    store.document("purchase_receipt", "PO", {"I2": 5})
    assert shown(await named_quantities(reading, "I2", location="W1")) == {}
    store.do(c.UpdateLocation("W2", level="zone"))
    assert shown(await named_quantities(reading, "I2", location="W1")) == {"expected": 5, "projected": 5}


async def test_an_order_is_expected_once_whether_announced_or_not(store: Store, reading: Any) -> None:
    store.document("purchase_order", "PO", {"I2": 30})
    assert shown(await named_quantities(reading, "I2")) == {"expected": 30, "projected": 30}
    part = c.LineSpec("I2", D(10), source=c.LineName("purchase_order", "PO", 1))
    store.do(c.CreateDocument("purchase_receipt", "ASN", (part,)))
    assert shown(await named_quantities(reading, "I2"))["expected"] == 30
    store.do(c.FulfilLine("purchase_receipt", "ASN", 1, D(10), "A1"))
    assert shown(await named_quantities(reading, "I2"))["expected"] == 20


async def test_what_waits_for_approval_is_neither_expected_nor_promised(store: Store, reading: Any) -> None:
    store.document("delivery", "DN", {"I2": 6}, needs_approval=True)
    assert shown(await named_quantities(reading, "I2")) == {}


async def test_another_owners_goods_are_counted_apart(store: Store, reading: Any) -> None:
    bring(store, 10, "A1")
    store.do(c.SetPartner("ACME", kind=c.PartnerKind.OWNER))
    bring(store, 4, "A1", owner="ACME")
    assert (await named_quantities(reading, "I2")).on_hand == 10  # type: ignore[union-attr]
    assert (await named_quantities(reading, "I2", owner="ACME")).on_hand == 4  # type: ignore[union-attr]
    assert [row.owner for row in await stock(reading, item="I2", owner="ACME")] == ["ACME"]
    assert store.refused(c.MoveStock("I2", D(5), "A1", "A2", owner="ACME"))[0] == "not_enough"
    store.do(c.MoveStock("I2", D(4), "A1", "A2", owner="ACME"))


async def test_all_items_page_by_code_and_totals_roll_up(store: Store, reading: Any) -> None:
    bring(store, 1, "A1")
    bring(store, 2, "A2")
    bring(store, 4, "W2")
    by_item = await quantities_by_item(reading, None, 1)
    assert [(q.item, q.on_hand) for q in by_item] == [("I2", 7)]
    assert [(q.item, q.on_hand) for q in await quantities_by_item(reading, "I2")] == [("L", 0)]
    assert [q.on_hand for q in await quantities_by_item(reading, location="W1")] == [3, 0]
    for level, sums in (
        ("bin", {"A1": 1, "A2": 2, "W2": 4}),
        ("zone", {"W1-A": 3, "W2": 4}),
        ("warehouse", {"W1": 3, "W2": 4}),
    ):
        totals = await stock_totals(reading, level=level, item="I2")
        assert {t.location: t.on_hand for t in totals} == sums


async def test_the_past_as_we_know_it_and_as_the_books_said(store: Store, reading: Any) -> None:
    bring(store, 10, "A1", effective_at=day(0))
    store.do(c.MoveStock("I2", D(4), "A1", "A2", effective_at=day(2)))
    between = store.one("select clock_timestamp()")
    bring(store, 5, "A1", effective_at=day(1))  # posted late

    async def at(moment: Any, clock: Clock, **named: str) -> dict[str, int]:
        rows = await stock_as_of(reading, moment, clock=clock, **(named or {"item": "I2"}))  # type: ignore[arg-type]
        return {row.location: int(row.on_hand) for row in rows}

    assert await at(day(0.5), Clock.EFFECTIVE) == {"A1": 10}
    assert await at(day(1), Clock.EFFECTIVE) == {"A1": 15}
    assert await at(day(3), Clock.EFFECTIVE) == {"A1": 11, "A2": 4}
    assert await at(between, Clock.RECORDED) == {"A1": 6, "A2": 4}
    assert await at(between, Clock.RECORDED, location="W1") == {"A1": 6, "A2": 4}
    assert await at(between, Clock.RECORDED, location="A2") == {"A2": 4}
    with pytest.raises(ValueError, match="name an item"):
        await stock_as_of(reading, between)
