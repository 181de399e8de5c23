"""ReadBatches for the tests of the edge: from lists of rows, and at random from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from readers.model import ReadBatch

NAN = float("nan")


@dataclass(frozen=True)
class Read:
    """One row of a ReadBatch, in the reader's words."""

    epc: str
    antenna: int = 1
    first_us: int = 0
    last_us: int | None = None
    rssi_dbm: float = -50.0
    channel: int = 1
    phase_rad: float = NAN
    doppler_hz: float = NAN
    count: int = 1


def batch_of(reader: str, reads: Sequence[Read]) -> ReadBatch:
    """These reads as one batch."""
    epcs = [bytes.fromhex(read.epc) for read in reads]
    padded = np.zeros((len(reads), max(map(len, epcs), default=12)), np.uint8)
    for row, epc in enumerate(epcs):
        padded[row, : len(epc)] = list(epc)
    return ReadBatch(
        reader=reader,
        epc=padded,
        epc_bits=np.array([8 * len(epc) for epc in epcs], np.uint16),
        antenna=np.array([read.antenna for read in reads], np.uint16),
        first_us=np.array([read.first_us for read in reads], np.int64),
        last_us=np.array([read.first_us if read.last_us is None else read.last_us for read in reads], np.int64),
        rssi_dbm=np.array([read.rssi_dbm for read in reads], np.float32),
        channel=np.array([read.channel for read in reads], np.uint16),
        phase_rad=np.array([read.phase_rad for read in reads], np.float32),
        doppler_hz=np.array([read.doppler_hz for read in reads], np.float32),
        count=np.array([read.count for read in reads], np.uint16),
    )


def random_reads(
    seed: int,
    n: int,
    tags: int,
    *,
    reader: str = "dock-1",
    start_us: int = 1_700_000_000_000_000,
    span_us: int = 250_000,
) -> ReadBatch:
    """n reads of some of `tags` SGTIN-like EPCs at four antennas inside `span_us`, by time, all columns known."""
    rng = np.random.default_rng(seed)
    serial = rng.integers(0, tags, n)
    epc = np.zeros((n, 12), np.uint8)
    epc[:, :8] = np.frombuffer(bytes.fromhex("3034257BF7194E40"), np.uint8)
    epc[:, 8:] = serial.astype(">u4").view(np.uint8).reshape(n, 4)
    at = np.sort(rng.integers(start_us, start_us + span_us, n))
    return ReadBatch(
        reader=reader,
        epc=epc,
        epc_bits=np.full(n, 96, np.uint16),
        antenna=rng.integers(1, 5, n).astype(np.uint16),
        first_us=at,
        last_us=at,
        rssi_dbm=rng.integers(-75, -30, n).astype(np.float32),
        channel=rng.integers(1, 5, n).astype(np.uint16),
        phase_rad=(rng.integers(0, 4096, n) * (2 * np.pi / 4096)).astype(np.float32),
        doppler_hz=rng.normal(0, 20, n).astype(np.float32),
        count=np.ones(n, np.uint16),
    )
