"""A backup and what is made of it: the same books, a stream that goes on, edges that send again what it lacks."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql

from edge.clock import WallClock
from edge.spool import Spool
from edge.uplink_inproc import InprocUplink
from stream.embedded import EmbeddedHost
from stream.model import EdgeBatch
from stream.store import Store
from tests.postgres import with_database
from tests.stream.plant_books import another_database, prepare, query, results
from tests.stream.quiet_edge import NoOrders
from tests.stream.traffic import AGENT, EPOCH, heartbeats, site, traffic
from warehouse.postgres.database.migrate import migrate

LOG = traffic(30)
LOG += heartbeats(LOG[-1], 12)
HALF = len(LOG) // 2


def tagledger(*arguments: object) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "tagledger", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.fixture
def site_file(database: str, tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(f'name = "plant"\n\n[database]\ndsn = "{conninfo.make_conninfo(database)}"\n')
    return path


@contextmanager
def what_is_set_aside_goes(dsn: str) -> Iterator[None]:
    """Drop what a restore has set aside."""
    try:
        yield
    finally:
        name = conninfo.conninfo_to_dict(dsn)["dbname"]
        with psycopg.connect(with_database(dsn, "template1"), autocommit=True) as connection:
            aside = connection.execute(
                "select datname from pg_database where datname ~ ('^' || %s || '_before_')", (name,)
            )
            for (each,) in aside.fetchall():
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(each)))


def process(dsn: str, batches: list[EdgeBatch]) -> None:
    EmbeddedHost(site(), Store(dsn, site())).process_sync(batches)


def test_a_restored_database_goes_on_to_the_same_books(
    database: str, site_file: Path, tmp_path: Path, postgres_dsn: str, migrated_template: str
) -> None:
    prepare(database)
    process(database, LOG[:HALF])
    code, told, errors = tagledger("backup", tmp_path / "backup", "--site", site_file)
    assert (code, told["ledger"]) == (0, []), errors
    process(database, LOG[HALF:])
    code, _, errors = tagledger("restore", tmp_path / "backup", "--site", site_file)
    assert (code, "holds a site" in errors) == (1, True)
    with what_is_set_aside_goes(database):
        code, restored, errors = tagledger("restore", tmp_path / "backup", "--site", site_file, "--replace")
        assert (code, restored["ledger"]) == (0, []), errors
        assert restored["moves"] == told["moves"]
        process(database, LOG[HALF - 5 :])
        with another_database(postgres_dsn, migrated_template) as straight:
            prepare(straight)
            process(straight, LOG)
            assert results(database) == results(straight)
        assert results(database)["movements"]


def test_a_backup_that_was_changed_or_is_none_is_refused(database: str, site_file: Path, tmp_path: Path) -> None:
    code, _, errors = tagledger("backup", tmp_path / "backup", "--site", site_file)
    assert code == 0, errors
    code, _, errors = tagledger("backup", tmp_path / "backup", "--site", site_file)
    assert (code, "is not empty" in errors) == (1, True)
    dump = tmp_path / "backup" / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-1] + b"\0\0")
    code, _, errors = tagledger("restore", tmp_path / "backup", "--site", site_file, "--replace")
    assert (code, "SHA-256" in errors) == (1, True)
    code, _, errors = tagledger("restore", tmp_path / "nothing", "--site", site_file)
    assert (code, "no backup of ours" in errors) == (1, True)


def test_a_database_in_use_is_not_restored_into(database: str, site_file: Path, tmp_path: Path) -> None:
    assert tagledger("backup", tmp_path / "backup", "--site", site_file)[0] == 0
    with psycopg.connect(database, application_name="stream embedded"):
        code, _, errors = tagledger("restore", tmp_path / "backup", "--site", site_file, "--replace")
    assert (code, "in use by stream embedded" in errors) == (1, True)


async def test_an_edge_sends_again_what_a_restored_database_does_not_have(
    database: str, site_file: Path, tmp_path: Path, postgres_dsn: str, migrated_template: str
) -> None:
    prepare(database)
    spool = Spool(tmp_path / "spool.sqlite", AGENT, 64, 24.0, new_epoch=lambda: EPOCH)
    with what_is_set_aside_goes(database):
        await through_the_spool(database, spool, LOG[:40])
        assert tagledger("backup", tmp_path / "backup", "--site", site_file)[0] == 0
        await through_the_spool(database, spool, LOG[40:HALF])
        assert spool.depth().unacked == 0
        code, _, errors = tagledger("restore", tmp_path / "backup", "--site", site_file, "--replace")
        assert code == 0, errors
        await through_the_spool(database, spool, LOG[HALF:])
        assert query(database, "select max(counter), (select count(*) from data_gap) from stream_inbox") == [
            (len(LOG), 0)
        ]
        with another_database(postgres_dsn, migrated_template) as straight:
            prepare(straight)
            process(straight, LOG)
            assert results(database) == results(straight)
    spool.close()


async def through_the_spool(dsn: str, spool: Spool, batches: list[EdgeBatch]) -> None:
    """An edge and the embedded host until all that is spooled is committed."""
    host = EmbeddedHost(site(), Store(dsn, site()))
    uplink = InprocUplink(host.submit, WallClock())
    host.on_ack.append(lambda ack: uplink.acknowledge(ack.epoch, ack.counter))
    host.on_resend.append(lambda wanted: uplink.send_again(wanted.epoch, wanted.counter))
    running = asyncio.create_task(host.run())
    await host.ready.wait()
    sending = asyncio.create_task(uplink.run(spool, NoOrders()))
    for batch in batches:
        spool.append(batch)
    uplink.notify()
    async with asyncio.timeout(60):
        while spool.depth().unacked or host.positions()[0].counter < batches[-1].id.counter:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending
    host.stop()
    await running


@pytest.mark.timescaledb
def test_hypertables_come_back_as_hypertables(timescaledb_dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(timescaledb_dsn, autocommit=True) as connection:
        connection.execute("create database backed_up")
    dsn = with_database(timescaledb_dsn, "backed_up")
    migrate(dsn)
    prepare(dsn)
    process(dsn, LOG)
    before = results(dsn)
    path = tmp_path / "site.toml"
    path.write_text(f'name = "plant"\n\n[database]\ndsn = "{dsn}"\n')
    code, _, errors = tagledger("backup", tmp_path / "backup", "--site", path)
    assert code == 0, errors
    with what_is_set_aside_goes(dsn):
        code, told, errors = tagledger("restore", tmp_path / "backup", "--site", path, "--replace")
        assert (code, told.get("ledger")) == (0, []), errors
        assert results(dsn) == before
        tables = "select hypertable_name, num_chunks > 0 from timescaledb_information.hypertables order by 1"
        assert ("stream_log", True) in query(dsn, tables)
