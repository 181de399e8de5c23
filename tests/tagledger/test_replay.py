"""Replaying files: plain LLRP messages, and what is said of a file that is no recording."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.physics.recording import write_csv
from simulators.scenarios.run import simulate
from simulators.scenarios.spec import named
from stream.model import EdgeBatch
from stream.sequencer import Position
from tagledger.cli import app
from tagledger.command_desk import CommandFormatError, RecordedCommand, decode_command
from tagledger.replay_source import in_turn, plain_site
from tagledger.site_text import site_text
from tests.shared_data import shared_data
from tests.stream.traffic import batch
from warehouse.commands import ALL_RIGHTS, Actor, CreateItem
from warehouse.ledger import Tracking


def command(name: str, *after: Position) -> RecordedCommand:
    return RecordedCommand(CreateItem(name), Actor("kim", "pda-1", ALL_RIGHTS), "api:k", name, after)


def test_golden_frames_replay_into_a_database_of_their_own_and_once(tmp_path: Path) -> None:
    file = shared_data("llrp", "ltk", "dx101_c.bin")
    arguments = ["replay", str(file), "--state-dir", str(tmp_path), "--json"]
    first, again = (json.loads(CliRunner().invoke(app, arguments).stdout) for _ in range(2))
    assert (first["reads"], first["tags"], first["problems"]) == (32_705, 32_705, [])
    assert first["sightings"] == 32_705
    assert (again["sightings"], again["batches_known_already"]) == (0, first["batches"])


@pytest.mark.parametrize(
    ("content", "speed", "message"),
    [
        (None, "max", "no such file"),
        (b"TLCAPT\x09\n" + bytes(64), "max", "version 9"),
        (b"", "max", "0 bytes are neither"),
        (b"name,epc,antenna\n", "max", "neither a capture nor LLRP messages: offset 0"),
        (b"", "fast", "--speed"),
        (b"", "-1", "--speed"),
    ],
)
def test_what_is_no_recording_is_said_and_exits_2(
    content: bytes | None, speed: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.tlcap"
    if content is not None:
        file.write_bytes(content)
    done = CliRunner().invoke(app, ["replay", str(file), "--speed", speed, "--state-dir", str(tmp_path / "s")])
    assert done.exit_code == 2
    assert message in done.stderr


def test_commands_come_after_the_batches_that_were_committed_before_them() -> None:
    commands = [command("first"), command("second", Position("a", "e", 2)), command("last", Position("a", "e", 9))]
    order = [
        item.command.code
        if isinstance(item, RecordedCommand) and isinstance(item.command, CreateItem)
        else item.id.counter
        for item in in_turn(iter([batch(n, "a", "e") for n in (1, 2, 3)]), commands)
        if isinstance(item, EdgeBatch | RecordedCommand)
    ]
    assert order == ["first", 1, 2, "second", 3, "last"]


def test_a_recorded_command_reads_back_as_it_was() -> None:
    given = RecordedCommand(
        CreateItem("A-1", gtin="00614141123452", tracking=Tracking.SERIAL),
        Actor("kim", rights=ALL_RIGHTS),
        "s",
        "1",
        (Position("a", "e", 3),),
    )
    assert decode_command(given.encode()) == given


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"kind": "Nothing", "command": {}}'])
def test_a_recorded_command_of_another_kind_is_refused(body: bytes) -> None:
    with pytest.raises(CommandFormatError):
        decode_command(body)


def test_a_plain_file_gets_a_site_that_posts_nothing() -> None:
    site = plain_site()
    assert not site.portals
    assert len(site.zones) == len(site.readers[0].antennas)


def test_reads_as_csv_replay_through_the_same_path(tmp_path: Path) -> None:
    recording, _ = simulate(named("forklift"), 1000)
    write_csv(recording, tmp_path / "reads.csv")
    (tmp_path / "site.toml").write_text(site_text(replace(recording.site, state_dir=str(tmp_path / "s"))))
    arguments = ["replay", str(tmp_path / "reads.csv"), "--site", str(tmp_path / "site.toml"), "--json"]
    first, again = (json.loads(CliRunner().invoke(app, arguments).stdout) for _ in range(2))
    assert first["reads"] == len(recording.time_us)
    assert first["passages"] >= 5
    assert first["location_updates"] > 0
    assert (again["passages"], again["batches_known_already"]) == (0, first["batches"])


def test_what_a_replay_of_reads_as_csv_takes_for_granted_is_said(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text("time,epc,antenna\n1767600000,E1,1\n1767600001,E1,2\n")
    arguments = ["replay", str(file), "--eye", "3=inside", "--state-dir", str(tmp_path / "s")]
    said = CliRunner().invoke(app, arguments).stdout
    assert said.index("portal door: antennas reader:1, reader:2") < said.index("kept in")
    told = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert "the recording has no event of the photo-eye at reader:3" in told["assumed"]


def test_a_csv_that_is_none_names_row_or_column(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text("when,epc,antenna\n1,AB,1\n")
    done = CliRunner().invoke(app, ["replay", str(file), "--state-dir", str(tmp_path / "s")])
    assert done.exit_code == 2
    assert "time" in done.stderr


def test_each_recording_has_a_database_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = shared_data("llrp", "ltk", "dx101_b.bin")
    first = json.loads(CliRunner().invoke(app, ["replay", str(file), "--json"]).stdout)
    other = json.loads(CliRunner().invoke(app, ["replay", str(file.with_name("dx101_c.bin")), "--json"]).stdout)
    assert first["kept_in"] != other["kept_in"]
    assert other["reads"] == other["sightings"] == 32_705
    again = json.loads(CliRunner().invoke(app, ["replay", str(file), "--json"]).stdout)
    assert (again["kept_in"], again["batches_known_already"]) == (first["kept_in"], first["batches"])
