"""What a door expects: announced tags with their units' contents, quantities of the rest, less what passed."""

from collections.abc import Iterator

import pytest

from tests.warehouse.postgres.store import Store, gtin, open_store, sgtin
from warehouse.commands import CancelDocument
from warehouse.loads import ExpectedDocument
from warehouse.postgres.loads.expectations import expected_at


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database)
    yield made
    made.conn.close()


def test_announced_units_and_open_quantities_of_this_door_only(store: Store) -> None:
    store.items(1, 2)
    epcs = store.tags(1, 1, 4)
    pallet = store.pallet(1, epcs)
    store.document("purchase_receipt", "ASN-1", {"I1": 4, "I2": 10}, door="D1", epcs=(pallet,))
    store.document("delivery", "DN-9", {"I1": 4}, door="D9")
    expected = expected_at(store.conn, "D1")
    (document,) = expected.documents
    assert (document.number, set(document.epcs)) == ("ASN-1", {pallet, *epcs})
    assert document.items == ((gtin(2), 10),)

    store.post(store.load((pallet, *epcs, *store.tags(2, 1, 3))))
    assert expected_at(store.conn, "D1").documents == (ExpectedDocument("ASN-1", (), ((gtin(2), 7),)),)
    assert expected_at(store.conn, "D3").documents == ()


def test_a_cancelled_document_is_not_expected(store: Store) -> None:
    store.items(1)
    store.tags(1, 1, 1)
    store.document("purchase_receipt", "ASN-1", {"I1": 1}, door="D1", epcs=(sgtin(1, 1),))
    assert expected_at(store.conn, "D1").documents == (ExpectedDocument("ASN-1", (sgtin(1, 1),)),)
    store.do(CancelDocument("purchase_receipt", "ASN-1"))
    assert expected_at(store.conn, "D1").documents == ()
