"""The service works under its role: everything it does is possible, changing the ledger is not."""

from datetime import timedelta

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store, open_store
from warehouse.commands import ClosePeriod
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.postgres import outbox
from warehouse.postgres.books.integrity import check
from warehouse.postgres.books.seals import seal
from warehouse.postgres.control import access
from warehouse.postgres.database.connect import connect
from warehouse.postgres.database.grants import SERVICE_ROLE
from warehouse.postgres.loads.expectations import expected_at
from warehouse.postgres.loads.locations import apply


def test_a_day_under_the_service_role(database: str) -> None:
    open_store(database).conn.close()
    conn = connect(database)
    row = conn.execute("select current_user").fetchone()
    assert row == (SERVICE_ROLE,)
    store = Store(conn)
    store.items(1)
    epcs = store.tags(1, 1, 2)
    pallet = store.pallet(1, epcs)
    store.document("purchase_receipt", "ASN-1", {"I1": 2}, epcs=(pallet,))
    store.post(store.load((pallet, *epcs)))
    apply(conn, [LocationUpdate(store.load(()).passage_id, epcs[0], LocationEvent.MOVED, "NEW", 5, "")])
    expected_at(conn, "D1")
    assert access.bootstrap_key(conn) is not None
    assert outbox.read(conn, outbox.Cursor())
    outbox.trim(conn)
    with conn.transaction():
        seal(conn)
    store.do(ClosePeriod(DAY_0.date() - timedelta(days=1)))
    assert check(conn) == []
    for statement in ("update move set quantity = 2", "delete from audit_log", "update migration set digest = ''"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement.encode())
    conn.close()
