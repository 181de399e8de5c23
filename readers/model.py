"""What readers deliver: TagReads as columns, and events. The unit of decoding and of recording.

A `ReadBatch` holds n reads of one reader. Absent values: NaN in float columns, 0 in `channel`. Times are integer
microseconds since the Unix epoch, UTC, in the reader's clock after correction (`readers.llrp.clock`).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """n TagReads of one reader, one column each; every array has length n on its first axis.

    `epc` is (n, width) uint8, left-aligned and zero-padded; `epc_bits` is each EPC's length in bits (a multiple of 16
    from Gen2 tags). `count` is the reader's own TagSeenCount (≥ 1); `first_us == last_us` when only one was reported.
    """

    reader: str
    epc: NDArray[np.uint8]
    epc_bits: NDArray[np.uint16]
    antenna: NDArray[np.uint16]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]
    count: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.antenna)


class ReaderEventKind(StrEnum):
    """What a reader or the connection to it reports besides tags."""

    CONNECTED = "connected"
    IDENTIFIED = "identified"  # `detail` says maker, model and firmware
    DISCONNECTED = "disconnected"
    INVENTORY_STARTED = "inventory_started"
    ANTENNA_CONNECTED = "antenna_connected"
    ANTENNA_LOST = "antenna_lost"
    GPI = "gpi"
    BUFFER_WARNING = "buffer_warning"
    DATA_LOSS = "data_loss"
    READER_EXCEPTION = "reader_exception"
    PROTOCOL_ERROR = "protocol_error"
    CLOCK_JUMP = "clock_jump"


@dataclass(frozen=True, slots=True)
class ReaderEvent:
    """One event of one reader; `port` and `state` are set for antenna and GPI events.

    `body` is what could not be read, whole, where it can be read again once that is mended (`PROTOCOL_ERROR`).
    """

    reader: str
    kind: ReaderEventKind
    at_us: int
    port: int | None = None
    state: bool | None = None
    detail: str = ""
    body: bytes = b""
