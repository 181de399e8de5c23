"""Where-from and where-to in one query each; what was undone is not on the way."""

from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store, open_store, sgtin
from warehouse import commands as c
from warehouse.ledger import Tracking
from warehouse.postgres.queries.paging import AConn
from warehouse.postgres.queries.tracing import Thing, Trace, genealogy, lot_things, serial_things, tag_things
from warehouse.site import Direction


@pytest.fixture
async def store(database: str) -> AsyncIterator[tuple[Store, AConn]]:
    made = open_store(database)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        yield made, conn
    made.conn.close()


def told(traces: list[Trace]) -> list[tuple[str, str, str | None, str | None, int]]:
    return [(t.way, t.place, t.document, t.partner, int(t.quantity)) for t in traces]


async def steps(conn: AConn, things: list[Thing]) -> list[Trace]:
    return (await genealogy(conn, things)).steps


async def test_a_lot_from_its_supplier_to_whoever_has_it(store: tuple[Store, AConn]) -> None:
    books, conn = store
    books.do(c.CreateItem("L", tracking=Tracking.LOT))
    books.do(c.CreateLot("L", "B1"))
    books.document("purchase_receipt", "ASN", {"L": 10}, partner="ACME")
    for number, partner in (("DN-1", "Smith"), ("DN-2", "Jones")):
        books.document("delivery", number, {"L": 5}, partner=partner)
    books.do(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(10), "STAGE", lot="B1", effective_at=DAY_0))
    books.do(c.MoveStock("L", Decimal(10), "STAGE", "BIN-1", lot="B1"))
    books.do(c.FulfilLine("delivery", "DN-1", 1, Decimal(3), "BIN-1", lot="B1"))
    wrong = books.do(c.FulfilLine("delivery", "DN-2", 1, Decimal(2), "BIN-1", lot="B1"))
    books.do(c.ReverseMovement(wrong["move_id"]))
    assert told(await steps(conn, await lot_things(conn, "L", "B1"))) == [
        ("from", "SUPPLIER", "ASN", "ACME", 10),
        ("to", "CUSTOMER", "DN-1", "Smith", 3),
    ]
    assert await steps(conn, await lot_things(conn, "L", "other")) == []


async def test_a_serial_and_its_tag_have_the_same_way(store: tuple[Store, AConn]) -> None:
    books, conn = store
    books.items(1)
    epcs = books.tags(1, 1, 2)
    books.document("purchase_receipt", "ASN", {"I1": 2})
    books.post(books.load(epcs))
    books.document("delivery", "DN", {"I1": 1}, partner="Smith")
    books.post(books.load(epcs[:1], Direction.OUT, minute=3))
    way = [("from", "SUPPLIER", "ASN", "", 1), ("to", "CUSTOMER", "DN", "Smith", 1)]
    assert told(await steps(conn, await serial_things(conn, "I1", "1"))) == way
    assert told(await steps(conn, await tag_things(conn, sgtin(1, 1)))) == way
    assert told(await steps(conn, await tag_things(conn, sgtin(1, 2)))) == way[:1]


async def test_a_step_by_rfid_says_which_door_readers_antennas_and_models(store: tuple[Store, AConn]) -> None:
    books, conn = store
    books.items(1)
    epcs = books.tags(1, 1, 2)
    books.document("purchase_receipt", "ASN", {"I1": 2})
    load = books.load(epcs)
    heard = {epcs[0]: ["dock-1:2", "dock-1:1"], epcs[1]: ["dock-1:2", "roof:7"]}
    async with conn.transaction():
        await conn.execute(
            """insert into passage (passage_id, revision, portal, opened_at, closed_at, direction, direction_score,
                                    belongs, unsure, strays) values (%s, 0, 'D1', now(), now(), 'in', 1, 2, 0, 0)""",
            (load.passage_id,),
        )
        for epc, antennas in heard.items():
            await conn.execute(
                """insert into passage_tag (passage_id, revision, epc, verdict, score, first_at, last_at, reads,
                                            antennas) values (%s, 0, %s, 'belongs', 1, now(), now(), 3, %s)""",
                (load.passage_id, epc, antennas),
            )
        for at, detail in (("2026-01-01", "an old firmware"), ("2026-02-01", "Impinj model 2001001 firmware 7.6")):
            await conn.execute(
                "insert into device_event (at, agent, device, kind, detail) values (%s, 'e', 'dock-1', %s, %s)",
                (at, "identified", detail),
            )
    books.post(load)
    both = await steps(conn, [*await serial_things(conn, "I1", "1"), *await serial_things(conn, "I1", "2")])
    assert [(s.portal, s.readers, s.antennas, s.device_models) for s in both] == [
        ("D1", ["dock-1"], ["dock-1:1", "dock-1:2"], ["Impinj model 2001001 firmware 7.6"]),
        ("D1", ["dock-1", "roof"], ["dock-1:2", "roof:7"], ["Impinj model 2001001 firmware 7.6", ""]),
    ]
    books.do(c.CreateItem("L", tracking=Tracking.LOT))
    books.do(c.CreateLot("L", "B1"))
    books.do(c.AdjustStock("L", Decimal(1), "STAGE", "found", lot="B1"))
    (step,) = await steps(conn, await lot_things(conn, "L", "B1"))
    assert (step.portal, step.readers, step.antennas, step.device_models) == (None, [], [], [])
    assert (step.actor, step.device, step.reason) == ("clerk", "handheld-7", "found")
