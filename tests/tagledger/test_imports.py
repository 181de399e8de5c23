"""`tagledger import` as a person uses it: template, check, import, reconcile, sign off."""

import json
from pathlib import Path

from typer.testing import CliRunner

from tagledger.cli import app

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


def test_a_workbook_template_is_written_and_an_unknown_one_named(tmp_path: Path) -> None:
    book = tmp_path / "items.xlsx"
    assert RUN.invoke(app, ["import", "template", "items", "--out", str(book)]).exit_code == 0
    assert book.read_bytes()[:2] == b"PK"
    wrong = RUN.invoke(app, ["import", "template", "itms"])
    assert wrong.exit_code == 2
    assert "opening-stock" in wrong.stderr
