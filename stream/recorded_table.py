"""CSV as people bring it: bytes to a header and numbered rows of fields, and which column means what.

- Encoding: UTF-8 (with or without mark), UTF-16 with its mark, else Windows-1252; unpacked first when gzipped.
- JSON objects, one a line, are rows of their fields; what is nested is named by its own field (`{"tag": {"epc": ..}}`
  has an epc).
- Above the header: empty lines, Excel's `sep=;`, and comments (`#`, `//`). Where all before the data is comments, the
  last one is the header, as Impinj's ItemTest writes it.
- Delimiter: of comma, semicolon, tab and bar the one most frequent in the header. In files delimited otherwise a comma
  in a number is its decimal point.
- A row may have empty fields too many (a delimiter at its end), not too few.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ABSENT = {"", "-", "?", "na", "n/a", "nan", "nil", "none", "null", "#n/a"}
UNIT_WORDS = r"(us|ms|ns|s|sec|secs|seconds|utc|local|dbm|cdbm|db|mhz|khz|hz|rad|radians|deg|degrees|hex)$"


class RecordedError(ValueError):
    """A recording that cannot be read; the message names the row (1 is the first line) and the column."""


FIX = "; correct it or delete the row, or say which column it is (--column, --truth-column)"


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A header and rows numbered as lines of the file; `decimal_comma` when 1,5 is a number."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    decimal_comma: bool

    def number(self, row: int, column: int, text: str) -> float:
        """A field as a number, NaN when empty or said to be; RecordedError when it is none."""
        if text.lower() in ABSENT:
            return float("nan")
        try:
            return float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError as wrong:
            raise self.wrong(row, column, text, "a number") from wrong

    def wrong(self, row: int, column: int, text: str, wanted: str) -> RecordedError:
        """What to raise about one field."""
        return RecordedError(f"row {row}, column {self.header[column]}: {text!r} is not {wanted}{FIX}")


def read_text(path: Path) -> str:
    """A file's text, whatever wrote it."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as wrong:
            raise RecordedError(f"{path}: gzipped and damaged ({wrong}); unpack it, or pack it again") from wrong
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as wrong:
            raise RecordedError(f"{path}: not UTF-16, though its mark says so: save it as CSV in UTF-8") from wrong
    if b"\0" in data[:4096]:
        raise RecordedError(f"{path}: not text; save it as CSV in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def parse_table(text: str, delimiter: str | None = None) -> CsvTable:
    """Header and rows of CSV text; RecordedError when there is no header or a row has fields too many."""
    lines = text.splitlines()
    if text.lstrip()[:1] == "{":
        return _json_lines(lines)
    first = 0
    comment = None
    while first < len(lines):
        line = lines[first].strip()
        if re.fullmatch(r"sep=.", line, re.IGNORECASE):
            delimiter = delimiter or line[-1]
        elif line.startswith(("#", "//")):
            comment = line.lstrip("#/ ")
        elif line:
            break
        first += 1
    if first == len(lines):
        raise RecordedError("empty: a header row is needed")
    delimiter = delimiter or max(",;\t|", key=lines[first].count)
    header = next(csv.reader([lines[first]], delimiter=delimiter))
    if _is_data(header):
        header = next(csv.reader([comment], delimiter=delimiter)) if comment else list(numbered(len(header)))
    else:
        first += 1
    while header and not header[-1].strip():
        header.pop()
    names = tuple(name.strip() for name in header)
    if not names:
        raise RecordedError("empty: a header row is needed")
    rows = []
    reader = csv.reader(io.StringIO("\n".join(lines[first:])), delimiter=delimiter)
    for row in reader:
        if not any(cell.strip() for cell in row) or row[0].lstrip().startswith(("#", "//")):
            continue
        number = first + reader.line_num
        extra = [cell for cell in row[len(names) :] if cell.strip()]
        if extra:
            raise RecordedError(
                f"row {number}: {len(row)} fields, the header has {len(names)}"
                + ("; write decimal commas in files delimited by semicolons" if delimiter == "," else "")
            )
        if len(row) < len(names):
            raise RecordedError(f"row {number}: {len(row)} fields, the header has {len(names)}")
        rows.append((number, tuple(cell.strip() for cell in row[: len(names)])))
    return CsvTable(names, tuple(rows), delimiter != ",")


def find_columns(
    header: Sequence[str], mapping: Mapping[str, str], aliases: Mapping[str, tuple[str, ...]], required: Sequence[str]
) -> dict[str, int]:
    """Field → column number, by the mapping and else by alias; RecordedError for what is missing or unknown.

    A mapping names a header, or the number of a column (1 is the first) where no header is called that.
    """
    lower = [name.lower() for name in header]
    index: dict[str, int] = {}
    for field, name in mapping.items():
        if field not in aliases:
            raise RecordedError(f"mapping: no field {field!r}; there are {', '.join(aliases)}")
        if name.lower() in lower:
            index[field] = header.index(name) if name in header else lower.index(name.lower())
        elif name.isdigit() and 1 <= int(name) <= len(header):
            index[field] = int(name) - 1
        else:
            raise RecordedError(f"mapping: {field}={name}, but the header has {', '.join(header)}")
    taken = set(index.values())
    spellings = [_spellings(name) for name in header]
    for field, names in aliases.items():
        if field in index:
            continue
        found = next(
            (
                column
                for name in names
                for column, known in enumerate(spellings)
                if column not in taken and name in known
            ),
            None,
        )
        if found is not None:
            index[field] = found
            taken.add(found)
    missing = [field for field in required if field not in index]
    if missing:
        example = " ".join(f"--column {field}=HEADER" for field in missing)
        if header == numbered(len(header)):
            example = " ".join(f"--column {field}={at}" for at, field in enumerate(missing, 1))
            raise RecordedError(
                f"no header row: write one, or say by number which of the {len(header)} columns is the "
                f"{' and which the '.join(missing)} ({example})"
            )
        raise RecordedError(
            f"header: no column for {', '.join(missing)} among {', '.join(header)}; say which: {example}"
        )
    return index


def mapped(options: Sequence[str], name: str) -> dict[str, str]:
    """`field=header` options as a mapping; RecordedError for another form."""
    for option in options:
        if "=" not in option:
            raise RecordedError(f"{name} {option}: expected field=header")
    return dict(option.split("=", 1) for option in options)


def numbered(columns: int) -> tuple[str, ...]:
    """The header of a file that has none."""
    return tuple(f"column {number}" for number in range(1, columns + 1))


def units_said(mapping: Mapping[str, str], header: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """A mapping without the units of time said in it (`start=begin:ms`), and those units by field."""
    plain, units = dict(mapping), {}
    for field, said in mapping.items():
        name, _, unit = said.rpartition(":")
        if name and unit in ("s", "ms", "us", "ns") and said not in header:
            plain[field], units[field] = name, unit
    return plain, units


def unit_in(column: str) -> str | None:
    """The unit of time a header ends in: `time_us`, `Time (ms)`, `timestampNs`."""
    match = re.search(r"(?:_|\W)(us|µs|ms|ns|s|sec|secs|seconds)\)?\]?$", column.lower())
    camel = re.search(r"[a-z](Us|Ms|Ns|S)$", column)
    unit = match.group(1) if match else camel.group(1).lower() if camel else None
    return {"µs": "us", "sec": "s", "secs": "s", "seconds": "s"}.get(unit or "", unit)


def _json_lines(lines: Sequence[str]) -> CsvTable:
    """A table of JSON objects, one a line; a field that an object lacks is empty."""
    found: list[tuple[int, dict[str, str]]] = []
    names: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = dict(_flat(json.loads(line)))
        except (json.JSONDecodeError, TypeError) as wrong:
            raise RecordedError(f"row {number}: no JSON object on a line of its own ({wrong})") from wrong
        names |= dict.fromkeys(fields)
        found.append((number, fields))
    header = tuple(names)
    rows = tuple((number, tuple(fields.get(name, "") for name in header)) for number, fields in found)
    return CsvTable(header, rows, decimal_comma=False)


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in _flat(inner, str(key))]
    if not name or isinstance(value, list):
        raise TypeError("a list" if isinstance(value, list) else f"{value!r}")
    return [(name, "" if value is None else str(value).lower() if isinstance(value, bool) else str(value))]


def _spellings(name: str) -> set[str]:
    """A header without case, punctuation, and what is in brackets or a unit at its end."""
    lower = name.lower().strip()
    bare = re.sub(r"[(\[].*$", "", lower).strip() or lower
    whole = {re.sub(r"[^a-z0-9]", "", lower), re.sub(r"[^a-z0-9]", "", bare)}
    cut = {re.sub(r"[^a-z0-9]", "", re.sub(r"[^a-z0-9]+" + UNIT_WORDS, "", bare))}
    camel = re.sub(r"(?<=[a-z])(Us|Ms|Ns|Utc|Dbm|Hex|DBm|UTC|Deg|Rad)$", "", name.strip())
    return (whole | cut | {re.sub(r"[^a-z0-9]", "", camel.lower())}) - {""}


def _is_data(fields: Sequence[str]) -> bool:
    """Whether a first line is rather a row of data: it has a number or a time in it."""
    return any(re.fullmatch(r"[-+]?\d[\d.,:TZ+\- /]*", field.strip()) for field in fields)
