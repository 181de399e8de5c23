"""Seen by a person with a handheld: tags and units are at this place now. What was seen, not what the books say.

The newest evidence wins, as with portals and zones. A unit is seen by its own tag or by its label: its label counts for
its tag too. What is in it is not said to be seen. The answer names what the books have elsewhere; nothing is posted.
"""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import Actor, Audit, RefusalCode, SeeHere
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.scanned import find_scanned
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads import locations
from warehouse.postgres.naming import Refuse, find_location
from warehouse.times import to_us

SCANS_MAX = 1000


def see_here(conn: Conn, c: SeeHere, actor: Actor, request_id: UUID) -> Answer:
    """All or nothing: one barcode that names nothing refuses the whole, so that a person scans it again."""
    location_id = find_location(conn, c.location)
    at = c.seen_at or database_now(conn)
    if not c.epcs and not c.barcodes:
        raise Refuse(RefusalCode.INVALID, "epcs", "nothing was scanned")
    if len(c.epcs) + len(c.barcodes) > SCANS_MAX:
        raise Refuse(RefusalCode.INVALID, "epcs", f"more than {SCANS_MAX} at once: send them in parts")
    epcs = dict.fromkeys(_hexadecimal(epc, f"epcs.{n}") for n, epc in enumerate(c.epcs))
    units: dict[int, str] = {}
    for n, text in enumerate(c.barcodes):
        named = find_scanned(conn, text, f"barcodes.{n}")
        if named.hu_id is not None and named.unit is not None:
            units[named.hu_id] = named.unit
        elif not named.epcs:
            raise Refuse(RefusalCode.NOT_FOUND, f"barcodes.{n}", f"{text!r} is no unit's label and of no single tag")
        epcs.update(dict.fromkeys(named.epcs))
    rows = conn.execute(
        "select hu_id, code from tag join handling_unit using (hu_id) where epc = any(%s)", (list(epcs),)
    )
    units.update(rows.fetchall())
    moved = _tags(conn, list(epcs), c.location, location_id, at, actor, request_id)
    _units(conn, sorted(units), location_id, at, actor, request_id)
    elsewhere = _elsewhere(conn, units, location_id)
    response = {
        "location": c.location,
        "tags": len(epcs),
        "units": sorted(units.values()),
        "moved": moved,
        "elsewhere": elsewhere,
    }
    return response, Audit(
        after={"location": c.location, "epcs": list(epcs)[:50], "units": sorted(units.values())[:50]}
    )


def _hexadecimal(epc: str, field: str) -> str:
    text = epc.upper()
    if not text or len(text) > 128 or set(text) - set("0123456789ABCDEF"):
        raise Refuse(RefusalCode.INVALID, field, f"{epc!r} is not hexadecimal")
    return text


def _tags(
    conn: Conn, epcs: list[str], location: str, location_id: int, at: datetime, actor: Actor, request_id: UUID
) -> int:
    """How many tags were elsewhere, by what was seen, and are here now."""
    before = dict(
        conn.execute(
            "select epc, location_id from tag_location where epc = any(%s) and event <> 'departed'", (epcs,)
        ).fetchall()
    )
    evidence = f"scanned by {actor.name}" + (f" with {actor.device}" if actor.device else "")
    updates = [
        LocationUpdate(
            uuid5(request_id, f"seen/{epc}"),
            epc,
            LocationEvent.MOVED if before.get(epc, location_id) != location_id else LocationEvent.ARRIVED,
            location,
            to_us(at),
            evidence,
        )
        for epc in epcs
    ]
    locations.apply(conn, updates)
    now_here = conn.execute(
        "select epc from tag_location where epc = any(%s) and update_id = any(%s)",
        (epcs, [update.update_id for update in updates]),
    ).fetchall()
    return sum(before.get(epc) != location_id for (epc,) in now_here)


def _units(conn: Conn, hu_ids: list[int], location_id: int, at: datetime, actor: Actor, request_id: UUID) -> None:
    conn.execute(
        """insert into unit_seen as u (hu_id, location_id, at, actor, device, request_id)
           select hu_id, %s, %s, %s, %s, %s from unnest(%s::bigint[]) as h (hu_id) order by hu_id
           on conflict (hu_id) do update set location_id = excluded.location_id, at = excluded.at,
               actor = excluded.actor, device = excluded.device, request_id = excluded.request_id
           where (excluded.at, excluded.request_id) > (u.at, u.request_id)""",
        (location_id, at, actor.name, actor.device, request_id, hu_ids),
    )


def _elsewhere(conn: Conn, units: dict[int, str], location_id: int) -> list[dict[str, Any]]:
    """Units that hold stock the books have at another place, and where."""
    rows = conn.execute(
        """select distinct b.hu_id, l.code from balance b join location l using (location_id)
           where b.hu_id = any(%s) and b.on_hand > 0 and b.location_id <> %s order by 1, 2""",
        (sorted(units), location_id),
    )
    return [{"unit": units[hu_id], "booked": code} for hu_id, code in rows]


HANDLERS: Handlers = {SeeHere: see_here}
