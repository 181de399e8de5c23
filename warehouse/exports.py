"""CSV for people and their spreadsheets. Pure.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` (or a tab or carriage return before one) for a formula,
whoever wrote it (OWASP, "CSV Injection"). Such text gets an apostrophe in front; numbers stay numbers.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

_LINES_AT_ONCE = 500


def safe(value: object) -> str:
    """The cell's text, harmless in a spreadsheet."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.lstrip(" \t\r\n")[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r") else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The file in pieces: UTF-8 with the byte order mark spreadsheets look for, RFC 4180 lines."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(header)
    for number, row in enumerate(rows, start=1):
        writer.writerow([safe(value) for value in row])
        if number % _LINES_AT_ONCE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
