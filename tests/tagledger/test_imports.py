"""`tagledger import` as a person uses it: template, check, import, reconcile, sign off."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
from typer.testing import CliRunner

from tagledger.cli import app
from warehouse.postgres.books.integrity import check

RUN = CliRunner()


def test_a_store_is_imported_from_the_command_line(database: str, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'name = "x"\nstate_dir = "{tmp_path}"\n[database]\ndsn = "{database}"\n')
    items, places, stock = tmp_path / "items.csv", tmp_path / "places.csv", tmp_path / "stock.csv"
    header = RUN.invoke(app, ["import", "template", "items"]).stdout
    items.write_text(header + "0017,Bearing\n", encoding="utf-8")
    places.write_text("code\nB-1\n")
    stock.write_text("item,location,quantity\n0017,B-1,5\n0017,B-2,x\n")

    def invoke(*arguments: object) -> tuple[int, dict[str, object]]:
        done = RUN.invoke(app, ["import", *map(str, arguments), "--site", str(site), "--json"])
        return done.exit_code, json.loads(done.stdout)

    assert invoke("items", items, "--dry-run")[1]["state"] == "checked"
    assert invoke("items", items)[1]["made"] == 1
    assert invoke("locations", places)[0] == 0
    problems = tmp_path / "problems.csv"
    code, result = invoke("opening-stock", stock, "--problems", problems)
    assert (code, result["state"]) == (1, "refused")
    assert "3,quantity,error,not_a_number" in problems.read_text("utf-8-sig")
    stock.write_text("item,location,quantity\n0017,B-1,5\n")
    code, result = invoke("opening-stock", stock, "--control-rows", 1, "--control-quantity", 5, "--as", "kim")
    assert (code, result["state"]) == (0, "applied")
    assert invoke("reconcile", result["run_id"])[1] == {"items": 1, "differ": 0, "differences": []}
    assert invoke("sign-off", result["run_id"], "--rows", 1, "--quantity", 5, "--as", "lee")[0] == 0
    refused = RUN.invoke(
        app, ["import", "undo", str(result["run_id"]), "--site", str(site), "--reason", "late", "--as", "kim"]
    )
    assert refused.exit_code == 1
    assert "signed_off" in refused.stderr


def test_an_import_that_is_killed_never_was_and_can_be_run_again(database: str, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'name = "x"\nstate_dir = "{tmp_path}"\n[database]\ndsn = "{database}"\n')
    items, stock = tmp_path / "items.csv", tmp_path / "stock.csv"
    items.write_text("code\nA\n")
    stock.write_text("item,location,quantity\n" + "A,TRANSIT,1\n" * 40_000)
    assert RUN.invoke(app, ["import", "items", str(items), "--site", str(site)]).exit_code == 0
    command = [sys.executable, "-m", "tagledger", "import", "opening-stock", str(stock), "--site", str(site), "--json"]
    with psycopg.connect(database, autocommit=True) as conn:
        killed = subprocess.Popen(command, stdout=subprocess.PIPE)
        # Not before it writes movements, which nobody sees until it commits.
        query = """select 1 from pg_locks where relation = 'move'::regclass and mode = 'RowExclusiveLock' and granted"""
        for _ in range(6_000):
            if conn.execute(query).fetchone() or killed.poll() is not None:
                break
            conn.execute("select pg_sleep(0.01)")
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(20) == -signal.SIGKILL
        assert conn.execute("select count(*) from move").fetchone() == (0,)
        # As autovacuum may at just this time: from here on the planner takes the table for an empty one.
        conn.execute("analyze move")
        again = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=100)
        assert json.loads(again.stdout)["made"] == 40_000
        assert conn.execute("select on_hand from balance").fetchall() == [(40_000,)]
        assert check(conn) == []


def test_a_workbook_template_is_written_and_an_unknown_one_named(tmp_path: Path) -> None:
    book = tmp_path / "items.xlsx"
    assert RUN.invoke(app, ["import", "template", "items", "--out", str(book)]).exit_code == 0
    assert book.read_bytes()[:2] == b"PK"
    wrong = RUN.invoke(app, ["import", "template", "itms"])
    assert wrong.exit_code == 2
    assert "opening-stock" in wrong.stderr
