"""Tags: what they stand for, where they are now by what was seen and by the books, and where they were."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, Limit, one, rows
from warehouse.postgres.queries.tag_list import KNOWN_OF


@dataclass(frozen=True, slots=True)
class TagNow:
    """`unit` is the handling unit the tag marks, `in_unit` the one it is packed in; `booked_…` is the ledger's."""

    epc: str
    registered: bool
    retired: bool
    item: str | None
    item_name: str | None
    lot: str | None
    serial: str | None
    unit: str | None
    in_unit: str | None
    seen_at_location: str | None
    seen_at: datetime | None
    seen_event: str | None
    seen_evidence: str | None
    booked_location: str | None
    booked_status: str | None
    booked_at: datetime | None
    move_id: UUID | None


@dataclass(frozen=True, slots=True)
class TagSeen:
    """One entry of a tag's location history."""

    at: datetime
    update_id: UUID
    location: str
    event: str
    evidence: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class TagMoved:
    """One movement that moved a tag; `inferred` when only its handling unit was read."""

    seq: int
    move_id: UUID
    kind: str
    item: str
    quantity: Decimal
    source: str
    target: str
    effective_at: datetime
    inferred: bool
    score: float | None
    passage_id: UUID | None
    document_kind: str | None
    document: str | None
    line_no: int | None
    reverses: UUID | None


_NOW = f"""
    select e.epc, t.epc is not null as registered, t.retired_at is not null as retired,
           i.code as item, i.name as item_name, o.code as lot, s.code as serial, h.code as unit, ph.code as in_unit,
           c.code as seen_at_location, l.at as seen_at, l.event as seen_event, l.evidence as seen_evidence,
           bl.code as booked_location, last.to_status as booked_status, last.effective_at as booked_at, last.move_id
    from (select %(epc)s::text as epc) e{KNOWN_OF}
    left join lateral (select m.to_location_id, m.to_status, m.effective_at, m.move_id from move_tag mt
                       join move m using (seq) where mt.epc = e.epc order by mt.seq desc limit 1) last on true
    left join location bl on bl.location_id = last.to_location_id
    where t.epc is not null or l.epc is not null or last.move_id is not null"""  # noqa: S608 - a constant of ours


async def tag_now(conn: AConn, epc: str) -> TagNow | None:
    """None when the tag was neither registered nor seen."""
    return await one(conn, TagNow, _NOW, {"epc": epc.upper()})


async def tag_history(
    conn: AConn, epc: str, before: tuple[datetime, UUID] | None = None, limit: Limit = 100
) -> list[TagSeen]:
    """Where it was seen, newest first; `before` is (at, update_id) of the last row shown."""
    return await rows(
        conn,
        TagSeen,
        """select h.at, h.update_id, l.code as location, h.event, h.evidence, h.recorded_at
           from location_history h join location l using (location_id)
           where h.epc = %(epc)s
             and (%(at)s::timestamptz is null or (h.at, h.update_id) < (%(at)s, %(update_id)s::uuid))
           order by h.at desc, h.update_id desc limit %(limit)s""",
        {
            "epc": epc.upper(),
            "at": before[0] if before else None,
            "update_id": before[1] if before else None,
            "limit": limit,
        },
    )


async def tag_movements(conn: AConn, epc: str, before: int | None = None, limit: Limit = 100) -> list[TagMoved]:
    """The ledger's movements of the tag, newest first; `before` is the seq of the last row shown."""
    return await rows(
        conn,
        TagMoved,
        """select m.seq, m.move_id, m.kind, i.code as item, m.quantity, s.code as source, t.code as target,
                  m.effective_at, mt.inferred, mt.score, m.passage_id, d.kind as document_kind, d.number as document,
                  x.line_no, o.move_id as reverses
           from move_tag mt join move m using (seq) join item i on i.item_id = m.item_id
           join location s on s.location_id = m.from_location_id join location t on t.location_id = m.to_location_id
           left join document_line x on x.line_id = m.line_id left join document d on d.document_id = x.document_id
           left join move o on o.seq = m.reverses
           where mt.epc = %(epc)s and (%(before)s::bigint is null or m.seq < %(before)s)
           order by m.seq desc limit %(limit)s""",
        {"epc": epc.upper(), "before": before, "limit": limit},
    )
