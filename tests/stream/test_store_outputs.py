"""What is written beside a passage: by which antennas each of its tags was heard, the strongest first."""

import math
from dataclasses import replace

import numpy as np

from stream.model import EMPTY, AntennaRef
from stream.store_outputs import heard_by


def test_the_antenna_with_the_strongest_read_comes_first_and_without_rssi_the_one_that_read_most() -> None:
    one, two = AntennaRef("dock-1", 1), AntennaRef("dock-1", 2)
    rows = [(0, 0, -60.0, 9), (0, 1, -50.0, 1), (0, 0, -55.0, 1), (1, 0, math.nan, 1), (1, 1, math.nan, 5)]
    tag, antenna, peak, reads = zip(*rows, strict=True)
    evidence = replace(
        EMPTY,
        tags=("AA", "BB", "CC"),
        antennas=(one, two),
        tag=np.array(tag, np.uint32),
        antenna=np.array(antenna, np.uint16),
        peak_dbm=np.array(peak, np.float32),
        reads=np.array(reads, np.uint32),
    )
    assert heard_by(evidence) == {"AA": [str(two), str(one)], "BB": [str(two), str(one)]}
    assert heard_by(EMPTY) == {}
