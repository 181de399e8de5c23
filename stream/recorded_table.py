"""CSV as people bring it: bytes to a header and numbered rows of fields, and which column means what.

- Encoding: UTF-8 (with or without mark), UTF-16 with its mark, else Windows-1252.
- Above the header: empty lines, Excel's `sep=;`, and comments (`#`, `//`). Where all before the data is comments, the
  last one is the header, as Impinj's ItemTest writes it.
- Delimiter: of comma, semicolon, tab and bar the one most frequent in the header. In files delimited otherwise a comma
  in a number is its decimal point.
- A row may have empty fields too many (a delimiter at its end), not too few.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    if comment is not None and _is_data(header):
        header = next(csv.reader([comment], delimiter=delimiter))
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
    """Field → column number, by the mapping and else by alias; RecordedError for what is missing or unknown."""
    lower = [name.lower() for name in header]
    index: dict[str, int] = {}
    for field, name in mapping.items():
        if field not in aliases:
            raise RecordedError(f"mapping: no field {field!r}; there are {', '.join(aliases)}")
        if name.lower() not in lower:
            raise RecordedError(f"mapping: {field}={name}, but the header has {', '.join(header)}")
        index[field] = header.index(name) if name in header else lower.index(name.lower())
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
        raise RecordedError(
            f"header: no column for {', '.join(missing)} among {', '.join(header)}; say which: {example}"
        )
    return index


def unit_in(column: str) -> str | None:
    """The unit of time a header ends in: `time_us`, `Time (ms)`, `timestampNs`."""
    match = re.search(r"(?:_|\W)(us|µs|ms|ns|s|sec|secs|seconds)\)?\]?$", column.lower())
    camel = re.search(r"[a-z](Us|Ms|Ns|S)$", column)
    unit = match.group(1) if match else camel.group(1).lower() if camel else None
    return {"µs": "us", "sec": "s", "secs": "s", "seconds": "s"}.get(unit or "", unit)


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
