"""Reads as columns: what one simulated reader says it heard."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.physics.propagation import Ints


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """n reads, ordered by time; `tag` indexes the world's tags (all bodies in order), times in the reader's clock."""

    time_us: Ints
    tag: NDArray[np.uint32]
    antenna: NDArray[np.uint16]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.time_us)

    def between(self, first: int, last: int) -> "ReadColumns":
        """Rows first to last − 1."""
        return ReadColumns(
            self.time_us[first:last], self.tag[first:last], self.antenna[first:last], self.rssi_dbm[first:last],
            self.channel[first:last], self.phase_rad[first:last], self.doppler_hz[first:last],
        )  # fmt: skip


def joined(parts: list[ReadColumns]) -> ReadColumns:
    """Parts one after another."""
    return ReadColumns(
        np.concatenate([np.zeros(0, np.int64), *(part.time_us for part in parts)]),
        np.concatenate([np.zeros(0, np.uint32), *(part.tag for part in parts)]),
        np.concatenate([np.zeros(0, np.uint16), *(part.antenna for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.rssi_dbm for part in parts)]),
        np.concatenate([np.zeros(0, np.uint16), *(part.channel for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.phase_rad for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.doppler_hz for part in parts)]),
    )
