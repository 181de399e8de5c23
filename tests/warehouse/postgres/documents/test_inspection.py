"""Inspection: nothing not accepted can be allocated or issued; every decision keeps its results."""

from decimal import Decimal

import psycopg
import pytest

from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import CharacteristicResult, DecideInspection, Inspected

PASSED = CharacteristicResult("diameter", "20.01 mm", True)
FAILED = CharacteristicResult("surface", "scratched", False)


@pytest.fixture
def store(store: Store) -> Store:
    store.do(c.CreateItem("Q", inspect=True))
    store.document("purchase_receipt", "ASN", {"Q": 10})
    store.do(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(10), "STAGE"))
    store.document("delivery", "DN", {"Q": 10})
    return store


def test_only_what_was_accepted_can_be_allocated(store: Store) -> None:
    assert store.do(c.AllocateLine("delivery", "DN", 1))["short"] == "10"
    store.do(DecideInspection("Q", Decimal(6), "STAGE", Inspected.ACCEPT, results=(PASSED,)))
    store.do(
        DecideInspection("Q", Decimal(1), "STAGE", Inspected.DEVIATION, results=(FAILED,), note="for the workshop")
    )
    store.do(DecideInspection("Q", Decimal(3), "STAGE", Inspected.REJECT, results=(PASSED, FAILED)))
    assert [store.stock("Q", status=s) for s in ("available", "inspection", "blocked")] == [7, 0, 3]
    assert store.do(c.AllocateLine("delivery", "DN", 1))["short"] == "3"
    assert store.one("select sum(jsonb_array_length(results)) from inspection") == 4


def test_refusals(store: Store) -> None:
    accept = DecideInspection("Q", Decimal(1), "STAGE", Inspected.ACCEPT, results=(FAILED,))
    assert store.refused(accept) == ("invalid", "decision")
    assert store.refused(DecideInspection("Q", Decimal(1), "STAGE", Inspected.DEVIATION)) == ("invalid", "note")
    assert store.refused(DecideInspection("Q", Decimal(11), "STAGE", Inspected.REJECT)) == ("not_enough", "quantity")


def test_decisions_are_not_changed(store: Store) -> None:
    store.do(DecideInspection("Q", Decimal(10), "STAGE", Inspected.ACCEPT))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store.conn.execute("update inspection set decision = 'reject'")
