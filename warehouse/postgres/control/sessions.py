"""Sessions of people: one a sign-in, kept alive by refresh tokens, each of which is used once (RFC 6749, 10.4).

A token used again is taken as stolen and ends its session, with everything made from it: whoever has the copy and
whoever has the original both have to sign in again. Within `REPEAT_S` of the first use it is a request whose answer got
lost on the way (a handheld between two access points) and gets another token of the same session.

A session ends `IDLE_S` after its last use, `SESSION_S` after its start at the latest, when the person's password is
changed or reset, when the person is disabled, and when somebody ends it. The database's clock decides.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from warehouse.commands import Rights
from warehouse.postgres.books.balances import Conn
from warehouse.roles import rights_of

IDLE_S = 12 * 3600
SESSION_S = 7 * 24 * 3600
REPEAT_S = 10
# Of one person at a time; the one that was not used for longest ends.
SESSIONS_MAX = 20
# Ended sessions are kept this long for whoever asks what happened.
KEPT_DAYS = 90

# For callers with their own (asynchronous) connection; `person_of` reads its row.
FIND = """
    select s.person, s.device, coalesce(c.one_time, true),
           (select coalesce(json_agg(json_build_array(r.permissions, l.code)), '[]')
            from person_role g join role r on r.name = g.role left join location l using (location_id)
            where g.person = s.person)
    from session s join person p on p.name = s.person left join credential c on c.person = p.name
    where s.session_id = %s and s.ended_at is null and s.expires_at > now() and p.disabled_at is null"""


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """Whose session it is, with what they may do now. `must_change`: the password is a one-time one: nothing, then."""

    name: str
    device: str
    rights: Rights
    must_change: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A session just begun or refreshed. The token is known here and nowhere else."""

    session_id: UUID
    person: str
    refresh_token: str
    must_change: bool = False


def person_of(row: Sequence[object] | None) -> SignedInPerson | None:
    """From a row of FIND; None when there is no live session."""
    if row is None:
        return None
    name, device, one_time, grants = row
    assert isinstance(grants, list)
    rights = Rights() if one_time else rights_of((permissions, code) for permissions, code in grants)
    return SignedInPerson(str(name), str(device), rights, bool(one_time))


def start(conn: Conn, person: str, device: str, *, must_change: bool) -> Session:
    """Begin one. In the caller's transaction."""
    conn.execute(
        """update session set ended_at = now(), ended_why = 'too many sessions' where session_id in (
               select session_id from session where person = %s and ended_at is null
               order by used_at desc offset %s)""",
        (person, SESSIONS_MAX - 1),
    )
    session_id = uuid4()
    conn.execute(
        """insert into session (session_id, person, device, expires_at)
           values (%s, %s, %s, now() + make_interval(secs => %s))""",
        (session_id, person, device, SESSION_S),
    )
    return Session(session_id, person, _give_token(conn, session_id), must_change)


def refresh(conn: Conn, token: str) -> Session | UUID | None:
    """The session with its next token; its id when it was ended just now because the token was used before; else None.

    In the caller's transaction, which must be committed also then.
    """
    row = conn.execute(
        """select t.session_id, s.person, coalesce(c.one_time, true), t.used_at is null,
                  t.used_at > now() - make_interval(secs => %(repeat)s)
           from refresh_token t join session s using (session_id) join person p on p.name = s.person
           left join credential c on c.person = p.name
           where t.digest = %(digest)s and t.expires_at > now() and s.ended_at is null and s.expires_at > now()
             and p.disabled_at is null
           for update of t""",
        {"digest": _digest(token), "repeat": REPEAT_S},
    ).fetchone()
    if row is None:
        return None
    session_id, person, one_time, unused, repeated = row
    if not unused and not repeated:
        end(conn, session_id, "refresh token used twice")
        return UUID(str(session_id))
    conn.execute("update refresh_token set used_at = coalesce(used_at, now()) where digest = %s", (_digest(token),))
    conn.execute("update session set used_at = now() where session_id = %s", (session_id,))
    return Session(session_id, person, _give_token(conn, session_id), one_time)


def session_of_token(conn: Conn, token: str) -> UUID | None:
    """The session a refresh token was given to, whatever has become of it."""
    row = conn.execute("select session_id from refresh_token where digest = %s", (_digest(token),)).fetchone()
    return None if row is None else UUID(str(row[0]))


def end(conn: Conn, session_id: UUID, why: str) -> bool:
    """Whether it was open."""
    query = "update session set ended_at = now(), ended_why = %s where session_id = %s and ended_at is null"
    return conn.execute(query, (why, session_id)).rowcount == 1


def end_all(conn: Conn, person: str, why: str, *, only: UUID | None = None) -> int:
    """How many were open: all of a person's, or the one named."""
    return conn.execute(
        """update session set ended_at = now(), ended_why = %(why)s
           where person = %(person)s and ended_at is null and expires_at > now()
             and (%(only)s::uuid is null or session_id = %(only)s)""",
        {"why": why, "person": person, "only": only},
    ).rowcount


def forget_old(conn: Conn) -> int:
    """Remove what ended more than KEPT_DAYS ago, with its tokens; how many sessions."""
    return conn.execute(
        "delete from session where least(ended_at, expires_at) < now() - make_interval(days => %s)", (KEPT_DAYS,)
    ).rowcount


def _give_token(conn: Conn, session_id: UUID) -> str:
    token = f"rt_{secrets.token_urlsafe(32)}"
    conn.execute(
        """insert into refresh_token (digest, session_id, expires_at)
           values (%s, %s, now() + make_interval(secs => %s))""",
        (_digest(token), session_id, IDLE_S),
    )
    return token


def _digest(token: str) -> str:
    """The token has 256 random bits: a fast hash is enough, there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
