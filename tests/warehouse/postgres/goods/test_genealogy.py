"""Genealogy: what became of a lot and what a serial was made of, over orders, splits, merges and repacking; recalls."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c
from warehouse.commands import ComponentSpec, Conversion, ConvertedStock, ConvertStock
from warehouse.ledger import Tracking
from warehouse.postgres.books.integrity import check
from warehouse.postgres.queries.paging import AConn
from warehouse.postgres.queries.tracing import (
    Genealogy,
    Link,
    genealogy,
    lot_things,
    serial_things,
    tag_things,
    unit_things,
)

Both = tuple[Store, AConn]


@pytest.fixture
async def both(database: str) -> AsyncIterator[Both]:
    made = open_store(database)
    for code in ("STEEL", "ROD", "PUMP", "OIL"):
        made.do(c.CreateItem(code, tracking=Tracking.LOT))
    made.items(1)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        yield made, conn
    assert check(made.conn) == []
    made.conn.close()


def receive(store: Store, item: str, lot: str, quantity: int, number: str, expires_on: date | None = None) -> None:
    store.do(c.CreateLot(item, lot, expires_on))
    store.document("purchase_receipt", number, {item: quantity}, partner="ACME")
    store.do(c.FulfilLine("purchase_receipt", number, 1, Decimal(quantity), "STAGE", lot=lot))


def make(store: Store, number: str, product: str, part: str, lot: str, out: str) -> None:
    """Ten of the product in lot `out` from ten of the part's `lot`."""
    if not store.one("select count(*) from bom join item using (item_id) where code = %s", (product,)):
        store.do(c.CreateBom(product, "1", (ComponentSpec(part, Decimal(1)),)))
    store.do(c.CreateWorkOrder(number, product, Decimal(10)))
    store.do(c.FulfilLine("work_order_issue", number, 1, Decimal(10), "STAGE", lot=lot))
    store.do(c.CreateLot(product, out))
    store.do(c.ReportOutput(number, Decimal(10), "STAGE", out))


def stock(lot: str, quantity: int, item: str = "STEEL") -> ConvertedStock:
    return ConvertedStock(item, Decimal(quantity), "STAGE", lot)


def told(links: list[Link]) -> list[str]:
    def name(item: str, lot: str | None, serial: str | None, epc: str | None) -> str:
        return f"{item}/{lot or serial or epc}"

    return [
        f"{name(x.item, x.lot, x.serial, x.epc)} > {name(x.other_item, x.other_lot, x.other_serial, x.other_epc)}"
        f" {x.how} {x.number}".rstrip()
        for x in links
    ]


async def of_lot(both: Both, item: str, lot: str) -> Genealogy:
    return await genealogy(both[1], await lot_things(both[1], item, lot))


async def test_from_the_supplier_over_two_orders_to_the_customer_in_one_query(both: Both) -> None:
    store, _ = both
    receive(store, "STEEL", "S1", 10, "ASN")
    make(store, "WO-1", "ROD", "STEEL", "S1", "R1")
    make(store, "WO-2", "PUMP", "ROD", "R1", "P1")
    store.document("delivery", "DN", {"PUMP": 4}, partner="Smith")
    store.do(c.FulfilLine("delivery", "DN", 1, Decimal(4), "STAGE", lot="P1"))
    down = await of_lot(both, "STEEL", "S1")
    assert told(down.results) == ["STEEL/S1 > ROD/R1 work_order WO-1", "ROD/R1 > PUMP/P1 work_order WO-2"]
    assert down.sources == []
    assert [(s.way, s.item, s.place, s.document, s.partner) for s in down.steps] == [
        ("from", "STEEL", "SUPPLIER", "ASN", "ACME"),
        ("to", "STEEL", "PRODUCTION", "WO-1", ""),
        ("from", "ROD", "PRODUCTION", "WO-1", ""),
        ("to", "ROD", "PRODUCTION", "WO-2", ""),
        ("from", "PUMP", "PRODUCTION", "WO-2", ""),
        ("to", "PUMP", "CUSTOMER", "DN", "Smith"),
    ]
    step = down.steps[0]
    assert (step.actor, step.device, step.line_no, step.reason, step.store) == (
        "clerk", "handheld-7", 1, "by hand", "STAGE",
    )  # fmt: skip
    assert step.recorded_at >= step.effective_at
    up = await of_lot(both, "PUMP", "P1")
    assert told(up.sources) == ["PUMP/P1 > ROD/R1 work_order WO-2", "ROD/R1 > STEEL/S1 work_order WO-1"]
    assert {s.document for s in up.steps} == {"ASN", "WO-1", "WO-2", "DN"}
    middle = await of_lot(both, "ROD", "R1")
    assert (len(middle.sources), len(middle.results)) == (1, 1)


async def test_splits_and_merges_are_on_the_way_and_keep_the_earliest_expiry(both: Both) -> None:
    store, _ = both
    receive(store, "STEEL", "S1", 10, "A1", date(2999, 5, 1))
    receive(store, "STEEL", "S2", 5, "A2", date(2999, 3, 1))
    split = ConvertStock(Conversion.SPLIT, (stock("S1", 10),), (stock("S1a", 6), stock("S1b", 4)))
    assert store.do(split)["lots_made"] == ["S1a", "S1b"]
    store.do(ConvertStock(Conversion.MERGE, (stock("S1b", 4), stock("S2", 5)), (stock("M", 9),), "one drum"))
    assert store.one("select expires_on from lot where code = 'M'") == date(2999, 3, 1)
    found = await of_lot(both, "STEEL", "S1")
    assert told(found.results) == [
        "STEEL/S1 > STEEL/S1a split", "STEEL/S1 > STEEL/S1b split", "STEEL/S1b > STEEL/M merge: one drum",
    ]  # fmt: skip
    assert told((await of_lot(both, "STEEL", "M")).sources) == [
        "STEEL/M > STEEL/S1b merge: one drum", "STEEL/M > STEEL/S2 merge: one drum", "STEEL/S1b > STEEL/S1 split",
    ]  # fmt: skip
    assert store.stock("STEEL") == 15


BAD = [
    (ConvertStock(Conversion.SPLIT, (stock("S1", 5),), (stock("X", 4),)), ("invalid", "outputs")),
    (ConvertStock(Conversion.SPLIT, (stock("S1", 5), stock("S2", 5)), (stock("X", 10),)), ("invalid", "inputs")),
    (ConvertStock(Conversion.MERGE, (stock("S1", 5),), (stock("X", 3), stock("Y", 2))), ("invalid", "outputs")),
    (ConvertStock(Conversion.SPLIT, (stock("S1", 5),), (stock("S1", 5),)), ("invalid", "inputs")),
    (ConvertStock(Conversion.SPLIT, (), (stock("X", 5),)), ("invalid", "inputs")),
    (ConvertStock(Conversion.SPLIT, (stock("S1", 11),), (stock("X", 11),)), ("not_enough", "quantity")),
    (ConvertStock(Conversion.SPLIT, (stock("S9", 5),), (stock("X", 5),)), ("not_found", "inputs.0.lot")),
    (
        ConvertStock(Conversion.MERGE, (stock("S1", 1), stock("S2", 1)), (stock("LATE", 2),)),
        ("invalid", "outputs.0.lot"),
    ),
]  # fmt: skip


def test_a_conversion_that_makes_or_loses_something_is_refused(both: Both) -> None:
    store, _ = both
    receive(store, "STEEL", "S1", 10, "A1", date(2999, 5, 1))
    receive(store, "STEEL", "S2", 5, "A2")
    store.do(c.CreateLot("STEEL", "LATE", date(2999, 6, 1)))
    assert [store.refused(command) for command, _ in BAD] == [answer for _, answer in BAD]
    store.do(c.BlockLot("STEEL", "S1"))
    blocked = ConvertStock(Conversion.SPLIT, (stock("S1", 5),), (stock("X", 5),))
    assert store.refused(blocked) == ("lot_blocked", "lot")
    assert (store.stock("STEEL"), store.one("select count(*) from lot where code = 'X'")) == (15, 0)


async def test_a_circle_ends(both: Both) -> None:
    store, _ = both
    receive(store, "STEEL", "S1", 10, "A1")
    store.do(ConvertStock(Conversion.REPACK, (stock("S1", 10),), (stock("R1", 10, "ROD"),)))
    store.do(ConvertStock(Conversion.REPACK, (stock("R1", 10, "ROD"),), (stock("S1", 10),)))
    found = await of_lot(both, "STEEL", "S1")
    assert told(found.results) == ["STEEL/S1 > ROD/R1 repack", "ROD/R1 > STEEL/S1 repack"]


async def test_what_was_reversed_is_not_on_the_way(both: Both) -> None:
    store, _ = both
    receive(store, "STEEL", "S1", 20, "ASN")
    store.do(c.CreateBom("ROD", "1", (ComponentSpec("STEEL", Decimal(1)),)))
    store.do(c.CreateWorkOrder("WO", "ROD", Decimal(10)))
    wrong = store.do(c.FulfilLine("work_order_issue", "WO", 1, Decimal(10), "STAGE", lot="S1"))
    store.do(c.CreateLot("ROD", "R1"))
    store.do(c.ReportOutput("WO", Decimal(10), "STAGE", "R1"))
    store.do(c.ReverseMovement(wrong["move_id"]))
    assert (await of_lot(both, "STEEL", "S1")).results == []


async def test_serials_tags_and_units_are_traced_like_lots(both: Both) -> None:
    store, conn = both
    receive(store, "STEEL", "S1", 10, "ASN")
    store.do(c.CreateBom("I1", "1", (ComponentSpec("STEEL", Decimal(5)),)))
    store.do(c.CreateWorkOrder("WO", "I1", Decimal(2)))
    store.do(c.IssueKit("WO", Decimal(2)))
    epcs = store.tags(1, 1, 2)
    store.do(c.ReportOutput("WO", Decimal(1), "STAGE", serial="1"))
    store.do(c.ReportOutput("WO", Decimal(1), "STAGE", serial="2"))
    seeds = await serial_things(conn, "I1", "2")
    assert told((await genealogy(conn, seeds)).sources) == ["I1/2 > STEEL/S1 work_order WO"]
    assert await tag_things(conn, epcs[1]) == seeds
    assert [x.other_serial for x in (await of_lot(both, "STEEL", "S1")).results] == ["1", "2"]
    store.do(c.CreateHandlingUnit("U1"))
    store.do(c.MoveStock("I1", Decimal(1), "STAGE", "STAGE", serial="2", target_unit="U1"))
    assert await unit_things(conn, "U1") == seeds
    assert await unit_things(conn, "U9") == await lot_things(conn, "I1", "x") == []


# Recalls


def test_a_recall_blocks_what_the_lot_went_into_when_asked_and_lists_who_has_it(both: Both) -> None:
    store, _ = both
    receive(store, "STEEL", "S1", 20, "ASN")
    make(store, "WO-1", "ROD", "STEEL", "S1", "R1")
    for number, partner, quantity in (("DN-1", "Smith", 3), ("DN-2", "Jones", 5)):
        store.document("delivery", number, {"ROD": quantity}, partner=partner)
    store.do(c.FulfilLine("delivery", "DN-1", 1, Decimal(3), "STAGE", lot="R1"))
    store.do(c.AllocateLine("delivery", "DN-2", 1))
    alone = store.do(c.BlockLot("STEEL", "S1", reason="cracks"))
    assert alone["derived"] == [{"item": "ROD", "lot": "R1", "blocked": False}]
    assert alone["in_stock"] == [{"item": "STEEL", "lot": "S1", "location": "STAGE", "quantity": "10"}]
    whole = store.do(c.BlockLot("STEEL", "S1", reason="cracks", downstream=True))
    assert whole["derived"] == [{"item": "ROD", "lot": "R1", "blocked": True}]
    assert [(row["item"], row["number"], row["partner"], row["quantity"]) for row in whole["delivered"]] == [
        ("ROD", "DN-1", "Smith", "3"), ("STEEL", "WO-1", "", "10"),
    ]  # fmt: skip
    assert whole["released"] == [{"kind": "delivery", "number": "DN-2", "quantity": "5"}]
    out = c.FulfilLine("delivery", "DN-2", 1, Decimal(5), "STAGE", lot="R1")
    assert store.refused(out) == ("lot_blocked", "lot")
    store.do(c.BlockLot("STEEL", "S1", blocked=False, downstream=True))
    store.do(out)


def test_serials_without_a_lot_are_listed_for_people(both: Both) -> None:
    store, _ = both
    receive(store, "STEEL", "S1", 10, "ASN")
    store.do(c.CreateBom("I1", "1", (ComponentSpec("STEEL", Decimal(10)),)))
    store.do(c.CreateWorkOrder("WO", "I1", Decimal(1)))
    store.do(c.IssueKit("WO", Decimal(1)))
    store.tags(1, 1, 1)
    store.do(c.ReportOutput("WO", Decimal(1), "STAGE", serial="1"))
    assert store.do(c.BlockLot("STEEL", "S1"))["derived_serials"] == [{"item": "I1", "serial": "1"}]
