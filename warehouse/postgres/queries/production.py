"""Bills of material, what they explode to, and work orders."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from warehouse.bom import all_needs
from warehouse.postgres.documents.bills import BILLS, ROOT, to_bills
from warehouse.postgres.queries.paging import AConn, Limit, one, rows


@dataclass(frozen=True, slots=True)
class BomSummary:
    """One version of an item's bill."""

    bom_id: int
    item: str
    item_name: str
    version: str
    phantom: bool
    output_quantity: Decimal
    effective_from: date | None
    effective_to: date | None
    retired_at: datetime | None
    components: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BomComponent:
    """`substitutes` in the order they are tried, as `item×ratio`."""

    line_no: int
    item: str
    item_name: str
    unit: str
    quantity: Decimal
    scrap_percent: Decimal
    substitutes: list[str]


@dataclass(frozen=True, slots=True)
class ExplodedNeed:
    """How much of an item a quantity of the product takes, all levels together. `made`: it has a bill of its own."""

    level: int
    item: str
    item_name: str
    unit: str
    quantity: Decimal
    made: bool


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """`issued_share` is the least complete component's, 0 to 1; `done` what came in of the product."""

    work_order_id: int
    number: str
    item: str
    item_name: str
    version: str
    quantity: Decimal
    done: Decimal
    issue_status: str
    output_status: str
    issued_share: Decimal
    created_by: str
    created_at: datetime


async def boms(
    conn: AConn, before: int | None = None, limit: Limit = 100, *, item: str | None = None
) -> list[BomSummary]:
    """Newest first; `before` is the bom_id of the last row shown."""
    return await rows(
        conn,
        BomSummary,
        """select b.bom_id, i.code as item, i.name as item_name,
                  b.version, b.phantom, b.output_quantity, b.effective_from, b.effective_to,
                  b.retired_at, (select count(*) from bom_line l where l.bom_id = b.bom_id) as components, b.created_by,
                  b.created_at
           from bom b join item i using (item_id)
           where (%(before)s::bigint is null or b.bom_id < %(before)s)
             and (%(item)s::text is null or i.code = %(item)s)
           order by b.bom_id desc limit %(limit)s""",
        {"before": before, "limit": limit, "item": item},
    )


async def bom_components(conn: AConn, bom_id: int) -> list[BomComponent]:
    """By line number."""
    return await rows(
        conn,
        BomComponent,
        """select l.line_no, i.code as item, i.name as item_name, i.unit, l.quantity, l.scrap_percent,
                  array(select s.code || '×' || trim_scale(round(x.ratio_num::numeric / x.ratio_den, 6))
                        from bom_substitute x join item s using (item_id)
                        where x.bom_id = l.bom_id and x.line_no = l.line_no order by x.priority) as substitutes
           from bom_line l join item i using (item_id) where l.bom_id = %(bom_id)s order by l.line_no""",
        {"bom_id": bom_id},
    )


async def explosion(
    conn: AConn, item: str, quantity: Decimal, day: date, version: str | None = None
) -> list[ExplodedNeed] | None:
    """Every level of the bill in effect on a day; None when the item has none. Raises BomError."""
    found = await (await conn.execute("select item_id from item where code = %s", (item,))).fetchone()
    if found is None:
        return None
    values = {"item": found[0], "day": day, "version": version}
    root = await (await conn.execute(ROOT, values)).fetchone()
    if root is None or root[0] is None:
        return None
    cursor = await conn.execute(BILLS, {**values, "root": root[0]})
    bills = to_bills(root[0], await cursor.fetchall())
    needs = all_needs(bills.top, quantity, bills.of, bills.decimals)
    named = await conn.execute(
        "select item_id, code, name, unit from item where item_id = any(%s)", ([need.item_id for need in needs],)
    )
    names = {item_id: (code, name, unit) for item_id, code, name, unit in await named.fetchall()}
    told = []
    for need in sorted(needs, key=lambda need: (need.level, names[need.item_id][0])):
        code, name, unit = names[need.item_id]
        told.append(ExplodedNeed(need.level, code, name, unit, need.quantity, need.made))
    return told


_WORK_ORDER = """
    select w.work_order_id, w.number, i.code as item, i.name as item_name,
           b.version, w.quantity, o.done, x.status as issue_status,
           y.status as output_status, c.issued_share, w.created_by, w.created_at
    from work_order w join item i using (item_id) join bom b using (bom_id)
    join document x on x.document_id = w.issue_document_id join document y on y.document_id = w.output_document_id
    cross join lateral (select coalesce(sum(l.fulfilled), 0) as done from document d join document_line l
                        using (document_id) where d.work_order_id = w.work_order_id and d.kind = y.kind) o
    cross join lateral (
        select coalesce(round(min(least(1, part.issued / nullif(part.asked, 0))), 4), 0) as issued_share from (
            select sum(l.fulfilled) as issued,
                   sum(case when d.status = 'closed' then l.fulfilled else l.quantity end) as asked
            from document d join document_line l using (document_id)
            where d.work_order_id = w.work_order_id and d.kind = x.kind group by l.item_id) part) c"""


async def work_orders(
    conn: AConn, before: int | None = None, limit: Limit = 100, *, item: str | None = None, status: str | None = None
) -> list[WorkOrder]:
    """Newest first; `before` is the work_order_id of the last row shown, `status` that of its output."""
    return await rows(
        conn,
        WorkOrder,
        _WORK_ORDER
        + """ where (%(before)s::bigint is null or w.work_order_id < %(before)s)
               and (%(item)s::text is null or i.code = %(item)s)
               and (%(status)s::text is null or y.status = %(status)s)
             order by w.work_order_id desc limit %(limit)s""",
        {"before": before, "limit": limit, "item": item, "status": status},
    )


async def work_order(conn: AConn, number: str) -> WorkOrder | None:
    return await one(conn, WorkOrder, _WORK_ORDER + " where w.number = %(number)s", {"number": number})
