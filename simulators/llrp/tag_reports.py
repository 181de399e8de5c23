"""TagReportData in bulk: columns in, wire bytes out (LLRP 1.0.1 §16.2.7.3; Impinj subtypes 55, 56, 57, 68).

Rows with EPCs of one length share one layout, so they are a packed big-endian record array filled column by column:
no object and no Python loop per tag. Rows that carry operation results, and rows of other lengths in between, are cut
out of their array and joined in order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.llrp.report_rows import ReportRows

_IMPINJ = 25882
_CUSTOM = 1023


@dataclass(frozen=True, slots=True)
class ReportContent:
    """Which fields a report carries: TagReportContentSelector, C1G2EPCMemorySelector and Impinj's selector."""

    rospec_id: bool = False
    spec_index: bool = False
    inventory_parameter_spec_id: bool = False
    antenna_id: bool = True
    channel_index: bool = False
    peak_rssi: bool = True
    first_seen: bool = True
    last_seen: bool = False
    seen_count: bool = False
    access_spec_id: bool = False
    crc: bool = False
    pc: bool = False
    impinj_phase: bool = False
    impinj_peak_rssi: bool = False
    impinj_doppler: bool = False
    impinj_tid: bool = False

    @property
    def single_observations(self) -> bool:
        """A field is enabled that belongs to one observation and cannot be folded."""
        return self.impinj_phase or self.impinj_doppler


class _Record:
    """A packed big-endian record, grown field by field in wire order, then filled."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._fields: list[tuple[str, str]] = []
        self._columns: list[object] = []

    def add(self, wire_type: str, column: object) -> None:
        self._fields.append((f"f{len(self._fields)}", wire_type))
        self._columns.append(column)

    def tv(self, number: int, wire_type: str, column: object) -> None:
        """A TV parameter: one byte 0x80 | type, then the value (§16.2)."""
        self.add("u1", 0x80 | number)
        self.add(wire_type, column)

    def custom(self, subtype: int, wire_type: str, column: object) -> None:
        """A Custom parameter of Impinj holding one value."""
        self.add(">u2", _CUSTOM)
        self.add(">u2", 12 + np.dtype(wire_type).itemsize)
        self.add(">u4", _IMPINJ)
        self.add(">u4", subtype)
        self.add(wire_type, column)

    def array(self) -> NDArray[np.void]:
        array = np.empty(self._length, np.dtype(self._fields))
        for (name, _), column in zip(self._fields, self._columns, strict=True):
            array[name] = column
        return array


def encode_tag_reports(
    rows: ReportRows, content: ReportContent, *, utc: bool, tids: dict[bytes, bytes] | None = None
) -> list[bytes]:
    """The TagReportData parameters of all rows, one `bytes` each, in order. `tids` gives TID bytes by EPC bytes."""
    plain: list[bytes] = [b""] * len(rows)
    for bits in np.unique(rows.epc_bits).tolist():
        index = np.flatnonzero(rows.epc_bits == bits)
        packed, size = _packed(rows, index, bits, content, utc=utc)
        for place, row in enumerate(index.tolist()):
            plain[row] = packed[place * size : (place + 1) * size]
    for row, (access_spec_id, result) in rows.results.items():
        plain[row] = _with_result(plain[row], access_spec_id if content.access_spec_id else None, result, content)
    if content.impinj_tid and tids:
        for row in range(len(rows)):
            tid = tids.get(rows.epc[row, : (int(rows.epc_bits[row]) + 7) // 8].tobytes())
            if tid is not None:
                plain[row] = _appended(plain[row], _tid_parameter(tid))
    return plain


def encode_uniform(rows: ReportRows, content: ReportContent, *, utc: bool) -> bytes | None:
    """All rows as one string of bytes when one layout fits them all, else None."""
    if rows.results or content.impinj_tid or not len(rows) or (rows.epc_bits != rows.epc_bits[0]).any():
        return None
    return _packed(rows, np.arange(len(rows)), int(rows.epc_bits[0]), content, utc=utc)[0]


def _packed(
    rows: ReportRows, index: NDArray[np.intp], bits: int, content: ReportContent, *, utc: bool
) -> tuple[bytes, int]:
    record = _Record(len(index))
    epc_bytes = (bits + 7) // 8
    epc = np.ascontiguousarray(rows.epc[index, :epc_bytes]).view(f"V{epc_bytes}")[:, 0] if epc_bytes else None
    record.add(">u2", 240)
    record.add(">u2", 0)
    if bits == 96:
        record.tv(13, "V12", epc)
    else:
        record.add(">u2", 241)
        record.add(">u2", 6 + epc_bytes)
        record.add(">u2", bits)
        if epc is not None:
            record.add(f"V{epc_bytes}", epc)
    if content.rospec_id:
        record.tv(9, ">u4", rows.origin.rospec_id)
    if content.spec_index:
        record.tv(14, ">u2", rows.origin.spec_index)
    if content.inventory_parameter_spec_id:
        record.tv(10, ">u2", rows.origin.inventory_parameter_spec_id)
    if content.antenna_id:
        record.tv(1, ">u2", rows.antenna[index])
    if content.peak_rssi:
        record.tv(6, "i1", np.clip(np.rint(rows.peak_rssi_dbm[index]), -128, 127))
    if content.channel_index:
        record.tv(7, ">u2", rows.channel[index])
    if content.first_seen:
        record.tv(2 if utc else 3, ">u8", rows.first_us[index].astype(np.uint64))
    if content.last_seen:
        record.tv(4 if utc else 5, ">u8", rows.last_us[index].astype(np.uint64))
    if content.seen_count:
        record.tv(8, ">u2", rows.count[index])
    if content.pc:
        record.tv(12, ">u2", (bits // 16) << 11)
    if content.crc:
        record.tv(11, ">u2", _crc16(rows.epc[index, :epc_bytes], (bits // 16) << 11))
    if content.access_spec_id:
        # The last value means "unchanged" where the field is absent, so a row without AccessSpec says 0.
        record.tv(16, ">u4", 0)
    if content.impinj_phase:
        record.custom(56, ">u2", np.rint(rows.phase_rad[index] / (2 * np.pi) * 4096).astype(np.int64) % 4096)
    if content.impinj_peak_rssi:
        record.custom(57, ">i2", np.rint(rows.peak_rssi_dbm[index] * 100))
    if content.impinj_doppler:
        record.custom(68, ">i2", np.clip(np.rint(rows.doppler_hz[index] * 16), -32768, 32767))
    array = record.array()
    array["f1"] = array.dtype.itemsize
    return array.tobytes(), array.dtype.itemsize


def _with_result(parameter: bytes, access_spec_id: int | None, result: bytes, content: ReportContent) -> bytes:
    """Put operation results behind AccessSpecID, before the custom parameters (§13.2.3 gives the order)."""
    custom = (14 if content.impinj_phase else 0) + (14 if content.impinj_peak_rssi else 0)
    custom += 14 if content.impinj_doppler else 0
    end = len(parameter) - custom
    head = parameter[:end]
    if access_spec_id is not None:
        head = head[:-4] + access_spec_id.to_bytes(4, "big")
    return _sized(head + result + parameter[end:])


def _appended(parameter: bytes, tail: bytes) -> bytes:
    return _sized(parameter + tail)


def _sized(parameter: bytes) -> bytes:
    return parameter[:2] + len(parameter).to_bytes(2, "big") + parameter[4:]


def _tid_parameter(tid: bytes) -> bytes:
    length = 14 + len(tid)
    header = _CUSTOM.to_bytes(2, "big") + length.to_bytes(2, "big") + _IMPINJ.to_bytes(4, "big")
    return header + (55).to_bytes(4, "big") + (len(tid) // 2).to_bytes(2, "big") + tid


def _crc16(epc: NDArray[np.uint8], pc: int) -> NDArray[np.uint16]:
    """CRC-16 over PC and EPC as a tag sends it (Gen2 6.3.2.1.2.1: x¹⁶+x¹²+x⁵+1, preset 0xFFFF, complemented)."""
    crc = np.full(len(epc), 0xFFFF, np.int64)
    columns = [np.full(len(epc), pc >> 8, np.int64), np.full(len(epc), pc & 0xFF, np.int64)]
    columns += [epc[:, place].astype(np.int64) for place in range(epc.shape[1])]
    for column in columns:
        crc ^= column << 8
        for _ in range(8):
            crc = np.where(crc & 0x8000, (crc << 1) ^ 0x1021, crc << 1) & 0xFFFF
    return (crc ^ 0xFFFF).astype(np.uint16)
