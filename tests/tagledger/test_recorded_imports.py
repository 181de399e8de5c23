"""What was imported while a recording was made is noted in it, and a replay says what its database is missing."""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import ConnectionPool
from typer.testing import CliRunner

from edge.capture import CaptureHeader, CaptureWriter
from tagledger.cli import app
from tagledger.command_desk import CommandFormatError, RecordedCommand
from tagledger.recorded_imports import ImportNote, ImportWatch, decode_note, missing
from tagledger.replay_source import plain_site
from tagledger.site_text import site_text
from warehouse.commands import ALL_RIGHTS, Actor, CreateItem
from warehouse.postgres.importing import work

KIM = Actor("kim", rights=ALL_RIGHTS)


def put_in(conn: psycopg.Connection[Any], text: str) -> UUID:
    run_id = uuid4()
    with conn.transaction():
        given = work.options_of(None, None, None)
        file = io.BytesIO(text.encode())
        work.receive(conn, run_id, "items", uuid4(), "items.csv", "text/csv", KIM, given, file)
        assert work.work_on_file(conn, run_id, KIM, lambda *_: None, applying=True)["state"] == "applied"
    return run_id


def test_imports_are_noted_once_when_applied_and_when_taken_back(database: str) -> None:
    noted: list[ImportNote | None] = []
    with ConnectionPool(database, kwargs={"autocommit": True}) as pool, pool.connection() as conn:
        put_in(conn, "code\nOLD\n")  # before anything was recorded
        watch = ImportWatch(pool, lambda _, body: noted.append(decode_note(body)))
        run_id = put_in(conn, "code\nA\nB\n")
        watch.look()
        watch.look()
        assert [note and (note.rows, note.undone) for note in noted] == [(2, False)]
        first = noted[0]
        assert first is not None
        assert missing(conn, [first]) == []
        with conn.transaction():
            work.work_on_undo(conn, run_id, KIM, "wrong", lambda *_: None)
        watch.look()
        assert [note and (note.rows, note.undone) for note in noted] == [(2, False), (2, True)]
        assert missing(conn, [note for note in noted if note]) == []
        assert missing(conn, [first])[0].startswith("items.csv (items, 2 rows) was imported by kim while this")


def test_a_replay_names_the_file_it_is_missing_until_it_is_imported(tmp_path: Path) -> None:
    site = replace(plain_site(), state_dir=str(tmp_path / "replayed"))
    (tmp_path / "site.toml").write_text(site_text(site))
    (tmp_path / "items.csv").write_text("code\nA\n")
    digest = hashlib.sha256(b"code\nA\n").hexdigest()
    writer = CaptureWriter(tmp_path / "capture", CaptureHeader("replay", "replay", 1, site_text=site_text(site)))
    writer.command(1, "kim", ImportNote(str(uuid4()), "items", "items.csv", digest, 1, "kim", False).encode())
    writer.command(2, "kim", RecordedCommand(CreateItem("B"), KIM, "api:k", "1", ()).encode())
    writer.close(3, "end")

    def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
        done = CliRunner().invoke(app, [*arguments, "--site", str(tmp_path / "site.toml"), "--json"])
        return done.exit_code, json.loads(done.stdout), " ".join(done.stderr.split())

    code, said, complained = run("replay", str(tmp_path / "capture"))
    assert (code, said["commands"], len(said["problems"])) == (1, 1, 1)
    assert "items.csv (items, 1 rows) was imported by kim" in complained
    assert run("import", "items", str(tmp_path / "items.csv"))[1]["state"] == "applied"
    code, said, _ = run("replay", str(tmp_path / "capture"))
    assert (code, said["problems"]) == (0, [])


@pytest.mark.parametrize("body", [b"", b"[]", b'{"kind": "Import", "rows": 1}'])
def test_a_note_that_is_broken_is_refused(body: bytes) -> None:
    with pytest.raises(CommandFormatError):
        decode_note(body)


def test_a_command_is_no_note() -> None:
    assert decode_note(RecordedCommand(CreateItem("B"), KIM, "api:k", "1", ()).encode()) is None
