"""Recorded reads from CSV: anyone's recording of a door, a conveyor or zones, as columns.

One row is one read, or one photo-eye event (its `epc` empty, `gpi` and `state` filled). Which column means what is
found by header name (`ALIASES`; case, punctuation and a unit at the end are ignored) or said in a mapping,
`field=header`. Required: time, epc, antenna. Units follow from the header's ending (`_us`, `_deg`, ...), else from the
values' size; what was assumed is in `notes`. Absent values are empty fields.

- time: see `recorded_time`.
- rssi: dBm; values beyond ±200 are hundredths of a dBm, as Impinj reports them.
- channel: an index, or a frequency in MHz, kHz or Hz, numbered in ascending order.
- phase: radians; up to 360 degrees; up to 4095 in twelve-bit steps, as Impinj reports it.
- antenna: a port number, or any text: text ending in a number has that port unless two texts share it.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.model import DeviceEvent, DeviceEventKind
from stream.recorded_time import microseconds, unit_of

ALIASES: dict[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "datetime", "readtime", "firstseen", "firstseentime", "firstseentimestamp", "ts"),
    "epc": ("epc", "epchex", "tag", "tagid", "tagepc", "epcid", "idhex", "id", "tid"),
    "reader": ("reader", "readername", "readerid", "device", "hostname"),
    "antenna": ("antenna", "antennaid", "antennaport", "ant", "port", "antennanumber", "antennaname"),
    "rssi": ("rssi", "peakrssi", "rssidbm", "peakrssidbm", "peakrssiindbm", "peakrssicdbm", "rxpower", "power"),
    "channel": ("channel", "channelindex", "channelid", "channelinmhz", "frequency", "freq"),
    "phase": ("phase", "phaseangle", "phaseangleinradians", "phaserad", "rfphaseangle"),
    "doppler": ("doppler", "dopplerfrequency", "rfdopplerfrequency"),
    "gpi": ("gpi", "gpiport", "photoeye", "eye"),
    "state": ("state", "gpistate", "blocked", "level"),
    "place": ("place", "zone", "portal", "location", "readpoint"),
}
UNITS = r"(us|ms|ns|s|sec|seconds|utc|dbm|cdbm|mhz|khz|hz|rad|radians|deg|degrees)$"
REQUIRED = ("time", "epc", "antenna")
TRUE = {"1", "true", "high", "on", "blocked", "yes"}
FALSE = {"0", "false", "low", "off", "clear", "no"}


class RecordedError(ValueError):
    """A recording that cannot be read; the message names the row (1 is the header) and the column."""


@dataclass(frozen=True, slots=True)
class RecordedReads:
    """n reads as columns ordered by time; `tag` and `reader` index their dictionaries. NaN and channel 0 are absent.

    `places` names the place of an antenna (reader, port) where the recording says so.
    """

    tags: tuple[str, ...]
    readers: tuple[str, ...]
    time_us: NDArray[np.int64]
    tag: NDArray[np.uint32]
    reader: NDArray[np.uint16]
    antenna: NDArray[np.uint16]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]
    events: tuple[DeviceEvent, ...] = ()
    places: tuple[tuple[str, int, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.time_us)


def read_csv(path: Path, mapping: Mapping[str, str] | None = None, delimiter: str | None = None) -> RecordedReads:
    """The recording in a file; RecordedError when it is not one."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise RecordedError(f"{path}: not UTF-8 text: {wrong}") from wrong
    return parse_csv(text, mapping, delimiter)


def parse_csv(text: str, mapping: Mapping[str, str] | None = None, delimiter: str | None = None) -> RecordedReads:
    """The recording in CSV text; `mapping` is field → header, `delimiter` is guessed from the header when None."""
    header, rows = table(text, delimiter)
    index = columns_of(header, mapping or {}, ALIASES, REQUIRED)
    notes: list[str] = []
    reads = [(number, row) for number, row in rows if _field(row, index, "epc")]
    others = [(number, row) for number, row in rows if not _field(row, index, "epc")]
    if not reads:
        raise RecordedError("no row has an epc")

    unit = _unit(header[index["time"]]) or unit_of([_field(row, index, "time") for _, row in rows])
    notes.append(f"time in {unit}" if unit else "time in ISO 8601")

    def time_of(number: int, row: Sequence[str]) -> int:
        try:
            return microseconds(_field(row, index, "time"), unit)
        except ValueError as wrong:
            raise _wrong(number, header[index["time"]], _field(row, index, "time"), "a time") from wrong

    time_us = np.array([time_of(number, row) for number, row in reads], np.int64)
    tags, tag = _dictionary([_field(row, index, "epc").upper() for _, row in reads])
    readers, reader = _dictionary([_field(row, index, "reader") or "reader" for _, row in reads])
    ports = _ports([_field(row, index, "antenna") for _, row in reads], notes)
    antenna = np.array([ports[_field(row, index, "antenna")] for _, row in reads], np.uint16)

    def numbers(field: str) -> NDArray[np.float64]:
        if field not in index:
            return np.full(len(reads), np.nan)
        return np.array([_number(number, header[index[field]], _field(row, index, field)) for number, row in reads])

    rssi = numbers("rssi")
    if np.isfinite(rssi).any() and np.nanmax(np.abs(rssi)) > 200:
        rssi = rssi / 100.0
        notes.append("rssi in hundredths of a dBm")
    phase = numbers("phase")
    if np.isfinite(phase).any():
        phase = _radians(phase, header[index["phase"]], notes)
    order = np.argsort(time_us, kind="stable")
    places = sorted(
        {
            (readers[reader[row]], int(antenna[row]), _field(reads[row][1], index, "place"))
            for row in range(len(reads))
            if _field(reads[row][1], index, "place")
        }
    )
    return RecordedReads(
        tags=tags,
        readers=readers,
        time_us=time_us[order],
        tag=tag[order].astype(np.uint32),
        reader=reader[order].astype(np.uint16),
        antenna=antenna[order],
        rssi_dbm=rssi[order].astype(np.float32),
        channel=_channels(numbers("channel"), notes)[order],
        phase_rad=phase[order].astype(np.float32),
        doppler_hz=numbers("doppler")[order].astype(np.float32),
        events=tuple(sorted(_events(others, header, index, readers[0], time_of), key=lambda event: event.at_us)),
        places=tuple(places),
        notes=tuple(notes),
    )


def table(text: str, delimiter: str | None) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and numbered rows of CSV text; RecordedError for ragged rows."""
    first = text.split("\n", 1)[0]
    if not first.strip():
        raise RecordedError("empty: a header row is needed")
    delimiter = delimiter or max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = [name.strip() for name in next(reader)]
    rows = []
    for number, row in enumerate(reader, 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise RecordedError(f"row {number}: {len(row)} fields, the header has {len(header)}")
        rows.append((number, row))
    return header, rows


def columns_of(
    header: Sequence[str], mapping: Mapping[str, str], aliases: Mapping[str, tuple[str, ...]], required: Sequence[str]
) -> dict[str, int]:
    """Field → column number, by the mapping and else by alias; RecordedError for what is missing or unknown."""
    for field, name in mapping.items():
        if field not in aliases:
            raise RecordedError(f"mapping: no field {field!r}; there are {', '.join(aliases)}")
        if name not in header:
            raise RecordedError(f"mapping: {field}={name}, but the header has {', '.join(header)}")
    plain = [re.sub(r"[^a-z0-9]", "", re.sub(r"[^a-z0-9]+" + UNITS, "", _lower(name))) for name in header]
    index = {field: header.index(name) for field, name in mapping.items()}
    taken = set(index.values())
    for field, names in aliases.items():
        if field in index:
            continue
        found = next((plain.index(name) for name in names if name in plain and plain.index(name) not in taken), None)
        if found is not None:
            index[field] = found
            taken.add(found)
    missing = [field for field in required if field not in index]
    if missing:
        raise RecordedError(
            f"header: no column for {', '.join(missing)} among {', '.join(header)}; say which with field=header"
        )
    return index


def _lower(name: str) -> str:
    return name.lower().rstrip(" )]")


def _field(row: Sequence[str], index: Mapping[str, int], field: str) -> str:
    return row[index[field]].strip() if field in index else ""


def _wrong(number: int, column: str, text: str, wanted: str) -> RecordedError:
    return RecordedError(f"row {number}, column {column}: {text!r} is not {wanted}")


def _number(number: int, column: str, text: str) -> float:
    if not text:
        return float("nan")
    try:
        return float(text)
    except ValueError as wrong:
        raise _wrong(number, column, text, "a number") from wrong


def _unit(column: str) -> str | None:
    match = re.search(r"(?:_|\W|\()(us|ms|ns|s)\)?$", column.lower())
    return match.group(1) if match else None


def _dictionary(texts: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    ids: dict[str, int] = {}
    numbers = np.array([ids.setdefault(text, len(ids)) for text in texts], np.int64)
    return tuple(ids), numbers


def _ports(texts: Sequence[str], notes: list[str]) -> dict[str, int]:
    names = sorted(set(texts))
    found = {name: re.search(r"(\d+)(?:\.0+)?$", name) for name in names}
    ports = {name: int(match.group(1)) for name, match in found.items() if match and int(match.group(1)) < 65_536}
    if len(ports) == len(names) == len(set(ports.values())):
        return ports
    notes.append("antennas numbered: " + ", ".join(f"{name}={port}" for port, name in enumerate(names, 1)))
    return {name: port for port, name in enumerate(names, 1)}


def _radians(phase: NDArray[np.float64], column: str, notes: list[str]) -> NDArray[np.float64]:
    largest = float(np.nanmax(np.abs(phase)))
    if "deg" in column.lower() or (6.4 < largest <= 360.5 and "rad" not in column.lower()):
        notes.append("phase in degrees")
        return np.radians(phase)
    if 360.5 < largest <= 4096:
        notes.append("phase in 4096ths of a turn")
        return phase * (2 * np.pi / 4096.0)
    return phase


def _channels(values: NDArray[np.float64], notes: list[str]) -> NDArray[np.uint16]:
    known = np.isfinite(values)
    channel = np.zeros(len(values), np.uint16)
    if known.any():
        if float(values[known].max()) > 800.0 or (values[known] != np.floor(values[known])).any():
            notes.append("channels numbered by frequency")
            channel[known] = np.unique(values[known], return_inverse=True)[1] + 1
        else:
            channel[known] = np.clip(values[known], 0, 65_535).astype(np.uint16)
    return channel


def _events(
    others: Sequence[tuple[int, list[str]]],
    header: Sequence[str],
    index: Mapping[str, int],
    first_reader: str,
    time_of: Callable[[int, Sequence[str]], int],
) -> Iterator[DeviceEvent]:
    for number, row in others:
        port, state = _field(row, index, "gpi"), _field(row, index, "state").lower()
        if not port:
            raise RecordedError(f"row {number}: neither an epc nor a gpi")
        if state not in TRUE | FALSE:
            raise _wrong(number, header[index["state"]] if "state" in index else "state", state, "a level (1 or 0)")
        yield DeviceEvent(
            _field(row, index, "reader") or first_reader,
            DeviceEventKind.GPI,
            time_of(number, row),
            port=int(_number(number, header[index["gpi"]], port)),
            state=state in TRUE,
        )
