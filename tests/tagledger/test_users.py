"""`tagledger users` and `tagledger keys` beside a site's database, as a person at the machine uses them."""

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from tagledger import keys, users
from tagledger.database import open_database
from tagledger.first_start import first_start
from warehouse.commands import Permission
from warehouse.postgres.control import access, accounts
from warehouse.postgres.control.sessions import Session
from warehouse.postgres.database.connect import connect
from warehouse.site import Site
from warehouse.site_settings import DatabaseSettings


@pytest.fixture
def site_file(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site over the test's database."""
    monkeypatch.setenv("TAGLEDGER_DATABASE__DSN", database)
    path = tmp_path / "site.toml"
    path.write_text('name = "test"\n')
    with open_database(Site("test", database=DatabaseSettings(database))):
        pass
    return path


def run(app: Any, site_file: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [words[0], "--site", str(site_file), *words[1:]])
    assert done.exit_code == code, done.output
    return done.output


def test_users_from_the_command_line(site_file: Path, database: str) -> None:
    said = run(users.app, site_file, "add", "kim", "--role", "keeper", "--full-name", "Kim K.")
    found = re.search(r"one-time password (\S+)", said)
    assert found is not None
    with connect(database) as conn:
        assert isinstance(accounts.sign_in(conn, "kim", found[1], ""), Session)
    again = re.search(r"one-time password (\S+)", run(users.app, site_file, "reset", "kim"))
    assert again is not None
    assert again[1] != found[1]
    assert run(users.app, site_file, "give", "kim", "auditor") == "kim: auditor, keeper\n"
    assert run(users.app, site_file, "take", "kim", "keeper") == "kim: auditor\n"
    assert "disabled" in run(users.app, site_file, "disable", "kim", "--reason", "left")
    listed = json.loads(run(users.app, site_file, "list", "--json"))
    assert listed == [{"name": "kim", "full_name": "Kim K.", "disabled": True, "roles": "auditor", "sessions": 0}]
    assert "kim" in run(users.app, site_file, "list")
    run(users.app, site_file, "enable", "kim")
    assert run(users.app, site_file, "sign-out", "kim") == "0 sessions of kim ended\n"
    run(users.app, site_file, "add", "Kim", code=1)
    with psycopg.connect(database) as conn:
        actors = conn.execute("select distinct split_part(actor, ':', 1) from audit_log where command like '%User'")
        assert actors.fetchall() == [("cli",)]


def test_keys_from_the_command_line(site_file: Path, database: str) -> None:
    said = run(
        keys.app, site_file, "add", "screen", "--permission", "read", "--device", "wall", "--expires", "2999-01-01"
    )
    found = re.search(r"tl_\S+", said)
    assert found is not None
    parts = access.parse(found[0])
    assert parts is not None
    with connect(database) as conn:
        holder = access.check(found[0], conn.execute(access.FIND, (parts[0],)).fetchone())
    assert holder is not None
    assert (holder.device, holder.rights.everywhere) == ("wall", {Permission.READ})
    assert "screen" in run(keys.app, site_file, "list")
    run(keys.app, site_file, "revoke", parts[0])
    assert json.loads(run(keys.app, site_file, "list", "--json"))[0]["revoked_at"]
    run(keys.app, site_file, "revoke", parts[0], code=1)
    run(keys.app, site_file, "add", "nothing", code=1)


def test_the_first_start_makes_an_administrator_and_a_key_once(site_file: Path, database: str) -> None:
    made = first_start(database)
    assert made.key is not None
    assert made.administrator is not None
    name, password = made.administrator
    with connect(database) as conn:
        session = accounts.sign_in(conn, name, password, "")
        assert isinstance(session, Session)
        assert session.must_change
    again = first_start(database)
    assert (again.key, again.administrator) == (None, None)
