"""Transfers through transit: never in both places, never in neither, differences reported."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.warehouse.postgres.books import DAY_0
from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Result
from warehouse.postgres.commands import execute
from warehouse.postgres.integrity import check


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
