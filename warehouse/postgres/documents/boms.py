"""Bills of material in the database: versions, which one is in effect, and no bill that contains itself.

Bills are added under one lock, so that two of them cannot close a circle between them.
"""

from collections import deque
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import psycopg

from warehouse.commands import Actor, Audit, CreateBom, RefusalCode, RetireBom
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import NamedItem, Refuse, find_item

_LOCK_KEY = 0x626F6D


def create_bom(conn: Conn, c: CreateBom, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.item)
    if not c.version:
        raise Refuse(RefusalCode.INVALID, "version", "a bill needs a version")
    if not c.components:
        raise Refuse(RefusalCode.INVALID, "components", "a bill needs a component")
    if c.output_quantity <= 0 or c.output_quantity != round(c.output_quantity, item.decimals):
        raise Refuse(RefusalCode.INVALID, "output_quantity", f"{c.output_quantity} is no quantity of {item.code}")
    if c.effective_from is not None and c.effective_to is not None and c.effective_to < c.effective_from:
        raise Refuse(RefusalCode.INVALID, "effective_to", f"{c.effective_to} is before {c.effective_from}")
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK_KEY,))
    row = conn.execute(
        """insert into bom (item_id, version, phantom, output_quantity, effective_from, effective_to, created_by)
           values (%s, %s, %s, %s, %s, %s, %s) on conflict (item_id, version) do nothing returning bom_id""",
        (item.item_id, c.version, c.phantom, c.output_quantity, c.effective_from, c.effective_to, actor.name),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.EXISTS, "version", f"{item.code} has a bill {c.version!r}")
    bom_id: int = row[0]
    seen: set[int] = set()
    for n, spec in enumerate(c.components):
        at = f"components.{n}"
        part = find_item(conn, spec.item, f"{at}.item")
        if part.item_id in seen:
            raise Refuse(RefusalCode.INVALID, f"{at}.item", f"{part.code} is there twice: add the quantities up")
        seen.add(part.item_id)
        if spec.quantity <= 0:
            raise Refuse(RefusalCode.INVALID, f"{at}.quantity", "a component needs a quantity above zero")
        if not 0 <= spec.scrap_percent <= 1000:
            raise Refuse(RefusalCode.INVALID, f"{at}.scrap_percent", "scrap is 0 to 1000 percent")
        conn.execute(
            "insert into bom_line (bom_id, line_no, item_id, quantity, scrap_percent) values (%s, %s, %s, %s, %s)",
            (bom_id, n + 1, part.item_id, spec.quantity, spec.scrap_percent),
        )
        for m, other in enumerate(spec.substitutes):
            _add_substitute(conn, bom_id, n + 1, m + 1, part, other.item, other.quantity, other.of, at)
    circle = _circle(conn, item.item_id)
    if circle is not None:
        raise Refuse(RefusalCode.INVALID, "components", f"the bill would contain itself: {circle}")
    return {"item": item.code, "version": c.version}, Audit(
        after={"item": item.code, "version": c.version, "components": len(c.components)}
    )


def _add_substitute(
    conn: Conn,
    bom_id: int,
    line_no: int,
    priority: int,
    part: NamedItem,
    code: str,
    quantity: Decimal,
    of: Decimal,
    at: str,
) -> None:
    at = f"{at}.substitutes.{priority - 1}"
    other = find_item(conn, code, f"{at}.item")
    if other.item_id == part.item_id:
        raise Refuse(RefusalCode.INVALID, f"{at}.item", f"{part.code} does not stand in for itself")
    if quantity <= 0 or of <= 0:
        raise Refuse(RefusalCode.INVALID, f"{at}.quantity", "a ratio is of two quantities above zero")
    ratio = Fraction(quantity) / Fraction(of)
    try:
        with conn.transaction():
            conn.execute(
                """insert into bom_substitute (bom_id, line_no, priority, item_id, ratio_num, ratio_den)
                   values (%s, %s, %s, %s, %s, %s)""",
                (bom_id, line_no, priority, other.item_id, ratio.numerator, ratio.denominator),
            )
    except psycopg.errors.NumericValueOutOfRange:
        raise Refuse(RefusalCode.INVALID, f"{at}.quantity", "the ratio has too many digits") from None


def _circle(conn: Conn, item_id: int) -> str | None:
    """The shortest way from the item through live bills of any version back to itself, substitutes included."""
    parts: dict[int, list[int]] = {}
    for whole, part in conn.execute(
        """with recursive parts as (
               select b.item_id as whole, l.item_id as part from bom b join bom_line l using (bom_id)
               where b.retired_at is null
               union select b.item_id, s.item_id from bom b join bom_substitute s using (bom_id)
               where b.retired_at is null),
           reached (item_id) as (
               select %s::bigint union select p.part from reached r join parts p on p.whole = r.item_id)
           select whole, part from parts where whole in (select item_id from reached) order by 1, 2""",
        (item_id,),
    ):
        parts.setdefault(whole, []).append(part)
    came_from: dict[int, int] = {}
    todo = deque([item_id])
    while todo and item_id not in came_from:
        whole = todo.popleft()
        for part in parts.get(whole, ()):
            if part not in came_from:
                came_from[part] = whole
                todo.append(part)
    if item_id not in came_from:
        return None
    way = [item_id, came_from[item_id]]
    while way[-1] != item_id:
        way.append(came_from[way[-1]])
    rows = conn.execute("select item_id, code from item where item_id = any(%s)", (way,))
    code: dict[int, str] = dict(rows.fetchall())
    return " → ".join(code[part] for part in reversed(way))


def retire_bom(conn: Conn, c: RetireBom, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.item)
    row = conn.execute(
        "update bom set retired_at = now() where item_id = %s and version = %s and retired_at is null returning bom_id",
        (item.item_id, c.version),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "version", f"{item.code} has no live bill {c.version!r}")
    return {"item": item.code, "version": c.version}, Audit({"retired": False}, {"retired": True})


HANDLERS: Handlers = {
    CreateBom: create_bom,
    RetireBom: retire_bom,
}
