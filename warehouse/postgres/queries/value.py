"""What stock is worth, now or at the end of an instant, and the entries that say why."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, Limit, one, rows


@dataclass(frozen=True, slots=True)
class StockValue:
    """An item's own stock and its value; `unit_cost` is only shown, never calculated with."""

    item: str
    item_name: str
    valuation: str
    quantity: Decimal
    unit: str
    value: Decimal
    unit_cost: Decimal | None


@dataclass(frozen=True, slots=True)
class ValueTotal:
    """All stock together."""

    value: Decimal
    items: int


@dataclass(frozen=True, slots=True)
class ValueEntry:
    """What one movement or revaluation changed; `difference` is what it cost beyond that, and is not in the stock."""

    entry_id: int
    kind: str
    item: str
    item_name: str
    lot: str | None
    serial: str | None
    quantity: Decimal
    amount: Decimal
    difference: Decimal
    basis: str
    effective_at: datetime
    recorded_at: datetime
    actor: str
    note: str
    move_id: UUID | None


async def stock_value(
    conn: AConn, after: str | None, limit: Limit, *, at: datetime | None = None, category: str | None = None
) -> list[StockValue]:
    """By item, of those that are worth anything or there; `at` by effective time, from the entries up to it."""
    conditions = ["true"]
    if after is not None:
        conditions.append("i.code > %(after)s")
    if category is not None:
        conditions.append("i.category = %(category)s")
    summed = "select sum(quantity) as quantity, sum(value) as value from value_pool p where p.item_id = i.item_id"
    if at is not None:
        summed = """select sum(quantity) as quantity, sum(amount) as value from value_entry p
            where p.item_id = i.item_id and p.effective_at <= %(at)s"""
    return await rows(
        conn,
        StockValue,
        f"""select i.code as item, i.name as item_name, i.valuation, v.quantity, i.unit, v.value,
                   case when v.quantity > 0 then round(v.value / v.quantity, 4) end as unit_cost
            from item i cross join lateral ({summed}) v
            where v.value is not null and (v.quantity <> 0 or v.value <> 0) and {" and ".join(conditions)}
            order by i.code limit %(limit)s""",
        {"after": after, "limit": limit, "at": at, "category": category},
    )


async def total_value(conn: AConn) -> ValueTotal:
    """Of all stock now."""
    found = await one(
        conn,
        ValueTotal,
        """select coalesce(sum(value), 0) as value, count(distinct item_id) as items
           from value_pool where quantity > 0""",
        {},
    )
    assert found is not None
    return found


async def value_entries(
    conn: AConn,
    before: int | None,
    limit: Limit,
    *,
    item: str | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[ValueEntry]:
    """Newest first; `before` is the entry_id of the last row shown."""
    conditions = ["true"]
    if before is not None:
        conditions.append("v.entry_id < %(before)s")
    if item is not None:
        conditions.append("v.item_id = (select item_id from item where code = %(item)s)")
    if kind is not None:
        conditions.append("v.kind = %(kind)s")
    if since is not None:
        conditions.append("v.effective_at >= %(since)s")
    if until is not None:
        conditions.append("v.effective_at < %(until)s")
    return await rows(
        conn,
        ValueEntry,
        f"""select v.entry_id, v.kind, i.code as item, i.name as item_name,
                   lo.code as lot, s.code as serial, v.quantity, v.amount,
                   v.difference, v.basis, v.effective_at, v.recorded_at, v.actor, v.note, m.move_id
            from value_entry v join item i on i.item_id = v.item_id left join lot lo on lo.lot_id = v.lot_id
            left join serial s on s.serial_id = v.serial_id left join move m on m.seq = v.seq
            where {" and ".join(conditions)} order by v.entry_id desc limit %(limit)s""",
        {"before": before, "limit": limit, "item": item, "kind": kind, "since": since, "until": until},
    )
