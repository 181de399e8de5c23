"""Reports of one tag each, the form in which a reader reports at once, and the dearest.

Everything that stays the same while reports keep one layout is bound here once, so that a report costs one comparison
under a mask, one unpacking, one packing and one array.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from readers.llrp.bulk import FewReader
from readers.llrp.record_layout import DOPPLER_STEPS_PER_HZ, PHASE_STEP_RAD
from readers.llrp.row_batch import row_batch
from readers.llrp.wire import HEADER_BYTES
from readers.model import ReadBatch

OneTagReader = Callable[[bytes, int], ReadBatch | None]
"""Takes a message and the offset of the reader's clock; None when it is not a report of one tag of the layout."""


def one_tag_reader(few: FewReader, reader: str) -> OneTagReader | None:
    """Reads reports of one record as `few` would, None where its layout needs more than that."""
    if not few.simple:
        return None
    layout, absent = few.layout, few.absent
    size = HEADER_BYTES + layout.length
    mask, version_1_0_1, version_1_1 = layout.report_guard()
    unpack_from, pick, pack = layout.unpack_from, layout.pick, layout.row_pack
    steps, bits, row_type = layout.rssi_steps, layout.epc_bits, layout.row
    from_bytes, from_buffer = int.from_bytes, np.frombuffer

    def read(frame: bytes, offset_us: int) -> ReadBatch | None:
        if len(frame) != size:
            return None
        structure = from_bytes(frame, "big") & mask
        if structure != version_1_0_1 and structure != version_1_1:
            return None
        first, last, rssi, phase, doppler, antenna, channel, count, epc = pick(
            unpack_from(frame, HEADER_BYTES) + absent
        )
        if last is None:
            last = first
        try:
            row = pack(
                first + offset_us, last + offset_us, rssi / steps, phase * PHASE_STEP_RAD,
                doppler / DOPPLER_STEPS_PER_HZ, antenna, channel, count, bits, epc,
            )  # fmt: skip
        except struct.error:  # a time beyond int64, which the general way wraps
            return None
        return row_batch(reader, from_buffer(row, row_type))

    return read
