"""Transfers through transit: never in both places, never in neither, differences reported."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import ALL_RIGHTS, Actor, Result
from warehouse.postgres.commands import execute
from warehouse.site import Direction


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(10), "STAGE", "opening", effective_at=DAY_0))
    return store


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
    # What is on the way is not forgotten by closing the document.
    assert store.refused(c.CloseDocument("transfer", "T")) == ("wrong_state", "number")
    store.do(c.SettleTransfer("T", c.TransitOutcome.LOST, "fell off"))
    assert (store.findings(), places(store)) == (["short"], (4, 0, 5))
    assert store.refused(c.SettleTransfer("T", c.TransitOutcome.LOST, "again")) == ("wrong_state", "number")


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


def another(store: Store, command: c.Command, name: str = "manager") -> Any:
    return execute(store.conn, command, actor=Actor(name, rights=ALL_RIGHTS), source=name, client_event_id=str(uuid4()))


def test_a_loss_that_needs_approval_is_settled_by_who_had_no_part_in_it(store: Store) -> None:
    store.do(c.SetApprovalRule("adjustment", quantity_min=Decimal(1)))
    transfer(store, 6)
    store.do(c.ShipTransfer("T", 1, Decimal(6)))
    assert isinstance(another(store, c.ReceiveTransfer("T", 1, Decimal(5)), "receiver"), Result)
    lost = c.SettleTransfer("T", c.TransitOutcome.LOST, "broken")
    assert store.refused(lost) == ("needs_approval", "approve")
    approved = c.SettleTransfer("T", c.TransitOutcome.LOST, "broken", approve=True)
    assert store.refused(approved) == ("own_request", "approve")
    assert another(store, approved, "receiver").code == "own_request"
    assert isinstance(another(store, approved), Result)
    assert places(store) == (4, 0, 5)


def test_more_than_was_shipped_asks_the_rule_of_adjustments(store: Store) -> None:
    store.do(c.SetApprovalRule("adjustment", quantity_min=Decimal(2)))
    transfer(store, 6)
    store.do(c.ShipTransfer("T", 1, Decimal(6)))
    over = c.ReceiveTransfer("T", 1, Decimal(8), over_reason="miscounted")
    assert store.refused(over) == ("needs_approval", "quantity")
    assert places(store) == (4, 6, 0)


@pytest.fixture
def yard(store: Store) -> Store:
    """Tagged goods on a pallet at STAGE, and a transfer of them to another warehouse."""
    store.do(c.CreateLocation("ANNEX", level="warehouse"))
    store.do(c.CreateLocation("A-1", level="bin", parent="ANNEX"))
    store.items(4)
    return store


def tagged(store: Store, count: int = 4) -> tuple[str, ...]:
    epcs = store.tags(4, 1, count)
    pallet = store.pallet(1, epcs)
    store.do(c.AdjustStock("I4", Decimal(count), "STAGE", "opening", effective_at=DAY_0))
    store.document("transfer", "T", {"I4": count}, source="STAGE", target="ANNEX", epcs=(pallet, *epcs), door="D1")
    return (pallet, *epcs)


def held(store: Store) -> tuple[int, int, int]:
    return store.stock("I4"), store.stock("I4", "TRANSIT"), store.stock("I4", "ANNEX")


def test_a_portal_ships_a_transfer_and_another_receives_it(yard: Store) -> None:
    epcs = tagged(yard)
    out = yard.post(yard.load(epcs, Direction.OUT))
    assert (held(yard), yard.findings(), out.quantity_posted) == ((0, 4, 0), [], Decimal(4))
    assert yard.one("select shipped from document_line") == 4
    arrived = yard.load(epcs, Direction.IN, portal="D9", inside="ANNEX", minute=30)
    done = yard.post(arrived)
    assert (held(yard), yard.findings()) == ((0, 0, 4), [])
    assert [(at.number, at.status) for at in done.documents] == [("T", "complete")]
    assert yard.one("select count(distinct hu_id) from balance where on_hand > 0 and hu_id is not null") == 1


def test_what_was_not_on_the_lorry_stays_in_transit_and_an_amendment_undoes_what_was_shipped(yard: Store) -> None:
    epcs = tagged(yard)
    load = yard.load(epcs, Direction.OUT)
    yard.post(load)
    less = yard.load(epcs[:-1], Direction.OUT, passage=load.passage_id, revision=1)
    yard.post(less)
    assert (held(yard), yard.one("select shipped from document_line")) == ((1, 3, 0), 3)
    yard.post(yard.load(epcs[1:3], Direction.IN, portal="", inside="ANNEX", minute=30))
    assert (held(yard), yard.one("select fulfilled from document_line")) == ((1, 1, 2), 2)


def test_a_handheld_ships_and_receives_by_where_it_scans(yard: Store) -> None:
    epcs = tagged(yard)
    scan = c.ScanDocument("transfer", "T", epcs[1:], "BIN-1")
    assert yard.refused(scan) == ("invalid", "location")
    yard.do(c.ScanDocument("transfer", "T", epcs[1:], "STAGE"))
    assert held(yard) == (0, 4, 0)
    yard.do(c.ScanDocument("transfer", "T", epcs[2:], "A-1"))
    assert (yard.stock("I4", "TRANSIT"), yard.stock("I4", "A-1")) == (1, 3)
    assert yard.refused(c.ScanDocument("transfer", "T", epcs[2:], "A-1")) == ("wrong_goods", "epcs.0")


def test_what_was_shipped_by_hand_is_received_by_its_tags(yard: Store) -> None:
    epcs = tagged(yard)
    yard.do(c.ShipTransfer("T", 1, Decimal(4), effective_at=DAY_0))
    yard.post(yard.load(epcs, Direction.IN, portal="D1", inside="ANNEX", minute=30))
    assert (held(yard), yard.findings()) == ((0, 0, 4), [])


def test_goods_on_the_way_that_no_transfer_brings_here_are_held(yard: Store) -> None:
    epcs = tagged(yard)
    yard.post(yard.load(epcs, Direction.OUT))
    yard.post(yard.load(epcs, Direction.IN, inside="BIN-1", minute=30))
    assert (held(yard), yard.findings()) == ((0, 4, 0), ["no_document"])


def test_a_portal_between_two_places_of_ours_ships_and_receives_in_one(yard: Store) -> None:
    epcs = tagged(yard)
    load = yard.load(epcs, Direction.OUT, inside="STAGE", outside="ANNEX")
    done = yard.post(load)
    assert (held(yard), done.quantity_posted) == ((0, 0, 4), Decimal(4))
    assert yard.one("select status from document where number = 'T'") == "complete"
    back = yard.load(epcs[:-1], Direction.OUT, inside="STAGE", outside="ANNEX", passage=load.passage_id, revision=1)
    yard.post(back)
    assert (held(yard), yard.one("select shipped - fulfilled from document_line")) == ((1, 0, 3), 0)
