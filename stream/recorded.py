"""Recorded reads from CSV: anyone's recording of a door, a conveyor or zones, as columns.

One row is one read, or what a reader made of several (`count`, and `last` for when the last of them was), or one
photo-eye event (its `epc` empty, `gpi` and `state` filled). Photo-eye events may stand in a file of their own
(`parse_events`), and where reads have a `state`, each change of it is one. Which column means what is found by header
name (`ALIASES`; case, punctuation and a unit at the end are ignored) or said in a mapping, `field=header`. Required:
time and epc. Units follow from the header's ending (`_us`, `_deg`, ...), else from the values; what was assumed is in
`notes`. Absent values are empty fields.

- time: see `recorded_time`. A date in a column of its own (`date`) goes before it.
- epc: hexadecimal loses spaces, dashes and 0x, so that it is found however the truth writes it; any text will do.
- antenna: a port number, or any text: text ending in a number has that port unless two texts share it. Without the
  column all reads are of antenna 1.
- rssi: see `recorded_rssi`.
- channel: an index, or a frequency in MHz, kHz or Hz, numbered in ascending order.
- phase: radians; up to 360 degrees; up to 4095 in twelve-bit steps, as Impinj reports it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.model import DeviceEvent, DeviceEventKind
from stream.recorded_rssi import dbm
from stream.recorded_table import CsvTable, RecordedError, find_columns, parse_table, read_text, unit_in, units_said
from stream.recorded_time import clock_of

__all__ = ["ALIASES", "RecordedError", "RecordedReads", "parse_csv", "plain_epc", "read_csv"]

ALIASES: dict[str, tuple[str, ...]] = {
    "time": (
        "time", "timestamp", "datetime", "readtime", "timestampms", "milliseconds", "millis", "microseconds", "seconds",
        "firstseen", "firstseentime", "firstseentimestamp", "ts", "first",
        "firsttime", "firstread", "timestamputc", "eventtime", "seenat", "readat",
        "discovered", "discoverytime", "systemtime", "unixtime", "epoch", "t", "timeofread", "lastseen", "lastseentime",
        "date",
    ),
    "date": ("date", "day"),
    "epc": (
        "epc", "epchex", "tag", "tagid", "tagepc", "epcid", "idhex", "epcvalue", "epccode", "epcdata", "tagname",
        "epchexstring", "epcstring", "serial", "uid", "rfid", "rfidtag", "label", "transponder", "tid", "id",
    ),
    "reader": ("reader", "readername", "readerid", "device", "deviceid", "hostname", "readerip", "source"),
    "antenna": (
        "antenna", "antennaid", "antennaport", "antennaportnumber", "ant", "antid", "antport", "antno", "port",
        "portnumber", "antennanumber", "antennano", "antennanr", "antennaname", "antennaindex", "antennazone", "rxport",
        "readerant", "readerantenna",
    ),
    "rssi": (
        "rssi", "peakrssi", "rssidbm", "peakrssidbm", "peakrssiindbm", "peakrssicdbm", "rssicdbm", "maxrssi", "avgrssi",
        "meanrssi", "averagerssi", "rss", "rxpower", "receivedpower", "signalstrength", "signal", "power",
    ),
    "channel": (
        "channel", "channelindex", "channelid", "channelinmhz", "channelmhz", "frequency", "freq", "frequencymhz",
        "carrierfrequency", "rffrequency",
    ),
    "phase": ("phase", "phaseangle", "phaseangleinradians", "phaserad", "phasedeg", "rfphaseangle", "rfphase"),
    "doppler": ("doppler", "dopplerfrequency", "dopplerhz", "rfdopplerfrequency", "dopplershift"),
    "count": ("count", "readcount", "reads", "tagseencount", "seencount", "numreads", "numberofreads", "nreads", "cnt"),
    "last": ("last", "lastseen", "lastseentime", "lastseentimestamp", "lasttime", "lastread"),
    "gpi": ("gpi", "gpiport", "photoeye", "eye", "sensor", "input"),
    "state": ("state", "gpistate", "blocked", "level", "value", "inputstate"),
    "place": ("place", "zone", "portal", "location", "readpoint", "door", "gate", "room"),
}  # fmt: skip
REQUIRED = ("time", "epc")
ROUNDED = re.compile(r"\d[.,]\d+[Ee]\+?\d\d")
TRUE = {"1", "true", "high", "on", "blocked", "yes", "broken", "active"}
FALSE = {"0", "false", "low", "off", "clear", "no", "free", "inactive"}


@dataclass(frozen=True, slots=True)
class RecordedReads:
    """n reads as columns ordered by time; `tag` and `reader` index their dictionaries. NaN and channel 0 are absent.

    `places` names the place of an antenna (reader, port) where the recording says so, `antenna_names` what it was
    called where that was no number. `count` and `last_us` (None: 1, and the time itself) are those of rows that stand
    for several reads.
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
    antenna_names: tuple[tuple[str, int], ...] = ()
    count: NDArray[np.uint16] | None = None
    last_us: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.time_us)


def read_csv(
    path: Path, mapping: Mapping[str, str] | None = None, delimiter: str | None = None, events: Path | None = None
) -> RecordedReads:
    """The recording in a file, its photo-eye events in another; RecordedError when it is not one."""
    reads = parse_csv(read_text(path), mapping, delimiter)
    if events is None:
        return reads
    try:
        more = parse_events(read_text(events), reads, mapping)
    except RecordedError as wrong:
        raise RecordedError(f"{events}: {wrong}") from wrong
    return replace(reads, events=tuple(sorted((*reads.events, *more), key=lambda event: event.at_us)))


def parse_csv(text: str, mapping: Mapping[str, str] | None = None, delimiter: str | None = None) -> RecordedReads:
    """The recording in CSV text; `mapping` is field → header, `delimiter` is guessed from the header when None.

    A unit of time may follow its header: `time=stamp:ms`.
    """
    table = parse_table(text, delimiter)
    mapping, units = units_said(mapping or {}, table.header)
    index = find_columns(table.header, mapping, ALIASES, REQUIRED)
    notes: list[str] = []
    if len(table.header) > len(index):
        unused = [name for column, name in enumerate(table.header) if column not in index.values()]
        notes.append(f"columns not used: {', '.join(name or 'one without a name' for name in unused)}")

    def field(row: Sequence[str], name: str) -> str:
        return row[index[name]] if name in index else ""

    reads = [(number, row) for number, row in table.rows if field(row, "epc")]
    others = [(number, row) for number, row in table.rows if not field(row, "epc")]
    if not reads:
        raise RecordedError(f"no row has an epc in column {table.header[index['epc']]}")

    def moment(row: Sequence[str], name: str) -> str:
        date = field(row, "date") if name == "time" else ""
        return f"{date} {field(row, name)}" if date else field(row, name)

    unit = units.get("time") or unit_in(table.header[index["time"]])
    clock = clock_of([moment(row, "time") for _, row in reads], unit, table.decimal_comma)
    notes.append(f"time {clock.words}")

    def time_of(number: int, row: Sequence[str], name: str = "time") -> int:
        try:
            return clock.microseconds(moment(row, name))
        except ValueError as wrong:
            raise table.wrong(number, index[name], moment(row, name), f"a time {clock.words}") from wrong

    def numbers(name: str) -> NDArray[np.float64]:
        if name not in index:
            return np.full(len(reads), np.nan)
        return np.array([table.number(number, index[name], field(row, name)) for number, row in reads])

    # In the order of the file, because times of day go on past midnight.
    at_us = {number: time_of(number, row) for number, row in table.rows}
    time_us = np.array([at_us[number] for number, _ in reads], np.int64)
    for number, row in reads:
        if ROUNDED.fullmatch(field(row, "epc")):
            wanted = "a tag's number: a spreadsheet rounded it; export that column as text"
            raise table.wrong(number, index["epc"], field(row, "epc"), wanted)
    tags, tag = _dictionary([plain_epc(field(row, "epc")) for _, row in reads])
    readers, reader = _dictionary([field(row, "reader") or "reader" for _, row in reads])
    if "antenna" not in index:
        notes.append("no antenna column: all reads are of antenna 1")
    names = [field(row, "antenna") or "1" for _, row in reads]
    ports = _ports(names, notes)
    antenna = np.array([ports[name] for name in names], np.uint16)
    phase = numbers("phase")
    if np.isfinite(phase).any():
        phase = _radians(phase, table.header[index["phase"]], notes)
    order = np.argsort(time_us, kind="stable")
    places = {
        (readers[owner], port, field(row, "place"))
        for owner, port, (_, row) in zip(reader.tolist(), antenna.tolist(), reads, strict=True)
        if field(row, "place")
    }
    count = numbers("count")
    last_us = None
    if "last" in index:
        last = [time_of(number, row, "last") if field(row, "last") else 0 for number, row in reads]
        last_us = np.maximum(np.array(last, np.int64), time_us)[order]
    return RecordedReads(
        tags=tags,
        readers=readers,
        time_us=time_us[order],
        tag=tag[order].astype(np.uint32),
        reader=reader[order].astype(np.uint16),
        antenna=antenna[order],
        rssi_dbm=dbm(numbers("rssi"), tag, time_us, notes)[order].astype(np.float32),
        channel=_channels(numbers("channel"), notes)[order],
        phase_rad=phase[order].astype(np.float32),
        doppler_hz=numbers("doppler")[order].astype(np.float32),
        events=tuple(
            sorted(
                (
                    *_events(others, table, index, readers[0], at_us),
                    *_events(_changes(reads, index, at_us), table, index, readers[0], at_us),
                ),
                key=lambda event: event.at_us,
            )
        ),
        places=tuple(sorted(places)),
        notes=tuple(notes),
        antenna_names=tuple(sorted((name, port) for name, port in ports.items() if not name.isdigit())),
        count=np.clip(np.nan_to_num(count[order], nan=1.0), 1, 65_535).astype(np.uint16) if "count" in index else None,
        last_us=last_us,
    )


def parse_events(text: str, reads: RecordedReads, mapping: Mapping[str, str] | None = None) -> list[DeviceEvent]:
    """Photo-eye events in CSV text: time, gpi (1 where there is no such column) and state, perhaps the reader."""
    table = parse_table(text)
    said, units = units_said(mapping or {}, table.header)
    lower = [name.lower() for name in table.header]
    index = find_columns(
        table.header,
        {field: name for field, name in said.items() if name.lower() in lower},
        {field: ALIASES[field] for field in ("time", "date", "reader", "gpi", "state")},
        ("time", "state"),
    )
    times = [row[index["time"]] for _, row in table.rows]
    span_us = int(reads.time_us[0]), int(reads.time_us[-1])
    clock = clock_of(times, units.get("time") or unit_in(table.header[index["time"]]), table.decimal_comma, span_us)
    at_us = {}
    for number, row in table.rows:
        try:
            at_us[number] = clock.microseconds(row[index["time"]])
        except ValueError as wrong:
            raise table.wrong(number, index["time"], row[index["time"]], f"a time {clock.words}") from wrong
    first, last = min(at_us.values(), default=0), max(at_us.values(), default=0)
    if first > span_us[1] or last < span_us[0]:
        raise RecordedError("its times and those of the reads do not meet: another time zone, or another unit?")
    return list(_events(table.rows, table, index, reads.readers[0], at_us))


def plain_epc(text: str) -> str:
    """A tag as it is compared: upper case, and hexadecimal without spaces, dashes, colons and 0x."""
    upper = text.strip("'\"= \t").upper()
    bare = re.sub(r"[\s:\-]", "", upper.removeprefix("0X"))
    return bare if len(bare) >= 8 and re.fullmatch(r"[0-9A-F]+", bare) else upper


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


def _changes(
    reads: Sequence[tuple[int, Sequence[str]]], index: Mapping[str, int], at_us: Mapping[int, int]
) -> list[tuple[int, Sequence[str]]]:
    """Of reads that say how a photo-eye stood, those at which it had changed; it is clear before the first."""
    if "state" not in index:
        return []
    before: dict[tuple[str, ...], str] = {}
    changed = []
    eye = [index[name] for name in ("reader", "gpi") if name in index]
    for number, row in sorted(reads, key=lambda read: at_us[read[0]]):
        state = row[index["state"]].lower()
        which = tuple(row[column] for column in eye)
        if state in TRUE | FALSE and (state in TRUE) != (before.get(which, "0") in TRUE):
            changed.append((number, row))
        if state in TRUE | FALSE:
            before[which] = state
    return changed


def _events(
    others: Sequence[tuple[int, Sequence[str]]],
    table: CsvTable,
    index: Mapping[str, int],
    first_reader: str,
    at_us: Mapping[int, int],
) -> Iterator[DeviceEvent]:
    def field(row: Sequence[str], name: str) -> str:
        return row[index[name]] if name in index else ""

    for number, row in others:
        # A column of states without one of inputs is of one photo-eye; its header may be called gpi.
        port, state = field(row, "gpi") or "1" * ("gpi" not in index), field(row, "state").lower()
        if not port or (not state and "gpi" not in index):
            raise RecordedError(
                f"row {number}: neither an epc in column {table.header[index['epc']]} nor a gpi; delete the row, or "
                "say which columns they are with --column epc=HEADER"
            )
        if state not in TRUE | FALSE:
            column = table.header[index["state"]] if "state" in index else "state"
            raise RecordedError(f"row {number}, column {column}: {state!r} is not a level (1 blocked, 0 clear)")
        match = re.search(r"\d+$", port)
        if match is None:
            raise table.wrong(number, index["gpi"], port, "a photo-eye's number")
        yield DeviceEvent(
            field(row, "reader") or first_reader,
            DeviceEventKind.GPI,
            at_us[number],
            port=int(match.group()),
            state=state in TRUE,
        )
