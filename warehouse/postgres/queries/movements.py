"""Movements of the ledger, and what explains each."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, Limit, one, rows


@dataclass(frozen=True, slots=True)
class Movement:
    """One row of the ledger. `reversed_by` names the movement that undid it, `reverses` the one it undoes."""

    seq: int
    move_id: UUID
    kind: str
    item: str
    item_name: str
    lot: str | None
    serial: str | None
    quantity: Decimal
    unit: str
    source: str
    target: str
    source_unit: str | None
    target_unit: str | None
    source_status: str
    target_status: str
    effective_at: datetime
    recorded_at: datetime
    device_at: datetime | None
    actor: str
    device: str
    reason: str
    passage_id: UUID | None
    request_id: UUID | None
    document_kind: str | None
    document: str | None
    line_no: int | None
    reverses: UUID | None
    reversed_by: UUID | None
    tags: int


_COLUMNS = """
    select m.seq, m.move_id, m.kind, i.code as item, i.name as item_name,
           lo.code as lot, se.code as serial, m.quantity, i.unit,
           s.code as source, t.code as target, sh.code as source_unit, th.code as target_unit,
           m.from_status as source_status, m.to_status as target_status, m.effective_at, m.recorded_at, m.device_at,
           m.actor, m.device, m.reason, m.passage_id, m.request_id, d.kind as document_kind, d.number as document,
           x.line_no, o.move_id as reverses, r.move_id as reversed_by,
           (select count(*) from move_tag mt where mt.seq = m.seq) as tags"""
_JOINS = """
    join item i on i.item_id = m.item_id
    join location s on s.location_id = m.from_location_id join location t on t.location_id = m.to_location_id
    left join lot lo on lo.lot_id = m.lot_id left join serial se on se.serial_id = m.serial_id
    left join handling_unit sh on sh.hu_id = m.from_hu_id left join handling_unit th on th.hu_id = m.to_hu_id
    left join document_line x on x.line_id = m.line_id left join document d on d.document_id = x.document_id
    left join move o on o.seq = m.reverses left join move r on r.reverses = m.seq"""


async def movements(
    conn: AConn,
    before: int | None = None,
    limit: Limit = 100,
    *,
    item: str | None = None,
    lot: str | None = None,
    location: str | None = None,
    passage_id: UUID | None = None,
    document: tuple[str, str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Movement]:
    """Newest first by seq; `before` is the seq of the last row shown. `document` is (kind, number)."""
    conditions = ["true"]
    # Few movements belong to one document, passage, lot or stretch of time: find them by that, then sort. Adding 0
    # keeps the planner from walking the ledger backwards until it has met enough of them.
    order = "m.seq"
    if before is not None:
        conditions.append("m.seq < %(before)s")
    if item is not None:
        conditions.append("m.item_id = (select item_id from item where code = %(item)s)")
    if lot is not None:
        conditions.append("m.lot_id in (select lot_id from lot where code = %(lot)s)")
        order = "m.seq + 0"
    if passage_id is not None:
        conditions.append("m.passage_id = %(passage_id)s")
        order = "m.seq + 0"
    if document is not None:
        conditions.append(
            """m.line_id in (select l.line_id from document_line l join document k using (document_id)
                             where k.kind = %(document_kind)s and k.number = %(document)s)"""
        )
        order = "m.seq + 0"
    if since is not None:
        conditions.append("m.effective_at >= %(since)s")
        order = "m.seq + 0"
    if until is not None:
        conditions.append("m.effective_at < %(until)s")
    chosen = f"select m.seq from move m where {' and '.join(conditions)}"
    newest = f"order by {order} desc limit %(limit)s"
    if location is None:
        picked = f"{chosen} {newest}"
    else:
        here = "(select location_id from location where code = %(location)s)"
        sides = ("m.from_location_id", "m.to_location_id")
        picked = " union ".join(f"({chosen} and {side} = {here} {newest})" for side in sides)
    return await rows(
        conn,
        Movement,
        f"with picked as materialized ({picked}) {_COLUMNS} from picked join move m using (seq) {_JOINS}"
        " order by m.seq desc limit %(limit)s",
        {
            "before": before,
            "limit": limit,
            "item": item,
            "lot": lot,
            "location": location,
            "passage_id": passage_id,
            "document_kind": document[0] if document else None,
            "document": document[1] if document else None,
            "since": since,
            "until": until,
        },
        counted=picked if location is None else f"select * from ({picked}) sides limit %(limit)s",
    )


async def movement(conn: AConn, move_id: UUID) -> Movement | None:
    return await one(
        conn, Movement, f"{_COLUMNS} from move m {_JOINS} where m.move_id = %(move_id)s", {"move_id": move_id}
    )
