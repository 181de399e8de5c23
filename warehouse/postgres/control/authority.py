"""Whether an actor may do what a command asks, checked inside its transaction: the same for HTTP, MQTT and in process.

Before: the right the command names, those for what it says (`Command.NEEDS_FOR`, a time further back than
`BACK_DATE_S`), and that the places it names, or its document, count or reservation stands for, lie within the
warehouses the right is limited to. After: what it did. Goods that came in or left on a document need `receive` or
`issue`, whatever command moved them, and no movement touches a place outside. What is refused after is rolled back
like any refusal.

A command about no place at all is covered by a right within any warehouse: what it makes is moved under these rules.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from warehouse.commands import (
    ApproveDocument,
    CancelCount,
    CancelDocument,
    CancelTask,
    ClaimTask,
    CloseDocument,
    Command,
    EnterCount,
    FailTask,
    FinishTask,
    LapseTask,
    Permission,
    PostCount,
    ReassignTask,
    RefusalCode,
    ReleaseReservation,
    ReleaseTask,
    ReportTask,
    Rights,
)
from warehouse.commands.command import Actor
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.naming import Refuse

# Handhelds that were out of reach for a while post what happened meanwhile; what is older is a decision.
BACK_DATE_S = 3600

# Places that commands stand for without naming them, and the field that is about them.
_OF_DOCUMENT = """select l.code from document d join location l on l.location_id in (d.source_id, d.target_id)
    where d.kind = %(kind)s and d.number = %(number)s"""
_OF_COUNT = """select distinct l.code from count_sheet s join count_line c using (count_id)
    join location l using (location_id) where s.number = %(number)s"""
_OF_RESERVATION = """select l.code from reservation join location l using (location_id)
    where reservation_id = %(reservation_id)s"""
_OF_TASK = """select l.code from task t join location l on l.location_id in (t.source_id, t.target_id)
    where t.task_id = %(task_id)s"""
_IMPLIED: Mapping[type[Command], tuple[str, str]] = {
    ApproveDocument: ("number", _OF_DOCUMENT),
    CancelDocument: ("number", _OF_DOCUMENT),
    CloseDocument: ("number", _OF_DOCUMENT),
    EnterCount: ("number", _OF_COUNT),
    PostCount: ("number", _OF_COUNT),
    CancelCount: ("number", _OF_COUNT),
    ReleaseReservation: ("reservation_id", _OF_RESERVATION),
    **dict.fromkeys(
        (ClaimTask, ReportTask, FinishTask, FailTask, ReleaseTask, ReassignTask, CancelTask, LapseTask),
        ("task_id", _OF_TASK),
    ),
}

# The first of these places that lies in none of the warehouses. Only stores of ours lie in a warehouse.
_OUTSIDE = """
    with recursive up (code, location_id, parent_id, depth) as (
        select code, location_id, parent_id, 0 from location where code = any(%(codes)s) and kind = 'internal'
        union all
        select u.code, p.location_id, p.parent_id, u.depth + 1
        from up u join location p on p.location_id = u.parent_id where u.depth < 10)
    select up.code from up join location l using (location_id)
    group by up.code having not bool_or(l.code = any(%(warehouses)s)) order by 1 limit 1"""

_DONE = """
    select coalesce(array_agg(distinct k.direction) filter (where m.reverses is null), '{}'),
           coalesce(array_agg(distinct f.code), '{}') || coalesce(array_agg(distinct t.code), '{}')
    from move m
    join location f on f.location_id = m.from_location_id join location t on t.location_id = m.to_location_id
    left join document_line x on x.line_id = m.line_id left join document d using (document_id)
    left join document_kind k on k.kind = d.kind
    where m.tx = pg_current_xact_id() and m.request_id = %s"""

_BY_DIRECTION = {"in": Permission.RECEIVE, "out": Permission.ISSUE}


def check_asked(conn: Conn, command: Command, actor: Actor) -> None:
    """Raises Refuse with `forbidden`, naming what is missing and the field it is about."""
    rights, needed = actor.rights, command.NEEDS
    _require(rights, needed, "", type(command).__name__)
    for field, permission in command.NEEDS_FOR.items():
        if getattr(command, field, False):
            _require(rights, permission, field, field)
    effective_at = getattr(command, "effective_at", None)
    if (
        effective_at is not None
        and not rights.may(Permission.BACK_DATE)
        and effective_at < database_now(conn) - timedelta(seconds=BACK_DATE_S)
    ):
        _require(rights, Permission.BACK_DATE, "effective_at", f"a time more than {BACK_DATE_S} s ago")
    warehouses = rights.warehouses(needed)
    if warehouses is None:
        return
    for field in command.PLACES:
        named = getattr(command, field, None)
        codes = [named] if isinstance(named, str) else list(named or ())
        _require_within(conn, codes, warehouses, field, needed)
    if type(command) in _IMPLIED:
        field, query = _IMPLIED[type(command)]
        values = {name: getattr(command, name, None) for name in ("kind", "number", "reservation_id", "task_id")}
        codes = [code for (code,) in conn.execute(query.encode(), values)]
        _require_within(conn, codes, warehouses, field, needed)


def check_done(conn: Conn, command: Command, actor: Actor, request_id: UUID) -> None:
    """Raises Refuse with `forbidden`; the command has been executed in this transaction, which then must not stand."""
    if actor.rights.cover({command.NEEDS, *_BY_DIRECTION.values()}):
        return
    row = conn.execute(_DONE, (request_id,)).fetchone()
    assert row is not None
    directions, codes = row
    _check_within(conn, codes, actor.rights, command.NEEDS)
    for direction in directions:
        if direction in _BY_DIRECTION:
            permission = _BY_DIRECTION[direction]
            what = "goods that come in on a document" if direction == "in" else "goods that leave on a document"
            _require(actor.rights, permission, "", what)
            _check_within(conn, codes, actor.rights, permission)


def _check_within(conn: Conn, codes: list[str], rights: Rights, permission: Permission) -> None:
    warehouses = rights.warehouses(permission)
    if warehouses is not None:
        _require_within(conn, codes, warehouses, "", permission)


def _require(rights: Rights, permission: Permission, field: str, what: str) -> None:
    if not rights.may(permission):
        raise Refuse(RefusalCode.FORBIDDEN, field, f"{what} needs the permission {permission.value!r}")


def _require_within(
    conn: Conn, codes: list[str], warehouses: frozenset[str], field: str, permission: Permission
) -> None:
    if not codes:
        return
    row = conn.execute(_OUTSIDE, {"codes": codes, "warehouses": sorted(warehouses)}).fetchone()
    if row is not None:
        held = ", ".join(sorted(warehouses)) or "no warehouse"
        message = f"{row[0]} lies outside {held}, where the permission {permission.value!r} is held"
        raise Refuse(RefusalCode.FORBIDDEN, field, message)
