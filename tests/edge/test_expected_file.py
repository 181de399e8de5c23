"""What a portal expects survives the edge, a full disk and a damaged file."""

from pathlib import Path

import pytest

from edge.expected_file import ExpectedFile
from warehouse.loads import Expectation, ExpectedDocument

EXPECTED = Expectation("door-1", 5, (ExpectedDocument("ASN-1", ("AA",), (("04012345678901", 2),)),))


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    first = ExpectedFile(path)
    assert first.load() == ()
    first.keep(Expectation("door-1", 1))
    first.keep(Expectation("door-2", 2))
    first.keep(EXPECTED)
    assert set(ExpectedFile(path).load()) == {EXPECTED, Expectation("door-2", 2)}


def test_the_same_documents_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    kept = ExpectedFile(path)
    kept.keep(EXPECTED)
    path.unlink()
    kept.keep(Expectation("door-1", 9, EXPECTED.documents))
    assert not path.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff\xfe", b'[{"portal": 5}]'])
def test_a_damaged_file_is_left_out(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "expected.json"
    path.write_bytes(body)
    kept = ExpectedFile(path)
    assert kept.load() == ()
    kept.keep(EXPECTED)
    assert ExpectedFile(path).load() == (EXPECTED,)


def test_a_disk_that_takes_nothing_ends_nothing(tmp_path: Path) -> None:
    kept = ExpectedFile(tmp_path / "no such folder" / "expected.json")
    kept.keep(EXPECTED)
    assert kept.load() == ()
