"""What may not pass a door for its documents is exactly what the books then hold, with the same reason."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.warehouse.postgres.store import Store, gtin, open_store, sgtin
from warehouse.commands import (
    BlockLot,
    CancelDocument,
    CreateDocument,
    CreateItem,
    CreateLot,
    DecideInspection,
    Inspected,
    LineSpec,
    MoveStock,
    RegisterTags,
    ReserveStock,
    SetPartner,
    SetRemovalRule,
    TagSpec,
)
from warehouse.ledger import StockStatus, Tracking
from warehouse.loads import Barred
from warehouse.postgres.loads import barred
from warehouse.postgres.loads.expectations import expected_at
from warehouse.removal import Order
from warehouse.site import Direction
from warehouse.times import to_us

TODAY = datetime.now(UTC).date()
FAR = TODAY + timedelta(days=400)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Item I2 is tracked by lot; GOOD, SOON (10 days) and BAD (blocked later) have two tags each in stock."""
    made = open_store(database)
    made.do(CreateItem("I2", gtin=gtin(2), tracking=Tracking.LOT))
    for n, (lot, expires) in enumerate({"GOOD": FAR, "SOON": TODAY + timedelta(days=10), "BAD": FAR}.items()):
        made.do(CreateLot("I2", lot, expires))
        epcs = tags(lot)
        assert epcs == (sgtin(2, 10 * n + 1), sgtin(2, 10 * n + 2))
        made.do(RegisterTags(tuple(TagSpec(epc, "I2", lot=lot) for epc in epcs)))
    made.document("purchase_receipt", "ASN-1", {"I2": 6}, epcs=tags("GOOD", "SOON", "BAD"))
    assert not made.post(made.load(tags("GOOD", "SOON", "BAD"))).discrepancy_ids
    yield made
    made.conn.close()


def tags(*lots: str) -> tuple[str, ...]:
    first = {"GOOD": 1, "SOON": 11, "BAD": 21}
    return tuple(sgtin(2, first[lot] + n) for lot in lots for n in (0, 1))


def at_the_door(store: Store, number: str, door: str = "D1") -> dict[tuple[str, str], tuple[str, ...]]:
    (document,) = [each for each in expected_at(store.conn, door).documents if each.number == number]
    return {(each.why, each.lot): each.epcs for each in document.barred}


def ship(store: Store, *epcs: str, portal: str = "D1") -> list[str]:
    """What the books hold of them, in the discrepancies' words."""
    load = store.load(epcs, Direction.OUT, portal=portal)
    made = store.post(replace(load, at_us=to_us(datetime.now(UTC))))
    rows = store.conn.execute(
        "select epcs from discrepancy where discrepancy_id = any(%s) order by seq", (list(made.discrepancy_ids),)
    )
    return sorted(epc for (held,) in rows for epc in held)


def test_a_lot_blocked_while_the_document_is_open_reaches_the_door_and_the_books_hold_it(store: Store) -> None:
    store.document("delivery", "DN-1", {"I2": 4}, door="D1")
    assert at_the_door(store, "DN-1") == {}
    store.do(BlockLot("I2", "BAD"))
    assert at_the_door(store, "DN-1") == {("lot_blocked", "BAD"): tags("BAD")}
    assert ship(store, tags("GOOD")[0], *tags("BAD")) == list(tags("BAD"))
    store.do(BlockLot("I2", "BAD", blocked=False))
    assert at_the_door(store, "DN-1") == {}


def test_shelf_life_is_what_the_partner_insists_on_and_what_our_rule_asks_of_what_is_not_reserved(store: Store) -> None:
    store.do(SetPartner("SHOP", usable_days_min=30))
    line = (LineSpec("I2", Decimal(2)),)
    store.do(CreateDocument("delivery", "DN-SHOP", line, partner="SHOP", door="D1"))
    store.do(CreateDocument("delivery", "DN-ANY", line, door="D1"))
    assert at_the_door(store, "DN-SHOP") == {("shelf_life_short", "SOON"): tags("SOON")}
    assert at_the_door(store, "DN-ANY") == {}
    store.do(SetRemovalRule(Order.FEFO, remaining_days_min=20))
    assert at_the_door(store, "DN-ANY") == {("shelf_life_short", "SOON"): tags("SOON")}
    # Who reserves it for the line has decided that; what the partner insists on was not his to decide.
    for number in ("DN-ANY", "DN-SHOP"):
        held = ReserveStock("I2", Decimal(1), "STAGE", "clerk", "SOON", None, None, "delivery", number, 1)
        store.do(held)
    assert at_the_door(store, "DN-ANY") == {}
    assert at_the_door(store, "DN-SHOP") == {("shelf_life_short", "SOON"): tags("SOON")}
    # Other issues are for nobody's use.
    store.do(CreateDocument("other_issue", "OI-1", line, door="D1"))
    assert at_the_door(store, "OI-1") == {("reserved", "SOON"): tags("SOON")}
    store.do(CreateDocument("delivery", "DN-2", line, partner="SHOP", door="D2"))
    assert ship(store, *tags("SOON"), *tags("GOOD"), portal="D2") == list(tags("SOON"))


def test_what_is_reserved_for_another_document_does_not_leave_for_this_one(store: Store) -> None:
    for number in ("DN-1", "DN-2"):
        store.document("delivery", number, {"I2": 2}, door="D1", epcs=tags("GOOD"))
    assert at_the_door(store, "DN-2") == {}
    first, second = (
        ReserveStock("I2", Decimal(1), "STAGE", "clerk", "GOOD", None, None, "delivery", "DN-1", 1) for _ in range(2)
    )
    store.do(first)
    assert at_the_door(store, "DN-2") == {}, "which of them are reserved nobody has said"
    store.do(second)
    assert at_the_door(store, "DN-1") == {}
    assert at_the_door(store, "DN-2") == {("reserved", "GOOD"): tags("GOOD")}
    store.do(CancelDocument("delivery", "DN-1"))
    assert at_the_door(store, "DN-2") == {}
    store.do(ReserveStock("I2", Decimal(2), "STAGE", "somebody", "GOOD"))
    assert at_the_door(store, "DN-2") == {("reserved", "GOOD"): tags("GOOD")}
    assert ship(store, *tags("GOOD")) == list(tags("GOOD"))


def test_another_owner_s_goods_do_not_leave_as_ours_nor_ours_as_theirs(store: Store) -> None:
    store.do(SetPartner("VENDOR"))
    theirs = (sgtin(2, 41), sgtin(2, 42))
    store.do(RegisterTags(tuple(TagSpec(epc, "I2", lot="GOOD") for epc in theirs)))
    line = (LineSpec("I2", Decimal(2), owner="VENDOR"),)
    store.do(CreateDocument("purchase_receipt", "ASN-2", line, epcs=theirs))
    assert not store.post(store.load(theirs, minute=1)).discrepancy_ids
    store.document("delivery", "DN-OURS", {"I2": 2}, door="D1")
    store.do(CreateDocument("delivery", "DN-THEIRS", line, door="D2"))
    assert at_the_door(store, "DN-OURS") == {("other_owner", "GOOD"): theirs}
    every = {("other_owner", lot): tags(lot) for lot in ("BAD", "GOOD", "SOON")}
    assert at_the_door(store, "DN-THEIRS", "D2") == every
    store.do(CancelDocument("delivery", "DN-THEIRS"))
    assert ship(store, tags("GOOD")[0], *theirs) == list(theirs)


def test_an_expired_lot_may_go_back_to_the_vendor_and_nowhere_else(store: Store) -> None:
    store.conn.execute("update lot set expires_on = %s where code = 'BAD'", (TODAY - timedelta(days=1),))
    store.document("delivery", "DN-1", {"I2": 4}, door="D1")
    store.document("vendor_return", "VR-1", {"I2": 2}, door="D1")
    assert at_the_door(store, "DN-1") == {("lot_expired", "BAD"): tags("BAD")}
    assert at_the_door(store, "VR-1") == {}


def test_stock_in_inspection_is_barred_until_it_is_accepted_and_then_leaves(store: Store) -> None:
    blocked = MoveStock("I2", Decimal(2), "STAGE", "STAGE", "GOOD", to_status=StockStatus.INSPECTION)
    store.do(blocked)
    store.document("delivery", "DN-1", {"I2": 4}, door="D1")
    assert at_the_door(store, "DN-1") == {("not_accepted", "GOOD"): tags("GOOD")}
    assert ship(store, *tags("GOOD")) == list(tags("GOOD"))
    store.do(DecideInspection("I2", Decimal(2), "STAGE", Inspected.ACCEPT, lot="GOOD"))
    assert at_the_door(store, "DN-1") == {}
    assert ship(store, *tags("GOOD")) == []


def test_of_a_part_that_was_accepted_nobody_knows_the_tags(store: Store) -> None:
    store.do(MoveStock("I2", Decimal(2), "STAGE", "STAGE", "GOOD", to_status=StockStatus.INSPECTION))
    store.do(DecideInspection("I2", Decimal(1), "STAGE", Inspected.ACCEPT, lot="GOOD"))
    store.document("delivery", "DN-1", {"I2": 4}, door="D1")
    assert at_the_door(store, "DN-1") == {("not_accepted", "GOOD"): tags("GOOD")}
    assert ship(store, *tags("GOOD")) == list(tags("GOOD"))


def test_a_line_that_names_its_lot_takes_no_other(store: Store) -> None:
    store.do(CreateDocument("delivery", "DN-1", (LineSpec("I2", Decimal(2), lot="GOOD"),), door="D1"))
    assert at_the_door(store, "DN-1") == {("other_lot", "BAD"): tags("BAD"), ("other_lot", "SOON"): tags("SOON")}
    assert ship(store, *tags("GOOD"), *tags("SOON")) == list(tags("SOON"))


def test_a_pallet_is_barred_with_what_is_in_it_tagged_or_not(store: Store) -> None:
    store.items(4)
    pallet = store.pallet(1, loose=(("I4", 3),))
    store.document("purchase_receipt", "ASN-2", {"I4": 3}, epcs=(pallet,))
    store.post(store.load((pallet,), minute=1))
    unit = store.one("select code from handling_unit")
    store.do(MoveStock("I4", Decimal(3), "STAGE", "STAGE", None, None, unit, unit, to_status=StockStatus.BLOCKED))
    store.document("delivery", "DN-1", {"I4": 3}, door="D1", epcs=(pallet,))
    assert at_the_door(store, "DN-1") == {("not_accepted", ""): (pallet,)}
    store.document("delivery", "DN-2", {"I4": 3}, door="D2")
    assert at_the_door(store, "DN-2", "D2") == {}, "a pallet that nobody announced is not expected anyway"


def test_announced_goods_of_a_bad_lot_are_barred_on_the_way_in(store: Store) -> None:
    arriving = (sgtin(2, 31), sgtin(2, 32))
    store.do(RegisterTags(tuple(TagSpec(epc, "I2", lot="BAD") for epc in arriving)))
    store.document("purchase_receipt", "ASN-2", {"I2": 2}, door="D1", epcs=arriving)
    assert at_the_door(store, "ASN-2") == {}
    store.do(BlockLot("I2", "BAD"))
    assert at_the_door(store, "ASN-2") == {("lot_blocked", "BAD"): arriving}
    assert store.post(store.load(arriving, minute=2)).discrepancy_ids
    # On the way out a tag that was never posted is taken to be of the stock there: it may have come in unread.
    store.document("delivery", "DN-1", {"I2": 2}, door="D1")
    assert at_the_door(store, "DN-1") == {("lot_blocked", "BAD"): (*tags("BAD"), *arriving)}
    assert ship(store, *tags("BAD"), *arriving) == [*tags("BAD"), *arriving]


def test_a_transfer_ships_no_blocked_goods_and_asks_no_shelf_life(store: Store) -> None:
    store.do(SetRemovalRule(Order.FEFO, remaining_days_min=20))
    line = (LineSpec("I2", Decimal(4)),)
    store.do(CreateDocument("transfer", "TR-1", line, door="D1", source="STAGE", target="BIN-1"))
    assert at_the_door(store, "TR-1") == {}
    store.do(BlockLot("I2", "BAD"))
    assert at_the_door(store, "TR-1") == {("lot_blocked", "BAD"): tags("BAD")}


def test_the_list_has_a_bound_the_most_urgent_document_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barred, "BARRED_MAX", 3)
    store.do(BlockLot("I2", "BAD"))
    for number, day in (("DN-2", 2), ("DN-1", 1)):
        expected = datetime(2030, 1, day, tzinfo=UTC)
        store.do(CreateDocument("delivery", number, (LineSpec("I2", Decimal(1)),), door="D1", expected_at=expected))
    documents = expected_at(store.conn, "D1").documents
    assert [each.number for each in documents] == ["DN-1", "DN-2"]
    assert [each.barred for each in documents] == [
        (Barred("lot_blocked", "BAD", tags("BAD")),),
        (Barred("lot_blocked", "BAD", tags("BAD")[:1]),),
    ]
