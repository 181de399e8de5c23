"""Background work: seen while it runs, done once however often its worker dies."""

import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from tagledger.command_desk import WritePool
from tagledger.jobs import do_next
from warehouse.commands import ALL_RIGHTS, Actor, ApplyImport, Result, UndoImport
from warehouse.postgres.commands import execute
from warehouse.postgres.exchange import jobs
from warehouse.postgres.importing import decisions, work

KIM = Actor("kim", rights=ALL_RIGHTS)


@pytest.fixture
def pool(database: str) -> Iterator[WritePool]:
    with ConnectionPool(database, min_size=2, max_size=2, kwargs={"autocommit": True}, open=True) as pool:
        yield pool


def upload(conn: Connection[Any], text: str) -> UUID:
    run_id, job_id = uuid4(), uuid4()
    with conn.transaction():
        content = io.BytesIO(text.encode())
        work.receive(
            conn, run_id, "items", job_id, "i.csv", "text/csv", KIM, work.options_of(None, None, None), content
        )
        jobs.enqueue(conn, job_id, decisions.CHECK, str(run_id), "kim", {})
    return run_id


def state(conn: Connection[Any], run_id: UUID) -> str:
    row = conn.execute("select state from import_run where run_id = %s", (run_id,)).fetchone()
    assert row is not None
    return str(row[0])


def until_claims_are_gone(conn: Connection[Any]) -> None:
    """A claim ends when the server has noticed that its connection is closed."""
    for _ in range(1_000):
        row = conn.execute("select count(*) from pg_sleep(0.01), pg_locks where locktype = 'advisory'").fetchone()
        if row == (0,):
            return
    raise AssertionError("a claim outlived its connection")


def test_an_upload_is_checked_applied_and_undone_in_the_background(database: str, pool: WritePool) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        run_id = upload(conn, "code\nA\nB\n")
        assert do_next(pool) is not None
        assert state(conn, run_id) == "checked"
        for command, reached, items in (
            (ApplyImport(run_id), "applied", 2),
            (UndoImport(run_id, "wrong"), "undone", 0),
        ):
            answer = execute(conn, command, actor=KIM, source="test", client_event_id=str(command))
            assert isinstance(answer, Result), answer
            again = execute(conn, command, actor=KIM, source="test", client_event_id=f"{command} again")
            assert getattr(again, "code", "") == "wrong_state"  # its job has not ended
            assert str(do_next(pool)) == answer.response["job_id"]
            assert state(conn, run_id) == reached
            assert conn.execute("select count(*) from item").fetchone() == (items,)
        assert do_next(pool) is None
        assert conn.execute("select distinct state, error from job").fetchall() == [("done", "")]


def test_a_job_whose_worker_died_is_taken_again_and_not_while_it_lives(database: str, pool: WritePool) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        run_id = upload(conn, "code\nA\n")
        with psycopg.connect(database, autocommit=True) as worker:
            assert jobs.claim(worker, [decisions.CHECK]) is not None
            assert do_next(pool) is None  # it is being worked on
            assert state(conn, run_id) == "received"
        until_claims_are_gone(conn)
        assert do_next(pool) is not None
        assert state(conn, run_id) == "checked"
        assert conn.execute("select state, attempts from job").fetchone() == ("done", 2)


def test_a_job_that_kills_every_worker_is_given_up(database: str, pool: WritePool) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        upload(conn, "code\nA\n")
        for _ in range(jobs.ATTEMPTS_MAX):
            with psycopg.connect(database, autocommit=True) as worker:
                assert jobs.claim(worker, [decisions.CHECK]) is not None
            until_claims_are_gone(conn)
        assert do_next(pool) is None
        assert conn.execute("select state, error <> '' from job").fetchone() == ("failed", True)


def test_a_job_without_its_run_fails_and_says_so(database: str, pool: WritePool) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        jobs.enqueue(conn, uuid4(), decisions.APPLY, str(uuid4()), "kim", {})
        do_next(pool)
        row = conn.execute("select state, error from job").fetchone()
        assert row is not None
        assert row[0] == "failed"
        assert row[1].startswith("no import")
