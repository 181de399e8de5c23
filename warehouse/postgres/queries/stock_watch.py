"""What stock control watches: rules, suggestions, alerts, and how old an item's stock is."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from warehouse import ageing
from warehouse.postgres.queries.paging import AConn, Limit, one, rows


@dataclass(frozen=True, slots=True)
class StockRule:
    """How much of an item a place should hold."""

    item: str
    item_name: str
    location: str
    safety: Decimal
    minimum: Decimal | None
    maximum: Decimal | None
    multiple: Decimal | None
    reorder_level: Decimal | None
    order_quantity: Decimal | None
    lead_time_days: int
    active: bool


@dataclass(frozen=True, slots=True)
class Replenishment:
    """A suggestion and what became of it."""

    replenishment_id: UUID
    item: str
    item_name: str
    location: str
    quantity: Decimal
    unit: str
    projected: Decimal
    needed_by: date
    state: str
    reason: str
    document_kind: str | None
    document: str | None
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class StockAlert:
    """Something to know about stock; over when `cleared_at` is there."""

    alert_id: UUID
    kind: str
    item: str
    item_name: str
    lot: str | None
    location: str | None
    quantity: Decimal
    detail: str
    departments: list[str]
    raised_at: datetime
    cleared_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Change:
    day: date
    quantity: Decimal
    document: str


async def stock_rules(
    conn: AConn, after: tuple[str, str] | None, limit: Limit, *, item: str | None = None, location: str | None = None
) -> list[StockRule]:
    """By item and place."""
    return await rows(
        conn,
        StockRule,
        """select i.code as item, i.name as item_name,
                  l.code as location, r.safety, r.minimum, r.maximum, r.multiple, r.reorder_level,
                  r.order_quantity, r.lead_time_days, r.active
           from stock_rule r join item i using (item_id) join location l using (location_id)
           where (%(item)s::text is null or i.code = %(item)s) and (%(location)s::text is null or l.code = %(location)s)
             and (%(item_after)s::text is null or (i.code, l.code) > (%(item_after)s, %(location_after)s))
           order by i.code, l.code limit %(limit)s""",
        {
            "item": item,
            "location": location,
            "item_after": after[0] if after else None,
            "location_after": after[1] if after else None,
            "limit": limit,
        },
    )


async def replenishments(
    conn: AConn,
    before: tuple[datetime, UUID] | None,
    limit: Limit,
    *,
    state: str | None = None,
    item: str | None = None,
) -> list[Replenishment]:
    """Newest first."""
    return await rows(
        conn,
        Replenishment,
        """select r.replenishment_id, i.code as item, i.name as item_name,
                  l.code as location, r.quantity, i.unit, r.projected, r.needed_by,
                  r.state, r.reason, d.kind as document_kind, d.number as document, r.created_at, r.decided_by,
                  r.decided_at, r.note
           from replenishment r join item i using (item_id) join location l using (location_id)
           left join document d using (document_id)
           where (%(state)s::text is null or r.state = %(state)s) and (%(item)s::text is null or i.code = %(item)s)
             and (%(at)s::timestamptz is null or (r.created_at, r.replenishment_id) < (%(at)s, %(id)s::uuid))
           order by r.created_at desc, r.replenishment_id desc limit %(limit)s""",
        {
            "state": state,
            "item": item,
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "limit": limit,
        },
    )


async def stock_alerts(
    conn: AConn,
    before: tuple[datetime, UUID] | None,
    limit: Limit,
    *,
    kind: str | None = None,
    department: str | None = None,
    standing: bool | None = None,
) -> list[StockAlert]:
    """Newest first; `standing`: those that are not over."""
    return await rows(
        conn,
        StockAlert,
        """select a.alert_id, a.kind, i.code as item, i.name as item_name,
                  lo.code as lot, l.code as location, a.quantity, a.detail,
                  a.departments, a.raised_at, a.cleared_at
           from stock_alert a join item i on i.item_id = a.item_id left join lot lo on lo.lot_id = a.lot_id
           left join location l on l.location_id = a.location_id
           where (%(kind)s::text is null or a.kind = %(kind)s)
             and (%(department)s::text is null or %(department)s = any(a.departments))
             and (%(standing)s::boolean is null or (a.cleared_at is null) = %(standing)s)
             and (%(at)s::timestamptz is null or (a.raised_at, a.alert_id) < (%(at)s, %(id)s::uuid))
           order by a.raised_at desc, a.alert_id desc limit %(limit)s""",
        {
            "kind": kind,
            "department": department,
            "standing": standing,
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "limit": limit,
        },
    )


async def item_age(conn: AConn, item: str) -> list[ageing.AgeLayer] | None:
    """Our stock of an item by the day it came, first in first out, oldest first. None when there is no such item.

    Movements that were reversed and their reversals are left out; what is split, merged or repacked keeps its age.
    """
    if await one(conn, _Known, "select item_id from item where code = %(item)s", {"item": item}) is None:
        return None
    changes = await rows(
        conn,
        _Change,
        """select (m.effective_at at time zone 'utc')::date as day,
                  case when t.kind in ('internal', 'transit') then m.quantity else -m.quantity end as quantity,
                  case when m.kind = 'conversion' then coalesce(m.request_id::text, '') else '' end as document
           from move m join location f on f.location_id = m.from_location_id
           join location t on t.location_id = m.to_location_id
           where m.item_id = (select item_id from item where code = %(item)s) and m.owner = ''
             and (f.kind in ('internal', 'transit')) <> (t.kind in ('internal', 'transit'))
             and m.reverses is null and not exists (select from move r where r.reverses = m.seq)
           order by m.effective_at, m.seq""",
        {"item": item},
    )
    return list(ageing.layers(ageing.Change(change.day, change.quantity, change.document) for change in changes))


@dataclass(frozen=True, slots=True)
class _Known:
    item_id: int
