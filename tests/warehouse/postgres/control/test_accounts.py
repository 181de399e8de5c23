"""Signing in: one-time passwords, guessing, refresh tokens that are used once, sessions that end."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from warehouse.commands import ALL_RIGHTS, Actor, CreateUser, Permission, Result
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.commands import execute
from warehouse.postgres.control import accounts, passwords, sessions, signing_keys
from warehouse.postgres.control.accounts import NAMES_MAX, NotSignedIn, PasswordRefused
from warehouse.postgres.control.people import ensure_roles
from warehouse.postgres.control.sessions import REPEAT_S, SESSIONS_MAX, Session
from warehouse.postgres.database.connect import connect

SECRET = "correct horse battery"


@pytest.fixture
def conn(database: str) -> Iterator[Conn]:
    """As the service."""
    with connect(database) as made:
        ensure_roles(made)
        yield made


@pytest.fixture
def kim(conn: Conn) -> str:
    """A keeper with a password of her own."""
    actor = Actor("admin", "", ALL_RIGHTS)
    done = execute(conn, CreateUser("kim", "Kim", "keeper"), actor=actor, source="test", client_event_id="kim")
    assert isinstance(done, Result)
    passwords.store(conn, "kim", SECRET, one_time=False)
    return "kim"


def signed_in(conn: Conn, name: str, password: str = SECRET) -> Session:
    outcome = accounts.sign_in(conn, name, password, "pda-1")
    assert isinstance(outcome, Session), outcome
    return outcome


def live(conn: Conn, session: Session) -> sessions.SignedInPerson | None:
    return sessions.person_of(conn.execute(sessions.FIND, (session.session_id,)).fetchone())


def log(conn: Conn) -> list[tuple[str, str, str]]:
    return conn.execute(
        "select actor, command, outcome from audit_log where command <> 'CreateUser' order by seq"
    ).fetchall()


def test_a_one_time_password_opens_nothing_but_its_change(conn: Conn) -> None:
    made = accounts.first_administrator(conn)
    assert made is not None
    name, once = made
    assert accounts.first_administrator(conn) is None
    session = signed_in(conn, name, once)
    person = live(conn, session)
    assert person is not None
    assert (session.must_change, person.must_change, person.rights.everywhere) == (True, True, frozenset())
    for new in ("short", once, f"my name is {name} really", "a" * 40, "x" * 200):
        assert isinstance(accounts.change_password(conn, name, "", once, new), PasswordRefused), new
    assert accounts.change_password(conn, name, "", "wrong", SECRET) == NotSignedIn()
    changed = accounts.change_password(conn, name, "", once, SECRET)
    assert isinstance(changed, Session)
    assert live(conn, session) is None
    person = live(conn, changed)
    assert person is not None
    assert person.rights.everywhere == frozenset(Permission)
    assert isinstance(accounts.sign_in(conn, name, once, ""), NotSignedIn)


def test_a_one_time_password_expires(conn: Conn, kim: str) -> None:
    passwords.store(conn, kim, "once-only-once", one_time=True)
    conn.execute("update credential set expires_at = now()")
    assert accounts.sign_in(conn, kim, "once-only-once", "") == NotSignedIn()


def test_names_in_capitals_and_letters_written_otherwise_are_the_same(conn: Conn, kim: str) -> None:
    passwords.store(conn, kim, "Ünïcode pass phrase", one_time=False)
    assert signed_in(conn, " KIM ", "U\u0308ni\u0308code pass phrase")


@pytest.mark.parametrize("name", ["kim", "nobody", "disabled", "without"])
def test_guessing_is_slowed_down_the_same_for_every_name(conn: Conn, kim: str, name: str) -> None:
    actor = Actor("admin", "", ALL_RIGHTS)
    for other in ("disabled", "without"):
        execute(conn, CreateUser(other), actor=actor, source="test", client_event_id=other)
    passwords.store(conn, "disabled", SECRET, one_time=False)
    conn.execute("update person set disabled_at = now() where name = 'disabled'")
    password = "wrong" if name == "kim" else SECRET
    assert accounts.sign_in(conn, name, password, "") == NotSignedIn()
    locks = {}
    for attempts in (1, 3, 4, 5, 7, 13, 14, 40):
        conn.execute("update sign_in_attempt set locked_until = now(), attempts = %s", (attempts,))
        assert accounts.sign_in(conn, name, password, "") == NotSignedIn()
        row = conn.execute("select extract(epoch from locked_until - last_at)::int from sign_in_attempt").fetchone()
        assert row is not None
        locks[attempts + 1] = row[0]
    assert locks == {2: 0, 4: 0, 5: 1, 6: 2, 8: 8, 14: 512, 15: 900, 41: 900}
    locked = accounts.sign_in(conn, name, password, "")
    assert isinstance(locked, NotSignedIn)
    assert locked.retry_after_s is not None
    refused = conn.execute("select distinct actor from audit_log where command = 'SignIn'").fetchall()
    assert refused == [(accounts.NOBODY if name == "nobody" else name,)]


def test_who_is_locked_out_cannot_sign_in_and_open_sessions_go_on(conn: Conn, kim: str) -> None:
    session = signed_in(conn, kim)
    accounts.sign_in(conn, kim, "wrong", "")
    conn.execute("update sign_in_attempt set locked_until = now() + interval '1 hour'")
    locked = accounts.sign_in(conn, kim, SECRET, "")
    assert isinstance(locked, NotSignedIn)
    assert locked.retry_after_s is not None
    assert live(conn, session) is not None
    assert isinstance(accounts.refresh(conn, session.refresh_token), Session)
    conn.execute("update sign_in_attempt set locked_until = now()")
    assert signed_in(conn, kim)
    assert conn.execute("select count(*) from sign_in_attempt").fetchone() == (0,)


def test_many_guesses_at_once_are_counted_before_they_are_tried(database: str, conn: Conn, kim: str) -> None:
    accounts.sign_in(conn, kim, "wrong", "")
    conn.execute("update sign_in_attempt set attempts = 20")  # the next one locks for the longest
    barrier = threading.Barrier(16)

    def guess(_: int) -> bool:
        with connect(database) as own:
            barrier.wait(30)
            outcome = accounts.sign_in(own, kim, "wrong", "")
            assert isinstance(outcome, NotSignedIn)
            return outcome.retry_after_s is None

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(guess, range(16))) == 1


def test_guessed_names_are_bounded_and_the_most_guessed_stay(conn: Conn) -> None:
    conn.execute(
        "insert into sign_in_attempt select n::text, 1, now(), now() from generate_series(1, %s) n", (NAMES_MAX + 500,)
    )
    conn.execute("update sign_in_attempt set attempts = 9 where name_digest = '7'")
    accounts.sign_in(conn, "nobody", "wrong", "")
    assert conn.execute("select count(*), max(attempts) from sign_in_attempt").fetchone() == (NAMES_MAX, 9)


def test_a_refresh_token_is_used_once_and_a_lost_answer_is_repeated(conn: Conn, kim: str) -> None:
    first = signed_in(conn, kim)
    second = accounts.refresh(conn, first.refresh_token)
    repeated = accounts.refresh(conn, first.refresh_token)
    assert isinstance(second, Session)
    assert isinstance(repeated, Session)
    assert first.session_id == second.session_id == repeated.session_id
    assert len({first.refresh_token, second.refresh_token, repeated.refresh_token}) == 3
    conn.execute("update refresh_token set used_at = used_at - make_interval(secs => %s)", (REPEAT_S,))
    assert accounts.refresh(conn, first.refresh_token) is None
    assert live(conn, second) is None
    assert accounts.refresh(conn, second.refresh_token) is None
    assert accounts.refresh(conn, repeated.refresh_token) is None
    assert log(conn)[-1] == (kim, "RefreshToken", "used_twice")


@pytest.mark.parametrize(
    "what",
    [
        "update refresh_token set expires_at = now()",
        "update session set expires_at = now()",
        "update session set ended_at = now()",
        "update person set disabled_at = now()",
    ],
)
def test_what_has_ended_is_not_refreshed(conn: Conn, kim: str, what: str) -> None:
    session = signed_in(conn, kim)
    conn.execute(what.encode())
    assert accounts.refresh(conn, session.refresh_token) is None
    assert accounts.refresh(conn, "rt_" + "x" * 43) is None


def test_the_oldest_session_ends_when_there_are_too_many(conn: Conn, kim: str) -> None:
    begun = [sessions.start(conn, kim, "", must_change=False) for _ in range(SESSIONS_MAX + 1)]
    open_now = [live(conn, session) is not None for session in begun]
    assert sum(open_now) == SESSIONS_MAX


def test_no_secret_is_stored_as_it_is(conn: Conn, kim: str, database: str) -> None:
    session = signed_in(conn, kim)
    with psycopg.connect(database) as owner:
        tables = [
            row[0]
            for row in owner.execute(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            )
        ]
        for table in tables:
            text = str(owner.execute(f"select * from {table}".encode()).fetchall())  # noqa: S608
            assert SECRET not in text, table
            assert session.refresh_token not in text, table
            assert session.refresh_token.removeprefix("rt_") not in text, table


def test_signing_keys_follow_each_other(conn: Conn) -> None:
    with conn.transaction():
        first = signing_keys.current(conn)
        assert signing_keys.current(conn) == first
        conn.execute("update signing_key set created_at = now() - interval '31 days'")
        second = signing_keys.current(conn)
        assert second != first
        assert len(conn.execute(signing_keys.ALL).fetchall()) == 2
        third = signing_keys.rotate(conn, forget=True)
        assert [row[0] for row in conn.execute(signing_keys.ALL)] == [third.kid]


def test_old_sessions_are_forgotten_and_their_tokens(conn: Conn, kim: str) -> None:
    signed_in(conn, kim)
    conn.execute("update session set ended_at = now() - interval '91 days'")
    assert sessions.forget_old(conn) == 1
    assert conn.execute("select count(*) from refresh_token").fetchone() == (0,)
