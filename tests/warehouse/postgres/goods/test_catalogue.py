"""Changing and retiring items, categories, partners and places: codes stay, the audit log has before and after."""

from decimal import Decimal as D

import pytest

from tests.warehouse.postgres.store import Store, gtin
from warehouse import commands as c


@pytest.fixture
def store(store: Store) -> Store:
    store.items(2, 4)
    return store


def audited(store: Store) -> tuple[object, object]:
    row = store.conn.execute("select before, after from audit_log order by seq desc limit 1").fetchone()
    assert row is not None
    return row[0], row[1]


def test_an_item_changes_what_is_named_and_keeps_the_rest(store: Store) -> None:
    store.do(c.UpdateItem("I2", name="Bolt", category="metal", expiry_warn_days=30))
    before, after = audited(store)
    assert before == {"name": "", "category": "", "expiry_warn_days": None}
    assert isinstance(after, dict)
    assert (after["name"], after["expiry_warn_days"]) == ("Bolt", "30")
    store.do(c.UpdateItem("I2", clear=("expiry_warn_days", "gtin")))
    assert store.conn.execute("select name, gtin, expiry_warn_days from item where code = 'I2'").fetchone() == (
        "Bolt",
        None,
        None,
    )
    assert store.one("select name from category where code = 'metal'") == ""


def test_a_retired_item_can_leave_but_not_come(store: Store) -> None:
    store.do(c.AdjustStock("I2", D(5), "STAGE", "opening"))
    store.do(c.UpdateItem("I2", active=False))
    order = c.CreateDocument("purchase_receipt", "PO", (c.LineSpec("I2", D(1)),))
    assert store.refused(order) == ("wrong_state", "lines.0.item")
    assert store.refused(c.AdjustStock("I2", D(1), "STAGE", "found")) == ("wrong_state", "item")
    store.do(c.MoveStock("I2", D(2), "STAGE", "BIN-1"))
    store.do(c.AdjustStock("I2", D(-2), "STAGE", "sold off"))
    store.do(c.CreateDocument("delivery", "DN", (c.LineSpec("I2", D(1)),)))
    store.do(c.FulfilLine("delivery", "DN", 1, D(1), "STAGE"))
    assert store.refused(c.CreateItem("I2")) == ("exists", "code")


def test_only_an_empty_place_is_closed_and_opens_again(store: Store) -> None:
    store.do(c.AdjustStock("I2", D(5), "BIN-1", "opening"))
    assert store.refused(c.UpdateLocation("BIN-1", closed=True)) == ("wrong_state", "closed")
    store.do(c.MoveStock("I2", D(5), "BIN-1", "STAGE"))
    store.do(c.UpdateLocation("BIN-1", closed=True))
    assert store.refused(c.MoveStock("I2", D(5), "STAGE", "BIN-1"))[0] == "location_closed"
    store.do(c.UpdateLocation("BIN-1", closed=False))
    store.do(c.MoveStock("I2", D(5), "STAGE", "BIN-1"))


def test_places_do_not_go_round_in_a_circle(store: Store) -> None:
    store.do(c.UpdateLocation("BIN-1", parent="STAGE", level="bin"))
    assert store.refused(c.UpdateLocation("STAGE", parent="BIN-1")) == ("invalid", "parent")
    assert store.refused(c.UpdateLocation("STAGE", parent="STAGE")) == ("invalid", "parent")


def test_partners_and_categories_are_made_changed_and_retired(store: Store) -> None:
    assert store.do(c.SetPartner("ACME", "Acme", c.PartnerKind.CUSTOMER, usable_days_min=90))["made"]
    assert not store.do(c.SetPartner("ACME", "Acme Ltd", active=False))["made"]
    assert audited(store)[0] == {"name": "Acme", "kind": "customer", "active": "True", "usable_days_min": "90"}
    store.do(c.SetCategory("cold", "Chilled", expiry_warn_days=10))
    store.do(c.UpdateItem("I2", category="cold"))
    store.do(c.SetCategory("cold", "Chilled", active=False))
    assert store.refused(c.UpdateItem("I4", category="cold")) == ("wrong_state", "category")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (c.UpdateItem("I2"), ("invalid", "")),
        (c.UpdateItem("none", name="x"), ("not_found", "code")),
        (c.UpdateItem("I2", gtin="1"), ("invalid", "gtin")),
        (c.UpdateItem("I2", gtin=gtin(4)), ("exists", "gtin")),
        (c.UpdateItem("I2", dead_after_days=0), ("invalid", "dead_after_days")),
        (c.UpdateItem("I2", weight_kg=D(-1)), ("invalid", "weight_kg")),
        (c.UpdateItem("I2", clear=("code",)), ("invalid", "clear.0")),
        (c.UpdateLocation("STAGE"), ("invalid", "")),
        (c.UpdateLocation("STAGE", level="drawer"), ("invalid", "level")),
        (c.UpdateLocation("none", name="x"), ("not_found", "code")),
        (c.SetCategory(""), ("invalid", "code")),
        (c.SetPartner("X", usable_days_min=-1), ("invalid", "usable_days_min")),
        (c.CreateItem("X", valuation=c.Valuation.STANDARD), ("invalid", "standard_cost")),
    ],
    ids=str,
)
def test_refusals_name_the_field(store: Store, command: c.Command, answer: tuple[str, str]) -> None:
    assert store.refused(command) == answer
