"""A small warehouse made the way a real one is: through commands, postings and location updates."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import psycopg

from tests.api.stream_rows import SPACE, add_passage
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    Command,
    CreateDocument,
    CreateItem,
    CreateLocation,
    CreateLot,
    FulfilLine,
    LineSpec,
    RegisterTags,
    Result,
    TagSpec,
)
from warehouse.epc import encode_sgtin96
from warehouse.ledger import Tracking
from warehouse.loads import Load, LoadTag, LocationEvent, LocationUpdate
from warehouse.postgres.commands import execute
from warehouse.postgres.goods.places import ensure_places
from warehouse.postgres.loads import locations
from warehouse.postgres.loads.posting import Posting, post_load
from warehouse.site import Direction, Effect, Site
from warehouse.times import to_us

MORNING = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
GTIN = "80614141123458"
ACTOR = Actor("keeper", "desk-1", ALL_RIGHTS)


@dataclass(frozen=True, slots=True)
class Plant:
    """What was made: `epcs` of item A (by lot L1) were announced; all but the last three came in through door-1."""

    epcs: tuple[str, ...]
    passage_id: UUID
    posting: Posting


def do(connection: psycopg.Connection[Any], command: Command, key: str) -> Result:
    outcome = execute(connection, command, actor=ACTOR, source="test", client_event_id=key)
    assert isinstance(outcome, Result), outcome
    return outcome


def seen(epc: str, location: str, n: int, event: LocationEvent = LocationEvent.ARRIVED) -> LocationUpdate:
    """Update number `n`, n seconds after the morning."""
    at_us = to_us(MORNING) + n * 1_000_000
    return LocationUpdate(uuid5(SPACE, f"{epc}-{n}"), epc, event, location, at_us, f"test {n}")


def make_plant(connection: psycopg.Connection[Any], site: Site, tags: int = 12) -> Plant:
    """`connection` is in autocommit."""
    ensure_places(connection, site)
    do(connection, CreateItem("A", "Bearing", GTIN, Tracking.LOT), "a")
    do(connection, CreateItem("B/1", "Oil", None, Tracking.NONE, "l", 3), "b")
    do(connection, CreateLot("A", "L1"), "l1")
    do(connection, CreateLocation("BIN/1", "Bin", parent="hall", level="bin"), "bin")
    epcs = tuple(encode_sgtin96(GTIN, serial, 7) for serial in range(1, tags + 1))
    do(connection, RegisterTags(tuple(TagSpec(epc, "A", "L1") for epc in epcs)), "tags")
    line = LineSpec("A", Decimal(tags), "L1")
    do(connection, CreateDocument("purchase_receipt", "ASN/1", (line,), door="door-1", epcs=epcs), "asn")
    do(connection, CreateDocument("other_receipt", "R-1", (LineSpec("B/1", Decimal("2.5")),)), "other")
    do(connection, FulfilLine("other_receipt", "R-1", 1, Decimal("1.125"), "BIN/1"), "fulfil")
    came = epcs[:-3]
    passage_id = add_passage(
        connection, 1, tags={**dict.fromkeys(came, "belongs"), "E2801160600002084D1F9999": "stray"}, evidence=b"packed"
    )
    load = Load(
        passage_id,
        0,
        "door-1",
        Direction.IN,
        Effect.POST,
        "yard",
        "hall",
        to_us(MORNING),
        tuple(LoadTag(epc, True, 0.97) for epc in came),
    )
    with connection.transaction():
        posting = post_load(connection, load, device="dock-1")
        locations.apply(connection, [seen(epc, "hall", 1) for epc in came])
        locations.apply(connection, [seen("E2801160600002084D1F9999", "yard", 2)])
        locations.apply(connection, [seen(came[0], "RACK", 3, LocationEvent.MOVED)])
        locations.apply(connection, [seen(came[1], "hall", 4, LocationEvent.DEPARTED)])
    return Plant(epcs, passage_id, posting)
