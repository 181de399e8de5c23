"""What truly happened in a recording: which tags went through which door in which load, and which zone tags were in.

CSV: one row a tag and load, or a tag and stay. Columns (found by name like those of reads): `kind` (`load` or
`stay`), `id` of the load, `place` (portal or zone), `direction` (in, out, or empty: unknown), `start` and `end`, `epc`.
Without a `kind`, a row is a load when it has a direction or a load id, or the column of its place is called portal,
door or gate; it is a stay when it has a place; and with neither it is a load.

- A row with a load id and no tag says when that load passed, where and which way; so a list of tags and a list of
  windows may stand in one file, or in two (`windows`). A load with several windows passed several times.
- Rows without a load id are loads by their windows: tags whose windows overlap, at one place in one direction, are one.
- Tags without load id and times are one load where one passage is seen; where more are, they are scored one by one.
- Without `start` and `end` a load's window is the whole recording, and a stay without `end` lasts until the tag's next.

JSON: {"loads": [{"id", "portal", "direction", "start", "end", "epcs": [...]}],
       "stays": [{"epc", "zone", "start", "end"}]}.

Times are as in `recorded_time`. A tag in no load is a stray.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stream.recorded import plain_epc
from stream.recorded_table import (
    CsvTable,
    RecordedError,
    find_columns,
    parse_table,
    read_text,
    unit_in,
    units_said,
)
from stream.recorded_time import clock_of, microseconds, unit_of
from warehouse.site import Direction

ALIASES: dict[str, tuple[str, ...]] = {
    "kind": ("kind", "type"),
    "id": (
        "id", "load", "loadid", "loadname", "passage", "passageid", "pallet", "palletid", "group", "groupid",
        "pass", "passid", "run", "trip", "sscc", "shipment", "tote", "toteid", "event", "eventid", "box", "boxid",
        "carton", "cartonid", "reflist", "reflistid", "list", "listid", "loadno", "loadnumber", "person", "personid",
    ),
    "place": ("place", "portal", "zone", "door", "gate", "location", "readpoint", "room", "area", "shelf", "position"),
    "direction": ("direction", "dir", "way", "movement", "heading"),
    "start": (
        "start", "starttime", "from", "begin", "opened", "starttimestamp", "timestart", "enter", "entered", "since",
        "time", "timestamp", "at", "tstart", "t0", "in", "first", "windowstart",
    ),
    "end": (
        "end", "endtime", "to", "until", "closed", "endtimestamp", "timeend", "exit", "left", "stop", "tend", "t1",
        "out", "last", "windowend",
    ),
    "epc": ("epc", "tag", "tagid", "epchex", "tagepc", "epcid", "idhex", "rfid", "uid", "label", "tid"),
}  # fmt: skip
WHOLE = (-(2**62), 2**62)
DIRECTIONS = {
    "in": Direction.IN, "inbound": Direction.IN, "enter": Direction.IN, "inward": Direction.IN, "i": Direction.IN,
    "inside": Direction.IN, "entering": Direction.IN, "incoming": Direction.IN, "ingress": Direction.IN,
    "receiving": Direction.IN, "entry": Direction.IN,
    "out": Direction.OUT, "outbound": Direction.OUT, "exit": Direction.OUT, "outward": Direction.OUT,
    "o": Direction.OUT, "outside": Direction.OUT, "leaving": Direction.OUT, "outgoing": Direction.OUT,
    "egress": Direction.OUT, "shipping": Direction.OUT,
    "": Direction.UNSURE, "unknown": Direction.UNSURE, "unsure": Direction.UNSURE, "none": Direction.UNSURE,
    "na": Direction.UNSURE, "n/a": Direction.UNSURE, "-": Direction.UNSURE, "?": Direction.UNSURE,
}  # fmt: skip
PASSED_AT = ("portal", "door", "gate")


@dataclass(frozen=True, slots=True)
class TrueLoad:
    """A load through a portal; `portal` may be empty when there is only one, `direction` UNSURE when not known.

    Not `is_named`: the truth did not say which tags went together, and `load_id` is a number of ours.
    """

    load_id: str
    portal: str
    direction: Direction
    start_us: int
    end_us: int
    epcs: tuple[str, ...]
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class TrueStay:
    """A tag was in a zone."""

    epc: str
    zone: str
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class RecordedTruth:
    """Everything known about a recording."""

    loads: tuple[TrueLoad, ...] = ()
    stays: tuple[TrueStay, ...] = ()


@dataclass(slots=True)
class _Row:
    """One row of a truth CSV."""

    number: int
    kind: str
    load_id: str
    place: str
    direction: Direction
    start_us: int | None
    end_us: int | None
    epc: str


@dataclass(slots=True)
class _Group:
    """A load while its rows are put together."""

    load_id: str
    place: str
    direction: Direction
    start_us: int
    end_us: int
    epcs: list[str] = field(default_factory=list)


def read_truth(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    windows: Path | None = None,
    span_us: tuple[int, int] | None = None,
) -> RecordedTruth:
    """The truth in a CSV or JSON file, its loads' windows from a second CSV; RecordedError when it is neither.

    `span_us` is when the reads begin and end: it tells the unit of times that do not say it.
    """
    text = read_text(path)
    if text.lstrip().startswith("{"):
        return parse_json(text)
    return parse_csv(text, mapping, "" if windows is None else read_text(windows), span_us)


def parse_csv(
    text: str,
    mapping: Mapping[str, str] | None = None,
    windows: str = "",
    span_us: tuple[int, int] | None = None,
) -> RecordedTruth:
    """Truth in CSV text."""
    tables = [parse_table(text), *([parse_table(windows)] if windows else [])]
    here = [_mapping_of(table, mapping or {}, tables) for table in tables]
    rows = _rows(tables[0], here[0], ("epc",), span_us)
    about = _rows(tables[1], here[1], ("id",), span_us) if windows else []
    tagged = [row for row in rows if row.epc]
    if not tagged:
        raise RecordedError("truth: no row names a tag")
    known: dict[str, list[_Row]] = {}
    for row in (*rows, *about):
        if not row.epc and row.load_id:
            known.setdefault(row.load_id, []).append(row)
    loads = [passed for row in tagged if row.kind == "load" for passed in _completed(row, known.get(row.load_id, []))]
    if windows and not any(row.load_id in known for row in tagged):
        raise RecordedError(
            f"none of the loads of the tags ({tagged[0].load_id or 'no load named'}, ...) is among the windows "
            f"({next(iter(known), 'none')}, ...): which column is the load's name? (--truth-column id=HEADER)"
        )
    return RecordedTruth(tuple(_loads(loads)), tuple(_stays([row for row in tagged if row.kind == "stay"])))


def _mapping_of(table: CsvTable, mapping: Mapping[str, str], tables: Sequence[CsvTable]) -> dict[str, str]:
    """What of a mapping is for this table: its own columns, and what no table has, which is then an error."""

    def has(other: CsvTable, name: str) -> bool:
        return any(name.partition(":")[0].lower() in (each.lower(), str(at)) for at, each in enumerate(other.header, 1))

    return {
        field: name
        for field, name in mapping.items()
        if has(table, name) or not any(has(other, name) for other in tables)
    }


def _rows(
    table: CsvTable, mapping: Mapping[str, str], required: Sequence[str], span_us: tuple[int, int] | None
) -> list[_Row]:
    mapping, units = units_said(mapping, table.header)
    index = find_columns(table.header, mapping, ALIASES, required)

    def cell(row: Sequence[str], name: str) -> str:
        return row[index[name]] if name in index else ""

    # What one of the two says of its unit holds for both.
    said = [units.get(name) or unit_in(table.header[index[name]]) for name in ("start", "end") if name in index]
    clocks = {
        str(name): clock_of(
            [cell(row, other) for _, row in table.rows for other in ("start", "end") if cell(row, other)],
            units.get(str(name)) or unit_in(table.header[index[name]]) or next(filter(None, said), None),
            table.decimal_comma,
            span_us,
        )
        for name in ("start", "end")
        if name in index and any(cell(row, name) for _, row in table.rows)
    }

    def time(number: int, row: Sequence[str], name: str) -> int | None:
        if not cell(row, name):
            return None
        try:
            return clocks[name].microseconds(cell(row, name))
        except ValueError as wrong:
            raise table.wrong(number, index[name], cell(row, name), "a time") from wrong

    rows = [
        _Row(
            number,
            _kind(table, index, number, row),
            cell(row, "id"),
            cell(row, "place"),
            DIRECTIONS[cell(row, "direction").lower()],
            time(number, row, "start"),
            time(number, row, "end"),
            plain_epc(cell(row, "epc")) if cell(row, "epc") else "",
        )
        for number, row in table.rows
    ]
    for made, (_, row) in zip(rows, table.rows, strict=True):
        if made.start_us is not None and made.end_us is not None and made.end_us < made.start_us:
            raise RecordedError(
                f"row {made.number}, column {table.header[index['end']]}: {cell(row, 'end')} lies before the start, "
                f"{cell(row, 'start')} in column {table.header[index['start']]}; swap them, or say which columns they "
                "are with --truth-column start=HEADER --truth-column end=HEADER"
            )
    return rows


def _kind(table: CsvTable, index: Mapping[str, int], number: int, row: Sequence[str]) -> str:
    def cell(name: str) -> str:
        return row[index[name]].lower() if name in index else ""

    if cell("direction") not in DIRECTIONS:
        raise RecordedError(
            f"row {number}, column {table.header[index['direction']]}: {cell('direction')!r} is not in or out; "
            "leave the field empty where it is not known"
        )
    if not cell("epc") and not cell("id"):
        raise RecordedError(
            f"row {number}: no tag in column {table.header[index['epc']] if 'epc' in index else 'epc'}; "
            "fill it in or delete the row"
        )
    if cell("kind") in ("load", "stay"):
        return cell("kind")
    if cell("kind") and not cell("id") and not cell("place"):
        raise RecordedError(
            f"row {number}, column {table.header[index['kind']]}: {cell('kind')!r} is neither load nor stay; "
            "write one of them, or add a column id or place"
        )
    if cell("direction") or cell("id") or not cell("place"):
        return "load"
    return "load" if table.header[index["place"]].lower().startswith(PASSED_AT) else "stay"


def _completed(row: _Row, loads: Sequence[_Row]) -> list[_Row]:
    """A tag's row with what the rows of its load say: one for each time the load passed."""
    if not loads:
        return [row]
    if row.start_us is not None:
        loads = loads[:1]
    return [
        replace(
            row,
            place=row.place or load.place,
            direction=row.direction if row.direction is not Direction.UNSURE else load.direction,
            start_us=load.start_us if row.start_us is None else row.start_us,
            end_us=load.end_us if row.end_us is None else row.end_us,
        )
        for load in loads
    ]


def _loads(rows: Sequence[_Row]) -> list[TrueLoad]:
    """Rows put together: by load id, place and direction, and of those whose windows touch."""
    groups: list[_Group] = []
    last: dict[tuple[str, str, Direction], _Group] = {}
    order = sorted(rows, key=lambda row: WHOLE[0] if row.start_us is None else row.start_us)
    for row in order:
        start = WHOLE[0] if row.start_us is None else row.start_us
        end = WHOLE[1] if row.end_us is None else row.end_us
        key = row.load_id, row.place, row.direction
        group = last.get(key)
        if group is None or start > group.end_us:
            group = _Group(row.load_id, row.place, row.direction, start, end)
            groups.append(group)
            last[key] = group
        group.end_us = max(group.end_us, end)
        group.epcs.append(row.epc)
    times: dict[str, int] = {}
    out = []
    for number, group in enumerate(groups, 1):
        name = group.load_id or str(number)
        times[name] = times.get(name, 0) + 1
        out.append(
            TrueLoad(
                name if times[name] == 1 else f"{name} ({times[name]})",
                group.place, group.direction, group.start_us, group.end_us, tuple(dict.fromkeys(group.epcs)),
                bool(group.load_id),
            )
        )  # fmt: skip
    return out


def _stays(rows: Sequence[_Row]) -> list[TrueStay]:
    by_tag: dict[str, list[_Row]] = {}
    for row in rows:
        by_tag.setdefault(row.epc, []).append(row)
    out: list[TrueStay] = []
    for epc, own in by_tag.items():
        own.sort(key=lambda row: WHOLE[0] if row.start_us is None else row.start_us)
        nexts = [WHOLE[1] if after.start_us is None else after.start_us for after in own[1:]]
        for row, until in zip(own, [*nexts, WHOLE[1]], strict=True):
            start = WHOLE[0] if row.start_us is None else row.start_us
            stay = TrueStay(epc, row.place, start, until if row.end_us is None else row.end_us)
            if out and out[-1].epc == epc and out[-1].zone == stay.zone and stay.start_us <= out[-1].end_us:
                out[-1] = replace(out[-1], end_us=max(out[-1].end_us, stay.end_us))
            else:
                out.append(stay)
    return out


def parse_json(text: str) -> RecordedTruth:
    """Truth in JSON text."""
    try:
        data: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise RecordedError(f"truth: line {wrong.lineno}: {wrong.msg}") from wrong
    loads, stays = data.get("loads", []), data.get("stays", [])
    try:
        return RecordedTruth(
            tuple(
                TrueLoad(
                    str(load.get("id", number)),
                    str(load.get("portal", "")),
                    DIRECTIONS[str(load.get("direction") or "").lower()],
                    *_json_window(load),
                    tuple(plain_epc(str(epc)) for epc in load["epcs"]),
                )
                for number, load in enumerate(loads, 1)
            ),
            tuple(TrueStay(plain_epc(str(stay["epc"])), str(stay["zone"]), *_json_window(stay)) for stay in stays),
        )
    except RecordedError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise RecordedError(f"truth: loads and stays need epcs, zone, direction in or out, times: {wrong!r}") from wrong


def _json_window(entry: Mapping[str, Any]) -> tuple[int, int]:
    start_us, end_us = _json_time(entry, "start", WHOLE[0]), _json_time(entry, "end", WHOLE[1])
    if end_us < start_us:
        name = entry.get("id", entry.get("epc", entry))
        raise RecordedError(f"truth: the end of {name} lies before its start; swap them")
    return start_us, end_us


def _json_time(entry: Mapping[str, Any], name: str, default: int) -> int:
    if f"{name}_us" in entry:
        return int(entry[f"{name}_us"])
    if entry.get(name) is None:
        return default
    text = str(entry[name])
    return microseconds(text, unit_of([text]))
