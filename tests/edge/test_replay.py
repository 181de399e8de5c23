"""Replays of plain message files; captures are replayed in `test_agent`."""

from pathlib import Path

import numpy as np
import pytest

from edge.replay import ReplayCount, replay_frames
from stream.batch_codec import encode_batch
from stream.model import DeviceEventKind
from tests.shared_data import shared_data

from .batches import noise
from .llrp_frames import START_US, report


def write_frames(path: Path) -> Path:
    frames = [report([step, 7], START_US + step * 50_000) for step in range(40)]
    path.write_bytes(b"".join(frames))
    return path


def test_the_same_file_gives_the_same_batches_under_a_name_of_its_own(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "a.bin")
    first = [encode_batch(batch) for batch in replay_frames(path)]
    assert first == [encode_batch(batch) for batch in replay_frames(path)]
    other = tmp_path / "b.bin"
    other.write_bytes(path.read_bytes() + report([1], START_US + 9_000_000))
    epochs = {next(iter(replay_frames(file))).id.epoch for file in (path, other)}
    assert len(epochs) == 2


def test_batches_are_cut_by_reader_time_and_time_runs_on_at_the_end(tmp_path: Path) -> None:
    count = ReplayCount()
    batches = list(replay_frames(write_frames(tmp_path / "a.bin"), count, tail_s=30))
    assert [batch.id.counter for batch in batches] == list(range(1, len(batches) + 1))
    with_reads = [batch for batch in batches if len(batch.sightings)]
    assert 7 <= len(with_reads) <= 10
    promised = -1
    for batch in batches:
        assert (batch.sightings.first_us > promised).all()
        assert batch.watermark_us >= promised
        promised = batch.watermark_us
    assert promised == START_US + 39 * 50_000 + 1000 + 30_000_000
    assert (count.frames, count.reads, count.problem) == (40, 80, "")
    assert sum(int(batch.sightings.reads.sum()) for batch in batches) == 80


def test_what_cannot_be_framed_ends_the_replay_after_what_came_before(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "a.bin")
    for tail, says in ((noise(500), "expected a message header"), (report([1], START_US)[:20], "unfinished message")):
        broken = tmp_path / "broken.bin"
        broken.write_bytes(path.read_bytes() + tail)
        count = ReplayCount()
        assert sum(int(batch.sightings.reads.sum()) for batch in replay_frames(broken, count)) == 80
        assert says in count.problem


@pytest.mark.parametrize(("name", "reads"), [("dx101_a.bin", 130), ("dx101_b.bin", 132), ("dx101_c.bin", 32_705)])
def test_real_recordings_lose_no_read(name: str, reads: int) -> None:
    count = ReplayCount()
    batches = list(replay_frames(shared_data("llrp", "ltk", name), count))
    assert count.reads == reads
    assert count.problem == ""
    assert sum(len(batch.sightings) for batch in batches) == count.sightings
    assert not any(e.kind is DeviceEventKind.PROTOCOL_ERROR for batch in batches for e in batch.events)
    assert all(np.isfinite(batch.sightings.power_mw).all() for batch in batches)
