"""CSV from anywhere: UTF-8 with or without byte order mark, UTF-16 with one, else GB18030; comma, semicolon or tab.

GB18030 takes nearly any bytes, so it comes last: bytes that are valid UTF-8 are UTF-8. Quoting is RFC 4180's.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from warehouse.imports.cleaning import Cell
from warehouse.imports.header import known_names, plain_header
from warehouse.imports.table import COLUMNS_MAX, ROWS_MAX, FileUnreadable, Table
from warehouse.imports.template import Template

_DELIMITERS = ",;\t"
_BLOCK_BYTES = 1 << 20
# Marks a cell cannot be longer than; a quote that is never closed would swallow the file into one cell.
_FIELD_MAX = 32_768


def encoding_of(file: BinaryIO) -> str:
    """What the bytes are. Raises `FileUnreadable`."""
    file.seek(0)
    head = file.read(4)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            _decodes(file, name)
            return name
    for name in ("utf-8", "gb18030"):
        try:
            _decodes(file, name)
        except FileUnreadable:
            continue
        return name
    raise FileUnreadable("the text is neither UTF-8 nor GB18030", "save it as UTF-8")


def _decodes(file: BinaryIO, name: str) -> None:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(name)()
    read = 0
    try:
        while block := file.read(_BLOCK_BYTES):
            if b"\x00" in block and name != "utf-16":
                raise FileUnreadable("there are zero bytes in it: this is no text", "save it as CSV in UTF-8")
            decoder.decode(block)
            read += len(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise FileUnreadable(f"not {name} at byte {read + error.start}", "save it as UTF-8") from None


def open_csv(file: BinaryIO, template: Template) -> Table:
    """The table; rows are read as they are asked for, and the file is closed with them.

    Raises `FileUnreadable`, also while reading.
    """
    encoding = encoding_of(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    csv.field_size_limit(_FIELD_MAX)
    number, line = 0, ""
    for line in text:
        number += 1
        if line.strip(",;\t \r\n\ufeff"):
            break
    else:
        raise FileUnreadable("the file is empty", "start from `tagledger import template`")
    delimiter = max(_DELIMITERS, key=lambda mark: _known(line, mark, template))
    header = next(csv.reader([line], delimiter=delimiter))
    if len(header) > COLUMNS_MAX:
        raise FileUnreadable(f"{len(header)} columns", f"at most {COLUMNS_MAX}")
    return Table(f"CSV, {encoding}", header, number, _rows(text, delimiter, number))


def _known(line: str, delimiter: str, template: Template) -> int:
    known = known_names(template)
    return sum(plain_header(cell) in known for cell in next(csv.reader([line], delimiter=delimiter)))


def _rows(lines: Iterable[str], delimiter: str, header_row: int) -> Iterator[tuple[int, list[Cell]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    number = header_row
    try:
        for cells in reader:
            number += 1
            if number > ROWS_MAX:
                raise FileUnreadable(f"more than {ROWS_MAX} rows", "split the file")
            yield number, list(cells)
    except csv.Error as error:
        raise FileUnreadable(f"row {number + 1}: {error}", "close the quotation marks") from None
