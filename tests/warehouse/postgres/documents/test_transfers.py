"""Transfers through transit: never in both places, never in neither, differences reported."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Result
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database)
    made.items(2)
    made.do(c.AdjustStock("I2", Decimal(10), "STAGE", "opening", effective_at=DAY_0))
    yield made
    assert check(made.conn) == []
    made.conn.close()


def transfer(store: Store, quantity: int, **fields: Any) -> None:
    store.document("transfer", "T", {"I2": quantity}, source="STAGE", target="BIN-1", **fields)


def places(store: Store) -> tuple[int, int, int]:
    return store.stock("I2"), store.stock("I2", "TRANSIT"), store.stock("I2", "BIN-1")


def test_ship_and_receive(store: Store) -> None:
    transfer(store, 6)
    store.do(c.ShipTransfer("T", 1, Decimal(6)))
    assert places(store) == (4, 6, 0)
    assert store.refused(c.ShipTransfer("T", 1, Decimal(1))) == ("over", "quantity")
    store.do(c.ReceiveTransfer("T", 1, Decimal(4)))
    assert (places(store), store.one("select status from document")) == ((4, 2, 4), "open")
    assert store.refused(c.ReceiveTransfer("T", 1, Decimal(3))) == ("over", "quantity")
    store.do(c.ReceiveTransfer("T", 1, Decimal(2)))
    assert (places(store), store.one("select status from document")) == ((4, 0, 6), "complete")


def test_what_never_arrives_is_reported_and_settled(store: Store) -> None:
    transfer(store, 6)
    store.do(c.ShipTransfer("T", 1, Decimal(6)))
    store.do(c.ReceiveTransfer("T", 1, Decimal(5)))
    store.do(c.CloseDocument("transfer", "T"))
    assert (store.findings(), places(store)) == (["short"], (4, 1, 5))
    store.do(c.AdjustStock("I2", Decimal(-1), "TRANSIT", "lost on the way", scrap=True))
    assert places(store) == (4, 0, 5)


def test_a_shipment_is_undone_by_its_reversal(store: Store) -> None:
    transfer(store, 6)
    store.do(c.ShipTransfer("T", 1, Decimal(6)))
    store.do(c.ReverseMovement(store.one("select move_id from move order by seq desc limit 1")))
    assert (places(store), store.one("select shipped from document_line")) == ((10, 0, 0), 0)


def test_a_transfer_names_two_places(store: Store) -> None:
    one = c.LineSpec("I2", Decimal(1))
    for source, target in ((None, "BIN-1"), ("STAGE", None), ("STAGE", "STAGE")):
        assert store.refused(c.CreateDocument("transfer", "X", (one,), source=source, target=target)) == (
            "invalid",
            "target",
        )


def test_nobody_approves_their_own_request(store: Store) -> None:
    transfer(store, 6, needs_approval=True)
    ship = c.ShipTransfer("T", 1, Decimal(6))
    assert store.refused(ship) == ("wrong_state", "number")
    approve = c.ApproveDocument("transfer", "T")
    assert store.refused(approve) == ("own_request", "number")
    done = execute(store.conn, approve, actor=Actor("manager", rights=ALL_RIGHTS), source="test", client_event_id="x")
    assert isinstance(done, Result)
    store.do(ship)
    assert store.one("select approved_by from document") == "manager"


def test_more_than_was_shipped_is_found_stock_with_a_reason(store: Store) -> None:
    transfer(store, 6)
    store.do(c.ShipTransfer("T", 1, Decimal(6)))
    over = c.ReceiveTransfer("T", 1, Decimal(8))
    assert store.refused(over) == ("over", "quantity")
    done = store.do(c.ReceiveTransfer("T", 1, Decimal(8), over_reason="miscounted at the source"))
    assert (done["received"], done["over"]) == ("6", "2")
    assert (places(store), store.one("select status from document")) == ((4, 0, 8), "complete")


@pytest.mark.parametrize(
    ("outcome", "expected"), [(c.TransitOutcome.LOST, (4, 0, 5)), (c.TransitOutcome.RETURNED, (5, 0, 5))]
)
def test_what_never_arrives_is_settled(store: Store, outcome: c.TransitOutcome, expected: tuple[int, ...]) -> None:
    transfer(store, 6)
    settle = c.SettleTransfer("T", outcome, "the lorry says so")
    assert store.refused(settle) == ("wrong_state", "number")
    store.do(c.ShipTransfer("T", 1, Decimal(6)))
    store.do(c.ReceiveTransfer("T", 1, Decimal(5)))
    assert store.refused(c.SettleTransfer("T", outcome, "")) == ("invalid", "reason")
    done = store.do(settle)
    assert (done["quantity"], done["short"][0]["missing"]) == ("1", "1")
    assert (places(store), store.one("select status from document")) == (expected, "closed")
    assert store.refused(settle) == ("wrong_state", "number")
    assert store.refused(c.SettleTransfer("X", outcome, "why")) == ("not_found", "number")


def test_a_unit_moves_with_what_is_nested_in_it_and_reserved_of_it(store: Store) -> None:
    store.do(c.CreateHandlingUnit("PALLET"))
    store.do(c.CreateHandlingUnit("CARTON", kind="carton", parent="PALLET"))
    for unit, quantity in (("PALLET", 3), ("CARTON", 4)):
        store.do(c.MoveStock("I2", Decimal(quantity), "STAGE", "STAGE", target_unit=unit))
    store.do(c.ReserveStock("I2", Decimal(2), "STAGE", "me", unit="CARTON"))
    assert len(store.do(c.MoveUnit("PALLET", "BIN-1"))["moves"]) == 2
    assert places(store) == (3, 0, 7)
    assert store.one("select reserved from balance join handling_unit using (hu_id) where code = 'CARTON'") == 2
    assert store.refused(c.MoveUnit("PALLET", "BIN-1")) == ("same_place", "target")
    assert store.refused(c.MoveUnit("PALLET", "CUSTOMER")) == ("invalid", "target")
    assert store.refused(c.MoveUnit("none", "BIN-1")) == ("not_found", "unit")
    store.do(c.CreateHandlingUnit("EMPTY"))
    assert store.refused(c.MoveUnit("EMPTY", "BIN-1")) == ("wrong_state", "unit")
