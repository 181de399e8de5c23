"""Rows of a query as views: what the API documents as a dataclass is built as a msgspec struct of the same fields.

A page of 1,000 rows costs 2.6 ms as frozen dataclasses and 0.1 ms as structs, which also encode in half the time; the
dataclass stays the one description of the view, for types and for the OpenAPI document.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from psycopg import AsyncCursor, ProgrammingError

RowT = TypeVar("RowT")


def view_row(view: type[RowT]) -> Callable[[AsyncCursor[Any]], Callable[[Sequence[Any]], RowT]]:
    """A row factory for `view`, a dataclass without methods whose fields are the query's columns, in any order.

    psycopg.ProgrammingError when the columns are others.
    """
    struct, fields = _struct(cast(Any, view))

    def of(cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], RowT]:
        result = cursor.pgresult  # `cursor.description` has the same names, and makes an object of each
        columns = tuple(result.fname(at) for at in range(result.nfields)) if result is not None else ()
        if columns == fields or not columns:  # without columns no row will come
            return lambda values: cast(RowT, struct(*values))
        if sorted(column or b"" for column in columns) != sorted(fields):
            raise ProgrammingError(f"{view.__name__} has the fields {fields}, the query the columns {columns}")
        order = [columns.index(field) for field in fields]
        return lambda values: cast(RowT, struct(*(values[at] for at in order)))

    return of


def changed(row: RowT, **fields: Any) -> RowT:
    """A copy of a row that came of a query, with some of its fields otherwise."""
    return cast(RowT, msgspec.structs.replace(cast(Any, row), **fields))


@cache
def _struct(view: type[Any]) -> tuple[type[msgspec.Struct], tuple[bytes, ...]]:
    fields = [field.name for field in dataclasses.fields(view)]
    struct = msgspec.defstruct(view.__name__, [(field, Any) for field in fields], frozen=True)
    return struct, tuple(field.encode() for field in fields)
