"""Reads one RO_ACCESS_REPORT of any layout, parameter by parameter.

The reference for the bulk path, and what runs when a report's tags do not all look alike. A TagReportData that breaks
the protocol costs itself and nothing else, because its length still says where the next one starts.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

import numpy as np

from readers.llrp.carry import Carry
from readers.llrp.enums import StatusCode
from readers.llrp.enums_c1g2 import C1G2ReadResultType
from readers.llrp.errors import DecodeError
from readers.llrp.params_custom import IMPINJ
from readers.llrp.record_layout import (
    DOPPLER_STEPS_PER_HZ,
    FINE_RSSI_STEPS_PER_DB,
    IMPINJ_TID,
    PHASE_STEP_RAD,
    TAG_REPORT_DATA,
    TV_CONTENT_BYTES,
)
from readers.llrp.tag_memory import TagMemory
from readers.llrp.wire import HEADER_BYTES
from readers.model import ReadBatch

_U16 = struct.Struct("!H").unpack_from
_U32 = struct.Struct("!I").unpack_from
_S16 = struct.Struct("!h").unpack_from
_S64 = struct.Struct("!q").unpack_from
_TLV = struct.Struct("!HH").unpack_from
_VENDOR = struct.Struct("!II").unpack_from
_READ_RESULT = struct.Struct("!BHH").unpack_from

_RF_SURVEY_REPORT_DATA = 242
_CUSTOM = 1023
_EPC_DATA = 241
_READ_OP_SPEC_RESULT = 349
_NAN = math.nan

_TV_SIZES = tuple(TV_CONTENT_BYTES.get(kind, -1) for kind in range(128))

Row = tuple[bytes, int, int, int, int, float, int, float, float, int]
"""epc, epc_bits, antenna, first_us, last_us, rssi_dbm, channel, phase_rad, doppler_hz, count."""


@dataclass(slots=True)
class Walked:
    """What one report held: a row for each tag, memory read, and the tags that could not be read."""

    rows: list[Row] = field(default_factory=list)
    memory: list[TagMemory] = field(default_factory=list)
    errors: list[DecodeError] = field(default_factory=list)

    def batch(self, reader: str) -> ReadBatch:
        """The rows, at least one, as columns; EPCs are padded with zeros to the longest."""
        epcs, epc_bits, antenna, first_us, last_us, rssi_dbm, channel, phase_rad, doppler_hz, count = zip(
            *self.rows, strict=True
        )
        width = max(map(len, epcs))
        epc = np.frombuffer(b"".join([one.ljust(width, b"\0") for one in epcs]), np.uint8)
        return ReadBatch(
            reader,
            epc.reshape(len(epcs), width),
            np.array(epc_bits, np.uint16),
            np.array(antenna, np.uint16),
            np.array(first_us, np.int64),
            np.array(last_us, np.int64),
            np.array(rssi_dbm, np.float32),
            np.array(channel, np.uint16),
            np.array(phase_rad, np.float32),
            np.array(doppler_hz, np.float32),
            np.array(count, np.uint16),
        )


def walk(frame: bytes, carry: Carry, arrival_us: int, offset_us: int) -> Walked:
    """All tags of a complete RO_ACCESS_REPORT. Updates `carry`. Never raises for what the bytes say."""
    walked = Walked()
    position, end = HEADER_BYTES, len(frame)
    while position < end:
        try:
            kind, stop = _tlv(frame, position, end)
        except DecodeError as error:
            walked.errors.append(error)
            break
        try:
            if kind == TAG_REPORT_DATA:
                _walk_tag(frame, position + 4, stop, carry, arrival_us, offset_us, walked)
            elif kind not in (_RF_SURVEY_REPORT_DATA, _CUSTOM):
                raise _malformed(position, "TagReportData, RFSurveyReportData or Custom", f"parameter {kind}", ())
        except DecodeError as error:
            walked.errors.append(error)
        position = stop
    return walked


def _tlv(data: bytes, position: int, end: int, path: tuple[int, ...] = ()) -> tuple[int, int]:
    """Type and end of the TLV parameter at `position`."""
    if end - position < 4:
        raise _malformed(position, "a parameter header", f"{end - position} bytes", path)
    head, length = _TLV(data, position)
    stop: int = position + length
    if length < 4 or stop > end or head & 0x8000:
        raise _malformed(
            position, f"a TLV parameter that ends by offset {end}", f"type {head & 0x3FF} of length {length}", path
        )
    return head & 0x3FF, stop


def _malformed(offset: int, expected: str, found: str, path: tuple[int, ...] = (TAG_REPORT_DATA,)) -> DecodeError:
    return DecodeError(offset, expected, found, StatusCode.M_ParameterError, path)


def _walk_tag(
    data: bytes, position: int, end: int, carry: Carry, arrival_us: int, offset_us: int, walked: Walked
) -> None:
    epc: bytes | None = None
    epc_bits = 0
    antenna, channel, count, rssi = carry.antenna, carry.channel, carry.count, carry.rssi_dbm
    first: int | None = None
    last: int | None = None
    fine_rssi: float | None = None
    phase = doppler = _NAN
    access_spec_id = 0
    reads: list[tuple[bool, int, C1G2ReadResultType, bytes]] = []
    while position < end:
        kind = data[position]
        if kind & 0x80:
            kind &= 0x7F
            content = position + 1
            size = _TV_SIZES[kind]
            stop = content + size
            if size < 0:
                raise _malformed(position, "a TV parameter of LLRP", f"type {kind}")
            if stop > end:
                raise _malformed(position, f"TV parameter {kind} to end by offset {end}", f"its end at {stop}")
            if kind < 9:
                if kind == 1:
                    antenna = data[content] << 8 | data[content + 1]
                elif kind == 6:
                    rssi = data[content] - ((data[content] & 0x80) << 1)
                elif kind == 7:
                    channel = data[content] << 8 | data[content + 1]
                elif kind == 8:
                    count = data[content] << 8 | data[content + 1]
                elif kind == 2 or (kind == 3 and first is None):
                    first = _S64(data, content)[0]
                elif kind == 4 or (kind == 5 and last is None):
                    last = _S64(data, content)[0]
            elif kind == 13:
                epc, epc_bits = data[content:stop], 96
            elif kind == 16:
                access_spec_id = _U32(data, content)[0]
            position = stop
            continue
        kind, stop = _tlv(data, position, end, (TAG_REPORT_DATA,))
        size = stop - position
        content = position + 4
        if kind == _CUSTOM:
            if size < 12:
                raise _malformed(position, "vendor and subtype", f"{size - 4} bytes")
            vendor, subtype = _VENDOR(data, content)
            if vendor == IMPINJ:
                content += 8
                if size == 14 and subtype == 56:
                    phase = _U16(data, content)[0] * PHASE_STEP_RAD
                elif size == 14 and subtype == 57:
                    fine_rssi = _S16(data, content)[0] / FINE_RSSI_STEPS_PER_DB
                elif size == 14 and subtype == 68:
                    doppler = _S16(data, content)[0] / DOPPLER_STEPS_PER_HZ
                elif subtype == IMPINJ_TID and size >= 14 and size == 14 + 2 * _U16(data, content)[0]:
                    reads.append((False, 0, C1G2ReadResultType.Success, data[content + 2 : stop]))
        elif kind == _EPC_DATA:
            if size < 6:
                raise _malformed(content, "an EPC's count of bits", f"{size - 4} bytes")
            epc_bits = _U16(data, content)[0]
            epc = data[content + 2 : stop]
            if len(epc) != (epc_bits + 7) // 8:
                raise _malformed(content, f"an EPC in {size - 6} bytes", f"{epc_bits} bits")
        elif kind == _READ_OP_SPEC_RESULT:
            if size < 9 or size != 9 + 2 * _READ_RESULT(data, content)[2]:
                raise _malformed(position, "a C1G2ReadOpSpecResult that holds its words", f"length {size}")
            result, op_spec_id, _ = _READ_RESULT(data, content)
            reads.append((True, op_spec_id, C1G2ReadResultType(result), data[content + 5 : stop]))
        position = stop
    if epc is None:
        raise _malformed(end, "an EPC in TagReportData", "none")

    carry.antenna, carry.channel, carry.count, carry.rssi_dbm = antenna, channel, count, rssi
    if first is not None:
        carry.first_us = first
    if last is not None:
        carry.last_us = last
    first_us, last_us = _times(last is not None, carry, arrival_us, offset_us)
    rssi_dbm = fine_rssi if fine_rssi is not None else _NAN if rssi is None else rssi
    walked.rows.append(
        (
            epc, epc_bits, antenna or 0, first_us, last_us, rssi_dbm, channel or 0, phase, doppler,
            1 if count is None else count,
        )
    )  # fmt: skip
    for by_access, op_spec_id, read_result, words in reads:
        access_id = access_spec_id if by_access else 0
        walked.memory.append(TagMemory(epc, epc_bits, antenna or 0, last_us, access_id, op_spec_id, read_result, words))


def _times(brought_last: bool, carry: Carry, arrival_us: int, offset_us: int) -> tuple[int, int]:
    """first_us and last_us of one tag, corrected, from what it brought and what is carried (already updated)."""
    first, last = carry.first_us, carry.last_us
    if first is None:
        first = last
    if first is None:
        return arrival_us, arrival_us
    if last is None or (last < first and not brought_last):
        last = first
    return wrap_us(first + offset_us), wrap_us(last + offset_us)


def wrap_us(time_us: int) -> int:
    """A time as int64 holds it: nonsense beyond 292,000 years wraps as numpy's does."""
    return (time_us + (1 << 63)) % (1 << 64) - (1 << 63)
