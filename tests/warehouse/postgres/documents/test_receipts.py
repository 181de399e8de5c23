"""Receipts of every kind: their sources, lots and inspection; the same postings by portal, by scan and by hand."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import CharacteristicResult, DecideInspection, Inspected, LineName, LineSpec
from warehouse.ledger import StockStatus, Tracking
from warehouse.site import Direction


def ordered(store: Store, quantity: int, over_percent: int = 0, number: str = "PO-1", item: str = "I2") -> LineName:
    store.document("purchase_order", number, {item: quantity}, over_percent=Decimal(over_percent))
    return LineName("purchase_order", number, 1)


def announce(number: str, quantity: int, source: LineName | None, item: str = "I2", **fields: Any) -> c.CreateDocument:
    return c.CreateDocument("purchase_receipt", number, (LineSpec(item, Decimal(quantity), source=source),), **fields)


def receive(number: str, quantity: int, kind: str = "purchase_receipt", **fields: Any) -> c.FulfilLine:
    return c.FulfilLine(kind, number, 1, Decimal(quantity), "STAGE", **fields)


def test_an_order_is_received_through_its_notices_up_to_its_tolerance(store: Store) -> None:
    store.items(2)
    order = ordered(store, 100, over_percent=10)
    store.do(announce("ASN-1", 60, order))
    assert store.refused(announce("ASN-2", 51, order)) == ("over", "lines.0.quantity")
    store.do(announce("ASN-2", 50, order, over_percent=Decimal(20)))
    store.do(receive("ASN-1", 60))
    # ASN-2 alone would take 60; the order takes 110 in all.
    assert store.refused(receive("ASN-2", 51)) == ("over", "quantity")
    store.do(receive("ASN-2", 50))
    assert store.stock("I2") == 110
    assert store.refused(announce("ASN-3", 1, order)) == ("over", "lines.0.quantity")
    assert store.refused(receive("PO-1", 1, kind="purchase_order")) == ("invalid", "kind")


def test_a_notice_that_was_closed_short_gives_its_rest_back_to_the_order(store: Store) -> None:
    store.items(2)
    order = ordered(store, 10)
    store.do(announce("ASN-1", 10, order))
    store.do(receive("ASN-1", 4))
    store.do(c.CloseDocument("purchase_receipt", "ASN-1"))
    assert store.refused(announce("ASN-2", 7, order))[0] == "over"
    store.do(announce("ASN-2", 6, order))


def test_one_load_for_two_notices_of_an_order_does_not_exceed_it(store: Store) -> None:
    store.items(2)
    order = ordered(store, 4)
    for number in ("ASN-1", "ASN-2"):
        store.do(announce(number, 2, order, over_percent=Decimal(100)))
    store.post(store.load(store.tags(2, 1, 6)))
    assert store.stock("I2") == 4
    assert store.findings() == ["over"]


RETURNS = [
    ("production_return", "work_order_issue"),
    ("change_return", "work_order_issue"),
    ("customer_return", "delivery"),
]


@pytest.mark.parametrize(("kind", "source_kind"), RETURNS)
def test_no_more_comes_back_than_went_out_on_the_line_it_names(store: Store, kind: str, source_kind: str) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(10), "STAGE", "opening", effective_at=DAY_0))
    store.document(source_kind, "OUT", {"I2": 8})
    store.do(c.FulfilLine(source_kind, "OUT", 1, Decimal(5), "STAGE"))
    source = LineName(source_kind, "OUT", 1)
    too_much = c.CreateDocument(kind, "R", (LineSpec("I2", Decimal(6), source=source),))
    assert store.refused(too_much) == ("over", "lines.0.quantity")
    store.do(c.CreateDocument(kind, "R", (LineSpec("I2", Decimal(5), source=source),), over_percent=Decimal(50)))
    assert store.refused(c.FulfilLine(kind, "R", 1, Decimal(6), "STAGE")) == ("over", "quantity")
    store.do(c.FulfilLine(kind, "R", 1, Decimal(5), "STAGE"))
    assert store.stock("I2") == 10


def test_receipts_without_a_source_come_from_where_their_kind_says(store: Store) -> None:
    store.items(2)
    for kind, place in (("stocktake_surplus", "COUNT-LOSS"), ("other_receipt", "ADJUSTMENT")):
        store.document(kind, "R", {"I2": 1})
        store.do(c.FulfilLine(kind, "R", 1, Decimal(1), "STAGE"))
        came = store.one(
            "select l.code from move m join location l on l.location_id = m.from_location_id where m.kind = %s", (kind,)
        )
        assert came == place


def test_a_source_must_exist_be_of_the_kind_and_of_the_item(store: Store) -> None:
    store.items(2, 4)
    order = ordered(store, 5)
    assert store.refused(announce("A", 1, LineName("delivery", "X", 1))) == ("invalid", "lines.0.source.kind")
    assert store.refused(announce("A", 1, LineName("purchase_order", "PO-1", 2))) == (
        "not_found",
        "lines.0.source.number",
    )
    assert store.refused(announce("A", 1, order, item="I4")) == ("invalid", "lines.0.source")
    store.do(c.CancelDocument("purchase_order", "PO-1"))
    assert store.refused(announce("A", 1, order)) == ("wrong_state", "lines.0.source.number")


# Lot numbers


def lots(store: Store) -> list[str]:
    return [code for (code,) in store.conn.execute("select code from lot order by lot_id")]


def test_each_receipt_line_gets_its_lot_by_the_most_particular_pattern(store: Store) -> None:
    for code, category in (("A", "steel"), ("B", "steel"), ("C", "")):
        store.do(c.CreateItem(code, tracking=Tracking.LOT, category=category))
    store.do(c.SetLotPattern("X-{seq}"))
    store.do(c.SetLotPattern("S-{YY}{MM}{DD}-{seq:3}", category="steel"))
    store.do(c.SetLotPattern("{item}-{seq:2}", item="B"))
    lines = tuple(LineSpec(code, Decimal(10)) for code in ("A", "B", "C", "A"))
    store.do(c.CreateDocument("purchase_receipt", "ASN", lines))
    for line_no in (1, 2, 3, 4, 1):
        store.do(c.FulfilLine("purchase_receipt", "ASN", line_no, Decimal(2), "STAGE", effective_at=DAY_0))
    assert lots(store) == ["S-260301-001", "B-01", "X-1", "S-260301-002"]
    assert store.stock("A") == 6


def test_the_date_in_a_number_is_the_site_s(store: Store) -> None:
    store.do(c.CreateItem("A", tracking=Tracking.LOT))
    store.do(c.SetLotPattern("{DD}-{seq}", time_zone="Asia/Shanghai"))
    store.document("other_receipt", "R", {"A": 1})
    evening = DAY_0.replace(hour=18)
    store.do(c.FulfilLine("other_receipt", "R", 1, Decimal(1), "STAGE", effective_at=evening))
    assert lots(store) == ["02-1"]


def test_numbers_are_unique_when_sixteen_receive_at_once(store: Store, database: str) -> None:
    for n in range(4):
        store.do(c.CreateItem(f"L{n}", tracking=Tracking.LOT))
    store.do(c.SetLotPattern("{YY}-{seq:4}"))
    store.do(c.CreateLot("L0", "26-0003"))
    for n in range(16):
        store.document("other_receipt", f"R{n}", {f"L{n % 4}": 1})

    def one(n: int) -> str:
        with psycopg.connect(database, autocommit=True) as conn:
            command = c.FulfilLine("other_receipt", f"R{n}", 1, Decimal(1), "STAGE", effective_at=DAY_0)
            return str(Store(conn).do(command)["lot"])

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(one, range(16)))
    assert len(set(made)) == 16
    # One item had 26-0003 already: its receipt passed over the number if it drew it, the others may have it.
    assert set(made) <= {f"26-{n:04}" for n in range(1, 18)}


def test_the_supplier_s_number_is_kept_and_another_expiry_is_another_lot(store: Store) -> None:
    store.do(c.CreateItem("A", tracking=Tracking.LOT))
    store.do(c.SetLotPattern("{supplier}"))
    store.document("other_receipt", "R", {"A": 9})
    may, june = date(2027, 5, 1), date(2027, 6, 1)

    def one(**fields: Any) -> c.FulfilLine:
        return c.FulfilLine("other_receipt", "R", 1, Decimal(1), "STAGE", **fields)

    assert store.do(one(supplier_lot="77", expires_on=may))["lot"] == "77"
    assert store.do(one(supplier_lot="78", expires_on=june))["lot"] == "78"
    assert store.do(one(supplier_lot="77", expires_on=may))["lot"] == "77"
    assert store.refused(one(supplier_lot="77", expires_on=june)) == ("invalid", "expires_on")
    store.document("other_receipt", "R2", {"A": 1})
    assert store.refused(c.FulfilLine("other_receipt", "R2", 1, Decimal(1), "STAGE")) == ("invalid", "lot")


def test_lots_are_numbered_before_their_tags_are_printed(store: Store) -> None:
    store.do(c.CreateItem("A", tracking=Tracking.LOT))
    store.document("other_receipt", "R", {"A": 2})
    assert store.refused(c.AssignLots("other_receipt", "R")) == ("invalid", "number")
    store.do(c.SetLotPattern("N{seq}"))
    assert store.do(c.AssignLots("other_receipt", "R"))["lots"] == [{"line_no": 1, "item": "A", "lot": "N1"}]
    assert store.do(c.AssignLots("other_receipt", "R"))["lots"] == []
    epcs = ("E2000001", "E2000002")
    store.do(c.RegisterTags(tuple(c.TagSpec(epc, "A", "N1") for epc in epcs)))
    store.post(store.load(epcs))
    assert (store.stock("A"), store.findings()) == (2, [])


def test_a_pattern_is_refused_by_field_and_can_be_taken_away(store: Store) -> None:
    store.items(2)
    assert store.refused(c.SetLotPattern("{nonsense}")) == ("invalid", "pattern")
    assert store.refused(c.SetLotPattern("{seq}", time_zone="Mars/Olympus")) == ("invalid", "time_zone")
    assert store.refused(c.SetLotPattern("{seq}", item="I2", category="x")) == ("invalid", "category")
    assert store.refused(c.SetLotPattern("")) == ("not_found", "pattern")
    store.do(c.SetLotPattern("{seq}"))
    store.do(c.SetLotPattern(""))


# The same postings, whoever receives


SAME = """select m.item_id, m.lot_id, m.serial_id, m.quantity, f.code, t.code, m.from_status, m.to_status, l.line_no,
                 d.number
          from move m join location f on f.location_id = m.from_location_id
          join location t on t.location_id = m.to_location_id
          join document_line l using (line_id) join document d using (document_id)
          order by d.number, m.serial_id, m.seq"""


@pytest.mark.parametrize("inspect", [False, True])
def test_by_portal_by_scan_and_by_hand_it_is_the_same_posting(store: Store, inspect: bool) -> None:
    store.items(1)
    if inspect:
        store.do(c.SetInspectionPlan(c.InspectionMode.ALL, item="I1"))
    epcs = store.tags(1, 1, 3)
    booked: dict[str, list[Any]] = {}
    for way in ("portal", "scan", "hand"):
        store.document("purchase_receipt", way, {"I1": 3})
        store.document("vendor_return", way, {"I1": 3})
        if way == "portal":
            store.post(store.load(epcs))
            store.post(store.load(epcs, Direction.OUT))
        elif way == "scan":
            store.do(c.ScanDocument("purchase_receipt", way, epcs, "STAGE"))
            store.do(c.ScanDocument("vendor_return", way, epcs, "STAGE"))
        else:
            status = StockStatus.INSPECTION if inspect else StockStatus.AVAILABLE
            for serial in ("1", "2", "3"):
                store.do(receive(way, 1, serial=serial))
                store.do(c.FulfilLine("vendor_return", way, 1, Decimal(1), "STAGE", serial=serial, status=status))
    for *row, number in store.conn.execute(SAME).fetchall():
        booked.setdefault(number, []).append(tuple(row))
    assert booked["portal"] == booked["scan"]
    assert sorted(booked["portal"]) == sorted(booked["hand"])
    assert len(booked["portal"]) == 6


def test_a_scan_that_does_not_fit_is_refused_with_the_tag_and_the_reason(store: Store) -> None:
    store.items(1, 2)
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    for code in ("L1", "L2"):
        store.do(c.CreateLot("L", code))
    store.do(c.RegisterTags((c.TagSpec("E201", "L", "L1"), c.TagSpec("E202", "L", "L2"))))
    store.do(c.CreateDocument("purchase_receipt", "ASN", (LineSpec("L", Decimal(2), "L1"),), door="D9"))
    known, other = store.tags(1, 1, 1), store.tags(2, 1, 1)

    def scan(*epcs: str) -> tuple[str, str, str]:
        outcome = store.ask(c.ScanDocument("purchase_receipt", "ASN", epcs, "STAGE"))
        assert isinstance(outcome, c.Refusal)
        return outcome.code, outcome.field, outcome.message

    assert scan("E201", "E202") == (
        "wrong_goods", "epcs.1", "E202: it is of lot L2, ASN asks for another lot of L (no_document)"
    )  # fmt: skip
    assert scan(*known)[2].endswith("ASN has no line for I1 (no_document)")
    assert scan("E201", "E2FFFF")[:2] == ("wrong_goods", "epcs.1")
    assert scan() == ("invalid", "epcs", "nothing was scanned")
    assert store.stock("L") == 0
    store.do(c.ScanDocument("purchase_receipt", "ASN", ("e201", "E201"), "STAGE"))
    assert scan("E201")[2].startswith("E201: the books have it in stock already")
    assert other


# Inspection


def test_a_plan_says_how_many_are_looked_at_and_how_many_may_be_bad(store: Store) -> None:
    store.items(2)
    size = c.Characteristic("size", Decimal("19.95"), Decimal("20.05"), "mm")
    store.do(c.SetInspectionPlan(c.InspectionMode.SAMPLE, item="I2", aql=Decimal("1.0"), characteristics=(size,)))
    store.document("purchase_receipt", "ASN", {"I2": 500})
    store.do(receive("ASN", 500))
    assert store.stock("I2", status="inspection") == 500
    good = (CharacteristicResult("size", "20.01 mm", True),)

    def accept(**fields: Any) -> DecideInspection:
        return DecideInspection("I2", Decimal(500), "STAGE", Inspected.ACCEPT, **{"results": good, **fields})

    assert store.refused(accept()) == ("invalid", "sampled")
    assert store.refused(accept(sampled=Decimal(49))) == ("invalid", "sampled")
    assert store.refused(accept(sampled=Decimal(50), defects=Decimal(2))) == ("invalid", "decision")
    assert store.refused(accept(sampled=Decimal(50), defects=Decimal(51))) == ("invalid", "defects")
    assert store.refused(accept(sampled=Decimal(50), results=())) == ("invalid", "results")
    unreadable = (CharacteristicResult("size", "wide", True),)
    assert store.refused(accept(sampled=Decimal(50), results=unreadable)) == ("invalid", "results.0.value")
    store.do(accept(sampled=Decimal(50), defects=Decimal(1)))
    assert store.stock("I2") == 500
    assert store.one("select (sampled, defects)::text from inspection") == "(50,1)"


def test_a_value_outside_its_limits_has_failed_whatever_was_reported(store: Store) -> None:
    store.do(c.CreateItem("Q", category="rods"))
    size = c.Characteristic("size", upper=Decimal(20))
    store.do(c.SetInspectionPlan(c.InspectionMode.ALL, category="rods", characteristics=(size,)))
    store.document("other_receipt", "R", {"Q": 2})
    store.do(c.FulfilLine("other_receipt", "R", 1, Decimal(2), "STAGE"))
    wide = (CharacteristicResult("size", "20.5", True),)
    accept = DecideInspection("Q", Decimal(2), "STAGE", Inspected.ACCEPT, results=wide, sampled=Decimal(2))
    assert store.refused(accept) == ("invalid", "decision")


def test_an_item_s_plan_goes_before_its_category_s(store: Store) -> None:
    store.do(c.CreateItem("Q", category="rods", inspect=True))
    store.do(c.SetInspectionPlan(c.InspectionMode.ALL, category="rods"))
    store.do(c.SetInspectionPlan(c.InspectionMode.NONE, item="Q"))
    store.document("other_receipt", "R", {"Q": 2})
    store.do(c.FulfilLine("other_receipt", "R", 1, Decimal(2), "STAGE"))
    assert store.stock("Q") == 2


@pytest.mark.parametrize("by", ["portal", "hand"])
def test_what_was_rejected_goes_back_to_its_vendor_on_a_document_and_nowhere_else(store: Store, by: str) -> None:
    store.items(1)
    store.do(c.SetInspectionPlan(c.InspectionMode.ALL, item="I1"))
    epcs = store.tags(1, 1, 2)
    store.document("purchase_receipt", "ASN", {"I1": 2})
    store.post(store.load(epcs))
    for serial in ("1", "2"):
        store.do(DecideInspection("I1", Decimal(1), "STAGE", Inspected.REJECT, serial=serial))
    store.document("delivery", "DN", {"I1": 2})
    assert store.do(c.AllocateLine("delivery", "DN", 1))["short"] == "2"
    source = LineName("purchase_receipt", "ASN", 1)
    store.do(c.CreateDocument("vendor_return", "RTV", (LineSpec("I1", Decimal(2), source=source),)))
    if by == "portal":
        store.post(store.load(epcs, Direction.OUT, minute=10**6))  # inspections are decided now
    else:
        for serial in ("1", "2"):
            status = StockStatus.BLOCKED
            store.do(c.FulfilLine("vendor_return", "RTV", 1, Decimal(1), "STAGE", serial=serial, status=status))
    assert (store.fulfilled("RTV"), store.fulfilled("DN"), store.findings()) == ([2], [0], [])
