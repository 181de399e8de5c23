"""`tagledger llrp check` and `dump`, as one runs them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from readers.llrp import messages as m
from readers.llrp.codec import encode
from tagledger.llrp import app
from tests.shared_data import shared_data

KEEPALIVE = encode(m.KeepAlive(), message_id=1)
RESERVED_BITS_SET = encode(m.SetReaderConfig(False), message_id=2)[:-1] + b"\x01"
MISSING_PARAMETER = bytes.fromhex("041e0000000a00000003")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_check_passes_the_golden_files() -> None:
    files = [shared_data("llrp", "ltk", f"dx101_{name}.bin") for name in "abc"]
    code, output = run("check", *files, "--json")
    assert code == 0
    summary = json.loads(output)
    assert summary["ok"] is True
    assert [one["messages"] for one in summary["files"]] == [934, 24, 11]
    assert summary["files"][0]["counts"]["ReaderEventNotification"] == 891


def test_check_takes_bodies_without_headers() -> None:
    body = shared_data("llrp", "edgex-r420", "GetReaderConfigResponse-000.bytes")
    for name in ("GetReaderConfigResponse", "GET_READER_CONFIG_RESPONSE", "12"):
        code, output = run("check", body, "--message", name)
        assert code == 0
        assert "differences" in output


def test_check_says_what_differs_and_what_is_broken_and_where(tmp_path: Path) -> None:
    file = tmp_path / "some.bin"
    file.write_bytes(KEEPALIVE + RESERVED_BITS_SET + MISSING_PARAMETER + KEEPALIVE[:4])
    code, output = run("check", file, "--json")
    assert code == 1
    (result,) = json.loads(output)["files"]
    assert (result["messages"], result["differences"], result["errors"]) == (2, 1, 2)
    difference, missing, cut = result["problems"]
    assert "SetReaderConfig differs from byte 10: 01 read, 00 written" in difference
    assert "message at 21: offset 31: expected LLRPStatus" in missing
    assert "offset 31: expected a complete message, found 4 bytes" in cut


def test_check_stops_where_no_message_can_start(tmp_path: Path) -> None:
    file = tmp_path / "some.bin"
    file.write_bytes(KEEPALIVE + b"HTTP/1.1 200 OK")
    code, output = run("check", file)
    assert code == 1
    assert "offset 10: expected a message header" in output


@pytest.mark.parametrize("as_json", [False, True])
def test_dump_prints_every_message(as_json: bool, tmp_path: Path) -> None:
    file = tmp_path / "some.bin"
    file.write_bytes(KEEPALIVE + MISSING_PARAMETER + RESERVED_BITS_SET)
    code, output = run("dump", file, *(["--json"] if as_json else []))
    assert code == 1
    if as_json:
        first, broken, last = map(json.loads, output.splitlines())
        assert (first["offset"], first["message"], first["message_id"]) == (0, "KeepAlive", 1)
        assert "expected LLRPStatus" in broken["error"]
        assert last["content"] == {"ResetToFactoryDefault": False}
    else:
        assert "KeepAlive  offset 0, 10 bytes, id 1, version 1.0.1" in output
        assert "ERROR message at 10" in output
        assert "  ResetToFactoryDefault False" in output


def test_dump_shows_times_as_dates_and_epcs_as_hex() -> None:
    code, output = run("dump", shared_data("llrp", "ltk", "dx101_a.bin"))
    assert code == 0
    assert "(2007-03-07T17:01:18.714842Z)" in output
    assert "C1G2_PC" in output


def test_an_unknown_message_name_is_wrong_use(tmp_path: Path) -> None:
    file = tmp_path / "some.bin"
    file.write_bytes(KEEPALIVE)
    code, output = run("check", file, "--message", "Nonsense")
    assert code == 2
    assert "Nonsense" in output
