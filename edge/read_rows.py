"""Read batches put together for the reduction: one set of columns, by reader and then in order of arrival."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readers.model import ReadBatch


@dataclass(slots=True)
class ReadRows:
    """Reads of several readers, by reader and then in order of arrival; `reader` indexes the sorted reader names."""

    readers: tuple[str, ...]
    reader: NDArray[np.int64]
    words: NDArray[np.uint64]  # EPC bytes, padded to whole words, and the length in bytes
    antenna: NDArray[np.uint16]
    first_us: NDArray[np.int64]
    last_us: NDArray[np.int64]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]
    count: NDArray[np.uint16]


def stacked(batches: list[ReadBatch]) -> ReadRows:
    """All rows of these batches; at least one batch, none of them empty."""
    readers = tuple(sorted({batch.reader for batch in batches}))
    if len(readers) > 1:
        batches = sorted(batches, key=lambda batch: batch.reader)
    number = {reader: index for index, reader in enumerate(readers)}
    sizes = [len(batch) for batch in batches]
    width = max(batch.epc.shape[1] for batch in batches)
    word_count = -(-width // 8)
    padded = np.zeros((sum(sizes), 8 * (word_count + 1)), np.uint8)
    at = 0
    for batch, size in zip(batches, sizes, strict=True):
        padded[at : at + size, : batch.epc.shape[1]] = batch.epc
        at += size
    words = padded.view("<u8")
    words[:, word_count] = (np.concatenate([batch.epc_bits for batch in batches]) + np.uint16(7)) >> np.uint16(3)
    return ReadRows(
        readers=readers,
        reader=np.repeat(np.array([number[batch.reader] for batch in batches]), sizes),
        words=words,
        antenna=np.concatenate([batch.antenna for batch in batches]),
        first_us=np.concatenate([batch.first_us for batch in batches]),
        last_us=np.concatenate([batch.last_us for batch in batches]),
        rssi_dbm=np.concatenate([batch.rssi_dbm for batch in batches]),
        channel=np.concatenate([batch.channel for batch in batches]),
        phase_rad=np.concatenate([batch.phase_rad for batch in batches]),
        doppler_hz=np.concatenate([batch.doppler_hz for batch in batches]),
        count=np.concatenate([batch.count for batch in batches]),
    )
