"""Excel workbooks (ECMA-376 .xlsx) through openpyxl: the first sheet that is shown as rows, and sheets written.

A workbook is a ZIP of XML, so it is bounded before it is opened: what it says it unpacks to is the most that can be
read of it. Formulas are taken as the value that was last computed. What reads as an empty cell and is none for who sees
it is refused: merged cells, of which only the first has a value, and formulas that nothing has computed yet.
"""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from warehouse.imports.cleaning import Cell, NumberCell
from warehouse.imports.table import COLUMNS_MAX, ROWS_MAX, FileUnreadable, Table

UNPACKED_BYTES_MAX = 1 << 30
RATIO_MAX = 200
PARTS_MAX = 1_000

# What openpyxl, zipfile and zlib raise on files that are damaged, encrypted or packed in another way.
_BROKEN = (
    InvalidFileException, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, SyntaxError, OverflowError,
    EOFError, RuntimeError,
)  # fmt: skip
_ZEROS = re.compile(r"0+")
_BLOCK_BYTES = 1 << 20
# A cell's markup up to its formula, and a merge: no longer than what is kept of the block before.
_OVERLAP_BYTES = 1 << 16
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z0-9:]{1,32})"')
_UNCOMPUTED = re.compile(
    rb'<(?:\w+:)?c\s[^>]*r="([A-Z0-9]{1,16})"[^>]*>\s*'
    rb"<(?:\w+:)?f(?:/>|[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)


def is_workbook(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) == b"PK\x03\x04"


def open_workbook(file: BinaryIO) -> Table:
    """The first sheet. Raises `FileUnreadable`, also while reading."""
    _bound(file)
    file.seek(0)
    try:
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if shown:
            _whole(file, shown[0]._worksheet_path)  # type: ignore[attr-defined]  # as it is only read
    except _BROKEN as error:
        raise _unreadable(error) from None
    if not shown:
        raise FileUnreadable("the workbook has no sheet that is shown", "start from `tagledger import template`")
    sheet = shown[0]
    sheet.reset_dimensions()  # what the file says of its own size is not to be trusted
    rows = _rows(sheet)
    for number, cells in rows:
        texts = ["" if cell is None else cell.text if isinstance(cell, NumberCell) else str(cell) for cell in cells]
        if any(text.strip() for text in texts):
            return Table("workbook", texts, number, rows)
    raise FileUnreadable(f"the sheet {sheet.title!r} is empty", "start from `tagledger import template`")


def _bound(file: BinaryIO) -> None:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise FileUnreadable(f"this is no workbook: {error}", "save it again as .xlsx") from None
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if (
        len(parts) > PARTS_MAX
        or unpacked > UNPACKED_BYTES_MAX
        or (unpacked > 1 << 26 and unpacked > packed * RATIO_MAX)
    ):
        message = f"it would unpack to {unpacked >> 20} MiB in {len(parts)} parts"
        raise FileUnreadable(message, f"at most {UNPACKED_BYTES_MAX >> 20} MiB; send it as CSV")


def _whole(file: BinaryIO, part: str) -> None:
    """Raises FileUnreadable when a cell of the sheet reads as empty and is not."""
    with zipfile.ZipFile(file) as archive, archive.open(part) as sheet:
        kept = b""
        while block := sheet.read(_BLOCK_BYTES):
            seen = kept + block
            if merged := _MERGED.search(seen):
                where = merged[1].decode()
                fix = "take the merging away and fill every cell, or send it as CSV"
                raise FileUnreadable(f"the cells {where} are merged: only the first of them has a value", fix)
            if formula := _UNCOMPUTED.search(seen):
                where = formula[1].decode()
                fix = "open it in a spreadsheet, save it, and send that; or send it as CSV"
                raise FileUnreadable(f"the formula in {where} was never computed: it has no value yet", fix)
            kept = seen[-_OVERLAP_BYTES:]


def _rows(sheet: Any) -> Iterator[tuple[int, list[Cell]]]:
    try:
        for number, row in enumerate(sheet.iter_rows(max_col=COLUMNS_MAX), start=1):
            if number > ROWS_MAX:
                raise FileUnreadable(f"more than {ROWS_MAX} rows", "split the file")
            cells = [_cell(cell) for cell in row]
            while cells and cells[-1] is None:
                cells.pop()
            yield number, cells
    except _BROKEN as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> FileUnreadable:
    if isinstance(error, FileUnreadable):
        return error
    return FileUnreadable(f"this workbook cannot be read: {error}", "save it again as .xlsx, without a password")


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None or isinstance(value, str | bool | date):
        return value
    if isinstance(value, int):
        return NumberCell(str(value), _width(cell.number_format))
    if isinstance(value, float):
        # A spreadsheet shows and keeps 15 significant digits; what is behind them is binary noise.
        return NumberCell(f"{Decimal(f'{value:.15g}'):f}", _width(cell.number_format))
    return str(value)  # a duration, a rich text


def _width(number_format: str | None) -> int:
    """How many digits a format like `00000` shows."""
    return len(number_format) if number_format and _ZEROS.fullmatch(number_format) else 0


def write_workbook(
    file: BinaryIO,
    sheets: Sequence[tuple[str, Sequence[str], Iterable[Sequence[object]]]],
    text_columns: frozenset[str] = frozenset(),
) -> None:
    """Sheets of (title, header, rows). Text is written as text: nothing becomes a formula, no zero is lost.

    What people type into `text_columns` is text too, on the first sheet.
    """
    book = Workbook(write_only=True)
    for index, (title, header, rows) in enumerate(sheets):
        sheet = book.create_sheet(title[:31])
        sheet.freeze_panes = "A2"
        for number, name in enumerate(header):
            dimension = sheet.column_dimensions[get_column_letter(number + 1)]
            dimension.width = max(12, min(40, len(name) + 6))
            if index == 0 and name in text_columns:
                dimension.number_format = "@"
        sheet.append([_bold(sheet, name) for name in header])
        for row in rows:
            sheet.append([_written(sheet, value) for value in row])
    book.save(file)


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=text)
    cell.font = Font(bold=True)
    cell.alignment = Alignment(vertical="top")
    return cell


def _written(sheet: Any, value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()  # a workbook's times know no offset
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, value=_printable(value))
        cell.data_type = "s"  # "=1+1" is text
        if value[:1] in "=+-@" or value[:1] == "0":
            cell.number_format = "@"
        return cell
    if value is None or isinstance(value, bool | int | float | Decimal | date):
        return value
    return str(value)


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(character for character in text if character >= " " or character in "\t\n\r")
