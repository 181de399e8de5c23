"""What became of a thing and what it came from, over production, lots split and merged, and repacking.

A thing is a serial, a lot, or the tag of goods that have neither. One recursive query walks one way: what was issued to
a work order is in everything that order made, what went into a conversion is in everything that came out of it. That is
more than truly is in each piece, which is what a recall wants. A circle (a pump reworked into a pump) ends by itself,
because every thing is visited once; THINGS_MAX bounds how many. Reversed movements are not on the way.
"""

from dataclasses import dataclass
from typing import Any

from warehouse.postgres.books.balances import Conn

THINGS_MAX = 10_000
"""Things visited each way; a trace that meets it says so."""

_LIVE = "{0}.reverses is null and not exists (select from move r where r.reverses = {0}.seq)"

# The movements of thing t.
_OF_THING = """(
    select m.* from move m where m.serial_id = t.serial_id
    union all select m.* from move m where t.serial_id is null and m.lot_id = t.lot_id
    union all select m.* from move_tag x join move m using (seq) where x.epc = t.epc)"""

# The other side of a movement m into production, or out of it.
_OTHER_SIDE = """(
    select p.* from document d join document_line dl using (document_id) join move p on p.line_id = dl.line_id
    where d.work_order_id = md.work_order_id and d.kind = %(other)s
    union all
    select p.* from move p join location c on c.location_id = p.{near}_location_id and c.code = 'CONVERSION'
    where m.kind = 'conversion' and p.kind = 'conversion' and p.request_id = m.request_id)"""

_STEP = """
    cross join lateral {of_thing} m
    join location l on l.location_id = m.{far}_location_id and l.kind = 'production'
    left join document_line ml on ml.line_id = m.line_id left join document md on md.document_id = ml.document_id
    cross join lateral {other_side} o
    left join move_tag ot on ot.seq = o.seq and o.lot_id is null and o.serial_id is null
    where {live_m} and {live_o}"""

_WALK = """
    with recursive reach (item_id, lot_id, serial_id, epc) as (
        select s.* from unnest(%(items)s::bigint[], %(lots)s::bigint[], %(serials)s::bigint[], %(epcs)s::text[]) as s
        union
        select o.item_id, o.lot_id, o.serial_id, ot.epc from reach t {step}),
    bounded as (select * from reach limit %(limit)s)"""

_EDGES = """
    select distinct ti.code as item, tl.code as lot, ts.code as serial, t.epc, oi.code as other_item,
           ol.code as other_lot, os.code as other_serial, ot.epc as other_epc,
           case when md.work_order_id is not null then 'work_order' else o.reason end as how,
           coalesce(w.number, '') as number, t.item_id, t.lot_id, t.serial_id, o.item_id as other_item_id,
           o.lot_id as other_lot_id, o.serial_id as other_serial_id
    from bounded t
    join item ti on ti.item_id = t.item_id left join lot tl on tl.lot_id = t.lot_id
    left join serial ts on ts.serial_id = t.serial_id
    {step_without_where}
    left join work_order w on w.work_order_id = md.work_order_id
    join item oi on oi.item_id = o.item_id left join lot ol on ol.lot_id = o.lot_id
    left join serial os on os.serial_id = o.serial_id
    where {live_m} and {live_o}
    order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"""


def _walk(far: str, near: str) -> str:
    parts = {
        "of_thing": _OF_THING,
        "far": far,
        "other_side": _OTHER_SIDE.format(near=near),
        "live_m": _LIVE.format("m"),
        "live_o": _LIVE.format("o"),
    }
    step = _STEP.format(**parts)
    edges = _EDGES.format(step_without_where=step[: step.rindex("    where")], **parts)
    return _WALK.format(step=step) + edges


# Parameters: items, lots, serials, epcs (arrays of one length), other, limit.
DOWN = _walk("to", "from")
UP = _walk("from", "to")
OTHER_DOWN, OTHER_UP = "production_receipt", "work_order_issue"


@dataclass(frozen=True, slots=True)
class Link:
    """`item` (of a lot, serial or tag) went into `other_item`, or came from it when walking up.

    `how` is `work_order` with its `number`, or what a conversion was: split, merge, repack.
    """

    item: str
    lot: str | None
    serial: str | None
    epc: str | None
    other_item: str
    other_lot: str | None
    other_serial: str | None
    other_epc: str | None
    how: str
    number: str


def derived_lots(conn: Conn, item_id: int, lot_id: int) -> list[tuple[int, str, str]]:
    """Lots that the lot went into, at any remove: (lot_id, item code, lot code) by codes."""
    found = {row[14]: (row[14], row[4], row[5]) for row in _down(conn, item_id, lot_id) if row[14] is not None}
    found.pop(lot_id, None)
    return sorted(found.values(), key=lambda lot: lot[1:])


def derived_serials(conn: Conn, item_id: int, lot_id: int) -> list[tuple[str, str]]:
    """Serials of no lot that the lot went into: (item code, serial)."""
    return sorted({(row[4], row[6]) for row in _down(conn, item_id, lot_id) if row[14] is None and row[15] is not None})


def _down(conn: Conn, item_id: int, lot_id: int) -> list[Any]:
    values = {
        "items": [item_id], "lots": [lot_id], "serials": [None], "epcs": [None],
        "other": OTHER_DOWN, "limit": THINGS_MAX,
    }  # fmt: skip
    return conn.execute(DOWN.encode(), values).fetchall()
