"""The radio port: what is in front of a simulated reader's antennas. The physics of a plant implements it.

The reader machine asks for one stretch of plant time after another while an inventory runs and gets back every
singulation of that stretch as columns, in time order. Stretches never overlap and never go back; between inventories
there are gaps. Plant time is integer microseconds since the Unix epoch; the reader turns it into its own clock later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AntennaDrive:
    """One antenna port as the running inventory drives it (LLRP 1.0.1 §12.2.6 AntennaConfiguration)."""

    port: int
    power_dbm: float
    session: int = 0
    tag_population: int = 32
    mode_identifier: int = 0


@dataclass(frozen=True, slots=True)
class Singulations:
    """n singulations, one column each, ordered by `time_us`; every array has length n on its first axis.

    `epc` is (n, width) uint8, left-aligned and zero-padded; `epc_bits` the length of each EPC in bits. `channel` is the
    1-based ChannelIndex into the reader's hop table or fixed frequency table. `phase_rad` is in [0, 2π).
    """

    epc: NDArray[np.uint8]
    epc_bits: NDArray[np.uint16]
    antenna: NDArray[np.uint16]
    time_us: NDArray[np.int64]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "Singulations":
        """The chosen rows, in the order chosen."""
        return Singulations(
            self.epc[index],
            self.epc_bits[index],
            self.antenna[index],
            self.time_us[index],
            self.rssi_dbm[index],
            self.channel[index],
            self.phase_rad[index],
            self.doppler_hz[index],
        )


def no_singulations(epc_bytes: int = 12) -> Singulations:
    """Nothing heard."""
    return Singulations(
        epc=np.zeros((0, epc_bytes), np.uint8),
        epc_bits=np.zeros(0, np.uint16),
        antenna=np.zeros(0, np.uint16),
        time_us=np.zeros(0, np.int64),
        rssi_dbm=np.zeros(0, np.float32),
        channel=np.zeros(0, np.uint16),
        phase_rad=np.zeros(0, np.float32),
        doppler_hz=np.zeros(0, np.float32),
    )


@dataclass(slots=True)
class TagMemory:
    """The memory banks of one Gen2 tag as 16-bit words (Gen2 6.3.2.1): 0 reserved, 1 EPC, 2 TID, 3 user.

    Reserved holds the kill password (words 0–1) and the access password (words 2–3). `locked_banks` refuse writing
    without the access password, the TID bank always. A killed tag never answers again.
    """

    banks: dict[int, list[int]] = field(default_factory=dict)
    locked_banks: frozenset[int] = frozenset()
    killed: bool = False

    @property
    def access_password(self) -> int:
        reserved = self.banks.get(0, [])
        return (reserved[2] << 16 | reserved[3]) if len(reserved) >= 4 else 0


class Radio(Protocol):
    """What one reader's antennas hear. One radio belongs to one simulated reader."""

    def reads(self, start_us: int, end_us: int, antennas: Sequence[AntennaDrive]) -> Singulations:
        """Every singulation with `start_us <= time_us < end_us` on these antennas, which share the air time."""

    def memory(self, epc: bytes) -> TagMemory | None:
        """The memory of the tag with this EPC, changed in place by writes; None when its memory is not modelled."""
