"""A bill and every bill below it that is in effect on a day, in two statements; shared by commands and queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from warehouse.bom import Bom, Component, Substitute
from warehouse.postgres.books.balances import Conn

ROOT = """select case when %(version)s::text is null then bom_in_effect(%(item)s, %(day)s)
                      else (select bom_id from bom where item_id = %(item)s and version = %(version)s
                                                     and retired_at is null) end"""

BILLS = """with recursive used (bom_id) as (
        select %(root)s::bigint
        union select bom_in_effect(l.item_id, %(day)s) from used u join bom_line l on l.bom_id = u.bom_id)
    select b.bom_id, b.item_id, b.output_quantity, b.phantom, l.line_no, l.item_id, i.decimals, l.quantity,
           l.scrap_percent,
           array(select array[s.item_id, s.priority, s.ratio_num, s.ratio_den] from bom_substitute s
                 where s.bom_id = l.bom_id and s.line_no = l.line_no order by s.priority)
    from used join bom b using (bom_id) join bom_line l using (bom_id) join item i on i.item_id = l.item_id
    order by b.bom_id, l.line_no"""


@dataclass(frozen=True, slots=True)
class Bills:
    """`top` and what is below it. `decimals`: the scale of every component's unit."""

    top: Bom
    by_item: dict[int, Bom]
    decimals: dict[int, int]

    def of(self, item_id: int) -> Bom | None:
        """The item's bill in effect; the top one for its own item, whatever its version."""
        return self.by_item.get(item_id)


def to_bills(root: int, rows: Iterable[Any]) -> Bills:
    """From the rows of BILLS."""
    heads: dict[int, Any] = {}
    parts: dict[int, list[Component]] = {}
    decimals: dict[int, int] = {}
    for bom_id, item_id, output, phantom, line_no, part, scale, quantity, scrap, substitutes in rows:
        heads[bom_id] = (item_id, output, phantom)
        decimals[part] = scale
        others = tuple(Substitute(other, priority, Fraction(num, den)) for other, priority, num, den in substitutes)
        parts.setdefault(bom_id, []).append(Component(line_no, part, quantity, scrap, others))
    made = {
        bom_id: Bom(bom_id, item_id, tuple(parts[bom_id]), output, phantom)
        for bom_id, (item_id, output, phantom) in heads.items()
    }
    by_item = {bom.item_id: bom for bom in made.values()} | {made[root].item_id: made[root]}
    return Bills(made[root], by_item, decimals)


def find_bills(conn: Conn, item_id: int, day: date, version: str | None = None) -> Bills | None:
    """The bill in effect, or the named version, with all below it; None when there is none."""
    values = {"item": item_id, "day": day, "version": version}
    row = conn.execute(ROOT, values).fetchone()
    if row is None or row[0] is None:
        return None
    return to_bills(row[0], conn.execute(BILLS, {**values, "root": row[0]}))
