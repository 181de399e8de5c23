"""Signing in and out, and the secrets that commands on people and keys leave to be made.

Guessing. An attempt is counted before its password is looked at, so that many at once are no way around the count.
After `FREE_ATTEMPTS` each further one locks the name for 1, 2, 4 … `LOCK_S_MAX` seconds; who is locked out is told so
without the password being looked at, and sessions that are open go on. A sign-in that succeeds clears the count, a day
without attempts too. The count is of names as typed, whoever they are: an unknown name gets the same answers after the
same work. `NAMES_MAX` names are counted; beyond that those with the fewest attempts are forgotten.

The audit log has every sign-in that was decided, with the name only where there is such a person: typed names are
passwords now and then.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from warehouse.commands import CreateKey, CreateUser, ResetPassword
from warehouse.commands.people import AccessCommand
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.control import access, audit, passwords, sessions
from warehouse.postgres.control.sessions import Session
from warehouse.roles import ADMINISTRATOR

FREE_ATTEMPTS = 5
LOCK_S_MAX = 900
FORGOTTEN_AFTER_S = 24 * 3600
NAMES_MAX = 10_000
NOBODY = "(unknown name)"
FIRST_ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True)
class NotSignedIn:
    """Wrong name or password; with `retry_after_s` it was not even looked at."""

    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class PasswordRefused:
    """Why a new password was not taken."""

    reason: str


def sign_in(conn: Conn, name: str, password: str, device: str) -> Session | NotSignedIn:
    """One attempt. The connection must be outside a transaction; the hashing runs outside one too."""
    name = name.strip().lower()
    locked_s = _count_attempt(conn, name)
    if locked_s is not None:
        return NotSignedIn(locked_s)
    row = conn.execute(
        """select c.hash, c.one_time, c.hash is not null and p.disabled_at is null
                  and coalesce(c.expires_at > now(), true)
           from person p left join credential c on c.person = p.name where p.name = %s""",
        (name,),
    ).fetchone()
    stored, one_time, may = row if row is not None else (None, False, False)
    right = passwords.is_it(stored, password)
    with conn.transaction():
        if not (right and may):
            audit.add(conn, name if row is not None else NOBODY, device, "SignIn", "refused")
            return NotSignedIn()
        conn.execute("delete from sign_in_attempt where name_digest = %s", (_digest(name),))
        session = sessions.start(conn, name, device, must_change=one_time)
        audit.add(conn, name, device, "SignIn", "done", {"session_id": str(session.session_id)})
        return session


def refresh(conn: Conn, token: str) -> Session | None:
    """The session with its next token; None when the token is not, or no longer, one."""
    with conn.transaction():
        found = sessions.refresh(conn, token)
        if isinstance(found, UUID):
            row = conn.execute("select person, device from session where session_id = %s", (found,)).fetchone()
            assert row is not None
            audit.add(conn, row[0], row[1], "RefreshToken", "used_twice", {"session_id": str(found)})
            return None
        return found


def sign_out(conn: Conn, session_id: UUID) -> bool:
    """Whether the session was open."""
    with conn.transaction():
        row = conn.execute("select person, device from session where session_id = %s", (session_id,)).fetchone()
        if row is None or not sessions.end(conn, session_id, "signed out"):
            return False
        audit.add(conn, row[0], row[1], "SignOut", "done", {"session_id": str(session_id)})
        return True


def change_password(conn: Conn, name: str, device: str, old: str, new: str) -> Session | NotSignedIn | PasswordRefused:
    """By the person: ends all their sessions and begins one. A wrong old password counts as an attempt to sign in."""
    problem = passwords.problem_with(new, name)
    if problem is None and passwords.same(old, new):
        problem = "the new password is the old one"
    if problem is not None:
        return PasswordRefused(problem)
    locked_s = _count_attempt(conn, name)
    if locked_s is not None:
        return NotSignedIn(locked_s)
    row = conn.execute("select hash from credential where person = %s", (name,)).fetchone()
    right = passwords.is_it(row[0] if row is not None else None, old)
    with conn.transaction():
        if not right:
            audit.add(conn, name, device, "ChangePassword", "refused")
            return NotSignedIn()
        conn.execute("delete from sign_in_attempt where name_digest = %s", (_digest(name),))
        sessions.end_all(conn, name, "password changed")
        passwords.store(conn, name, new, one_time=False)
        audit.add(conn, name, device, "ChangePassword", "done")
        return sessions.start(conn, name, device, must_change=False)


def secret_for(conn: Conn, command: AccessCommand, named: str) -> str | None:
    """The secret that an executed command leaves to be made: a one-time password or a key. None when it leaves none.

    `named` is the person's name or the key's id. It is made once; between the command and this nobody can sign in.
    """
    with conn.transaction():
        if isinstance(command, CreateUser | ResetPassword):
            password = passwords.one_time_password()
            passwords.store(conn, named, password, one_time=True)
            return password
        if isinstance(command, CreateKey):
            return access.give_secret(conn, named)
    return None


def first_administrator(conn: Conn) -> tuple[str, str] | None:
    """The first start's administrator, name and one-time password; None when there is anybody."""
    with conn.transaction():
        conn.execute("lock table person in share row exclusive mode")
        row = conn.execute("select exists (select from person)").fetchone()
        if row is not None and row[0]:
            return None
        password = passwords.one_time_password()
        conn.execute(
            "insert into person (name, full_name, created_by) values (%s, 'Administrator', 'first start')",
            (FIRST_ADMINISTRATOR,),
        )
        conn.execute(
            "insert into person_role (person, role, given_by) values (%s, %s, 'first start')",
            (FIRST_ADMINISTRATOR, ADMINISTRATOR),
        )
        passwords.store(conn, FIRST_ADMINISTRATOR, password, one_time=True)
        audit.add(conn, "first start", "", "CreateUser", "done", {"name": FIRST_ADMINISTRATOR, "role": ADMINISTRATOR})
        return FIRST_ADMINISTRATOR, password


def _count_attempt(conn: Conn, name: str) -> int | None:
    """Count it; for how many seconds the name is locked, None when the password may be looked at."""
    with conn.transaction():
        counted = conn.execute(
            """insert into sign_in_attempt as a (name_digest, attempts, last_at, locked_until)
               values (%(name)s, 1, clock_timestamp(), clock_timestamp())
               on conflict (name_digest) do update set
                   attempts = case when a.last_at < clock_timestamp() - make_interval(secs => %(forgotten)s) then 1
                                   else a.attempts + 1 end,
                   last_at = clock_timestamp(),
                   locked_until = clock_timestamp() + make_interval(secs => case
                       when a.last_at < clock_timestamp() - make_interval(secs => %(forgotten)s)
                            or a.attempts + 1 < %(free)s then 0
                       else least(%(longest)s, 2 ^ least(20, a.attempts + 1 - %(free)s)) end)
               where a.locked_until <= clock_timestamp()
               returning attempts""",
            {"name": _digest(name), "free": FREE_ATTEMPTS, "longest": LOCK_S_MAX, "forgotten": FORGOTTEN_AFTER_S},
        ).fetchone()
        if counted is not None:
            conn.execute(
                """delete from sign_in_attempt where name_digest in (
                       select name_digest from sign_in_attempt order by attempts desc, last_at desc offset %s)""",
                (NAMES_MAX,),
            )
            return None
        left = conn.execute(
            """select ceil(extract(epoch from locked_until - clock_timestamp()))::int from sign_in_attempt
               where name_digest = %s""",
            (_digest(name),),
        ).fetchone()
        return max(1, left[0]) if left is not None else 1


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
