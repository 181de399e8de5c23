"""Commands on people and roles. Nobody gives what they do not hold, nor changes who holds more than they do.

Passwords are not here: these commands end what no longer holds, `control.accounts` makes what is new.
"""

import re
from collections.abc import Iterable
from uuid import UUID

from warehouse.commands import (
    Actor,
    Audit,
    CreateUser,
    DisableUser,
    EndSessions,
    GiveRole,
    RefusalCode,
    ResetPassword,
    Rights,
    SetRole,
    TakeRole,
)
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.control import sessions
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_id
from warehouse.roles import ADMINISTRATOR, EVERYTHING, ROLES, rights_of

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NAME_RULE = "lower-case letters, digits, dots, hyphens and underscores, 63 at most, beginning with a letter or digit"


def ensure_roles(conn: Conn) -> None:
    """The program's own roles as this version has them, where nobody edited them."""
    for name, permissions in ROLES.items():
        conn.execute(
            """insert into role as r (name, permissions) values (%s, %s)
               on conflict (name) do update set permissions = excluded.permissions
               where not r.edited and r.permissions <> excluded.permissions""",
            (name, sorted(str(permission) for permission in permissions)),
        )


def create_user(conn: Conn, c: CreateUser, actor: Actor, request_id: UUID) -> Answer:
    if not NAME.fullmatch(c.name):
        raise Refuse(RefusalCode.INVALID, "name", f"a name is {_NAME_RULE}")
    if c.role is not None:
        require_holding(actor, [(permissions_of(conn, c.role), None)], "role")
    # A person and a key of one name would be one in the books.
    taken = conn.execute("select 1 from api_key where lower(name) = %s limit 1", (c.name,)).fetchone()
    made = conn.execute(
        """insert into person (name, full_name, created_by) values (%s, %s, %s) on conflict do nothing""",
        (c.name, c.full_name, actor.name),
    ).rowcount
    if taken is not None or not made:
        raise Refuse(RefusalCode.EXISTS, "name", f"{c.name!r} is somebody already")
    if c.role is not None:
        _give(conn, c.name, c.role, None, actor)
    return {"name": c.name}, Audit(after={"name": c.name, "role": c.role})


def disable_user(conn: Conn, c: DisableUser, actor: Actor, request_id: UUID) -> Answer:
    administrators = _administrators(conn)
    disabled = _lock_person(conn, actor, c.name)
    conn.execute(
        "update person set disabled_at = case when %s then coalesce(disabled_at, now()) end where name = %s",
        (c.disabled, c.name),
    )
    ended = sessions.end_all(conn, c.name, "disabled") if c.disabled else 0
    _require_one_left(conn, administrators)
    return {"name": c.name, "disabled": c.disabled, "sessions_ended": ended}, Audit(
        {"disabled": disabled}, {"disabled": c.disabled, "reason": c.reason}
    )


def reset_password(conn: Conn, c: ResetPassword, actor: Actor, request_id: UUID) -> Answer:
    _lock_person(conn, actor, c.name)
    conn.execute("delete from credential where person = %s", (c.name,))
    ended = sessions.end_all(conn, c.name, "password reset")
    return {"name": c.name, "sessions_ended": ended}, Audit(after={"sessions_ended": ended})


def end_sessions(conn: Conn, c: EndSessions, actor: Actor, request_id: UUID) -> Answer:
    _lock_person(conn, actor, c.name)
    ended = sessions.end_all(conn, c.name, f"ended by {actor.name}", only=c.session_id)
    if c.session_id is not None and not ended:
        raise Refuse(RefusalCode.NOT_FOUND, "session_id", f"{c.name} has no open session {c.session_id}")
    return {"name": c.name, "sessions_ended": ended}, Audit(after={"sessions_ended": ended})


def give_role(conn: Conn, c: GiveRole, actor: Actor, request_id: UUID) -> Answer:
    before = _roles_of(conn, c.name, lock=True)
    require_holding(actor, [(permissions_of(conn, c.role), c.warehouse)], "role")
    _give(conn, c.name, c.role, find_warehouse(conn, c.warehouse, "warehouse"), actor)
    return _roles_answer(conn, c.name, before)


def take_role(conn: Conn, c: TakeRole, actor: Actor, request_id: UUID) -> Answer:
    administrators = _administrators(conn)
    before = _roles_of(conn, c.name, lock=True)
    require_holding(actor, [(permissions_of(conn, c.role), c.warehouse)], "role")
    location_id = find_warehouse(conn, c.warehouse, "warehouse")
    taken = conn.execute(
        "delete from person_role where person = %s and role = %s and location_id is not distinct from %s",
        (c.name, c.role, location_id),
    ).rowcount
    if not taken:
        where = f"within {c.warehouse}" if c.warehouse is not None else "everywhere"
        raise Refuse(RefusalCode.NOT_FOUND, "role", f"{c.name} does not have the role {c.role!r} {where}")
    _require_one_left(conn, administrators)
    return _roles_answer(conn, c.name, before)


def set_role(conn: Conn, c: SetRole, actor: Actor, request_id: UUID) -> Answer:
    if not NAME.fullmatch(c.name):
        raise Refuse(RefusalCode.INVALID, "name", f"a name is {_NAME_RULE}")
    if c.name == ADMINISTRATOR:
        raise Refuse(RefusalCode.INVALID, "name", "the administrator may do everything, so that somebody can")
    require_holding(actor, [(c.permissions, None)], "permissions")
    permissions = sorted({str(permission) for permission in c.permissions})
    row = conn.execute("select permissions from role where name = %s for update", (c.name,)).fetchone()
    conn.execute(
        """insert into role (name, permissions, edited) values (%s, %s, true)
           on conflict (name) do update set permissions = excluded.permissions, edited = true""",
        (c.name, permissions),
    )
    return {"name": c.name, "permissions": permissions}, Audit(
        {"permissions": row[0]} if row is not None else None, {"permissions": permissions}
    )


def find_warehouse(conn: Conn, code: str | None, field: str) -> int | None:
    """The id of a warehouse; None for everywhere."""
    if code is None:
        return None
    query = "select location_id from location where code = %s and level in ('warehouse', 'site')"
    return find_id(conn, query, (code,), field, code)


def permissions_of(conn: Conn, role: str, field: str = "role") -> list[str]:
    """The permissions of a role, or a refusal."""
    row = conn.execute("select permissions from role where name = %s", (role,)).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, field, f"no role {role!r}")
    permissions: list[str] = row[0]
    return permissions


def require_holding(actor: Actor, grants: Iterable[tuple[Iterable[str], str | None]], field: str) -> None:
    """Nobody gives or takes what they do not hold."""
    wanted = rights_of(grants)
    if not actor.rights.contain(wanted):
        lacking = sorted(
            {*wanted.everywhere, *(p for some in wanted.within.values() for p in some)} - actor.rights.everywhere
        )
        message = f"{actor.name} does not hold {', '.join(lacking)}: nobody gives or takes what they do not hold"
        raise Refuse(RefusalCode.FORBIDDEN, field, message)


def _give(conn: Conn, name: str, role: str, location_id: int | None, actor: Actor) -> None:
    conn.execute(
        """insert into person_role (person, role, location_id, given_by) values (%s, %s, %s, %s)
           on conflict do nothing""",
        (name, role, location_id, actor.name),
    )


def _roles_of(conn: Conn, name: str, *, lock: bool = False) -> list[dict[str, str | None]]:
    if lock:
        _lock(conn, name)
    rows = conn.execute(
        """select g.role, l.code from person_role g left join location l using (location_id) where g.person = %s
           order by 1, 2 nulls first""",
        (name,),
    )
    return [{"role": role, "warehouse": warehouse} for role, warehouse in rows]


def _roles_answer(conn: Conn, name: str, before: list[dict[str, str | None]]) -> Answer:
    after = _roles_of(conn, name)
    return {"name": name, "roles": after}, Audit({"roles": before}, {"roles": after})


def _lock(conn: Conn, name: str) -> bool:
    """Lock a person; whether disabled."""
    row = conn.execute("select disabled_at is not null from person where name = %s for update", (name,)).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "name", f"no user {name!r}")
    return bool(row[0])


def _lock_person(conn: Conn, actor: Actor, name: str) -> bool:
    """The same, for a change that only who holds as much may make."""
    disabled = _lock(conn, name)
    if not actor.rights.contain(rights_of_person(conn, name)):
        raise Refuse(RefusalCode.FORBIDDEN, "name", f"{name} may do more than {actor.name}")
    return disabled


def rights_of_person(conn: Conn, name: str) -> Rights:
    """The sum of a person's roles."""
    rows = conn.execute(
        """select r.permissions, l.code from person_role g join role r on r.name = g.role
           left join location l using (location_id) where g.person = %s""",
        (name,),
    )
    return rights_of((permissions, code) for permissions, code in rows)


def _administrators(conn: Conn) -> int:
    """How many may do everything, everywhere. Nobody else takes one away until the end of the transaction."""
    conn.execute("select pg_advisory_xact_lock(hashtextextended('tagledger administrators', 0))")
    row = conn.execute(
        """select count(distinct p.name) from person p join person_role g on g.person = p.name
           join role r on r.name = g.role
           where p.disabled_at is null and g.location_id is null and %s = any(r.permissions)""",
        (EVERYTHING,),
    ).fetchone()
    return int(row[0]) if row is not None else 0


def _require_one_left(conn: Conn, before: int) -> None:
    if before and not _administrators(conn):
        raise Refuse(RefusalCode.WRONG_STATE, "name", "nobody would be left who may do everything")


HANDLERS: Handlers = {
    CreateUser: create_user,
    DisableUser: disable_user,
    ResetPassword: reset_password,
    EndSessions: end_sessions,
    GiveRole: give_role,
    TakeRole: take_role,
    SetRole: set_role,
}
