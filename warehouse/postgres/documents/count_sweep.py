"""Counting a place by its tags: what presence says is there now, against the lines of a sheet.

Tags say the item, lot or serial and how many they stand for, and the zone they are in; they do not say the bin. So what
was seen of an item in a place is spread over the lines of that place as the books have it, and only the sum is certain.
"""

from decimal import Decimal
from uuid import UUID

from warehouse.commands import Actor, Audit, CountMethod, RefusalCode, SweepCount
from warehouse.counting import spread
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents.counts import enter_line, find_or_make_line, lock_sheet, settle_sheet
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_location

_Goods = tuple[int, int | None, int | None]


def sweep(conn: Conn, c: SweepCount, actor: Actor, request_id: UUID) -> Answer:
    count_id = lock_sheet(conn, c.number, ("counting", "counted"))
    place = find_location(conn, c.location)
    seen: dict[_Goods, Decimal] = {
        (item_id, lot_id, serial_id): quantity
        for item_id, lot_id, serial_id, quantity in conn.execute(
            """with recursive tree (location_id, depth) as (
                   select %s::int, 0
                   union all select l.location_id, t.depth + 1 from location l
                   join tree t on l.parent_id = t.location_id where t.depth < 10)
               select g.item_id, g.lot_id, g.serial_id, sum(g.quantity)
               from tag_location t join tag g using (epc) join tree using (location_id)
               where t.event <> 'departed' and g.item_id is not null and g.retired_at is null
               group by 1, 2, 3 order by 1, 2 nulls first, 3 nulls first""",
            (place,),
        )
    }
    lines: dict[_Goods, list[tuple[int, Decimal]]] = {}
    for line_no, item_id, lot_id, serial_id, expected in conn.execute(
        """with recursive tree (location_id, depth) as (
               select %(place)s::int, 0
               union all select l.location_id, t.depth + 1 from location l
               join tree t on l.parent_id = t.location_id where t.depth < 10)
           select x.line_no, x.item_id, x.lot_id, x.serial_id, x.expected from count_line x
           join tree using (location_id) where x.count_id = %(count)s and x.owner = ''
             and exists (select from tag g where g.item_id = x.item_id and g.retired_at is null)
           order by x.line_no""",
        {"place": place, "count": count_id},
    ):
        lines.setdefault((item_id, lot_id, serial_id), []).append((line_no, expected))
    if not lines and not seen:
        raise Refuse(RefusalCode.WRONG_STATE, "location", f"{c.location} has no lines of tagged items and no tags")
    for goods, found in lines.items():
        parts = spread(seen.get(goods, Decimal(0)), [expected for _, expected in found])
        for (line_no, _), part in zip(found, parts, strict=True):
            enter_line(conn, count_id, line_no, part, actor, CountMethod.RFID, "")
    beside = [goods for goods in seen if goods not in lines]
    for item_id, lot_id, serial_id in beside:
        key = (item_id, lot_id, serial_id, place, None, "", "available")
        line_no = find_or_make_line(conn, count_id, key)
        enter_line(conn, count_id, line_no, seen[item_id, lot_id, serial_id], actor, CountMethod.RFID, "")
    settle_sheet(conn, count_id)
    counted = sum(len(found) for found in lines.values())
    return {"number": c.number, "counted": counted, "beside": len(beside)}, Audit(
        after={"location": c.location, "counted": counted, "beside": len(beside)}
    )


HANDLERS: Handlers = {
    SweepCount: sweep,
}
