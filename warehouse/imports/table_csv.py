"""CSV from anywhere: UTF-8 with or without byte order mark, UTF-16 with one, else GB18030; comma, semicolon or tab.

GB18030 takes nearly any bytes, so it comes last: bytes that are valid UTF-8 are UTF-8. Quoting is RFC 4180's.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO

from warehouse.imports.cleaning import Cell
from warehouse.imports.header import known_names, plain_header
from warehouse.imports.table import COLUMNS_MAX, ROWS_MAX, FileUnreadable, Table
from warehouse.imports.template import Template

_DELIMITERS = ",;\t"
# What Excel reads on a first line of its own.
_SEPARATOR_TOLD = re.compile(r'\ufeff?"?sep=([,;\t])"?[,;\t]*\s*', re.IGNORECASE)
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BLOCK_BYTES = 1 << 20
# Marks a cell cannot be longer than; a quote that is never closed would swallow the file into one cell.
_FIELD_MAX = 32_768


def encoding_of(file: BinaryIO) -> str:
    """What the bytes are. Raises `FileUnreadable`."""
    file.seek(0)
    head = file.read(8)
    if head == _OLD_WORKBOOK:
        raise FileUnreadable("this is an old .xls, or has a password", "save it as .xlsx without a password")
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            if name != "utf-16":
                _is_text(file)
            _decodes(file, name)
            return name
    _is_text(file)
    for name in ("utf-8", "gb18030"):
        try:
            _decodes(file, name)
        except FileUnreadable:
            continue
        return name
    raise FileUnreadable("the text is neither UTF-8 nor GB18030", "save it as UTF-8")


def _is_text(file: BinaryIO) -> None:
    file.seek(0)
    read = 0
    while block := file.read(_BLOCK_BYTES):
        if (at := block.find(b"\x00")) >= 0:
            message = f"there is a zero byte at {read + at}: this is no text"
            raise FileUnreadable(message, "save it as CSV in UTF-8")
        read += len(block)


def _decodes(file: BinaryIO, name: str) -> None:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(name)()
    read = 0
    try:
        while block := file.read(_BLOCK_BYTES):
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
    told = ""
    for line in text:
        number += 1
        if separator := _SEPARATOR_TOLD.fullmatch(line):
            told = separator[1]
        elif line.strip(",;\t \r\n\ufeff"):
            break
    else:
        raise FileUnreadable("the file is empty", "start from `tagledger import template`")
    if line.lstrip("\ufeff \t").startswith("<"):
        message = "this is a web page or XML, whatever its name says"
        raise FileUnreadable(message, "open it in a spreadsheet and save it as .xlsx or CSV")
    delimiter = told or max(_DELIMITERS, key=lambda mark: _known(line, mark, template))
    # Strict: a quote that nobody closes would otherwise swallow rows without a word.
    reader = csv.reader(itertools.chain([line], text), delimiter=delimiter, strict=True)
    try:
        header = next(reader)
    except csv.Error as error:
        raise _malformed(number, error) from None
    if len(header) > COLUMNS_MAX:
        raise FileUnreadable(f"{len(header)} columns", f"at most {COLUMNS_MAX}")
    return Table(f"CSV, {encoding}", header, number, _rows(reader, number))


def _known(line: str, delimiter: str, template: Template) -> int:
    known = known_names(template)
    return sum(plain_header(cell) in known for cell in next(csv.reader([line], delimiter=delimiter)))


def _rows(reader: Iterator[list[str]], header_row: int) -> Iterator[tuple[int, list[Cell]]]:
    number = header_row
    try:
        for cells in reader:
            number += 1
            if number > ROWS_MAX:
                raise FileUnreadable(f"more than {ROWS_MAX} rows", "split the file")
            yield number, list(cells)
    except csv.Error as error:
        raise _malformed(number + 1, error) from None


def _malformed(row: int, error: csv.Error) -> FileUnreadable:
    fix = "begin and end the cell with a quotation mark, and write one inside it twice"
    return FileUnreadable(f"row {row}: {error}", fix)
