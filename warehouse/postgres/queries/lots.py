"""Lots and serials."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from warehouse.postgres.queries.paging import AConn, Limit, rows


@dataclass(frozen=True, slots=True)
class LotView:
    """One lot. `document` is the receipt that gave it its number."""

    lot_id: int
    item: str
    item_name: str
    lot: str
    supplier_lot: str
    expires_on: date | None
    blocked: bool
    document_kind: str | None
    document: str | None
    line_no: int | None
    on_hand: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SerialView:
    """One serial; `location` and `status` where it is in stock."""

    serial_id: int
    item: str
    item_name: str
    serial: str
    lot: str | None
    epc: str | None
    location: str | None
    status: str | None
    created_at: datetime


async def lots(
    conn: AConn,
    before: int | None = None,
    limit: Limit = 100,
    *,
    item: str | None = None,
    blocked: bool | None = None,
    document: str | None = None,
) -> list[LotView]:
    """Newest first; `before` is the lot_id of the last row shown."""
    return await rows(
        conn,
        LotView,
        """select lo.lot_id, i.code as item, i.name as item_name,
                  lo.code as lot, lo.supplier_lot, lo.expires_on, lo.blocked,
                  d.kind as document_kind, d.number as document, x.line_no,
                  (select coalesce(sum(b.on_hand), 0) from balance b where b.lot_id = lo.lot_id) as on_hand,
                  lo.created_at
           from lot lo join item i using (item_id) left join document_line x on x.line_id = lo.receipt_line_id
           left join document d on d.document_id = x.document_id
           where (%(before)s::bigint is null or lo.lot_id < %(before)s)
             and (%(item)s::text is null or i.code = %(item)s)
             and (%(blocked)s::boolean is null or lo.blocked = %(blocked)s)
             and (%(document)s::text is null or d.number = %(document)s)
           order by lo.lot_id desc limit %(limit)s""",
        {"before": before, "limit": limit, "item": item, "blocked": blocked, "document": document},
    )


async def serials(
    conn: AConn, before: int | None = None, limit: Limit = 100, *, item: str | None = None, lot: str | None = None
) -> list[SerialView]:
    """Newest first; `before` is the serial_id of the last row shown."""
    return await rows(
        conn,
        SerialView,
        """select s.serial_id, i.code as item, i.name as item_name,
                  s.code as serial, lo.code as lot, t.epc, l.code as location, b.status,
                  s.created_at
           from serial s join item i using (item_id) left join lot lo on lo.lot_id = s.lot_id
           left join tag t on t.serial_id = s.serial_id
           left join balance b on b.serial_id = s.serial_id and b.on_hand > 0
           left join location l on l.location_id = b.location_id
           where (%(before)s::bigint is null or s.serial_id < %(before)s)
             and (%(item)s::text is null or i.code = %(item)s) and (%(lot)s::text is null or lo.code = %(lot)s)
           order by s.serial_id desc limit %(limit)s""",
        {"before": before, "limit": limit, "item": item, "lot": lot},
    )
