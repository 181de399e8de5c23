"""Reads many TagReportData of one layout at once.

Two ways, with identical results: few records go through one `struct.Struct` each, because numpy costs some 20 µs a
report before it has read anything; many become columns straight from the buffer. Both check every record against the
layout's guard first.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from readers.llrp.carry import Carry
from readers.llrp.enums_c1g2 import C1G2ReadResultType
from readers.llrp.record_layout import (
    CONSTANT_MAX,
    DOPPLER_STEPS_PER_HZ,
    PHASE_STEP_RAD,
    RecordLayout,
)
from readers.llrp.row_batch import row_batch
from readers.llrp.tag_memory import TagMemory
from readers.llrp.walker import wrap_us
from readers.model import ReadBatch

FEW = 10
"""Up to here a loop over records is faster than columns."""

_NANS = np.full(CONSTANT_MAX, np.nan, np.float32)
_NANS.flags.writeable = False


class FewReader:
    """Reads few records of one layout, as long as the same values are carried over."""

    def __init__(self, layout: RecordLayout, carry: Carry, reader: str) -> None:
        self.layout = layout
        self._reader = reader
        has_first, has_last = "first" in layout.columns, "last" in layout.columns
        self._timed = has_first or has_last or carry.first_us is not None or carry.last_us is not None
        self._carries_last = not has_last
        self.simple = has_first and (has_last or carry.last_us is None) and layout.tid is None
        """Whether times need nothing but the offset, and there is no memory to pass on."""
        self.absent = (
            carry.first_us,
            carry.last_us,
            math.nan if carry.rssi_dbm is None else carry.rssi_dbm,
            math.nan,
            math.nan,
            carry.antenna or 0,
            carry.channel or 0,
            1 if carry.count is None else carry.count,
        )

    def read(self, data: bytes, start: int, n: int, arrival_us: int, offset_us: int) -> ReadBatch:
        """The n records at data[start:], which fit the layout."""
        layout = self.layout
        length, bits, steps = layout.length, layout.epc_bits, layout.rssi_steps
        unpack, pick, pack, absent = layout.unpack_from, layout.pick, layout.row_pack, self.absent
        rows = []
        for at in range(start, start + n * length, length):
            first, last, rssi, phase, doppler, antenna, channel, count, epc = pick(unpack(data, at) + absent)
            if not self._timed:
                first = last = arrival_us
            else:
                if first is None:
                    first = last
                if last is None or (self._carries_last and last < first):
                    last = first
                first = wrap_us(first + offset_us)
                last = wrap_us(last + offset_us)
            rows.append(
                pack(
                    first, last, rssi / steps, phase * PHASE_STEP_RAD, doppler / DOPPLER_STEPS_PER_HZ,
                    antenna, channel, count, bits, epc,
                )
            )  # fmt: skip
        return row_batch(self._reader, np.frombuffer(b"".join(rows), layout.row))


def read_many(
    layout: RecordLayout,
    data: bytes | NDArray[np.uint8],
    start: int,
    n: int,
    carry: Carry,
    arrival_us: int | NDArray[np.int64],
    offset_us: int,
    reader: str,
) -> ReadBatch:
    """The n records at data[start:], which fit. `arrival_us` is one for all, or one for each."""
    table = np.frombuffer(data, layout.dtype, n, start)
    columns = layout.columns
    first_us, last_us = _times(table, layout, n, carry, arrival_us, offset_us)
    if "fine_rssi" in columns:
        rssi = (table["fine_rssi"] / layout.rssi_steps).astype(np.float32)
    elif "rssi" in columns:
        rssi = table["rssi"].astype(np.float32)
    else:
        rssi = _nans(n) if carry.rssi_dbm is None else np.full(n, carry.rssi_dbm, np.float32)
    return ReadBatch(
        reader,
        np.ascontiguousarray(table["epc"]),
        layout.epc_bits_column[:n] if n <= CONSTANT_MAX else np.full(n, layout.epc_bits, np.uint16),
        table["antenna"].astype(np.uint16) if "antenna" in columns else np.full(n, carry.antenna or 0, np.uint16),
        first_us,
        last_us,
        rssi,
        table["channel"].astype(np.uint16) if "channel" in columns else np.full(n, carry.channel or 0, np.uint16),
        (table["phase"] * PHASE_STEP_RAD).astype(np.float32) if "phase" in columns else _nans(n),
        (table["doppler"] / DOPPLER_STEPS_PER_HZ).astype(np.float32) if "doppler" in columns else _nans(n),
        table["count"].astype(np.uint16)
        if "count" in columns
        else np.full(n, 1 if carry.count is None else carry.count, np.uint16),
    )


def _times(
    table: NDArray[np.void],
    layout: RecordLayout,
    n: int,
    carry: Carry,
    arrival_us: int | NDArray[np.int64],
    offset_us: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    offset = np.int64(offset_us)
    has_first, has_last = "first" in layout.columns, "last" in layout.columns
    if has_first:
        first = table["first"].astype(np.int64)
    elif carry.first_us is not None:
        first = np.full(n, carry.first_us, np.int64)
    elif has_last:
        first = table["last"].astype(np.int64)
    elif carry.last_us is not None:
        first = np.full(n, carry.last_us, np.int64)
    else:
        arrival = np.broadcast_to(np.asarray(arrival_us, np.int64), n).copy()
        return arrival, arrival
    if has_last:
        last = table["last"].astype(np.int64)
    elif carry.last_us is not None:
        last = np.maximum(first, np.int64(carry.last_us))
    else:
        first += offset
        return first, first
    first += offset
    last += offset
    return first, last


def _nans(n: int) -> NDArray[np.float32]:
    return _NANS[:n] if n <= CONSTANT_MAX else np.full(n, np.nan, np.float32)


def settle(layout: RecordLayout, record: bytes, carry: Carry) -> None:
    """Put the values of one record of this layout into `carry`."""
    (row,) = np.frombuffer(record, layout.dtype, 1)
    columns = layout.columns
    if "antenna" in columns:
        carry.antenna = int(row["antenna"])
    if "first" in columns:
        carry.first_us = int(row["first"])
    if "last" in columns:
        carry.last_us = int(row["last"])
    if "rssi" in columns:
        carry.rssi_dbm = int(row["rssi"])
    if "channel" in columns:
        carry.channel = int(row["channel"])
    if "count" in columns:
        carry.count = int(row["count"])


def tag_memory(layout: RecordLayout, data: bytes, start: int, batch: ReadBatch) -> list[TagMemory]:
    """The TIDs that came with n records, which fit."""
    assert layout.tid is not None
    size = int(layout.tid.code[:-1])
    found = []
    for i, at in enumerate(range(start, start + len(batch) * layout.length, layout.length)):
        words = data[at + layout.tid.offset : at + layout.tid.offset + size]
        epc = data[at + layout.epc_offset : at + layout.epc_offset + layout.epc_bytes]
        antenna, at_us = int(batch.antenna[i]), int(batch.last_us[i])
        found.append(TagMemory(epc, layout.epc_bits, antenna, at_us, 0, 0, C1G2ReadResultType.Success, words))
    return found
