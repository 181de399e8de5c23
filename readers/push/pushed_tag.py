"""One tag read as pushed, and how it becomes an LLRP report.

A pushed message is turned into the RO_ACCESS_REPORT that says the same, with Impinj's parameters for phase and fine
RSSI. So it is decoded, recorded and replayed like any reader's, by the same code.
"""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from readers.llrp.codec import encode
from readers.llrp.messages import ROAccessReport
from readers.llrp.params_custom import ImpinjPeakRSSI, ImpinjRFPhaseAngle
from readers.llrp.params_report import (
    AntennaID,
    EPCData,
    FirstSeenTimestampUTC,
    LastSeenTimestampUTC,
    PeakRSSI,
    TagReportData,
    TagSeenCount,
)
from readers.llrp.wire import BitArray

BODY_BYTES_MAX = 4 * 1024 * 1024
TAGS_MAX = 20_000
EPC_BYTES_MAX = 62  # Gen2's EPC bank without PC and CRC: 496 bits
_TIME_MAX_US = 4_102_444_800_000_000  # 2100


class PushFormatError(ValueError):
    """A pushed message that is not what its maker documents; `field` is a JSON pointer (RFC 6901) to what is wrong."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(f"{field or 'the message'}: {what}")
        self.field = field
        self.what = what


@dataclass(frozen=True, slots=True)
class PushedTag:
    """One read. `at_us` None: the reader says no time, it is taken as read on arrival."""

    epc: bytes
    antenna: int
    at_us: int | None
    rssi_dbm: float | None = None
    phase_rad: float | None = None
    count: int = 1


def objects_of(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The JSON objects in a message, with a pointer each: one object, an array of them, or one a line."""
    if len(body) > BODY_BYTES_MAX:
        raise PushFormatError("", f"{len(body)} bytes, the bound is {BODY_BYTES_MAX}")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PushFormatError("", f"not UTF-8 at byte {error.start}") from None
    try:
        values = json.loads(text)
        many = isinstance(values, list)
        found = [(f"/{n}", one) for n, one in enumerate(values)] if many else [("", values)]
    except (json.JSONDecodeError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise PushFormatError("", f"not JSON: {error}") from None
        found = []
        for n, line in enumerate(lines):
            try:
                found.append((f"/{n}", json.loads(line)))
            except (json.JSONDecodeError, RecursionError) as wrong:
                raise PushFormatError(f"/{n}", f"not JSON: {wrong}") from None
    if len(found) > TAGS_MAX:
        raise PushFormatError("", f"{len(found)} events, the bound is {TAGS_MAX}")
    for pointer, one in found:
        if not isinstance(one, dict):
            raise PushFormatError(pointer, "not an object")
    return found


def frame_of(tags: Sequence[PushedTag], arrival_us: int, message_id: int) -> bytes:
    """The report that says the same."""
    return encode(ROAccessReport(tuple(_report(tag, arrival_us) for tag in tags)), message_id=message_id)


def _report(tag: PushedTag, arrival_us: int) -> TagReportData:
    at_us = arrival_us if tag.at_us is None else tag.at_us
    custom: list[Any] = []
    if tag.rssi_dbm is not None:
        custom.append(ImpinjPeakRSSI(round(tag.rssi_dbm * 100)))
    if tag.phase_rad is not None:
        custom.append(ImpinjRFPhaseAngle(int(tag.phase_rad / math.tau * 4096) % 4096))
    return TagReportData(
        EPCParameter=EPCData(BitArray(len(tag.epc) * 8, tag.epc)),
        AntennaID=AntennaID(tag.antenna),
        PeakRSSI=None if tag.rssi_dbm is None else PeakRSSI(max(-128, min(127, round(tag.rssi_dbm)))),
        FirstSeenTimestampUTC=FirstSeenTimestampUTC(at_us),
        LastSeenTimestampUTC=LastSeenTimestampUTC(at_us),
        TagSeenCount=TagSeenCount(tag.count),
        Custom=tuple(custom),
    )


def epc_of(value: object, field: str, *, base64_text: bool = False) -> bytes:
    """An EPC in hexadecimal or base64 (with or without the URL alphabet)."""
    if not isinstance(value, str) or not value:
        raise PushFormatError(field, "an EPC is missing")
    try:
        if base64_text:
            epc = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
        else:
            epc = bytes.fromhex(value)
    except (ValueError, binascii.Error):
        raise PushFormatError(field, f"{value[:80]!r} is no EPC") from None
    if not 1 <= len(epc) <= EPC_BYTES_MAX or len(epc) % 2:
        raise PushFormatError(field, f"an EPC is 2 to {EPC_BYTES_MAX} bytes in words of 2, not {len(epc)}")
    return epc


def whole(value: object, field: str, least: int, most: int) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value % 1:
        raise PushFormatError(field, f"{value!r} is no whole number")
    if not least <= value <= most:
        raise PushFormatError(field, f"{value!r} is not {least} to {most}")
    return int(value)


def number(value: object, field: str, least: float, most: float) -> float:
    """A number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise PushFormatError(field, f"{value!r} is no number from {least:g} to {most:g}")
    return float(value)


def time_us(value: object, field: str) -> int:
    """A time by ISO 8601 with its offset, in microseconds since 1970."""
    if not isinstance(value, str):
        raise PushFormatError(field, "a time is missing")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise PushFormatError(field, f"{value[:80]!r} is no time by ISO 8601") from None
    if at.tzinfo is None:
        raise PushFormatError(field, f"{value[:80]!r} has no offset from UTC")
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if not 0 <= us <= _TIME_MAX_US:
        raise PushFormatError(field, f"{value[:80]!r} lies outside 1970 to 2100")
    return us
