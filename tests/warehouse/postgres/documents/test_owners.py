"""Goods of others (consigned, a customer's own): documents say whose, and nothing of one owner serves another."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.ledger import StockStatus
from warehouse.site import Direction

VMI, OTHER = "Supplier Ltd", "Customer Ltd"


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2, 4)
    for owner in (VMI, OTHER):
        store.do(c.SetPartner(owner, kind=c.PartnerKind.OWNER))
    return store


def line(owner: str, quantity: int = 5, item: str = "I2", line_no: int | None = None) -> c.LineSpec:
    return c.LineSpec(item, Decimal(quantity), owner=owner, line_no=line_no)


def stock(store: Store, owner: str, place: str = "STAGE") -> int:
    return int(
        store.one(
            """select coalesce(sum(on_hand), 0) from balance join location using (location_id)
               where owner = %s and code = %s""",
            (owner, place),
        )
    )


def test_what_is_received_on_a_line_is_its_owners_and_what_is_issued_too(store: Store) -> None:
    store.do(c.CreateDocument("purchase_receipt", "A", (line(VMI), line("", 3))))
    store.do(c.FulfilLine("purchase_receipt", "A", 1, Decimal(5), "STAGE"))
    store.do(c.FulfilLine("purchase_receipt", "A", 2, Decimal(3), "STAGE"))
    assert (stock(store, VMI), stock(store, "")) == (5, 3)
    store.do(c.CreateDocument("delivery", "D", (line("", 4),)))
    assert store.refused(c.FulfilLine("delivery", "D", 1, Decimal(4), "STAGE")) == ("not_enough", "quantity")
    store.do(c.CreateDocument("vendor_return", "V", (line(VMI, 2),)))
    store.do(c.FulfilLine("vendor_return", "V", 1, Decimal(2), "STAGE"))
    assert (stock(store, VMI), stock(store, "")) == (3, 3)
    assert store.one("select count(*) from value_entry") == 0


def test_allocation_takes_only_what_belongs_to_the_lines_owner(store: Store) -> None:
    for owner, quantity in ((VMI, 5), ("", 3), (OTHER, 9)):
        store.do(c.AdjustStock("I2", Decimal(quantity), "STAGE", "opening", owner=owner))
    store.do(c.CreateDocument("delivery", "D", (line("", 8), line(OTHER, 8))))
    assert store.do(c.AllocateLine("delivery", "D", 1))["short"] == "5"
    assert store.do(c.AllocateLine("delivery", "D", 2))["short"] == "0"
    store.do(c.CreatePickList("P", (c.DocumentName("delivery", "D"),)))
    for number, quantity in ((1, 3), (2, 8)):
        store.do(c.ConfirmPick("P", number, Decimal(quantity), "STAGE"))
    assert [stock(store, owner) for owner in (VMI, "", OTHER)] == [5, 0, 1]


def test_a_reservation_for_a_line_is_of_its_goods(store: Store) -> None:
    for owner in (VMI, ""):
        store.do(c.AdjustStock("I2", Decimal(5), "STAGE", "opening", owner=owner))
        store.do(c.AdjustStock("I4", Decimal(5), "STAGE", "opening", owner=owner))
    store.do(c.CreateDocument("delivery", "D", (line(VMI),)))

    def reserve(item: str, owner: str) -> c.ReserveStock:
        return c.ReserveStock(
            item, Decimal(1), "STAGE", "order", document_kind="delivery", document_number="D", line_no=1, owner=owner
        )

    assert store.refused(reserve("I4", VMI)) == ("invalid", "item")
    assert store.refused(reserve("I2", "")) == ("invalid", "owner")
    store.do(reserve("I2", VMI))


def test_a_portal_posts_to_and_takes_from_the_owner_that_the_document_names(store: Store) -> None:
    epcs = store.tags(2, 1, 6)
    store.do(c.CreateDocument("purchase_receipt", "A", (line(VMI, 6),), door="D1", epcs=epcs))
    store.post(store.load(epcs))
    assert stock(store, VMI) == 6
    # Ours are asked for, and these are not ours.
    store.do(c.CreateDocument("delivery", "D1", (line("", 3),)))
    store.post(store.load(epcs[:3], Direction.OUT, minute=5))
    assert (stock(store, VMI), store.findings()) == (6, ["no_document"])
    store.do(c.CreateDocument("delivery", "D2", (line(VMI, 3),)))
    store.post(store.load(epcs[3:], Direction.OUT, minute=9))
    assert (stock(store, VMI), store.fulfilled("D2")) == (3, [3])
    held = store.one("select discrepancy_id from discrepancy")
    store.do(c.ResolveDiscrepancy(held, c.Resolution.POST))
    assert stock(store, VMI) == 0


def test_a_scan_of_anothers_goods_is_refused(store: Store) -> None:
    epcs = store.tags(2, 1, 2)
    store.do(c.CreateDocument("purchase_receipt", "A", (line(VMI, 2),)))
    store.do(c.ScanDocument("purchase_receipt", "A", epcs, "STAGE"))
    store.do(c.CreateDocument("delivery", "D", (line("", 2),)))
    assert store.refused(c.ScanDocument("delivery", "D", epcs, "STAGE")) == ("wrong_goods", "epcs.0")


def test_inspection_transfer_count_and_quantities_keep_the_owner(store: Store) -> None:
    store.conn.execute("update item set inspect = true where code = 'I2'")
    store.do(c.CreateDocument("purchase_receipt", "A", (line(VMI),)))
    store.do(c.FulfilLine("purchase_receipt", "A", 1, Decimal(5), "STAGE"))
    decide = c.DecideInspection("I2", Decimal(5), "STAGE", c.Inspected.ACCEPT)
    assert store.refused(decide) == ("not_enough", "quantity")
    store.do(c.DecideInspection("I2", Decimal(5), "STAGE", c.Inspected.ACCEPT, owner=VMI))
    store.do(c.CreateDocument("transfer", "T", (line(VMI, 4),), source="STAGE", target="BIN-1"))
    store.do(c.ShipTransfer("T", 1, Decimal(4)))
    store.do(c.ReceiveTransfer("T", 1, Decimal(4)))
    assert (stock(store, VMI, "BIN-1"), store.stock("I2", "STAGE", StockStatus.AVAILABLE)) == (4, 1)
    store.do(c.StartCount("C", ("BIN-1",)))
    store.do(c.EnterCount("C", Decimal(4), item="I2", location="BIN-1", owner=VMI))
    assert store.do(c.PostCount("C"))["differences"] == []


def test_an_order_of_one_owner_is_not_received_for_another(store: Store) -> None:
    store.do(c.CreateDocument("purchase_order", "PO", (line(VMI),)))
    source = c.LineName("purchase_order", "PO", 1)
    ours = c.CreateDocument("purchase_receipt", "A", (c.LineSpec("I2", Decimal(5), source=source),))
    assert store.refused(ours) == ("invalid", "lines.0.source")


def test_components_of_a_customer_are_issued_from_the_customers_stock(store: Store) -> None:
    store.do(c.CreateItem("SET"))
    store.do(c.CreateBom("SET", "1", (c.ComponentSpec("I2", Decimal(1)),)))
    store.do(c.AdjustStock("I2", Decimal(5), "STAGE", "opening", owner=OTHER))
    store.do(c.CreateWorkOrder("W", "SET", Decimal(4)))
    assert store.refused(c.IssueKit("W", Decimal(4))) == ("short", "quantity")
    store.conn.execute("update document_line set owner = %s", (OTHER,))
    store.do(c.IssueKit("W", Decimal(2)))
    store.do(c.CreateBackorder("work_order_issue", "W", "W-2"))
    rest = "select owner from document_line join document using (document_id) where number = 'W-2'"
    assert (stock(store, OTHER), store.one(rest)) == (3, OTHER)


def test_expiry_of_a_reservation_gives_the_owners_stock_back(store: Store) -> None:
    from warehouse.postgres.books.reservations import expire

    store.do(c.AdjustStock("I2", Decimal(5), "STAGE", "opening", owner=VMI))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    store.do(c.ReserveStock("I2", Decimal(5), "STAGE", "order", owner=VMI, expires_at=at))
    assert store.one("select reserved from balance") == 5
    assert expire(store.conn, at) == 1
    assert store.one("select reserved from balance") == 0
