"""Quantities in boxes and pallets, through documents, receipts, reservations, moves, counts and transfers."""

from decimal import Decimal as D
from typing import Any

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store
from warehouse import commands as c


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2)
    store.do(c.SetItemUnit("I2", "box", 12))
    store.do(c.SetItemUnit("I2", "pallet", 48))
    return store


def line(store: Store, number: str) -> tuple[Any, ...]:
    row = store.conn.execute(
        "select quantity, fulfilled, entered_quantity, entered_unit, factor_num, factor_den, unit_cost"
        " from document_line join document using (document_id) where number = %s",
        (number,),
    ).fetchone()
    assert row is not None
    return tuple(row)


def order(store: Store, number: str, quantity: str, uom: str | None, **fields: Any) -> None:
    spec = c.LineSpec("I2", D(quantity), uom=uom, **fields)
    store.do(c.CreateDocument("purchase_receipt", number, (spec,)))


def test_two_pallets_of_48_are_received_as_96_pieces(store: Store) -> None:
    order(store, "PO", "2", "pallet", unit_cost=D("96.00"))
    assert line(store, "PO") == (96, 0, 2, "pallet", 48, 1, 2)
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(1), "STAGE", uom="pallet"))
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(4), "STAGE", uom="box"))
    assert (store.stock("I2"), store.one("select status from document")) == (96, "complete")
    over = c.FulfilLine("purchase_receipt", "PO2", 1, D(2), "STAGE", uom="pallet")
    order(store, "PO2", "95", None)
    assert store.refused(over) == ("over", "quantity")


def test_h2_ten_boxes_of_twelve_leave_seventy_open_after_fifty(store: Store) -> None:
    order(store, "R", "10", "box")
    store.do(c.FulfilLine("purchase_receipt", "R", 1, D(50), "STAGE"))
    quantity, fulfilled, *_ = line(store, "R")
    assert (quantity, quantity - fulfilled) == (120, 70)


def test_d9_a_dozen_of_a_hundred_reserves_twelve(store: Store) -> None:
    store.do(c.AdjustStock("I2", D(100), "STAGE", "opening"))
    store.do(c.ReserveStock("I2", D(1), "STAGE", "me", uom="dozen"))
    assert store.one("select reserved from balance") == 12


def test_a_line_keeps_the_factor_it_was_made_with(store: Store) -> None:
    order(store, "PO", "2", "pallet")
    store.do(c.SetItemUnit("I2", "pallet", 50))
    store.do(c.FulfilLine("purchase_receipt", "PO", 1, D(2), "STAGE", uom="pallet"))
    assert store.stock("I2") == 96
    store.do(c.AdjustStock("I2", D(1), "STAGE", "found", uom="pallet"))
    assert store.stock("I2") == 146


def test_every_way_in_takes_a_unit(store: Store) -> None:
    store.do(c.AdjustStock("I2", D(4), "STAGE", "opening", uom="pallet", effective_at=DAY_0))
    store.do(c.MoveStock("I2", D(2), "STAGE", "BIN-1", uom="box"))
    assert (store.stock("I2"), store.stock("I2", "BIN-1")) == (168, 24)
    spec = c.LineSpec("I2", D(1), uom="pallet")
    store.do(c.CreateDocument("transfer", "T", (spec,), source="STAGE", target="BIN-1"))
    store.do(c.ShipTransfer("T", 1, D(1), uom="pallet"))
    store.do(c.ReceiveTransfer("T", 1, D(4), uom="box"))
    assert (store.stock("I2"), store.stock("I2", "BIN-1")) == (120, 72)
    store.do(c.StartCount("C", ("BIN-1",)))
    store.do(c.EnterCount("C", D(6), 1, uom="box"))
    assert store.one("select counted from count_line") == 72


def test_kilograms_of_an_item_kept_in_grams_are_exact(store: Store) -> None:
    store.do(c.CreateItem("G", unit="g", decimals=1))
    store.do(c.AdjustStock("G", D("0.1234"), "STAGE", "opening", uom="kg"))
    assert store.one("select on_hand from balance") == D("123.4")
    too_fine = c.AdjustStock("G", D("0.12345"), "STAGE", "opening", uom="kg")
    assert store.refused(too_fine) == ("invalid", "difference")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (c.AdjustStock("I2", D(1), "STAGE", "found", uom="crate"), ("not_found", "uom")),
        (c.AdjustStock("I2", D(1), "STAGE", "found", uom="kg"), ("not_found", "uom")),
        (c.AdjustStock("I2", D("0.3"), "STAGE", "found", uom="box"), ("invalid", "difference")),
        (c.MoveStock("I2", D("0.3"), "STAGE", "BIN-1", uom="box"), ("invalid", "quantity")),
        (
            c.CreateDocument("delivery", "D", (c.LineSpec("I2", D(1), uom="crate"),)),
            ("not_found", "lines.0.uom"),
        ),
        (
            c.CreateDocument("delivery", "D", (c.LineSpec("I2", D(1), unit_cost=D(-1)),)),
            ("invalid", "lines.0.unit_cost"),
        ),
        (c.SetItemUnit("I2", "pc", 1), ("invalid", "unit")),
        (c.SetItemUnit("I2", "half", 1, 0), ("invalid", "factor_den")),
    ],
    ids=str,
)
def test_what_cannot_be_measured_is_refused(store: Store, command: c.Command, answer: tuple[str, str]) -> None:
    assert store.refused(command) == answer
    assert store.one("select count(*) from move") == 0


def test_a_retired_unit_is_gone_for_new_entries(store: Store) -> None:
    store.do(c.SetItemUnit("I2", "box", 12, active=False))
    assert store.refused(c.AdjustStock("I2", D(1), "STAGE", "found", uom="box")) == ("not_found", "uom")
