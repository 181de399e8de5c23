"""Where a lot, serial or tag came from and where it went: one query each, from the movements of the ledger.

Where-from follows receipts (a movement out of a virtual place into stock), where-to issues (out of stock into one).
Reversed movements and their reversals cancel out and are left out.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, rows


class Way(StrEnum):
    """Which end of a quantity's way an entry is."""

    FROM = "from"
    TO = "to"


@dataclass(frozen=True, slots=True)
class Trace:
    """One receipt or issue. `place` is the virtual side (SUPPLIER, CUSTOMER …), `partner` the document's."""

    way: str
    seq: int
    move_id: UUID
    item: str
    lot: str | None
    serial: str | None
    quantity: Decimal
    place: str
    partner: str | None
    document_kind: str | None
    document: str | None
    line_no: int | None
    passage_id: UUID | None
    actor: str
    device: str
    effective_at: datetime


async def trace_lot(conn: AConn, item: str, lot: str, limit: int = 1_000) -> list[Trace]:
    """All receipts and issues of a lot, oldest first: what a recall asks."""
    return await _trace(
        conn,
        """m.lot_id = (select lot_id from lot join item using (item_id)
                       where item.code = %(item)s and lot.code = %(lot)s)""",
        {"item": item, "lot": lot, "limit": limit},
    )


async def trace_serial(conn: AConn, item: str, serial: str, limit: int = 1_000) -> list[Trace]:
    """All receipts and issues of one serial, oldest first."""
    return await _trace(
        conn,
        """m.serial_id = (select serial_id from serial join item using (item_id)
                          where item.code = %(item)s and serial.code = %(serial)s)""",
        {"item": item, "serial": serial, "limit": limit},
    )


async def trace_tag(conn: AConn, epc: str, limit: int = 1_000) -> list[Trace]:
    """All receipts and issues that moved a tag, oldest first; a unit's tag hangs on its first one."""
    return await _trace(
        conn, "m.seq in (select seq from move_tag where epc = %(epc)s)", {"epc": epc.upper(), "limit": limit}
    )


async def _trace(conn: AConn, which: str, values: dict[str, object]) -> list[Trace]:
    return await rows(
        conn,
        Trace,
        f"""select case when t.kind in ('internal', 'transit') then 'from' else 'to' end as way, m.seq, m.move_id,
                   i.code as item, lo.code as lot, se.code as serial, m.quantity,
                   case when t.kind in ('internal', 'transit') then s.code else t.code end as place, d.partner,
                   d.kind as document_kind, d.number as document, x.line_no, m.passage_id, m.actor, m.device,
                   m.effective_at
            from move m join item i on i.item_id = m.item_id
            join location s on s.location_id = m.from_location_id join location t on t.location_id = m.to_location_id
            left join lot lo on lo.lot_id = m.lot_id left join serial se on se.serial_id = m.serial_id
            left join document_line x on x.line_id = m.line_id left join document d on d.document_id = x.document_id
            where {which} and m.reverses is null and not exists (select from move r where r.reverses = m.seq)
              and (s.kind in ('internal', 'transit')) <> (t.kind in ('internal', 'transit'))
            order by m.seq limit %(limit)s""",  # noqa: S608  (a constant condition of this module)
        values,
    )
