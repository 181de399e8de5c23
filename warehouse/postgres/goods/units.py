"""Handling units repacked and nested: packing lists and books change together."""

from decimal import Decimal
from uuid import UUID, uuid5

from warehouse.commands import Actor, Audit, ContentSpec, NestUnit, RefusalCode, Repack
from warehouse.ledger import STOCKED_KINDS, Circumstance, MovedTag, NewMove, Place, StockStatus, Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.goods.unit_moves import outermost_units, place_of_unit, unit_tree
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item, find_location, find_lot, find_unit

NESTED_MAX = 5


def repack(conn: Conn, c: Repack, actor: Actor, request_id: UUID) -> Answer:
    location_id = find_location(conn, c.location)
    source, target = find_unit(conn, c.source_unit, "source_unit"), find_unit(conn, c.target_unit, "target_unit")
    if not c.contents:
        raise Refuse(RefusalCode.INVALID, "contents", "nothing to repack")
    if source is not None and source == target:
        raise Refuse(RefusalCode.INVALID, "target_unit", "source and target are the same unit")
    moves: list[NewMove] = []
    for n, content in enumerate(c.contents):
        move_id, at = uuid5(request_id, str(n)), f"contents.{n}"
        if content.epc is not None:
            move = _tagged(conn, content.epc.upper(), location_id, source, target, move_id, f"{at}.epc")
        else:
            move = _loose(conn, content, location_id, source, target, move_id, at)
        if move is not None:
            moves.append(move)
    if moves:
        now = database_now(conn)
        reason = c.reason or "repack"
        post_or_refuse(conn, moves, Circumstance(actor.name, now, actor.device, request_id=request_id, reason=reason))
    response = {"moves": [str(move.move_id) for move in moves], "source_unit": c.source_unit}
    return {**response, "target_unit": c.target_unit}, Audit(after={"contents": len(c.contents), **response})


def _tagged(
    conn: Conn, epc: str, location_id: int, source: int | None, target: int | None, move_id: UUID, at: str
) -> NewMove | None:
    """The list changes always, the books when the goods are in stock."""
    row = conn.execute(
        """select t.item_id, t.lot_id, t.serial_id, t.quantity, c.hu_id, t.retired_at is not null
           from tag t left join hu_content c using (epc) where t.epc = %s and t.item_id is not null""",
        (epc,),
    ).fetchone()
    if row is None or row[5]:
        raise Refuse(RefusalCode.NOT_FOUND, at, f"{epc} is no live tag of an item")
    item_id, lot_id, serial_id, quantity, listed_in, _ = row
    if source is not None and listed_in != source:
        raise Refuse(RefusalCode.INVALID, at, f"{epc} is not in that unit")
    conn.execute("delete from hu_content where epc = %s", (epc,))
    if target is not None:
        conn.execute(
            """insert into hu_content (hu_id, item_id, lot_id, serial_id, epc, quantity)
               values (%s, %s, %s, %s, %s, %s)""",
            (target, item_id, lot_id, serial_id, epc, quantity),
        )
    standing = conn.execute(
        """select m.to_location_id, m.to_hu_id, m.to_status, l.kind, l.code from move_tag x join move m using (seq)
           join location l on l.location_id = m.to_location_id where x.epc = %s order by x.seq desc limit 1""",
        (epc,),
    ).fetchone()
    if standing is None or standing[3] not in STOCKED_KINDS:
        return None
    if standing[0] != location_id:
        raise Refuse(RefusalCode.INVALID, at, f"the books have {epc} at {standing[4]}")
    here = Place(location_id, standing[1], StockStatus(standing[2]))
    there = Place(location_id, target, here.status)
    if here == there:
        return None
    return NewMove(move_id, "repack", item_id, quantity, here, there, lot_id, serial_id, tags=(MovedTag(epc),))


def _loose(
    conn: Conn, content: ContentSpec, location_id: int, source: int | None, target: int | None, move_id: UUID, at: str
) -> NewMove:
    if content.item is None or content.quantity is None or content.quantity <= 0:
        raise Refuse(RefusalCode.INVALID, at, "a content is an EPC, or an item and a positive quantity")
    item = find_item(conn, content.item, f"{at}.item")
    if item.tracking == Tracking.SERIAL:
        raise Refuse(RefusalCode.INVALID, f"{at}.item", f"item {item.code} is serial-tracked: name its tags")
    if source == target:
        raise Refuse(RefusalCode.INVALID, "target_unit", "goods without tags go from a unit or to one")
    lot_id = find_lot(conn, item, content.lot, f"{at}.lot")
    if source is not None:
        _relist(conn, source, item.item_id, lot_id, -content.quantity)
    if target is not None:
        _relist(conn, target, item.item_id, lot_id, content.quantity)
    return NewMove(
        move_id,
        "repack",
        item.item_id,
        content.quantity,
        Place(location_id, source),
        Place(location_id, target),
        lot_id,
    )


def _relist(conn: Conn, hu_id: int, item_id: int, lot_id: int | None, difference: Decimal) -> None:
    """Change what a packing list says of goods without tags. What it did not list it does not miss."""
    row = conn.execute(
        """select content_id, quantity from hu_content
           where hu_id = %s and item_id = %s and lot_id is not distinct from %s and epc is null and serial_id is null
           order by content_id limit 1 for update""",
        (hu_id, item_id, lot_id),
    ).fetchone()
    if row is None:
        if difference > 0:
            conn.execute(
                "insert into hu_content (hu_id, item_id, lot_id, quantity) values (%s, %s, %s, %s)",
                (hu_id, item_id, lot_id, difference),
            )
    elif row[1] + difference > 0:
        conn.execute("update hu_content set quantity = quantity + %s where content_id = %s", (difference, row[0]))
    else:
        conn.execute("delete from hu_content where content_id = %s", (row[0],))


def nest_unit(conn: Conn, c: NestUnit, actor: Actor, request_id: UUID) -> Answer:
    unit, parent = find_unit(conn, c.unit, "unit"), find_unit(conn, c.parent, "parent")
    assert unit is not None
    # In one order, so that two nestings at once cannot make a circle between them.
    conn.execute("select pg_advisory_xact_lock(%s)", (0x6E657374,))
    before = conn.execute(
        """select p.code from handling_unit h left join handling_unit p on p.hu_id = h.parent_id
           where h.hu_id = %s for update of h""",
        (unit,),
    ).fetchone()
    assert before is not None
    if parent is not None:
        below = unit_tree(conn, unit)
        if parent in below:
            raise Refuse(RefusalCode.INVALID, "parent", f"{c.parent} is {c.unit} itself or in it")
        if _levels(conn, unit, parent) > NESTED_MAX:
            raise Refuse(RefusalCode.INVALID, "parent", f"units nest {NESTED_MAX} deep at most")
        here, there = place_of_unit(conn, unit), place_of_unit(conn, outermost_units(conn, [parent])[parent])
        if here is not None and there is not None and here != there:
            raise Refuse(RefusalCode.WRONG_STATE, "parent", f"{c.unit} and {c.parent} are at different places")
    conn.execute("update handling_unit set parent_id = %s where hu_id = %s", (parent, unit))
    return {"unit": c.unit, "parent": c.parent}, Audit({"parent": before[0]}, {"parent": c.parent})


def _levels(conn: Conn, unit: int, parent: int) -> int:
    """How deep the deepest unit would lie."""
    row = conn.execute(
        """with recursive up (hu_id, depth) as (
               select %s::bigint, 1
               union all select h.parent_id, u.depth + 1 from up u join handling_unit h using (hu_id)
               where h.parent_id is not null and u.depth <= %s),
           down (hu_id, depth) as (
               select %s::bigint, 1
               union all select h.hu_id, d.depth + 1 from down d join handling_unit h on h.parent_id = d.hu_id
               where d.depth <= %s)
           select (select max(depth) from up) + (select max(depth) from down)""",
        (parent, NESTED_MAX, unit, NESTED_MAX),
    ).fetchone()
    assert row is not None
    return int(row[0])


HANDLERS: Handlers = {
    Repack: repack,
    NestUnit: nest_unit,
}
