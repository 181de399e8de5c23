"""What both readers give: rows with their number in the file, and the one way a file cannot be read at all."""

from collections.abc import Iterator
from dataclasses import dataclass

from warehouse.imports.cleaning import Cell

# A workbook's sheet has 1,048,576 rows; more columns than this are no table of ours.
ROWS_MAX = 1_048_576
COLUMNS_MAX = 200


class FileUnreadable(ValueError):
    """The file as a whole cannot be read; `fix` says what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Table:
    """A file opened. Row numbers are those a spreadsheet shows; the header is the first row that is not empty."""

    form: str
    header: list[str]
    header_row: int
    rows: Iterator[tuple[int, list[Cell]]]
