"""The plainest radio: tags that lie still and are read in turn at a fixed rate; for tests and first contact.

Everything follows from the tag's place in the list and the number of the read, so the same stretch of time always gives
the same reads, however it is cut.
"""

from collections.abc import Sequence

import numpy as np

from simulators.llrp.radio import AntennaDrive, Singulations, TagMemory, no_singulations


class SteadyRadio:
    """`epcs` read one after another, `reads_per_s` in all, on the driven antennas in turn."""

    def __init__(
        self,
        epcs: Sequence[bytes],
        *,
        reads_per_s: float = 200.0,
        channels: int = 50,
        memories: dict[bytes, TagMemory] | None = None,
    ) -> None:
        self._memories = memories or {}
        self._step_us = 1e6 / reads_per_s
        self._channels = channels
        width = max((len(epc) for epc in epcs), default=12)
        self._epc = np.array([list(epc.ljust(width, b"\0")) for epc in epcs], np.uint8).reshape(len(epcs), width)
        self._bits = np.array([len(epc) * 8 for epc in epcs], np.uint16)
        self.last_drives: tuple[AntennaDrive, ...] = ()

    def reads(self, start_us: int, end_us: int, antennas: Sequence[AntennaDrive]) -> Singulations:
        self.last_drives = tuple(antennas)
        if not len(self._epc) or not antennas:
            return no_singulations(self._epc.shape[1])
        first, last = int(-(-start_us // self._step_us)), int(-(-end_us // self._step_us))
        number = np.arange(first, last, dtype=np.int64)
        time_us = np.ceil(number * self._step_us).astype(np.int64)
        inside = (time_us >= start_us) & (time_us < end_us)
        number, time_us = number[inside], time_us[inside]
        tag = number % len(self._epc)
        # Every tag meets every antenna: the antenna moves on by one each time all tags have been read.
        ports = np.array([drive.port for drive in antennas], np.uint16)
        antenna = ports[(number // len(self._epc) + tag) % len(ports)]
        return Singulations(
            epc=self._epc[tag],
            epc_bits=self._bits[tag],
            antenna=antenna,
            time_us=time_us,
            rssi_dbm=(-50.0 - tag % 30 + (number % 3) * 0.5).astype(np.float32),
            channel=(number % self._channels + 1).astype(np.uint16),
            phase_rad=(number * 0.7 % (2 * np.pi)).astype(np.float32),
            doppler_hz=np.zeros(len(number), np.float32),
        )

    def memory(self, epc: bytes) -> TagMemory | None:
        return self._memories.get(epc)
