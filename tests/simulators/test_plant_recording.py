"""A plant's day as a recording: complete, ordered, and readable as anybody's CSV."""

from pathlib import Path

import numpy as np

from simulators.physics.recording import write_csv, write_truth
from simulators.plant import Plant
from simulators.plant_recording import recorded
from stream.recorded import read_csv
from stream.recorded_truth import read_truth


def test_every_load_is_in_the_recording_and_both_files_read_back(tmp_path: Path) -> None:
    plant = Plant(5, 60.0)
    recording, truth = recorded(plant)
    assert (np.diff(recording.time_us) >= 0).all()
    assert {epc for load in truth.loads for epc in load.epcs} <= set(recording.epcs)
    write_csv(recording, tmp_path / "reads.csv")
    write_truth(truth, tmp_path / "truth.csv")
    reads = read_csv(tmp_path / "reads.csv")
    assert np.array_equal(reads.time_us, recording.time_us)
    assert [reads.tags[tag] for tag in reads.tag[:50]] == [recording.epcs[tag] for tag in recording.tag[:50]]
    assert [(event.at_us, event.device, event.port, event.state) for event in reads.events] == [
        (event.time_us, event.reader, event.gpi, event.state) for event in plant.gpi_changes
    ]
    again = read_truth(tmp_path / "truth.csv")
    assert [(load.load_id, load.portal, load.direction, load.epcs) for load in again.loads] == [
        (load.load_id, load.portal, load.direction, load.epcs) for load in truth.loads
    ]
