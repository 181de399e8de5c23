"""Whose goods they are, changed where they stand: consigned goods taken over, ours given, in one step."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from tests.warehouse.postgres.ledger_store import day
from tests.warehouse.postgres.store import Store, sgtin, sscc
from warehouse import commands as c
from warehouse.commands import Valuation
from warehouse.ledger import StockStatus, Tracking
from warehouse.site import Direction

VMI = "Supplier Ltd"


@pytest.fixture
def store(store: Store) -> Store:
    store.do(c.SetPartner(VMI))
    store.items(1, 2)
    return store


def stock(store: Store, owner: str, item: str = "I2") -> int:
    query = "select coalesce(sum(on_hand), 0) from balance join item using (item_id) where owner = %s and code = %s"
    return int(store.one(query, (owner, item)))


def change(owner: str = VMI, new_owner: str = "", **fields: Any) -> c.ChangeOwner:
    return c.ChangeOwner(owner, new_owner, "agreement 7", **fields)


def some(quantity: int, owner: str = VMI, new_owner: str = "", **fields: Any) -> c.ChangeOwner:
    return change(owner, new_owner, **{"item": "I2", "quantity": D(quantity), "location": "STAGE"} | fields)


def test_consigned_goods_become_ours_with_their_value_and_their_age_and_go_back(store: Store) -> None:
    store.do(c.SetValuation("I2", Valuation.AVERAGE))
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening", owner=VMI, effective_at=day(0)))
    store.do(c.AdjustStock("I2", D(2), "STAGE", "opening", unit_cost=D(6), effective_at=day(3)))
    made = store.do(some(4, unit_cost=D(3)))
    assert (stock(store, VMI), stock(store, ""), made["quantity"]) == (6, 6, "4")
    assert store.one("select value from value_pool") == D(24)
    # As old as the oldest of it: first in, first out goes by when goods came, not by when they became ours.
    assert store.one("select first_in_at from balance where owner = ''") == day(0)
    for move_id in made["moves"]:
        assert store.refused(c.ReverseMovement(move_id)) == ("wrong_state", "move_id")
    store.do(some(5, "", VMI))
    assert (stock(store, VMI), stock(store, ""), store.one("select value from value_pool")) == (11, 1, D(4))
    store.do(some(1, "", VMI))
    assert store.one("select value from value_pool") == 0
    assert store.one("select count(*) from move where kind = 'owner_change'") == 6
    assert store.one("select count(*) from move where kind = 'owner_change' and reason <> 'agreement 7'") == 0


def test_what_is_reserved_stays_its_owners(store: Store) -> None:
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening", owner=VMI))
    store.do(c.ReserveStock("I2", D(7), "STAGE", "theirs", owner=VMI))
    assert store.refused(some(4)) == ("reserved", "quantity")
    store.do(some(3))
    assert (stock(store, VMI), stock(store, "")) == (7, 3)


def test_a_whole_unit_changes_with_those_in_it_its_serials_and_tags_and_leaves_by_door_as_ours(store: Store) -> None:
    cartons = store.tags(1, 1, 3)
    outer = store.pallet(1, cartons, (("I2", 6),))
    inner = store.pallet(2, (), (("I2", 4),))
    line = [c.LineSpec("I1", D(3), owner=VMI), c.LineSpec("I2", D(10), owner=VMI)]
    store.do(c.CreateDocument("purchase_receipt", "ASN", tuple(line)))
    store.post(store.load((outer, inner, *cartons)))
    code_of = "select u.code from handling_unit u join tag using (hu_id) where epc = %s"
    units = {n: store.one(code_of, (sscc(n),)) for n in (1, 2)}
    store.do(c.NestUnit(units[2], units[1]))
    made = store.do(change(unit=units[1]))
    assert (made["quantity"], stock(store, VMI, "I1"), stock(store, ""), stock(store, "", "I1")) == ("13", 0, 10, 3)
    assert store.refused(change(unit=units[1])) == ("wrong_state", "unit")
    store.document("delivery", "DN", {"I1": 3, "I2": 10})
    posting = store.post(store.load((outer, inner, *cartons), Direction.OUT, minute=60))
    # Dated before the owner changed, by the door's clock: the ledger says so, and nothing is posted twice.
    assert posting.move_ids == ()
    at = store.one("select (extract(epoch from now()) * 1e6)::bigint")
    late = store.load((outer, inner, *cartons), Direction.OUT, minute=0)
    store.do(c.CloseDocument("delivery", "DN"))
    store.document("delivery", "DN-2", {"I1": 3, "I2": 10})
    store.post(replace(late, at_us=at))
    assert (store.fulfilled("DN-2"), stock(store, ""), stock(store, "", "I1")) == ([3, 10], 0, 0)


def test_part_of_a_unit_by_item_by_serial_and_by_tag(store: Store) -> None:
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    store.do(c.CreateLot("L", "A"))
    tags = tuple(sgtin(90, n) for n in range(3))
    store.do(c.RegisterTags(tuple(c.TagSpec(epc, "L", lot="A") for epc in tags)))
    serials = store.tags(1, 1, 2)
    unit_epc = store.pallet(1, (*tags, *serials), (("I2", 5),))
    lines = (("L", 3), ("I1", 2), ("I2", 5))
    store.do(c.CreateDocument("purchase_receipt", "P", tuple(c.LineSpec(item, D(n), owner=VMI) for item, n in lines)))
    store.post(store.load((unit_epc, *tags, *serials)))
    unit = store.one("select code from handling_unit")
    store.do(change(item="I2", quantity=D(2), unit=unit))
    store.do(change(item="I1", quantity=D(1), unit=unit, serial="2"))
    store.do(change(epcs=tags[:2]))
    assert [(stock(store, VMI, item), stock(store, "", item)) for item in ("I2", "I1", "L")] == [(3, 2), (1, 1), (1, 2)]
    assert store.refused(change(epcs=tags[1:])) == ("wrong_goods", "epcs.0")
    assert store.refused(change(item="I1", quantity=D(1), unit=unit, serial="2")) == ("serial_elsewhere", "serial")
    assert store.one("select count(distinct hu_id) from balance where hu_id is not null") == 1


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (change(), ("invalid", "item")),
        (change(item="I2"), ("invalid", "quantity")),
        (change(item="I2", quantity=D(1)), ("invalid", "location")),
        (some(1, new_owner=VMI), ("invalid", "new_owner")),
        (some(1, owner="", new_owner="Suplier"), ("not_found", "new_owner")),
        (some(1, owner="", new_owner=VMI, unit_cost=D(1)), ("invalid", "unit_cost")),
        (some(1, unit_cost=D(-1)), ("invalid", "unit_cost")),
        (some(1, location="SUPPLIER"), ("invalid", "location")),
        (some(1, location="TRANSIT"), ("wrong_state", "location")),
        (some(11), ("not_enough", "quantity")),
        (some(0), ("quantity_not_positive", "quantity")),
        (some(1, status=StockStatus.BLOCKED), ("not_enough", "quantity")),
        (some(1, epcs=("E2",)), ("invalid", "item")),
        (change(epcs=("E2",), location="STAGE"), ("invalid", "location")),
        (change(epcs=("E2",)), ("not_found", "epcs.0")),
        (change(unit="none"), ("not_found", "unit")),
        (c.ChangeOwner(VMI, "", "", "I2", D(1), "STAGE"), ("invalid", "reason")),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(
    store: Store, command: c.ChangeOwner, refused: tuple[str, str]
) -> None:
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening", owner=VMI))
    assert store.refused(command) == refused
    assert (stock(store, VMI), stock(store, "")) == (10, 0)


def test_what_adjustments_need_approval_for_a_change_of_owner_does_too(store: Store) -> None:
    store.do(c.AdjustStock("I2", D(10), "STAGE", "opening", owner=VMI))
    store.do(c.SetApprovalRule("adjustment", quantity_min=D(5)))
    assert store.refused(some(6)) == ("needs_approval", "quantity")
    store.do(some(4))
