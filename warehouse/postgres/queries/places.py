"""Places: the tree of locations, and what was seen in each."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from warehouse.postgres.queries.paging import AConn, Limit, contains, one, rows

# A location with everything in it. The tree is a few levels deep; 10 bounds a cycle made by hand.
WITHIN = """within as (
    with recursive tree (location_id, depth) as (
        select location_id, 0 from location where code = %(location)s
        union all select l.location_id, t.depth + 1 from location l join tree t on l.parent_id = t.location_id
        where t.depth < 10)
    select distinct location_id from tree)"""

# A handling unit with everything packed in it.
UNITS_IN = """units as (
    with recursive packed (hu_id, depth) as (
        select hu_id, 0 from handling_unit where code = %(unit)s
        union all select h.hu_id, p.depth + 1 from handling_unit h join packed p on h.parent_id = p.hu_id
        where p.depth < 10)
    select distinct hu_id from packed)"""

# For each location of a CTE `picked` the one of a level that it is in, or itself.
STANDING_IN = """standing_in as (
    with recursive up (location_id, place_id, parent_id, found, depth) as (
        select location_id, location_id, parent_id, level = %(level)s, 0 from location
        where location_id in (select location_id from picked)
        union all select u.location_id, l.location_id, l.parent_id, l.level = %(level)s, u.depth + 1
        from up u join location l on l.location_id = u.parent_id where not u.found and u.depth < 10)
    select location_id, coalesce(min(place_id) filter (where found), location_id) as place_id from up group by 1)"""


@dataclass(frozen=True, slots=True)
class Place:
    """`tags` are seen there now, `on_hand` is booked there; both without places inside it."""

    code: str
    name: str
    kind: str
    level: str
    parent: str | None
    closed: bool
    tags: int
    on_hand: Decimal


@dataclass(frozen=True, slots=True)
class TagHere:
    """A tag that was last seen in a place."""

    epc: str
    location: str
    since: datetime
    event: str
    item: str | None
    item_name: str | None
    lot: str | None
    serial: str | None
    unit: str | None


_PLACE = """
    select l.code, l.name, l.kind, l.level, p.code as parent, l.closed,
           (select count(*) from tag_location t where t.location_id = l.location_id and t.event <> 'departed') as tags,
           (select coalesce(sum(b.on_hand), 0) from balance b where b.location_id = l.location_id) as on_hand
    from location l join location_shown using (location_id) left join location p on p.location_id = l.parent_id"""


async def places(
    conn: AConn,
    after: str | None = None,
    limit: Limit = 100,
    kind: str | None = None,
    level: str | None = None,
    *,
    q: str | None = None,
    parent: str | None = None,
) -> list[Place]:
    """By code; `after` is the code of the last row shown."""
    return await rows(
        conn,
        Place,
        _PLACE
        + """ where (%(after)s::text is null or l.code > %(after)s) and (%(kind)s::text is null or l.kind = %(kind)s)
               and (%(level)s::text is null or l.level = %(level)s)
               and (%(q)s::text is null or l.code ilike %(q)s or l.name ilike %(q)s)
               and (%(parent)s::text is null or p.code = %(parent)s)
             order by l.code limit %(limit)s""",
        {
            "after": after,
            "limit": limit,
            "kind": kind,
            "level": level,
            "q": contains(q),
            "parent": parent,
        },
    )


async def places_within(conn: AConn, location: str) -> list[int]:
    """A location and those inside it, by id; empty when there is no such location."""
    cursor = await conn.execute(f"with {WITHIN} select location_id from within".encode(), {"location": location})
    return [location_id for (location_id,) in await cursor.fetchall()]


async def place(conn: AConn, code: str) -> Place | None:
    return await one(conn, Place, _PLACE + " where l.code = %(code)s", {"code": code})


async def tags_in(conn: AConn, location: str, after: str | None = None, limit: Limit = 100) -> list[TagHere]:
    """Tags last seen in a place or in one inside it, by EPC; `after` is the EPC of the last row shown."""
    return await rows(
        conn,
        TagHere,
        f"""with {WITHIN}
           select t.epc, l.code as location, t.at as since, t.event, i.code as item, i.name as item_name,
                  lo.code as lot, s.code as serial,
                  h.code as unit
           from tag_location t join within using (location_id) join location l using (location_id)
           left join tag g on g.epc = t.epc left join item i on i.item_id = g.item_id
           left join lot lo on lo.lot_id = g.lot_id left join serial s on s.serial_id = g.serial_id
           left join handling_unit h on h.hu_id = g.hu_id
           where t.event <> 'departed' and (%(after)s::text is null or t.epc > %(after)s)
           order by t.epc limit %(limit)s""",
        {"location": location, "after": after, "limit": limit},
    )
