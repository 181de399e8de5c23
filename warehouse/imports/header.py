"""Which column of a file is which column of its template: by header, in any order, in either language."""

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.imports.template import Column, Template


@dataclass(frozen=True, slots=True)
class HeaderFault:
    """A header that cannot be used. `position` counts columns from 1."""

    position: int
    header: str
    code: str
    message: str
    fix: str


def match(template: Template, cells: Sequence[str]) -> tuple[list[Column | None], list[HeaderFault]]:
    """The column of each cell of the header row (None: empty at the end), and everything wrong with the row."""
    names = {_plain(name): column for column in template.columns for name in (column.name, *column.other_names)}
    found: list[Column | None] = []
    faults: list[HeaderFault] = []
    filled = len(cells)
    while filled and not _plain(cells[filled - 1]):
        filled -= 1
    if filled == 1 and _plain(cells[0]) not in names and len(template.columns) > 1:
        title = cells[0][:80]
        fix = "delete what stands above the header: it has to be the first row"
        return [None], [HeaderFault(1, title, "no_header", f"{title!r} is a title, not the header", fix)]
    seen: dict[str, int] = {}
    for position, cell in enumerate(cells[:filled], start=1):
        column = names.get(_plain(cell))
        found.append(column)
        if column is None:
            near = difflib.get_close_matches(_plain(cell), names, n=1)
            fix = f"did you mean {names[near[0]].name!r}?" if near else f"the columns are {_listed(template)}"
            faults.append(HeaderFault(position, cell[:80], "unknown_column", f"no column {cell[:80]!r}", fix))
        elif column.name in seen:
            message = f"{column.name!r} is column {seen[column.name]} already"
            faults.append(HeaderFault(position, cell[:80], "column_twice", message, "remove one of them"))
        else:
            seen[column.name] = position
    for column in template.columns:
        if column.required and column.name not in seen:
            fix = "add it, or start from `tagledger import template`"
            faults.append(HeaderFault(0, column.name, "missing_column", f"no column {column.name!r}", fix))
    return found, faults


def known_names(template: Template) -> frozenset[str]:
    """Every header the template takes, in the form headers are compared in."""
    return frozenset(_plain(name) for column in template.columns for name in (column.name, *column.other_names))


def plain_header(text: str) -> str:
    return _plain(text)


def _plain(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text).replace("\ufeff", "").strip().strip("*").strip().lower()
    return "_".join(composed.replace("-", " ").replace("_", " ").split())


def _listed(template: Template) -> str:
    return ", ".join(column.name for column in template.columns)
