"""What truly happened in a recording: which tags went through which door in which load, and which zone tags were in.

CSV: one row a tag and load, or a tag and stay. Columns (found by name like those of reads): `kind` (`load` or `stay`;
without the column a row with a direction or a load id is a load, else a stay), `id` of the load, `place` (portal or
zone), `direction` (in, out, or empty: unknown), `start` and `end`, `epc`.

JSON: {"loads": [{"id", "portal", "direction", "start", "end", "epcs": [...]}],
       "stays": [{"epc", "zone", "start", "end"}]}, and "labels", see `bench/fit_passages.py`.

A window may be left out when tags of a load are told apart otherwise: without `start` and `end` a load's window is the
whole recording. Times are as in `recorded_time`. A tag in no load is a stray.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.recorded import RecordedError, columns_of, table
from stream.recorded_time import microseconds, unit_of
from warehouse.site import Direction

ALIASES: dict[str, tuple[str, ...]] = {
    "kind": ("kind", "type"),
    "id": ("id", "load", "loadid", "passage", "pallet", "palletid", "group"),
    "place": ("place", "portal", "zone", "door", "gate", "location"),
    "direction": ("direction", "dir", "way"),
    "start": ("start", "starttime", "from", "begin", "opened"),
    "end": ("end", "endtime", "to", "until", "closed"),
    "epc": ("epc", "tag", "tagid", "epchex", "tid"),
}
WHOLE = (-(2**62), 2**62)
DIRECTIONS = {
    "in": Direction.IN, "inbound": Direction.IN, "enter": Direction.IN, "inward": Direction.IN,
    "out": Direction.OUT, "outbound": Direction.OUT, "exit": Direction.OUT, "outward": Direction.OUT,
    "": Direction.UNSURE, "unknown": Direction.UNSURE, "unsure": Direction.UNSURE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrueLoad:
    """A load through a portal; `portal` may be empty when there is only one, `direction` UNSURE when not known."""

    load_id: str
    portal: str
    direction: Direction
    start_us: int
    end_us: int
    epcs: tuple[str, ...]


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


def read_truth(path: Path, mapping: Mapping[str, str] | None = None) -> RecordedTruth:
    """The truth in a CSV or JSON file; RecordedError when it is neither."""
    text = path.read_text(encoding="utf-8-sig")
    return parse_json(text) if text.lstrip().startswith("{") else parse_csv(text, mapping)


def parse_csv(text: str, mapping: Mapping[str, str] | None = None) -> RecordedTruth:
    """Truth in CSV text."""
    header, rows = table(text, None)
    index = columns_of(header, mapping or {}, ALIASES, ("epc",))

    def field(row: list[str], name: str) -> str:
        return row[index[name]].strip() if name in index else ""

    units = {
        name: unit_of([field(row, name) for _, row in rows if field(row, name)]) if name in index else None
        for name in ("start", "end")
    }
    loads: dict[tuple[str, str, str, int, int], list[str]] = {}
    stays: list[TrueStay] = []
    for number, row in rows:
        window = tuple(
            _time(number, header[index[name]], field(row, name), units[name]) if field(row, name) else default
            for name, default in zip(("start", "end"), WHOLE, strict=True)
        )
        epc, place = field(row, "epc").upper(), field(row, "place")
        if not epc:
            raise RecordedError(f"row {number}, column {header[index['epc']]}: no tag")
        way = field(row, "direction").lower()
        if way not in DIRECTIONS:
            raise RecordedError(f"row {number}, column {header[index['direction']]}: {way!r} is not in or out")
        kind = field(row, "kind").lower() or ("load" if way or field(row, "id") else "stay")
        if kind == "load":
            loads.setdefault((field(row, "id"), place, way, window[0], window[1]), []).append(epc)
        elif kind == "stay":
            stays.append(TrueStay(epc, place, window[0], window[1]))
        else:
            raise RecordedError(f"row {number}, column {header[index['kind']]}: {kind!r} is neither load nor stay")
    return RecordedTruth(
        tuple(
            TrueLoad(load_id, place, DIRECTIONS[way], start, end, tuple(dict.fromkeys(epcs)))
            for (load_id, place, way, start, end), epcs in loads.items()
        ),
        tuple(stays),
    )


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
                    tuple(str(epc).upper() for epc in load["epcs"]),
                )
                for number, load in enumerate(loads, 1)
            ),
            tuple(TrueStay(str(stay["epc"]).upper(), str(stay["zone"]), *_json_window(stay)) for stay in stays),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise RecordedError(f"truth: loads and stays need epcs, zone, direction in or out, times: {wrong!r}") from wrong


def _json_window(entry: Mapping[str, Any]) -> tuple[int, int]:
    return _json_time(entry, "start", WHOLE[0]), _json_time(entry, "end", WHOLE[1])


def _json_time(entry: Mapping[str, Any], name: str, default: int) -> int:
    if f"{name}_us" in entry:
        return int(entry[f"{name}_us"])
    if entry.get(name) is None:
        return default
    text = str(entry[name])
    return microseconds(text, unit_of([text]))


def _time(number: int, column: str, text: str, unit: str | None) -> int:
    endings: Iterable[str] = ("us", "ms", "ns", "s")
    named = next((ending for ending in endings if column.lower().endswith("_" + ending)), unit)
    try:
        return microseconds(text, named)
    except ValueError as wrong:
        raise RecordedError(f"row {number}, column {column}: {text!r} is not a time") from wrong
