"""What people ordered portals to show: the command, and what holds now."""

from typing import Any
from uuid import UUID

from warehouse.commands import Actor, Audit, OverrideSignal, RefusalCode
from warehouse.commands.signals import OVERRIDE_S_MAX
from warehouse.loads import Override, OverrideColour
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse
from warehouse.times import to_us


def override_signal(conn: Conn, c: OverrideSignal, actor: Actor, request_id: UUID) -> Answer:
    """Write the order; the stream tells the edge."""
    if conn.execute("select from portal where name = %s", (c.portal,)).fetchone() is None:
        raise Refuse(RefusalCode.NOT_FOUND, "portal", f"no portal {c.portal!r}")
    if not c.reason.strip():
        raise Refuse(RefusalCode.INVALID, "reason", "say why the door does not decide itself")
    if c.colour is not None and not 1 <= c.for_s <= OVERRIDE_S_MAX:
        raise Refuse(RefusalCode.INVALID, "for_s", f"an override lasts 1 to {OVERRIDE_S_MAX} seconds, not {c.for_s}")
    before = next((standing for standing in overrides(conn) if standing.portal == c.portal), None)
    row = conn.execute(
        """insert into signal_override (override_id, portal, colour, reason, ordered_by, device, at, until_at)
           values (%s, %s, %s, %s, %s, %s, now(), now() + make_interval(secs => %s)) returning until_at""",
        (
            request_id,
            c.portal,
            c.colour,
            c.reason.strip(),
            actor.name,
            actor.device,
            c.for_s if c.colour is not None else 0,
        ),
    ).fetchone()
    assert row is not None
    answer = {"portal": c.portal, "colour": c.colour, "until": row[0].isoformat()}
    shown = None if before is None else before.colour
    return answer, Audit({"portal": c.portal, "colour": shown}, answer | {"reason": c.reason})


OVERRIDES = """
    select distinct on (portal)
           portal, case when until_at > now() then colour end, reason, ordered_by, at, until_at
    from signal_override where at > now() - interval '1 day' order by portal, seq desc"""


def overrides(conn: Conn) -> tuple[Override, ...]:
    """The newest order of each portal of the last day, by portal; one that ended has no colour."""
    return tuple(override_of(row) for row in conn.execute(OVERRIDES))


def override_of(row: tuple[Any, ...]) -> Override:
    """A row of `OVERRIDES`."""
    portal, colour, reason, by, at, until = row
    return Override(portal, colour and OverrideColour(colour), reason, by, to_us(at), to_us(until))


HANDLERS: Handlers = {OverrideSignal: override_signal}
