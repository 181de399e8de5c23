"""How far a count may differ: as its sheet says, else as the nearest place of each line does."""

from uuid import UUID

from warehouse.commands import Actor, Audit, RefusalCode, SetCountTolerance
from warehouse.counting import Tolerance, nearest_tolerance
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_location


def tolerance_at(conn: Conn, count_id: int, location_id: int) -> Tolerance:
    """For a line of a sheet at a place."""
    row = conn.execute(
        "select tolerance_percent, tolerance_quantity, tolerance_value from count_sheet where count_id = %s",
        (count_id,),
    ).fetchone()
    assert row is not None
    if row[0] is not None:
        return Tolerance(*row)
    chain = conn.execute(
        """with recursive up (location_id, depth) as (
               select %s::int, 0 union all select l.parent_id, up.depth + 1 from up join location l using (location_id)
               where l.parent_id is not null and up.depth < 10)
           select t.percent, t.quantity, t.value from up left join count_tolerance t using (location_id)
           order by up.depth""",
        (location_id,),
    )
    return nearest_tolerance([Tolerance(*found) if found[0] is not None else None for found in chain])


def set_tolerance(conn: Conn, c: SetCountTolerance, actor: Actor, request_id: UUID) -> Answer:
    location_id = find_location(conn, c.location)
    for name in ("percent", "quantity", "value"):
        limit = getattr(c, name)
        if limit is not None and limit < 0:
            raise Refuse(RefusalCode.INVALID, name, "cannot be negative")
    row = conn.execute(
        "delete from count_tolerance where location_id = %s returning percent::text, quantity::text, value::text",
        (location_id,),
    ).fetchone()
    before = {"percent": row[0], "quantity": row[1], "value": row[2]} if row is not None else None
    removed = (c.percent, c.quantity, c.value) == (None, None, None)
    if removed and before is None:
        raise Refuse(RefusalCode.NOT_FOUND, "location", f"{c.location} has no tolerance of its own")
    if not removed:
        conn.execute(
            "insert into count_tolerance values (%s, coalesce(%s, 0), coalesce(%s, 0), %s)",
            (location_id, c.percent, c.quantity, c.value),
        )
    return {"location": c.location, "removed": removed}, Audit(before, {"removed": removed})


HANDLERS: Handlers = {SetCountTolerance: set_tolerance}
