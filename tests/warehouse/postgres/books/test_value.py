"""Value on a real store: booked with the movement, append-only, zero at nothing, whatever the method."""

import random
from decimal import Decimal as D
from typing import Any

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0, day
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import Valuation
from warehouse.ledger import Tracking
from warehouse.postgres.queries.value import stock_value, total_value, value_entries


def item(store: Store, valuation: Valuation, code: str = "V", **fields: Any) -> None:
    store.do(c.CreateItem(code, valuation=valuation, **fields))


def receive(store: Store, quantity: object, cost: object | None, code: str = "V", **fields: Any) -> dict[str, Any]:
    unit_cost = None if cost is None else D(str(cost))
    change = D(str(quantity))
    return store.do(c.AdjustStock(code, change, "STAGE", "receipt", unit_cost=unit_cost, **fields))


def issue(store: Store, quantity: object, code: str = "V", **fields: Any) -> D:
    """What it was worth."""
    store.do(c.AdjustStock(code, -D(str(quantity)), "STAGE", "issue", **fields))
    return -D(store.one("select amount from value_entry order by entry_id desc limit 1"))


def worth(store: Store) -> tuple[D, D]:
    row = store.conn.execute("select coalesce(sum(quantity), 0), coalesce(sum(value), 0) from value_pool").fetchone()
    assert row is not None
    return row[0], row[1]


def test_a17_average(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    receive(store, 10, 10)
    receive(store, 10, 20)
    assert issue(store, 15) == 225
    assert worth(store) == (5, 75)


def test_a16_first_in_first_out(store: Store) -> None:
    item(store, Valuation.FIFO)
    receive(store, 10, 10)
    receive(store, 10, 20)
    assert issue(store, 15) == 200
    assert worth(store) == (5, 100)


def test_a6_last_in_first_out(store: Store) -> None:
    item(store, Valuation.LIFO)
    receive(store, 1, 1)
    receive(store, 2, 2)
    assert issue(store, 1) == 2
    receive(store, 3, 3)
    assert issue(store, 4) == 11
    receive(store, 4, 4)
    assert issue(store, 5) == 17


def test_a21_small_issues_leave_no_cents(store: Store) -> None:
    item(store, Valuation.AVERAGE, decimals=1)
    receive(store, 2, "4.63")
    receive(store, 5, "3.04")
    assert sum(issue(store, "0.1") for _ in range(70)) == D("24.46")
    assert worth(store) == (0, 0)


def test_standard_cost_keeps_the_difference_apart(store: Store) -> None:
    item(store, Valuation.STANDARD, standard_cost=D("2.50"))
    receive(store, 10, 3)
    assert store.one("select amount from value_entry") == 25
    assert store.one("select difference from value_entry") == 5
    assert issue(store, 4) == 10
    done = store.do(c.SetValuation("V", Valuation.STANDARD, D("3.00"), reason="new year"))
    assert done["revaluation"] == "3.00"
    assert worth(store) == (6, 18)
    assert issue(store, 6) == 18


def test_receipts_on_a_line_cost_what_the_line_says_in_its_unit(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    store.do(c.SetItemUnit("V", "pallet", 48))
    line = c.LineSpec("V", D(2), uom="pallet", unit_cost=D("100.00"))
    store.do(c.CreateDocument("purchase_receipt", "PO", (line,)))
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(1), "STAGE", uom="pallet"))
    assert worth(store) == (48, 100)
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(48), "STAGE"))
    assert worth(store) == (96, 200)


def test_moves_inside_and_another_owners_goods_change_no_value(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    receive(store, 10, 5)
    store.do(c.MoveStock("V", D(4), "STAGE", "BIN-1"))
    store.do(c.SetPartner("ACME", kind=c.PartnerKind.OWNER))
    receive(store, 100, 5, owner="ACME")
    assert (worth(store), store.one("select count(*) from value_entry")) == ((10, 50), 1)


def test_a26_lots_are_valued_by_lot(store: Store) -> None:
    item(store, Valuation.AVERAGE, tracking=Tracking.LOT)
    for lot in ("X", "Y"):
        store.do(c.CreateLot("V", lot))
    for lot, cost in (("X", 100), ("Y", 50), ("X", 150), ("Y", 100)):
        receive(store, 1, cost, lot=lot)
    assert [issue(store, 1, lot=lot) for lot in "YXYX"] == [75, 125, 75, 125]


def test_c16_a_receipt_corrected_upwards_enters_now(store: Store) -> None:
    item(store, Valuation.FIFO)
    receive(store, 10, 10)
    receive(store, 10, 15)
    assert issue(store, 20) == 250
    receive(store, 10, 10)
    assert worth(store) == (10, 100)


def test_c17_an_issue_corrected_comes_back_at_what_it_left_with(store: Store) -> None:
    item(store, Valuation.FIFO)
    receive(store, 20, 10)
    assert issue(store, 15) == 150
    out = store.one("select move_id from move order by seq desc limit 1")
    receive(store, 20, 15)
    store.do(c.ReverseMovement(out))
    assert worth(store) == (40, 500)
    assert store.one("select basis from value_entry order by entry_id desc limit 1") == "reversal"
    assert issue(store, 5) == 50
    assert worth(store) == (35, 450)


def test_a_reversed_receipt_gives_back_what_it_brought_as_far_as_it_is_there(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    receive(store, 10, 10)
    dear = receive(store, 10, 30)
    store.do(c.ReverseMovement(dear["move_id"]))
    assert worth(store) == (10, 100)
    dear = receive(store, 10, 30)
    issue(store, 10)
    store.do(c.ReverseMovement(dear["move_id"]))
    assert worth(store) == (0, 0)
    assert store.one("select difference from value_entry order by entry_id desc limit 1") == -100


def test_without_a_cost_goods_come_in_at_what_such_goods_cost(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    receive(store, 3, "3.33")
    receive(store, 3, None)
    assert worth(store) == (6, D("19.98"))
    item(store, Valuation.AVERAGE, "W", standard_cost=D(2))
    receive(store, 5, None, "W")
    item(store, Valuation.AVERAGE, "Z")
    receive(store, 5, None, "Z")
    bases = store.conn.execute("select basis from value_entry order by entry_id").fetchall()
    assert [basis for (basis,) in bases] == ["given", "average", "standard", "none"]


def test_an_item_is_valued_from_the_moment_it_is_said(store: Store) -> None:
    item(store, Valuation.NONE, tracking=Tracking.LOT)
    store.do(c.CreateLot("V", "L"))
    receive(store, 10, 5, lot="L")
    assert worth(store) == (0, 0)
    assert store.do(c.SetValuation("V", Valuation.AVERAGE, unit_cost=D(4)))["revaluation"] == "40.00"
    assert issue(store, 5, lot="L") == 20
    assert store.do(c.RevalueStock("V", D("1.50"), "damp", lot="L"))["revaluation"] == "-12.50"
    assert worth(store) == (5, D("7.50"))
    assert store.do(c.SetValuation("V", Valuation.FIFO))["revaluation"] == "0.00"
    assert issue(store, 2, lot="L") == 3
    assert store.do(c.SetValuation("V", Valuation.NONE))["revaluation"] == "-4.50"
    assert store.one("select sum(amount) from value_entry") == 0


async def test_value_by_item_now_and_then_and_its_entries(store: Store, reading: Any) -> None:
    item(store, Valuation.AVERAGE)
    receive(store, 3, 10, effective_at=DAY_0)
    issue(store, 1, effective_at=day(2))
    (now,) = await stock_value(reading, None, 10)
    assert (now.item, now.quantity, now.value, now.unit_cost) == ("V", 2, 20, 10)
    (then,) = await stock_value(reading, None, 10, at=day(1))
    assert (then.quantity, then.value) == (3, 30)
    assert (await total_value(reading)).value == 20
    newest, oldest = await value_entries(reading, None, 10, item="V")
    assert (newest.kind, newest.amount, oldest.kind) == ("issue", -10, "receipt")
    assert [e.entry_id for e in await value_entries(reading, newest.entry_id, 10)] == [oldest.entry_id]
    assert await value_entries(reading, None, 10, kind="issue", since=day(3)) == []


@pytest.mark.parametrize("valuation", [v for v in Valuation if v is not Valuation.NONE])
def test_whatever_comes_and_goes_the_end_is_zero(store: Store, valuation: Valuation) -> None:
    item(store, valuation, decimals=3, standard_cost=D("1.237"))
    dice = random.Random(valuation)
    held = D(0)
    for _ in range(60):
        if held == 0 or dice.random() < 0.5:
            quantity = D(dice.randrange(1, 9_999)).scaleb(-3)
            receive(store, quantity, D(dice.randrange(1, 99_999)).scaleb(-4) if dice.random() < 0.8 else None)
            held += quantity
        else:
            quantity = held if dice.random() < 0.2 else (held * dice.randrange(1, 10) / 10).quantize(D("0.001"))
            if quantity:
                issue(store, quantity)
                held -= quantity
        assert worth(store)[0] == held
    if held:
        issue(store, held)
    assert worth(store) == (0, 0)
    assert store.one("select sum(amount) from value_entry") == 0


def test_entries_cannot_be_changed(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    receive(store, 1, 1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store.conn.execute("update value_entry set amount = 0")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (c.SetValuation("V", Valuation.STANDARD), ("invalid", "standard_cost")),
        (c.SetValuation("V", Valuation.AVERAGE, unit_cost=D(-1)), ("invalid", "unit_cost")),
        (c.SetValuation("none", Valuation.AVERAGE), ("not_found", "item")),
        (c.RevalueStock("V", D(1), ""), ("invalid", "reason")),
        (c.RevalueStock("V", D(1), "why"), ("wrong_state", "item")),
        (c.RevalueStock("V", D(-1), "why"), ("invalid", "unit_cost")),
        (c.AdjustStock("V", D(1), "STAGE", "found", unit_cost=D(-1)), ("invalid", "unit_cost")),
    ],
    ids=str,
)
def test_refusals_name_the_field(store: Store, command: c.Command, answer: tuple[str, str]) -> None:
    item(store, Valuation.AVERAGE)
    assert store.refused(command) == answer


@pytest.mark.parametrize("valuation", [Valuation.AVERAGE, Valuation.FIFO])
def test_a_price_a_box_is_worth_the_same_in_pieces_and_ends_at_zero(store: Store, valuation: Valuation) -> None:
    item(store, valuation)
    store.do(c.SetItemUnit("V", "box", 12))
    line = c.LineSpec("V", D(3), uom="box", unit_cost=D("10.00"))
    store.do(c.CreateDocument("purchase_receipt", "A", (line,)))
    store.do(c.FulfilLine("purchase_receipt", "A", 1, D(3), "STAGE", uom="box"))
    assert worth(store) == (36, D("30.00"))  # not 36 × 0.83
    assert issue(store, 1, uom="box") == D("10.00")
    assert issue(store, 7) == D("5.83")
    assert issue(store, 17) == D("14.17")
    assert worth(store) == (0, 0)


def test_an_order_in_pallets_is_received_in_boxes_and_found_in_pieces(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    for unit, factor in (("box", 12), ("pallet", 480)):
        store.do(c.SetItemUnit("V", unit, factor))
    order = c.LineSpec("V", D(1), uom="pallet", unit_cost=D("1000.00"))
    store.do(c.CreateDocument("purchase_order", "PO", (order,)))
    answers = c.LineSpec("V", D(40), uom="box", source=c.LineName("purchase_order", "PO", 1))
    store.do(c.CreateDocument("purchase_receipt", "A", (answers,)))
    store.do(c.FulfilLine("purchase_receipt", "A", 1, D(13), "STAGE", uom="box"))
    store.do(c.FulfilLine("purchase_receipt", "A", 1, D(27), "STAGE", uom="box"))
    assert worth(store) == (480, D("1000.00"))
    receive(store, 1, "25.00", uom="box")
    assert worth(store) == (492, D("1025.00"))
    store.do(c.CreateDocument("delivery", "D", (c.LineSpec("V", D("1.025"), uom="pallet"),)))
    store.do(c.FulfilLine("delivery", "D", 1, D(492), "STAGE"))
    assert worth(store) == (0, 0)


def test_a27_tonnes_bought_kilograms_moved_the_value_stays(store: Store) -> None:
    item(store, Valuation.AVERAGE, unit="kg", decimals=3)
    store.do(c.SetItemUnit("V", "t", 1000))
    line = c.LineSpec("V", D(20), uom="t", unit_cost=D(156_526))
    store.do(c.CreateDocument("purchase_receipt", "A", (line,)))
    store.do(c.FulfilLine("purchase_receipt", "A", 1, D(20_000), "STAGE"))
    assert worth(store) == (20_000, D("3130520.00"))
    store.do(c.CreateDocument("transfer", "T", (c.LineSpec("V", D(1_728)),), source="STAGE", target="BIN-1"))
    store.do(c.ShipTransfer("T", 1, D("1.728"), uom="t"))
    assert worth(store) == (20_000, D("3130520.00"))
    store.do(c.ReceiveTransfer("T", 1, D(1_728)))
    assert worth(store) == (20_000, D("3130520.00"))


def test_a_count_in_boxes_is_worth_its_pieces(store: Store) -> None:
    item(store, Valuation.AVERAGE)
    store.do(c.SetItemUnit("V", "box", 12))
    receive(store, 3, "10.00", uom="box")
    store.do(c.StartCount("C", ("STAGE",), tolerance_quantity=D(99)))
    store.do(c.EnterCount("C", D("2.5"), 1, uom="box"))
    store.do(c.PostCount("C"))
    assert worth(store) == (30, D("25.00"))
    assert store.one("select value_difference from count_line") == D("-5.00")


def test_what_is_split_merged_and_repacked_keeps_its_value(store: Store) -> None:
    item(store, Valuation.FIFO)
    store.do(c.SetItemUnit("V", "box", 12))
    receive(store, 2, "10.00", uom="box")
    receive(store, 1, "13.00", uom="box")
    total = worth(store)
    store.do(c.MoveStock("V", D(2), "STAGE", "BIN-1", uom="box"))
    assert worth(store) == total == (36, D("33.00"))
