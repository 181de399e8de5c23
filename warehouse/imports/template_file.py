"""The empty table of a template, as a CSV or a workbook that explains its columns on a second sheet."""

import csv
import io
from typing import BinaryIO

from warehouse.imports.template import Kind, Template
from warehouse.imports.workbook import write_workbook


def as_csv(template: Template) -> bytes:
    """The header alone, with the byte order mark that spreadsheets need to see UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow([column.name for column in template.columns])
    return text.getvalue().encode("utf-8-sig")


def as_workbook(template: Template, file: BinaryIO) -> None:
    """The header, and beside it what each column means."""
    explained = [
        (
            column.name,
            "required" if column.required else "",
            column.kind.value,
            column.meaning,
            column.example,
            ", ".join(column.other_names),
            ", ".join(column.choices),
        )
        for column in template.columns
    ]
    titles = ("column", "required", "kind", "meaning", "example", "also called", "words it takes")
    header = [column.name for column in template.columns]
    codes = frozenset(column.name for column in template.columns if column.kind is Kind.CODE)
    write_workbook(file, [(template.name, header, ()), ("columns", titles, explained)], codes)
