"""Where the fields of one TagReportData lie, and a guard that says whether another one lies the same way.

A reader repeats one shape thousands of times. From the first TagReportData of a report a `RecordLayout` is made: the
offsets of the fields we want, and which bytes are structure (parameter headers, lengths, EPC bit count, vendor ids)
and which are values. A record of the same length whose structure bytes are equal has its fields at the same offsets;
that is the whole proof, so reading it without parsing gives what the walker would give. Records with operation results,
unknown or repeated parameters get no layout: the walker reads those.
"""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from readers.llrp.params_custom import IMPINJ
from readers.llrp.wire import HEADER, HEADER_BYTES

RO_ACCESS_REPORT = 61
TAG_REPORT_DATA = 240
EPC_DATA = 241
TLV_CUSTOM = 1023

TV_CONTENT_BYTES = {
    1: 2, 2: 8, 3: 8, 4: 8, 5: 8, 6: 1, 7: 2, 8: 2, 9: 4, 10: 2, 11: 2, 12: 2, 13: 12, 14: 2, 15: 2, 16: 4, 17: 2,
    18: 4, 19: 2, 20: 2,
}  # fmt: skip
"""Content length of every TV parameter; the type byte comes on top."""

UPTIME_TYPES = (3, 5)
"""FirstSeenTimestampUptime and LastSeenTimestampUptime: a tag that has the UTC time too keeps that."""

_TV_COLUMNS = {
    1: ("antenna", "H"),
    2: ("first", "q"),
    3: ("first", "q"),
    4: ("last", "q"),
    5: ("last", "q"),
    6: ("rssi", "b"),
    7: ("channel", "H"),
    8: ("count", "H"),
}
IMPINJ_COLUMNS = {56: ("phase", "H"), 57: ("fine_rssi", "h"), 68: ("doppler", "h")}
IMPINJ_TID = 55

_NUMPY_CODES = {"H": ">u2", "h": ">i2", "b": "i1", "q": ">i8"}

PHASE_STEP_RAD = 2 * np.pi / 4096
"""Impinj phase angles count 4,096 to a turn."""
DOPPLER_STEPS_PER_HZ = 16.0
FINE_RSSI_STEPS_PER_DB = 100.0

_TLV = struct.Struct("!HH")
_VENDOR = struct.Struct("!II")


class Place(NamedTuple):
    """One value inside a record."""

    offset: int
    code: str


CONSTANT_MAX = 4096
"""Constant columns up to this length are slices of one array, made once."""

GUARD_BLOCK_BYTES = 32 * 1024
"""Records are compared with their layout in blocks of about this size, which stay in the processor's cache."""


class RecordLayout:
    """One shape of TagReportData. `length` includes its header; offsets count from its first byte."""

    def __init__(
        self, record: bytes, mask: bytearray, columns: dict[str, Place], epc: tuple[int, int], tid: Place | None
    ) -> None:
        self.length = len(record)
        self.columns = columns
        self.epc_offset, self.epc_bits = epc
        self.epc_bytes = (self.epc_bits + 7) // 8
        self.tid = tid
        self.rssi_steps = FINE_RSSI_STEPS_PER_DB if "fine_rssi" in columns else 1.0
        self._compile_guard(record, mask)
        self._compile_rows()
        self.dtype = self._view_type()
        self.epc_bits_column = np.full(CONSTANT_MAX, self.epc_bits, np.uint16)
        self.epc_bits_column.flags.writeable = False

    def _compile_guard(self, record: bytes, mask: bytearray) -> None:
        """Keep what `fits` and `report_guard` compare with; the block is made when it is first needed."""
        self._block_records = max(1, GUARD_BLOCK_BYTES // self.length)
        self._mask, self._record = bytes(mask), record
        self._block_mask, self._block = np.frombuffer(self._mask, np.uint8), b""

    def report_guard(self) -> tuple[int, int, int]:
        """Mask of a whole report of one record, and what must remain under it in version 1.0.1 and in 1.1.

        Both as big-endian numbers, because comparing those is the quickest way to compare some 50 bytes under a mask.
        """
        mask = int.from_bytes(b"\xff" * 6 + bytes(4) + self._mask, "big")
        size = HEADER_BYTES + self.length
        heads = [HEADER.pack(version << 10 | RO_ACCESS_REPORT, size, 0) for version in (1, 2)]
        old, new = (int.from_bytes(head + self._record, "big") & mask for head in heads)
        return mask, old, new

    def fits(self, data: bytes, start: int, n: int) -> bool:
        """Whether all n records at data[start:] have this layout."""
        if not self._block:
            self._tile()
        while n > 0:
            size = min(n, self._block_records) * self.length
            block = np.frombuffer(data, np.uint8, size, start)
            if (block & self._block_mask[:size]).tobytes() != self._block[:size]:
                return False
            start += size
            n -= self._block_records
        return True

    def _tile(self) -> None:
        """Make the block, when records are compared for the first time."""
        record = np.frombuffer(self._record, np.uint8)
        self._block = np.tile(record & self._block_mask, self._block_records).tobytes()
        self._block_mask = np.tile(self._block_mask, self._block_records)

    def _compile_rows(self) -> None:
        """A Struct that takes the values out of one record, and what brings them into one fixed order.

        `pick` applied to the unpacked values followed by (first, last, rssi, phase, doppler, antenna, channel, count)
        for absent ones gives those eight and the EPC.
        """
        places = {"epc": Place(self.epc_offset, f"{self.epc_bytes}s"), **self.columns}
        if "fine_rssi" in places:
            places.pop("rssi", None)
        codes, at, order = ">", 0, []
        for name, place in sorted(places.items(), key=lambda item: item[1].offset):
            codes += f"{place.offset - at}x{place.code}"
            at = place.offset + struct.calcsize(">" + place.code)
            order.append("rssi" if name == "fine_rssi" else name)
        self.unpack_from = struct.Struct(codes).unpack_from
        wanted = ("first", "last", "rssi", "phase", "doppler", "antenna", "channel", "count")
        absent = {name: len(order) + i for i, name in enumerate(wanted)}
        self.pick = itemgetter(
            *(order.index(name) if name in order else absent[name] for name in wanted), order.index("epc")
        )
        fill = -(36 + self.epc_bytes) % 8
        self.row_pack = struct.Struct(f"=qqfffHHHH{self.epc_bytes}s{fill}x").pack
        self.row = np.dtype(
            {
                "names": [*wanted, "epc_bits", "epc"],
                "formats": ["i8", "i8", "f4", "f4", "f4", "u2", "u2", "u2", "u2", (np.uint8, (self.epc_bytes,))],
                "offsets": [0, 8, 16, 20, 24, 28, 30, 32, 34, 36],
                "itemsize": 36 + self.epc_bytes + fill,
            }
        )

    def _view_type(self) -> np.dtype[np.void]:
        """The record as numpy sees it in place."""
        names = ["epc", *self.columns]
        formats = [np.dtype((np.uint8, (self.epc_bytes,)))]
        formats += [np.dtype(_NUMPY_CODES[place.code]) for place in self.columns.values()]
        offsets = [self.epc_offset, *(place.offset for place in self.columns.values())]
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": self.length})


def record_layout(data: bytes, start: int) -> RecordLayout | None:
    """The layout of the TagReportData at data[start:], None where only the walker will do. Never raises."""
    if len(data) - start < 4:
        return None
    head, length = _TLV.unpack_from(data, start)
    if head & 0x3FF != TAG_REPORT_DATA or length < 4 or start + length > len(data):
        return None
    record = data[start : start + length]
    mask = bytearray(b"\xff" * length)
    columns: dict[str, Place] = {}
    epc: tuple[int, int] | None = None
    tid: Place | None = None
    seen: set[tuple[int, int]] = set()
    at = 4
    while at < length:
        first = record[at]
        if first & 0x80:
            kind = first & 0x7F
            size = TV_CONTENT_BYTES.get(kind)
            content = at + 1
            if size is None or content + size > length or (kind, 0) in seen:
                return None
            seen.add((kind, 0))
            stop = content + size
            if kind == 13:
                if epc is not None:
                    return None
                epc = (content, 96)
            elif kind in _TV_COLUMNS:
                name, code = _TV_COLUMNS[kind]
                if kind not in UPTIME_TYPES or name not in columns:
                    columns[name] = Place(content, code)
        else:
            if length - at < 4:
                return None
            head, size = _TLV.unpack_from(record, at)
            kind = head & 0x3FF
            stop = at + size
            if size < 4 or stop > length:
                return None
            if kind == EPC_DATA and size > 6 and epc is None:
                bits = record[at + 4] << 8 | record[at + 5]
                content = at + 6
                if content + (bits + 7) // 8 != stop:
                    return None
                epc = (content, bits)
            elif kind == TLV_CUSTOM and size >= 12:
                vendor, subtype = _VENDOR.unpack_from(record, at + 4)
                content = at + 12
                if vendor == IMPINJ and subtype in IMPINJ_COLUMNS and size == 14:
                    name, code = IMPINJ_COLUMNS[subtype]
                    if name in columns:
                        return None
                    columns[name] = Place(content, code)
                elif vendor == IMPINJ and subtype == IMPINJ_TID and size >= 14:
                    if tid is not None:
                        return None
                    words = record[content] << 8 | record[content + 1]
                    if size != 14 + 2 * words:
                        return None
                    content += 2
                    tid = Place(content, f"{2 * words}s")
            else:
                return None
        mask[content:stop] = bytes(stop - content)
        at = stop
    return RecordLayout(record, mask, columns, epc, tid) if epc is not None else None
