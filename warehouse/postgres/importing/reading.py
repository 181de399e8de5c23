"""A file as clean rows: opened as what it is, its header matched, each cell cleaned, everything noted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from warehouse.imports.cleaning import Cell, NumberCell, Value, clean
from warehouse.imports.header import match
from warehouse.imports.table import FileUnreadable, Table
from warehouse.imports.table_csv import open_csv
from warehouse.imports.template import Column, Template
from warehouse.imports.workbook import is_workbook, open_workbook
from warehouse.postgres.importing.findings import Change, Findings, Found


@dataclass(frozen=True, slots=True)
class Row:
    """A clean row: its number in the file and a value for every column the template has and the file gives."""

    row_no: int
    values: dict[str, Value]

    def text(self, column: str) -> str | None:
        value = self.values.get(column)
        return None if value is None else str(value)


def open_table(file: BinaryIO, template: Template) -> Table:
    """Raises FileUnreadable."""
    return open_workbook(file) if is_workbook(file) else open_csv(file, template)


def clean_rows(table: Table, template: Template, findings: Findings) -> Iterator[Row]:
    """Every row that is not empty and has no problem of its own; nothing when the header cannot be used.

    A key that another row had already is a problem of the second: cleaning may have made them equal.
    """
    columns, faults = match(template, table.header)
    for fault in faults:
        findings.add(Found(table.header_row, fault.header, fault.code, fault.message, fault.fix))
    if faults:
        return
    seen: dict[tuple[Value, ...], int] = {}
    try:
        for row_no, cells in table.rows:
            row = _clean_row(row_no, cells, columns, findings)
            if row is None:
                continue
            if template.key:
                key = tuple(row.values.get(name) for name in template.key)
                before = seen.setdefault(key, row_no)
                if before != row_no:
                    named = ", ".join(str(part) for part in key)
                    message, fix = f"row {before} is {named} already", "remove one of the two"
                    findings.add(Found(row_no, template.key[-1], "twice_in_file", message, fix, named))
                    continue
            yield row
    except FileUnreadable as error:
        findings.add(Found(0, "", "unreadable", str(error), error.fix))


def _clean_row(row_no: int, cells: list[Cell], columns: list[Column | None], findings: Findings) -> Row | None:
    if not any(_has_text(cell) for cell in cells):
        return None
    values: dict[str, Value] = {}
    good = True
    for position, column in enumerate(columns):
        if column is None:
            continue
        cell = cells[position] if position < len(cells) else None
        cleaned = clean(column, cell)
        values[column.name] = cleaned.value
        if cleaned.changed or cleaned.warning is not None or cleaned.fault is not None:
            before = cell.text if isinstance(cell, NumberCell) else "" if cell is None else str(cell)
            for kind in cleaned.changed:
                findings.changed(Change(row_no, column.name, kind, before, str(cleaned.value)))
            for fault, severity in ((cleaned.fault, "error"), (cleaned.warning, "warning")):
                if fault is not None:
                    found = Found(row_no, column.name, fault.code, fault.message, fault.fix, before, severity)
                    findings.add(found)
            good = good and cleaned.fault is None
    for extra in cells[len(columns) :]:
        if extra is not None and str(extra).strip():
            message = "there is a cell beyond the last column: a separator inside a text?"
            findings.add(Found(row_no, "", "too_many_cells", message, "put the text into quotation marks", str(extra)))
            return None
    return Row(row_no, values) if good else None


def _has_text(cell: Cell) -> bool:
    return cell is not None and (not isinstance(cell, str) or cell.strip() != "")
