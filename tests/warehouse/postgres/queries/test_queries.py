"""What the API reads, on one small day: a receipt, a put-away, a delivery, some tags seen."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import NOON_US, Store, open_store, sgtin
from warehouse.commands import CreateLocation, MoveStock, ReserveStock
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.postgres.loads import locations
from warehouse.postgres.queries import documents, movements, past, places, stock, tags
from warehouse.postgres.queries.paging import AConn
from warehouse.site import Direction


@dataclass
class Day:
    store: Store
    conn: AConn
    passage: UUID


@pytest.fixture
async def day(database: str) -> AsyncIterator[Day]:
    store = open_store(database)
    store.items(1, 2)
    serials, pieces = store.tags(1, 1, 3), store.tags(2, 1, 6)
    store.document("purchase_receipt", "ASN-1", {"I1": 3, "I2": 10}, door="D1", partner="ACME")
    passage = uuid4()
    store.post(store.load(serials + pieces, passage=passage))
    store.do(CreateLocation("BIN-1-A", level="bin", parent="BIN-1"))
    store.do(MoveStock("I2", Decimal(4), "STAGE", "BIN-1-A", effective_at=DAY_0 + timedelta(hours=1)))
    store.do(ReserveStock("I2", Decimal(1), "BIN-1-A", "orders"))
    store.document("delivery", "DN-1", {"I1": 5}, door="D1")
    store.post(store.load(serials[:1], Direction.OUT, minute=120))
    with store.conn.transaction():
        locations.apply(
            store.conn,
            [
                LocationUpdate(UUID(int=1), serials[1], LocationEvent.ARRIVED, "STAGE", NOON_US, "first read"),
                LocationUpdate(UUID(int=2), serials[1], LocationEvent.MOVED, "BIN-1-A", NOON_US + 5, "stronger"),
            ],
        )
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        yield Day(store, conn, passage)
    store.conn.close()


async def test_a_tag_now_its_history_and_its_movements(day: Day) -> None:
    now = await tags.tag_now(day.conn, sgtin(1, 2).lower())
    assert now is not None
    assert (now.item, now.serial, now.seen_at_location, now.booked_location) == ("I1", "2", "BIN-1-A", "STAGE")
    seen = await tags.tag_history(day.conn, sgtin(1, 2))
    assert [(s.location, s.event) for s in seen] == [("BIN-1-A", "moved"), ("STAGE", "arrived")]
    older = await tags.tag_history(day.conn, sgtin(1, 2), (seen[0].at, seen[0].update_id))
    assert older == seen[1:]
    (out, back) = await tags.tag_movements(day.conn, sgtin(1, 1))
    assert [(m.source, m.target, m.document, m.line_no) for m in (out, back)] == [
        ("STAGE", "CUSTOMER", "DN-1", 1),
        ("SUPPLIER", "STAGE", "ASN-1", 1),
    ]
    assert back.passage_id == day.passage
    assert await tags.tag_movements(day.conn, sgtin(1, 1), before=out.seq) == [back]
    assert await tags.tag_now(day.conn, "E2FF") is None


async def test_places_and_what_is_in_them(day: Day) -> None:
    codes = [p.code for p in await places.places(day.conn, kind="internal")]
    assert codes == ["BIN-1", "BIN-1-A", "STAGE"]
    assert [p.code for p in await places.places(day.conn, "BIN-1", 1, kind="internal")] == ["BIN-1-A"]
    inner = await places.place(day.conn, "BIN-1-A")
    assert inner is not None
    assert (inner.parent, inner.tags, inner.on_hand) == ("BIN-1", 1, 4)
    assert [t.epc for t in await places.tags_in(day.conn, "BIN-1")] == [sgtin(1, 2)]


async def test_stock_now_then_and_by_name(day: Day) -> None:
    totals = {(t.item, t.location): t.on_hand for t in await stock.stock_totals(day.conn)}
    assert totals == {("I1", "STAGE"): 2, ("I2", "STAGE"): 2, ("I2", "BIN-1-A"): 4}
    inside = await stock.stock(day.conn, location="BIN-1")
    assert [(row.item, row.on_hand, row.reserved) for row in inside] == [("I2", 4, 1)]
    page = await stock.stock_totals(day.conn, ("I1", "STAGE", "available"), 1)
    assert [(t.item, t.location) for t in page] == [("I2", "BIN-1-A")]
    then = await past.stock_as_of(day.conn, DAY_0 + timedelta(minutes=1), item="I2")
    assert [(row.location, row.on_hand) for row in then] == [("STAGE", 6)]
    assert await past.stock_as_of(day.conn, DAY_0 - timedelta(minutes=1), item="I2") == []
    two = await stock.named_quantities(day.conn, "I2")
    assert two is not None
    assert (two.on_hand, two.usable, two.reserved, two.available) == (6, 6, 1, 5)
    assert (two.expected, two.promised, two.projected) == (4, 0, 9)
    one = await stock.named_quantities(day.conn, "I1")
    assert one is not None
    assert (one.available, one.expected, one.promised, one.projected) == (2, 0, 4, -2)
    assert await stock.named_quantities(day.conn, "nothing") is None


async def test_movements_name_everything_and_page_by_seq(day: Day) -> None:
    everything = await movements.movements(day.conn)
    assert [m.kind for m in everything] == ["passage", "move", "passage", "passage", "passage", "passage"]
    assert [m.seq for m in await movements.movements(day.conn, everything[2].seq)] == [m.seq for m in everything[3:]]
    by_document = await movements.movements(day.conn, document=("delivery", "DN-1"))
    assert [(m.item, m.serial, m.tags) for m in by_document] == [("I1", "1", 1)]
    for filters in ({"item": "I2"}, {"location": "BIN-1-A"}, {"passage_id": day.passage}, {"since": DAY_0}):
        assert await movements.movements(day.conn, **filters)  # type: ignore[arg-type]
    same = await movements.movement(day.conn, by_document[0].move_id)
    assert same == by_document[0]


async def test_documents_with_progress_and_discrepancies(day: Day) -> None:
    store = day.store
    store.post(store.load(("E2BAD0",), minute=200))
    found = await documents.documents(day.conn)
    assert [(d.number, d.quantity, d.fulfilled, d.status) for d in found] == [
        ("DN-1", 5, 1, "open"),
        ("ASN-1", 13, 9, "open"),
    ]
    one = await documents.document(day.conn, "purchase_receipt", "ASN-1")
    assert one == found[1]
    lines = await documents.document_lines(day.conn, one.document_id)
    assert [(x.line_no, x.item, x.fulfilled) for x in lines] == [(1, "I1", 3), (2, "I2", 6)]
    (unknown,) = await documents.discrepancies(day.conn, state="open")
    assert (unknown.kind, unknown.epcs, unknown.holds) == ("unknown_tag", ["E2BAD0"], 0)
    assert await documents.discrepancy(day.conn, unknown.discrepancy_id) == unknown
    assert await documents.discrepancies(day.conn, before=unknown.seq) == []
