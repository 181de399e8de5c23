"""The command line: what it lists, and how it ends when something is wrong."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tagledger.cli import app, main

SITE = 'name = "x"\nstate_dir = "{state}"\n'


def test_the_help_names_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for name in (
        "up",
        "edge",
        "stream",
        "api",
        "migrate",
        "doctor",
        "demo",
        "simulate",
        "replay",
        "score",
        "llrp",
        "portal",
    ):
        assert f"  {name} " in shown


def test_it_says_its_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"tagledger {version('tagledger')}\n"


def test_its_matrices_are_multiplied_by_one_thread() -> None:
    script = """
import os
from tagledger.cli import main
try:
    main()
except SystemExit:
    import numpy
    many = numpy.ones((600, 600))
    assert (many @ many).any()
    print(len(os.listdir("/proc/self/task")))
"""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    command = [sys.executable, "-c", script, "--version"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1"


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["score", str(tmp_path / "reads.csv"), str(tmp_path / "truth.csv")])
    assert done.exit_code == 2
    assert f"{tmp_path / 'reads.csv'}: No such file or directory" in done.stderr
    assert "Errno" not in done.stderr


def test_a_state_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain").write_text("a file")
    file = tmp_path / "site.toml"
    file.write_text(SITE.format(state=tmp_path / "plain" / "state"))
    monkeypatch.setattr("sys.argv", ["tagledger", "up", "--site", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.strip() == f"error {tmp_path / 'plain' / 'state'}: Not a directory"


@pytest.mark.parametrize("part", ["llrp", "devices", "portal"])
def test_parts_open_when_they_are_used(part: str) -> None:
    done = CliRunner().invoke(app, [part, "--help"])
    assert done.exit_code == 0
    assert "Commands" in done.stdout


def test_a_mistyped_command_is_pointed_at_the_nearest() -> None:
    done = CliRunner().invoke(app, ["relay"])
    assert done.exit_code == 2
    assert "replay" in done.stderr


@pytest.mark.parametrize("command", ["up", "edge", "stream", "bridge", "worker", "api", "migrate", "doctor"])
def test_a_broken_site_file_ends_every_command_with_file_key_and_fix(command: str, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('name = "x"\ntimezone = "Mars"\n')
    done = CliRunner().invoke(app, [command, "--site", str(file)])
    assert done.exit_code == 2
    assert f"{file}: timezone: unknown time zone 'Mars'. Fix: " in done.stderr


def test_doctor_wants_the_schema_and_migrate_brings_it(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(SITE.format(state=tmp_path / "state"))
    before = CliRunner().invoke(app, ["doctor", "--site", str(file), "--json"])
    assert before.exit_code == 1
    assert [f["name"] for f in json.loads(before.stdout)["findings"] if not f["good"]] == ["schema"]
    applied = json.loads(CliRunner().invoke(app, ["migrate", "--site", str(file), "--json"]).stdout)["applied"]
    assert applied
    after = CliRunner().invoke(app, ["doctor", "--site", str(file), "--ledger", "--json"])
    assert (after.exit_code, json.loads(after.stdout)["good"]) == (0, True)
    assert json.loads(CliRunner().invoke(app, ["migrate", "--site", str(file), "--json"]).stdout)["applied"] == []


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(SITE.format(state=tmp_path) + '[database]\ndsn = "host=127.0.0.1 port=1 user=u dbname=d"\n')
    done = CliRunner().invoke(app, ["doctor", "--site", str(file)])
    assert done.exit_code == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong", [("--duration", "5"), ("--speed", "0"), ("--speed", "-1"), ("--seed", "-1"), ("--port", "99999")]
)
def test_the_demo_names_an_option_it_cannot_use(wrong: tuple[str, str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["demo", *wrong, "--state-dir", str(tmp_path / "demo")])
    assert done.exit_code == 2
    assert wrong[0] in done.stderr


def test_a_key_in_the_environment_that_is_none_is_said(tmp_path: Path) -> None:
    arguments = ["demo", "--duration", "60", "--port", "0", "--state-dir", str(tmp_path / "demo")]
    done = CliRunner(env={"TAGLEDGER_API_KEY": "abc"}).invoke(app, arguments)
    assert done.exit_code == 2
    assert "TAGLEDGER_API_KEY" in done.stderr
