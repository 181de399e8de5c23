"""Recording never gets in the way."""

from pathlib import Path

import pytest

from edge.capture import CaptureHeader, CaptureReader, CaptureWriter, SealRecord, StopRecord
from edge.recorder import Recorder
from stream.model import BatchId

from .batches import batch_named

HEADER = CaptureHeader("plant", "edge", 1)


def test_without_a_writer_nothing_happens() -> None:
    recorder = Recorder(None)
    recorder.frames("dock-1", 1, [b"x"])
    recorder.stop(2, "done")
    assert not recorder.is_recording
    assert recorder.stopped_because == ""


def test_it_records_until_it_is_stopped_and_says_why(tmp_path: Path) -> None:
    recorder = Recorder(CaptureWriter(tmp_path, HEADER))
    recorder.start("edge", 250, 1)
    recorder.sealed(batch_named(BatchId("edge", "e", 1)), final=False)
    recorder.stop(9, "the spool is nearly full")
    recorder.sealed(batch_named(BatchId("edge", "e", 2)), final=False)
    records = list(CaptureReader(tmp_path))
    assert [record.counter for record in records if isinstance(record, SealRecord)] == [1]
    assert records[-1] == StopRecord(9, "the spool is nearly full")
    assert recorder.stopped_because == "the spool is nearly full"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here to write to")
def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path, HEADER)
    writer._file.close()
    writer._file = Path("/dev/full").open("wb")  # noqa: SIM115 - the writer closes it
    recorder = Recorder(writer)
    recorder.frames("dock-1", 1, [b"x"])
    recorder.sealed(batch_named(BatchId("edge", "e", 1)), final=False)
    assert not recorder.is_recording
    assert "No space left" in recorder.stopped_because
    recorder.frames("dock-1", 2, [b"y"])
    recorder.stop(3, "done")
