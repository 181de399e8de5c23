"""Captures on disk: what was written is read, files rotate, damage is skipped and told."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.capture import (
    CaptureHeader,
    CaptureReader,
    CaptureWriter,
    ClockRecord,
    FramesRecord,
    SealRecord,
    StartRecord,
    StopRecord,
)
from edge.errors import CaptureFormatError
from tests.edge.batches import noise

HEADER = CaptureHeader("plant", "edge", 1_700_000_000_000_000, "[site]\n", "d1")


def write(folder: Path, seals: int = 20, compress: bool = False) -> Path:
    writer = CaptureWriter(folder, HEADER, compress=compress)
    writer.start("edge", 250, 1)
    for seal in range(1, seals + 1):
        for frame in range(3):
            writer.frame("dock-1", 10 * seal + frame, b"\x04\x3d" + bytes([seal, frame]) * (seal + frame))
        writer.seal("e", seal, 100 * seal, 100 * seal + 5)
    writer.close(9999, "done")
    return writer.path


def seals_of(reader: CaptureReader) -> list[int]:
    return [record.counter for record in reader if isinstance(record, SealRecord)]


@pytest.mark.parametrize("compress", [False, True])
def test_what_was_written_is_read(tmp_path: Path, compress: bool) -> None:
    path = write(tmp_path / "capture", compress=compress)
    reader = CaptureReader(tmp_path / "capture")
    records = list(reader)
    assert reader.header == HEADER
    assert reader.problems == []
    assert reader.bytes_read == reader.bytes_total == path.stat().st_size
    assert records[0] == StartRecord("edge", 250, 1)
    assert records[-1] == StopRecord(9999, "done")
    frames = [record for record in records if isinstance(record, FramesRecord)]
    assert len(frames) == 20
    assert frames[1].data == b"\x04\x3d\2\0\2\0" + b"\x04\x3d" + b"\2\1" * 3 + b"\x04\x3d" + b"\2\2" * 4
    assert seals_of(CaptureReader(path)) == list(range(1, 21))


def test_messages_of_one_reader_lie_together_but_not_across_a_clock_correction(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path, HEADER)
    writer.frame("a", 1, b"a1")
    writer.frame("b", 2, b"b1")
    writer.frame("a", 3, b"a2")
    writer.clock("a", 4, 50)
    writer.frame("a", 5, b"a3")
    writer.seal("e", 1, 1, 1)
    writer.close(9, "done")
    seen = [
        (record.reader, record.data if isinstance(record, FramesRecord) else None)
        for record in CaptureReader(tmp_path)
        if isinstance(record, FramesRecord | ClockRecord)
    ]
    assert seen == [("a", b"a1a2"), ("a", None), ("b", b"b1"), ("a", b"a3")]


def test_files_rotate_at_their_size_begin_with_what_a_reader_needs_and_the_oldest_go(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path, HEADER, file_max_mb=1, total_max_mb=3)
    writer.start("edge", 250, 1)
    writer.clock("dock-1", 1, -7)
    for seal in range(1, 61):
        writer.frame("dock-1", seal, noise(100_000))
        writer.seal("e", seal, seal, seal)
    writer.close(99, "done")
    files = sorted(tmp_path.iterdir())
    assert sum(file.stat().st_size for file in files) <= 3.3 * 1024 * 1024
    assert writer.path == files[-1]
    counters = seals_of(CaptureReader(tmp_path))
    assert counters == list(range(counters[0], 61))
    assert counters[0] > 1
    first = list(CaptureReader(files[-1]))[:2]
    assert first == [StartRecord("edge", 250, 1), ClockRecord("dock-1", 1, -7)]


def test_a_killed_edge_leaves_a_tail_that_is_no_damage(tmp_path: Path) -> None:
    path = write(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:-70])
    reader = CaptureReader(path)
    assert seals_of(reader) == list(range(1, 20))
    (problem,) = reader.problems
    assert problem.truncated
    assert problem.offset + problem.length == len(data) - 70
    assert reader.bytes_read == reader.bytes_total


def test_damage_costs_its_block_and_is_told_by_offset(tmp_path: Path) -> None:
    path = write(tmp_path)
    data = bytearray(path.read_bytes())
    middle = data.index(b"\xf7TLBLK\r\n", len(data) // 2)
    data[middle + 60] ^= 1
    path.write_bytes(data)
    reader = CaptureReader(path)
    counters = seals_of(reader)
    assert len(counters) == 19
    (problem,) = reader.problems
    assert (problem.offset, problem.truncated) == (middle, False)
    assert data[middle + problem.length :].startswith(b"\xf7TLBLK\r\n")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(100, 5000), junk=st.integers(0, 400), cut=st.integers(0, 300))
def test_any_damage_leaves_the_other_blocks_readable(tmp_path: Path, at: int, junk: int, cut: int) -> None:
    folder = tmp_path / f"{at}-{junk}-{cut}"
    path = folder / "x.tlcap"
    if not folder.exists():
        write(folder).rename(path)
    data = path.read_bytes()
    at = min(at, len(data))
    path.write_bytes(data[:at] + noise(junk) + data[at + cut :])
    reader = CaptureReader(path)
    counters = seals_of(reader)
    assert counters == sorted(counters)
    lost = 20 - len(counters)
    assert lost <= 2 + cut // 60
    assert bool(reader.problems) == bool(junk or data[at : at + cut]) or at == len(data)
    assert reader.bytes_read == reader.bytes_total
    path.unlink()
    folder.rmdir()


def test_what_is_no_capture_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(CaptureFormatError, match="holds no"):
        CaptureReader(tmp_path)
    other = tmp_path / "frames.bin"
    other.write_bytes(b"\x04\x3d" * 20)
    with pytest.raises(CaptureFormatError, match=r"frames\.bin: not a capture"):
        CaptureReader(other)


def test_two_writers_of_the_same_moment_do_not_overwrite_each_other(tmp_path: Path) -> None:
    assert write(tmp_path) != write(tmp_path)
    assert seals_of(CaptureReader(tmp_path)) == [*range(1, 21), *range(1, 21)]
