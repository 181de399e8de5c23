"""Allocation and reservations on a real server: cases D by id, portals using what is reserved, sixteen allocators."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import CLERK, Store, gtin, sgtin
from warehouse import commands as c
from warehouse.commands import Result
from warehouse.ledger import Tracking
from warehouse.postgres.commands import execute
from warehouse.removal import Order
from warehouse.site import Direction


def stock(store: Store, quantity: int, item: str = "I2", location: str = "STAGE", **fields: object) -> None:
    store.do(c.AdjustStock(item, Decimal(quantity), location, "opening", effective_at=DAY_0, **fields))  # type: ignore[arg-type]


def reserved(store: Store) -> list[int]:
    rows = store.conn.execute("select quantity from reservation where state = 'pending' order by created_at")
    return [int(quantity) for (quantity,) in rows]


def test_d4_a_place_counts_what_is_inside_it(store: Store) -> None:
    store.items(2)
    store.do(c.CreateLocation("BIN-1-A", level="bin", parent="BIN-1"))
    stock(store, 1, location="BIN-1")
    stock(store, 1, location="BIN-1-A")
    store.document("delivery", "DN", {"I2": 5})
    inner = store.do(c.AllocateLine("delivery", "DN", 1, location="BIN-1-A"))
    assert (inner["short"], reserved(store)) == ("4", [1])
    outer = store.do(c.AllocateLine("delivery", "DN", 1, location="BIN-1"))
    assert (outer["short"], reserved(store)) == ("3", [1, 1])


def test_d6_who_is_forced_to_the_front_takes_the_others_reservation(store: Store) -> None:
    store.items(2)
    stock(store, 30)
    for number in ("M1", "M2"):
        store.document("delivery", number, {"I2": 30 if number == "M2" else 15})
        store.do(c.ReserveStock("I2", Decimal(15), "STAGE", number, document_kind="delivery", document_number=number, line_no=1))  # fmt: skip  # noqa: E501
    assert store.refused(c.FulfilLine("delivery", "M2", 1, Decimal(30), "STAGE")) == ("reserved", "quantity")
    store.do(c.FulfilLine("delivery", "M2", 1, Decimal(30), "STAGE", force=True))
    assert (store.stock("I2"), reserved(store), store.fulfilled("M2")) == (0, [], [30])


def test_d7_scrap_takes_from_the_youngest_reservation(store: Store) -> None:
    store.items(2)
    stock(store, 5)
    for holder, quantity in (("M1", 2), ("M2", 3)):
        store.do(c.ReserveStock("I2", Decimal(quantity), "STAGE", holder))
    assert store.refused(c.AdjustStock("I2", Decimal(-2), "STAGE", "broken", scrap=True)) == ("reserved", "difference")
    store.do(c.AdjustStock("I2", Decimal(-2), "STAGE", "broken", scrap=True, force=True))
    assert reserved(store) == [2, 1]
    assert store.one("select code from move join location on to_location_id = location_id order by seq desc limit 1") == "SCRAP"  # noqa: E501  # fmt: skip


def test_d12_reserved_on_a_line_follows_every_change(store: Store) -> None:
    store.items(2)
    stock(store, 50)
    store.document("delivery", "DN", {"I2": 50})

    def reserve(quantity: int) -> str:
        ask = c.ReserveStock("I2", Decimal(quantity), "STAGE", "me", document_kind="delivery", document_number="DN", line_no=1)  # fmt: skip  # noqa: E501
        return str(store.do(ask)["reservation_id"])

    totals = []
    for step in range(5):
        match step:
            case 0:
                first = reserve(30)
            case 1:
                second = reserve(20)
            case 2:
                store.do(c.ReleaseReservation(first))  # type: ignore[arg-type]
            case 3:
                third = reserve(30)
            case 4:
                for one in (second, third):
                    store.do(c.ReleaseReservation(one))  # type: ignore[arg-type]
        totals.append(sum(reserved(store)))
    assert totals == [30, 50, 20, 50, 0]


def test_a_portal_issues_what_is_reserved_for_its_document_and_not_what_is_reserved_for_another(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN", {"I1": 4})
    epcs = store.tags(1, 1, 4)
    store.post(store.load(epcs))
    store.document("delivery", "DN", {"I1": 2}, door="D1")
    store.document("delivery", "OTHER", {"I1": 2}, door="D2")
    store.do(c.AllocateLine("delivery", "DN", 1))
    store.do(c.AllocateLine("delivery", "OTHER", 1))
    store.post(store.load((*epcs[:2], epcs[2]), Direction.OUT, minute=5))
    assert store.one("select count(*) from reservation where state = 'picked'") == 2
    assert (store.fulfilled("DN"), store.stock("I1")) == ([2], 2)
    assert store.findings() == ["wrong_door"]


def test_what_a_full_line_reserved_elsewhere_is_given_back(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN", {"I1": 2})
    epcs = store.tags(1, 1, 2)
    store.post(store.load(epcs))
    store.document("delivery", "DN", {"I1": 1})
    store.do(c.AllocateLine("delivery", "DN", 1))  # reserves serial 1, the older
    store.post(store.load(epcs[1:], Direction.OUT, minute=5))  # serial 2 goes
    assert (store.fulfilled("DN"), reserved(store)) == ([1], [])


def test_first_to_expire_goes_first_and_recalled_and_expired_lots_never(store: Store) -> None:
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    for code, expires in (("soon", date(2999, 1, 1)), ("later", date(2999, 6, 1)), ("gone", date(2026, 4, 1)), ("bad", None)):  # fmt: skip  # noqa: E501
        store.do(c.CreateLot("L", code, expires))
        stock(store, 5, "L", lot=code)
    store.do(c.BlockLot("L", "bad"))
    store.document("delivery", "DN", {"L": 20})
    answer = store.do(c.AllocateLine("delivery", "DN", 1, order=Order.FEFO))
    assert [(r["lot"], r["quantity"]) for r in answer["reservations"]] == [("soon", "5"), ("later", "5")]
    assert answer["short"] == "10"


def test_cancelling_and_closing_give_reservations_back(store: Store) -> None:
    store.items(2)
    stock(store, 10)
    for number, end in (("A", c.CancelDocument("delivery", "A")), ("B", c.CloseDocument("delivery", "B"))):
        store.document("delivery", number, {"I2": 5})
        store.do(c.AllocateLine("delivery", number, 1))
        assert sum(reserved(store)) == 5
        store.do(end)
        assert reserved(store) == []


def test_sixteen_allocators_share_what_there_is(store: Store, database: str) -> None:  # K1, K2 with reservations
    store.items(2)
    for location in ("STAGE", "BIN-1"):
        stock(store, 20, location=location)
    for n in range(16):
        store.document("delivery", f"DN-{n}", {"I2": 5})
    barrier = threading.Barrier(16)

    def allocate(n: int) -> int:
        with psycopg.connect(database, autocommit=True) as conn:
            barrier.wait(30)
            command = c.AllocateLine("delivery", f"DN-{n}", 1)
            outcome = execute(conn, command, actor=CLERK, source="w", client_event_id=str(n))
        return 5 - int(outcome.response["short"]) if isinstance(outcome, Result) else 0

    with ThreadPoolExecutor(16) as pool:
        given = sum(pool.map(allocate, range(16)))
    assert given == 40 == sum(reserved(store))


def test_serials_keep_their_own_reservation(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN", {"I1": 1})
    store.tags(1, 1, 1)
    store.post(store.load((sgtin(1, 1),)))
    store.do(c.ReserveStock("I1", Decimal(1), "STAGE", "me", serial="1"))
    assert store.refused(c.ReserveStock("I1", Decimal(1), "STAGE", "you", serial="1")) == ("reserved", "quantity")


def test_the_shelf_life_a_partner_insists_on_is_asked_for_by_every_way_out(store: Store) -> None:
    now = datetime.now(UTC)
    store.do(c.CreateItem("L", gtin=gtin(7), tracking=Tracking.LOT))
    for lot, days in (("OLD", 10), ("FRESH", 90)):
        store.do(c.CreateLot("L", lot, now.date() + timedelta(days=days)))
        stock(store, 20, "L", lot=lot)
    for n in (1, 2):
        store.do(c.RegisterTags((c.TagSpec(sgtin(7, n), "L", lot="OLD"),)))
    store.do(c.SetPartner("ACME", usable_days_min=30))
    store.do(c.SetRemovalRule(Order.FEFO, "L", remaining_days_min=20))
    for number, partner in (("TO-ACME", "ACME"), ("TO-OTHER", "")):
        store.document("delivery", number, {"L": 20}, partner=partner, door="D1" if partner else "D2")
    old = c.FulfilLine("delivery", "TO-ACME", 1, Decimal(1), "STAGE", lot="OLD")
    assert store.refused(old) == ("shelf_life_short", "lot")
    assert store.refused(c.ScanDocument("delivery", "TO-ACME", (sgtin(7, 1),), "STAGE")) == ("shelf_life_short", "lot")
    at_the_door = store.load((sgtin(7, 1),), Direction.OUT, minute=(now - DAY_0) // timedelta(minutes=1))
    store.post(at_the_door)
    assert (store.findings(), store.fulfilled("TO-ACME")) == (["refused"], [0])
    # A reservation decides what our own rule asks for, and not what the partner does.
    for number, answer in (("TO-ACME", ("shelf_life_short", "lot")), ("TO-OTHER", None)):
        ask = c.FulfilLine("delivery", number, 1, Decimal(2), "STAGE", lot="OLD")
        assert store.refused(ask) == ("shelf_life_short", "lot")
        named = {"document_kind": "delivery", "document_number": number, "line_no": 1}
        store.do(c.ReserveStock("L", Decimal(2), "STAGE", "me", lot="OLD", **named))  # type: ignore[arg-type]
        if answer is None:
            store.do(ask)
        else:
            assert store.refused(ask) == answer
    # The customer agrees: by hand with the right to force, at the door by accepting what it holds.
    store.do(c.FulfilLine("delivery", "TO-ACME", 1, Decimal(2), "STAGE", lot="OLD", force=True))
    held = store.one("select discrepancy_id from discrepancy where state = 'open'")
    store.do(c.ResolveDiscrepancy(held, c.Resolution.POST))
    store.do(c.FulfilLine("delivery", "TO-ACME", 1, Decimal(3), "STAGE", lot="FRESH"))
    assert (store.fulfilled("TO-ACME"), store.fulfilled("TO-OTHER")) == ([6], [2])
