"""Cases of the kinds other systems test, beside those listed by id: what a keeper tries, what the books then say."""

from datetime import date, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0, day
from tests.warehouse.postgres.store import Store, sscc
from warehouse import commands as c
from warehouse.commands import Result, Valuation
from warehouse.ledger import StockStatus, Tracking
from warehouse.postgres.books import reservations
from warehouse.removal import Order


def lots(store: Store, **expiries: date | None) -> None:
    """Item L with ten of each lot in STAGE, received in this order."""
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    for n, (lot, expires_on) in enumerate(expiries.items()):
        store.do(c.CreateLot("L", lot, expires_on=expires_on))
        store.do(c.AdjustStock("L", D(10), "STAGE", "opening", lot=lot, effective_at=day(n / 24)))


def held(store: Store) -> dict[str, int]:
    rows = store.conn.execute(
        """select lo.code, sum(r.quantity)::int from reservation r join lot lo using (lot_id)
           where state = 'pending' group by 1 order by 1"""
    )
    return dict(rows.fetchall())


def today(store: Store, days: int) -> date:
    found: date = store.one("select (now() at time zone 'utc')::date")
    return found + timedelta(days=days)


# Which stock is taken ------------------------------------------------------------------------------------------------


def test_first_expired_first_out_steps_over_blocked_expired_and_inspected_lots(store: Store) -> None:
    lots(
        store, GONE=today(store, -1), BLOCKED=today(store, 5), SOON=today(store, 20), LATE=today(store, 90), NEVER=None
    )
    store.do(c.BlockLot("L", "BLOCKED"))
    store.do(c.MoveStock("L", D(4), "STAGE", "STAGE", lot="SOON", to_status=StockStatus.INSPECTION))
    store.do(c.SetRemovalRule(Order.FEFO, item="L"))
    store.document("delivery", "DN", {"L": 40})
    answer = store.do(c.AllocateLine("delivery", "DN", 1))
    assert (held(store), answer["short"]) == ({"SOON": 6, "LATE": 10, "NEVER": 10}, "14")
    store.do(c.BlockLot("L", "BLOCKED", blocked=False))
    store.do(c.AllocateLine("delivery", "DN", 1))
    assert held(store) == {"BLOCKED": 10, "SOON": 6, "LATE": 10, "NEVER": 10}


def test_remaining_shelf_life_counts_whole_days_and_the_strictest_rule(store: Store) -> None:
    lots(store, D29=today(store, 29), D30=today(store, 30), D31=today(store, 31))
    store.do(c.SetRemovalRule(Order.FEFO, item="L", remaining_days_min=30))
    store.document("delivery", "DN", {"L": 30})
    store.do(c.AllocateLine("delivery", "DN", 1))
    assert held(store) == {"D30": 10, "D31": 10}
    store.do(c.SetPartner("strict", kind=c.PartnerKind.CUSTOMER, usable_days_min=31))
    store.document("delivery", "DN-2", {"L": 5}, partner="strict")
    answer = store.do(c.AllocateLine("delivery", "DN-2", 1))
    assert answer["short"] == "5"


def test_a_named_lot_is_taken_or_nothing_is(store: Store) -> None:
    lots(store, A=None, B=None)
    store.do(c.CreateDocument("delivery", "DN", (c.LineSpec("L", D(15), lot="B"),)))
    assert store.do(c.AllocateLine("delivery", "DN", 1))["short"] == "5"
    assert held(store) == {"B": 10}
    assert store.refused(c.FulfilLine("delivery", "DN", 1, D(1), "STAGE", lot="A"))[1] == "lot"


# Reserved ------------------------------------------------------------------------------------------------------------


def test_a_reservation_that_expired_holds_nothing_and_what_is_left_of_one_still_does(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening"))
    now = store.one("select now()")
    # Already past is taken too: what a command decides must not depend on when a recording of it is done again.
    store.do(c.ReserveStock("I2", D(1), "STAGE", "past", expires_at=now - timedelta(seconds=1)))
    with store.conn.transaction():
        assert reservations.expire(store.conn, now) == 1
    store.do(c.ReserveStock("I2", D(6), "STAGE", "short", expires_at=now + timedelta(hours=1)))
    store.do(c.ReserveStock("I2", D(3), "STAGE", "long"))
    assert store.refused(c.MoveStock("I2", D(2), "STAGE", "BIN-1")) == ("reserved", "quantity")
    store.do(c.MoveStock("I2", D(1), "STAGE", "BIN-1"))
    assert store.refused(c.AdjustStock("I2", D(-1), "STAGE", "lost")) == ("reserved", "difference")
    assert (store.stock("I2"), store.stock("I2", "BIN-1")) == (9, 1)


def test_a_transfer_cannot_ship_what_others_reserved_and_takes_its_own(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening"))
    store.document("transfer", "T", {"I2": 10}, source="STAGE", target="BIN-1")
    store.do(c.ReserveStock("I2", D(4), "STAGE", "customer"))
    assert store.refused(c.ShipTransfer("T", 1, D(7), "STAGE")) == ("reserved", "quantity")
    store.do(c.ShipTransfer("T", 1, D(6), "STAGE"))
    assert store.refused(c.ReceiveTransfer("T", 1, D(7), "BIN-1"))[1] == "quantity"
    store.do(c.ReceiveTransfer("T", 1, D(6), "BIN-1"))
    assert (store.stock("I2"), store.stock("I2", "BIN-1"), store.stock("I2", "TRANSIT")) == (4, 6, 0)


# What was done, undone -----------------------------------------------------------------------------------------------


def test_a_reversal_is_not_reversed_nor_a_movement_twice_nor_a_receipt_whose_goods_left(store: Store) -> None:
    store.items(2)
    store.document("purchase_receipt", "PO", {"I2": 10})
    store.document("delivery", "DN", {"I2": 10})
    came = store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(10), "STAGE"))["move_id"]
    left = store.do(c.FulfilLine("delivery", "DN", 1, D(4), "STAGE"))["move_id"]
    assert store.refused(c.ReverseMovement(came))[0] in ("not_enough", "negative_later")
    back = store.do(c.ReverseMovement(left))["move_id"]
    assert store.refused(c.ReverseMovement(back))[1] == "move_id"
    assert store.refused(c.ReverseMovement(left)) == ("already_reversed", "move_id")
    store.do(c.ReverseMovement(came))
    assert (store.stock("I2"), store.fulfilled("PO"), store.fulfilled("DN")) == (0, [0], [0])


@pytest.mark.parametrize(("out", "back"), [("delivery", "customer_return"), ("purchase_receipt", "vendor_return")])
def test_what_came_back_is_not_undone_as_well_and_nothing_else_comes_back(store: Store, out: str, back: str) -> None:
    lots(store, A=None, B=None)
    store.document(out, "D", {"L": 10})
    moved = {lot: store.do(c.FulfilLine(out, "D", 1, D(n), "STAGE", lot=lot)) for lot, n in (("A", 4), ("B", 6))}
    store.do(c.CreateDocument(back, "R", (c.LineSpec("L", D(7), source=c.LineName(out, "D", 1)),)))
    # More of a lot than went, or a lot that did not go.
    store.do(c.CreateLot("L", "C"))
    store.do(c.AdjustStock("L", D(10), "STAGE", "found", lot="C"))
    for lot, quantity in (("A", 5), ("C", 1)):
        assert store.refused(c.FulfilLine(back, "R", 1, D(quantity), "STAGE", lot=lot)) == ("wrong_goods", "lot")
    returned = store.do(c.FulfilLine(back, "R", 1, D(4), "STAGE", lot="A"))["move_id"]
    before = store.stock("L")
    assert store.refused(c.ReverseMovement(moved["A"]["move_id"])) == ("wrong_state", "move_id")
    assert store.stock("L") == before
    store.do(c.ReverseMovement(moved["B"]["move_id"]))
    store.do(c.ReverseMovement(returned))
    store.do(c.ReverseMovement(moved["A"]["move_id"]))
    assert store.stock("L") == 30


def test_a_serial_comes_back_on_the_line_it_went_on(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "PO", {"I1": 2})
    for n in (1, 2):
        store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(1), "STAGE", serial=f"S{n}"))
        store.document("delivery", f"D{n}", {"I1": 1})
        store.do(c.FulfilLine("delivery", f"D{n}", 1, D(1), "STAGE", serial=f"S{n}"))
    store.do(
        c.CreateDocument("customer_return", "R", (c.LineSpec("I1", D(1), source=c.LineName("delivery", "D1", 1)),))
    )
    other = c.FulfilLine("customer_return", "R", 1, D(1), "STAGE", serial="S2")
    assert store.refused(other) == ("wrong_goods", "serial")
    store.do(c.FulfilLine("customer_return", "R", 1, D(1), "STAGE", serial="S1"))


def test_one_side_of_a_conversion_is_not_undone_alone(store: Store) -> None:
    lots(store, A=None)
    outputs = tuple(c.ConvertedStock("L", D(5), "STAGE", lot=lot) for lot in ("A1", "A2"))
    inputs = (c.ConvertedStock("L", D(10), "STAGE", lot="A"),)
    made = store.do(c.ConvertStock(c.Conversion.SPLIT, inputs, outputs))
    for move_id in made["moves"]:
        assert store.refused(c.ReverseMovement(move_id)) == ("wrong_state", "move_id")
    store.do(c.ConvertStock(c.Conversion.MERGE, outputs, inputs))
    assert store.stock("L") == 10


def test_a_transfer_takes_its_own_goods_out_of_transit_and_no_other_ones(store: Store) -> None:
    lots(store, A=None, B=None)
    shipped = {}
    for number, lot in (("T1", "A"), ("T2", "B")):
        store.document("transfer", number, {"L": 5}, source="STAGE", target="BIN-1")
        store.do(c.ShipTransfer(number, 1, D(5), lot=lot))
        shipped[number] = store.one("select move_id from move order by seq desc limit 1")
    assert store.refused(c.ReceiveTransfer("T1", 1, D(5), lot="B")) == ("wrong_goods", "lot")
    store.do(c.ReceiveTransfer("T1", 1, D(5), lot="A"))
    # Another transfer's goods are in transit still: they are not what is undone.
    assert store.refused(c.ReverseMovement(shipped["T1"])) == ("wrong_state", "move_id")
    store.do(c.ReverseMovement(shipped["T2"]))
    assert (store.stock("L"), store.stock("L", "BIN-1"), store.stock("L", "TRANSIT")) == (15, 5, 0)


def test_a_work_order_of_which_nothing_moved_is_cancelled_as_a_whole(store: Store) -> None:
    store.items(2)
    store.do(c.CreateItem("SET"))
    store.do(c.CreateBom("SET", "1", (c.ComponentSpec("I2", D(1)),)))
    store.do(c.AdjustStock("I2", D(5), "STAGE", "opening"))
    for number, kind in (("W1", "work_order_issue"), ("W2", "production_receipt")):
        store.do(c.CreateWorkOrder(number, "SET", D(3)))
        store.do(c.CancelDocument(kind, number))
        assert store.refused(c.ReportOutput(number, D(1), "STAGE")) == ("wrong_state", "number")
        assert store.refused(c.IssueKit(number, D(1))) == ("wrong_state", "number")
    store.do(c.CreateWorkOrder("W3", "SET", D(3)))
    store.do(c.IssueKit("W3", D(1)))
    store.do(c.CancelDocument("production_receipt", "W3"))
    store.do(c.IssueKit("W3", D(2)))


def test_no_more_is_reserved_for_a_line_than_it_needs(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", D(20), "STAGE", "opening"))
    store.document("delivery", "DN", {"I2": 5})
    store.document("purchase_receipt", "PO", {"I2": 5})

    def reserve(quantity: int, kind: str, number: str) -> c.ReserveStock:
        return c.ReserveStock("I2", D(quantity), "STAGE", "x", None, None, None, kind, number, 1)

    assert store.refused(reserve(6, "delivery", "DN")) == ("over", "quantity")
    store.do(reserve(3, "delivery", "DN"))
    assert store.refused(reserve(3, "delivery", "DN")) == ("over", "quantity")
    store.do(reserve(2, "delivery", "DN"))
    assert store.refused(reserve(1, "purchase_receipt", "PO")) == ("invalid", "document_kind")


def test_an_order_is_not_over_while_a_notice_brings_goods_for_it(store: Store) -> None:
    store.items(2)
    store.document("purchase_order", "PO", {"I2": 10})
    order = c.LineName("purchase_order", "PO", 1)
    store.do(c.CreateDocument("purchase_receipt", "ASN", (c.LineSpec("I2", D(6), source=order),)))
    for end in (c.CancelDocument("purchase_order", "PO"), c.CloseDocument("purchase_order", "PO")):
        assert store.refused(end) == ("wrong_state", "number")
    store.do(c.FulfilLine("purchase_receipt", "ASN", 1, D(2), "STAGE"))
    store.do(c.CloseDocument("purchase_receipt", "ASN"))
    store.do(c.CloseDocument("purchase_order", "PO"))


def test_a_lot_has_one_last_day_until_somebody_says_why_it_has_another(store: Store) -> None:
    lots(store, A=today(store, 10))
    store.document("purchase_receipt", "PO", {"L": 10})
    longer = c.FulfilLine("purchase_receipt", "PO", 1, D(1), "STAGE", lot="A", expires_on=today(store, 30))
    assert store.refused(longer) == ("invalid", "expires_on")
    assert store.refused(c.UpdateLot("L", "A", "", today(store, 30))) == ("invalid", "reason")
    assert store.refused(c.UpdateLot("L", "B", "typed wrong", today(store, 30))) == ("not_found", "code")
    assert store.refused(c.UpdateLot("L", "A", "no change"))[0] == "invalid"
    store.do(c.UpdateLot("L", "A", "tested again", today(store, 30)))
    store.do(longer)
    audited = store.conn.execute(
        "select before, after from audit_log where command = 'UpdateLot' and before is not null"
    )
    (before, after) = audited.fetchone() or ({}, {})
    assert (before["expires_on"], after["expires_on"], after["reason"]) == (
        str(today(store, 10)),
        str(today(store, 30)),
        "tested again",
    )


def test_what_lies_in_a_closed_period_is_corrected_now(store: Store) -> None:
    store.items(2)
    old = store.do(c.AdjustStock("I2", D(5), "STAGE", "opening", effective_at=DAY_0))["move_id"]
    store.do(c.ClosePeriod(DAY_0.date()))
    late = c.AdjustStock("I2", D(1), "STAGE", "late", effective_at=DAY_0)
    assert store.refused(late) == ("period_closed", "effective_at")
    store.do(c.ReverseMovement(old))
    when = store.one("select effective_at from move order by seq desc limit 1")
    assert when > DAY_0 + timedelta(days=1)
    assert store.stock("I2") == 0


def test_a_back_dated_issue_that_a_later_one_needs_is_refused_for_its_lot_and_place(store: Store) -> None:
    lots(store, A=None, B=None)
    store.do(c.MoveStock("L", D(10), "STAGE", "BIN-1", lot="A", effective_at=day(2)))
    store.do(c.MoveStock("L", D(10), "BIN-1", "STAGE", lot="A", effective_at=day(4)))
    between = c.AdjustStock("L", D(-1), "STAGE", "found missing", lot="A", effective_at=day(1))
    assert store.refused(between)[0] == "negative_later"
    # Lot B stood there all the time; and after the way back A may go too.
    store.do(c.AdjustStock("L", D(-1), "STAGE", "found missing", lot="B", effective_at=day(1)))
    store.do(c.AdjustStock("L", D(-1), "STAGE", "found missing", lot="A", effective_at=day(5)))


# Value ---------------------------------------------------------------------------------------------------------------


def value(store: Store) -> tuple[D, D]:
    row = store.conn.execute("select coalesce(sum(quantity), 0), coalesce(sum(value), 0) from value_pool").fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("method", [Valuation.AVERAGE, Valuation.FIFO, Valuation.LIFO, Valuation.STANDARD])
def test_value_is_nothing_at_nothing_after_thirds_returns_and_back_dated_receipts(
    store: Store, method: Valuation
) -> None:
    standard = D("3.3333") if method is Valuation.STANDARD else None
    store.do(c.CreateItem("V", decimals=3, unit="kg", valuation=method, standard_cost=standard))

    def adjust(quantity: str, cost: str | None = None, **fields: Any) -> dict[str, Any]:
        unit_cost = None if cost is None else D(cost)
        return store.do(c.AdjustStock("V", D(quantity), "STAGE", "x", unit_cost=unit_cost, **fields))

    adjust("3", "3.333333", effective_at=day(1))
    issued = adjust("-1", effective_at=day(2))
    adjust("0.001", "9.99", effective_at=day(3))
    adjust("7", "1.10", effective_at=day(0))  # back-dated: what was issued keeps its worth
    store.do(c.ReverseMovement(issued["move_id"]))
    quantity, worth = value(store)
    assert quantity == D("10.001")
    assert worth >= 0
    for part in ("-0.333", "-0.334", "-0.333", "-9.001"):
        adjust(part)
    assert value(store) == (0, 0)


# Lots, serials, units ------------------------------------------------------------------------------------------------


def test_lots_split_and_merge_without_gaining_or_losing(store: Store) -> None:
    lots(store, A=today(store, 50), B=today(store, 60))
    store.do(c.CreateItem("M", tracking=Tracking.LOT))
    store.do(c.CreateLot("M", "A"))
    for lot in ("A1", "A2"):
        store.do(c.CreateLot("L", lot, expires_on=today(store, 50)))
    store.do(c.CreateLot("L", "LONGER", expires_on=today(store, 51)))

    def stock(lot: str, quantity: int, item: str = "L") -> c.ConvertedStock:
        return c.ConvertedStock(item, D(quantity), "STAGE", lot=lot)

    split = c.Conversion.SPLIT
    assert store.refused(c.ConvertStock(split, (stock("A", 10),), (stock("A1", 4), stock("A2", 5))))
    assert store.refused(c.ConvertStock(split, (stock("A", 11),), (stock("A1", 6), stock("A2", 5))))
    assert store.refused(c.ConvertStock(split, (stock("A", 10),), (stock("A", 10, "M"),)))
    # Nothing lives longer by being called something else.
    longer = c.ConvertStock(split, (stock("A", 10),), (stock("LONGER", 10),))
    assert store.refused(longer) == ("invalid", "outputs.0.lot")
    store.do(c.ConvertStock(split, (stock("A", 10),), (stock("A1", 4), stock("A2", 6))))
    store.do(c.ConvertStock(c.Conversion.MERGE, (stock("A1", 4), stock("B", 10)), (stock("A2", 14),)))
    rows = store.conn.execute("select lo.code, on_hand::int from balance join lot lo using (lot_id) where on_hand > 0")
    assert dict(rows.fetchall()) == {"A2": 20}


def test_a_serial_is_once_in_stock_whatever_brings_it(store: Store) -> None:
    store.items(1, 3)
    store.tags(1, 1, 2)
    store.tags(3, 1, 1)
    store.document("purchase_receipt", "PO", {"I1": 5, "I3": 5})
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(1), "STAGE", serial="1"))
    assert store.refused(c.FulfilLine("purchase_receipt", "PO", 1, D(1), "BIN-1", serial="1"))[1] == "serial"
    assert store.refused(c.AdjustStock("I1", D(1), "BIN-1", "found", serial="1"))[1] == "serial"
    assert store.refused(c.FulfilLine("purchase_receipt", "PO", 1, D(2), "STAGE", serial="2"))[1] == "quantity"
    store.do(c.FulfilLine("purchase_receipt", "PO", 2, D(1), "STAGE", serial="1"))  # another item's number
    store.document("transfer", "T", {"I1": 1}, source="STAGE", target="BIN-1")
    store.do(c.ShipTransfer("T", 1, D(1), "STAGE", serial="1"))
    assert store.refused(c.AdjustStock("I1", D(1), "BIN-1", "found", serial="1"))[1] == "serial"
    store.do(c.ReceiveTransfer("T", 1, D(1), "BIN-1", serial="1"))
    store.do(c.AdjustStock("I1", D(-1), "BIN-1", "gone", serial="1"))
    store.do(c.AdjustStock("I1", D(1), "STAGE", "found", serial="1"))


def test_a_pallet_takes_its_cartons_along_and_never_into_itself(store: Store) -> None:
    store.items(2)
    pallet, carton, box = (store.pallet(n) for n in (1, 2, 3))
    names = {
        epc: store.one("select code from handling_unit join tag using (hu_id) where epc = %s", (epc,))
        for epc in (pallet, carton, box)
    }
    assert set(names) == {sscc(n) for n in (1, 2, 3)}
    store.do(c.NestUnit(names[carton], names[pallet]))
    store.do(c.NestUnit(names[box], names[carton]))
    assert store.refused(c.NestUnit(names[pallet], names[box]))[1] == "parent"
    store.do(c.AdjustStock("I2", D(6), "STAGE", "opening"))
    for epc, quantity in ((pallet, 1), (carton, 2), (box, 3)):
        store.do(c.MoveStock("I2", D(quantity), "STAGE", "STAGE", target_unit=names[epc]))
    too_much = c.MoveStock("I2", D(4), "STAGE", "BIN-1", source_unit=names[box])
    assert store.refused(too_much) == ("not_enough", "quantity")
    store.do(c.MoveUnit(names[pallet], "BIN-1"))
    assert (store.stock("I2"), store.stock("I2", "BIN-1")) == (0, 6)
    store.do(c.MoveUnit(names[carton], "STAGE"))
    assert (store.stock("I2"), store.stock("I2", "BIN-1")) == (5, 1)


# Units of measure, limits, repeats -----------------------------------------------------------------------------------


def test_other_units_are_exact_or_refused(store: Store) -> None:
    store.do(c.CreateItem("W", unit="kg", decimals=3))
    store.do(c.SetItemUnit("W", "lb", 45_359_237, 100_000_000))
    store.do(c.SetItemUnit("W", "third", 1, 3))
    assert store.refused(c.AdjustStock("W", D(1), "STAGE", "x", uom="lb"))[1] == "difference"
    assert store.refused(c.AdjustStock("W", D(1), "STAGE", "x", uom="third"))[1] == "difference"
    store.do(c.AdjustStock("W", D(3), "STAGE", "x", uom="third"))
    assert store.one("select on_hand from balance") == 1
    store.items(2)
    store.do(c.SetItemUnit("I2", "dozen", 12))
    store.do(c.AdjustStock("I2", D("2.5"), "STAGE", "x", uom="dozen"))
    assert store.stock("I2") == 30
    assert store.refused(c.AdjustStock("I2", D("0.3"), "STAGE", "x", uom="dozen"))[1] == "difference"
    # A factor that changes later changes no line that was entered before.
    store.do(c.CreateDocument("delivery", "DN", (c.LineSpec("I2", D(2), uom="dozen"),)))
    store.do(c.SetItemUnit("I2", "dozen", 10))
    assert store.one("select quantity from document_line") == 24


@pytest.mark.parametrize("quantity", ["0", "-1", "0.5", "NaN", "Infinity", "1e40"])
def test_quantities_that_are_none_are_refused_by_name(store: Store, quantity: str) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", D(5), "STAGE", "opening"))
    store.document("delivery", "DN", {"I2": 5})
    for command in (
        c.MoveStock("I2", D(quantity), "STAGE", "BIN-1"),
        c.FulfilLine("delivery", "DN", 1, D(quantity), "STAGE"),
        c.ReserveStock("I2", D(quantity), "STAGE", "x"),
    ):
        code, field = store.refused(command)
        assert field == "quantity", (command, code)
    assert store.stock("I2") == 5


def test_over_receipt_ends_exactly_at_its_tolerance(store: Store) -> None:
    store.do(c.CreateItem("K", unit="kg", decimals=2))
    store.do(c.CreateDocument("purchase_receipt", "PO", (c.LineSpec("K", D("33.33")),), over_percent=D(10)))
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D("33.32"), "STAGE"))
    assert store.refused(c.FulfilLine("purchase_receipt", "PO", 1, D("3.35"), "STAGE")) == ("over", "quantity")
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D("3.34"), "STAGE"))  # 36.663 may come
    assert store.refused(c.FulfilLine("purchase_receipt", "PO", 1, D("0.01"), "STAGE"))[1] in ("quantity", "number")


def test_a_key_is_one_command_whatever_became_of_it(store: Store) -> None:
    store.items(2)
    one = c.AdjustStock("I2", D(5), "STAGE", "x")
    first, again = store.ask(one, "k"), store.ask(one, "k")
    assert isinstance(first, Result)
    assert isinstance(again, Result)
    assert (again.response, again.repeated) == (first.response, True)
    for other in (c.AdjustStock("I2", D(6), "STAGE", "x"), c.MoveStock("I2", D(5), "STAGE", "BIN-1")):
        assert getattr(store.ask(other, "k"), "code", None) == "request_id_reused"
    refused = store.ask(c.MoveStock("I2", D(9), "STAGE", "BIN-1"), "n")
    store.do(c.AdjustStock("I2", D(9), "STAGE", "x"))
    assert store.ask(c.MoveStock("I2", D(9), "STAGE", "BIN-1"), "n") == refused
    assert store.stock("I2") == 14


def test_what_a_count_did_not_find_is_reserved_for_nobody_and_the_youngest_lose_it(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening"))
    for holder, quantity in (("first", 3), ("second", 4)):
        store.do(c.ReserveStock("I2", D(quantity), "STAGE", holder))
    store.do(c.StartCount("C", ("STAGE",), tolerance_quantity=D(100)))
    store.do(c.EnterCount("C", D(5), 1))
    assert store.do(c.PostCount("C"))["reservations_lost"] == "2"
    rows = store.conn.execute("select holder, quantity::int from reservation where state = 'pending' order by 1")
    assert (dict(rows.fetchall()), store.stock("I2")) == ({"first": 3, "second": 2}, 5)


def test_a_count_meets_movements_before_between_and_after_its_entries(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening"))
    store.do(c.StartCount("C", ("STAGE",), tolerance_quantity=D(100)))
    store.do(c.AdjustStock("I2", D(-2), "STAGE", "before it was counted"))
    store.do(c.EnterCount("C", D(7), 1))  # one is missing of the eight that then were there
    store.do(c.AdjustStock("I2", D(5), "STAGE", "after it was counted"))
    assert store.refused(c.PostCount("C"))[0] == "count_conflict"
    store.do(c.EnterCount("C", D(12), 1))
    store.do(c.PostCount("C", approve=True, reason="one missing"))
    assert store.stock("I2") == 12
    assert store.refused(c.PostCount("C"))[0] == "wrong_state"
    assert store.refused(c.EnterCount("C", D(1), 1))[0] == "wrong_state"
