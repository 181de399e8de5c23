"""Lists in pages: the query every list shares, the page it answers, and the walk from one to the next.

A page is read with one row more than asked, so `next` is null exactly at the end. `next` is a link, ready to follow.
Order is total (the last part of every sort key is unique), so rows added while a client walks neither repeat nor hide
others. Sort keys are in the cursor as microseconds, numbers and text, never as server state: a cursor never expires.

Every list takes the same four words: `limit`, `cursor`, `sort` (any of its plain columns; `-` before it: the reverse)
and `total` (count what matches). Sorting and counting reach `FRAMED_MAX` rows (`warehouse.postgres.queries.paging`).
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.cursors import CURSOR_LENGTH_MAX, decode_cursor, encode_cursor
from api.encoding import json_response
from api.problems import INVALID, FieldProblem, ProblemError
from warehouse.postgres.queries.paging import FRAMED_MAX, TEXT_SORTED_MAX, Order, Rows, Take

LIMIT_MAX = 1000

ViewT = TypeVar("ViewT")
RowT = TypeVar("RowT")
PositionT = TypeVar("PositionT")

# Text that a caller may send: bounded, and without control characters (PostgreSQL refuses NUL in text).
TEXT_PATTERN = r"^[^\u0000-\u001f\u007f]+$"
Code = Annotated[str, Field(min_length=1, max_length=128, pattern=TEXT_PATTERN)]


Search = Annotated[Code | None, Field(description="Has this in its code or name, in any case.", examples=["bearing"])]


class Pages(BaseModel):
    """What every list takes. Unknown parameters are refused: a misspelt filter must not return everything."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX, description="Rows in a page.", examples=[100])] = 100
    cursor: Annotated[
        str | None,
        Field(max_length=CURSOR_LENGTH_MAX, description="Where the page starts: in `next` of the one before."),
    ] = None
    total: Annotated[bool, Field(description=f"Also count what matches, up to {FRAMED_MAX:,}.")] = False

    def filters(self) -> dict[str, Any]:
        """Everything but where the page is and what else it says."""
        return {name: value for name, value in self if name not in ("limit", "cursor", "total")}


class Paging(Pages):
    """What every list takes whose rows have a key."""

    sort: Annotated[
        str | None,
        Field(max_length=64, description=f"A column; `-` before it: the reverse. Of at most {FRAMED_MAX:,} rows."),
    ] = None


class Page(BaseModel, Generic[ViewT]):
    """One page. Used to document; pages are encoded as they are."""

    items: list[ViewT]
    next: Annotated[
        str | None,
        Field(description="Link to the next page; null at the end.", examples=["/v1/stock?item=A-100&cursor=WyJz"]),
    ]
    total: Annotated[
        int | None, Field(description="How many rows match, on all pages; null unless asked for.", examples=[812])
    ]
    total_exact: Annotated[
        bool | None, Field(description=f"False: there are more than the {FRAMED_MAX:,} that `total` says.")
    ]


class Lister(Generic[RowT, PositionT]):
    """One list: its name in cursors, the type of its position, its rows and their unique key.

    The key names columns of the row; a list without one (`position_of` gets the rows shown and where they began, and
    says where the next page begins) has its own order only. `view_of` shows a row, as it is unless given.
    """

    def __init__(
        self,
        name: str,
        position_type: Any,
        row_type: type[RowT],
        *key: str,
        position_of: Callable[[Sequence[RowT], PositionT | None], PositionT] | None = None,
        view_of: Callable[[RowT], Any] | None = None,
    ) -> None:
        self._name = name
        self._position_type: type[PositionT] = position_type
        self._row_type = row_type
        self._key = key
        self._position_of = position_of
        self._view_of = view_of

    def start(self, query: Pages, within: str = "") -> PositionT | None:
        """Where its own order reads on; None at the beginning. Raises `ProblemError` (invalid_cursor)."""
        if query.cursor is None or _sort_of(query) is not None:
            return None
        return decode_cursor(query.cursor, self._name + within, query.filters(), self._position_type)

    def take(self, query: Pages, within: str = "") -> Take:
        """One row more than a page, in the order asked for. Raises `ProblemError` (invalid, invalid_cursor)."""
        order, sort = None, _sort_of(query)
        if sort is not None:
            after = None
            if query.cursor is not None:
                sorted_position: Any = tuple.__class_getitem__((str,) * (1 + len(self._key)))
                value, *key = decode_cursor(query.cursor, self._name + within, query.filters(), sorted_position)
                after = (value[1:] if value else None, *key)
            is_text = self._sortable(sort)
            order = Order(sort.removeprefix("-"), sort.startswith("-"), self._key, is_text, after)
        return Take(query.limit + 1, order, query.total)

    def answer(self, request: Request, query: Pages, rows: Sequence[RowT], within: str = "") -> Response:
        """The page of at most `query.limit` of `rows`, which were read with one more."""
        shown = rows[: query.limit]
        following = None
        if len(rows) > query.limit:
            position = self._position(query, shown, within)
            following = _link(request, encode_cursor(self._name + within, query.filters(), position))
        items = shown if self._view_of is None else [self._view_of(row) for row in shown]
        total = rows.total if isinstance(rows, Rows) else None
        exact = None if total is None else total <= FRAMED_MAX
        counted = None if total is None else min(total, FRAMED_MAX)
        return json_response({"items": items, "next": following, "total": counted, "total_exact": exact})

    def _position(self, query: Pages, shown: Sequence[RowT], within: str) -> Any:
        last = shown[-1]
        sort = _sort_of(query)
        if sort is not None:
            value = getattr(last, sort.removeprefix("-"))
            text = "" if value is None else "=" + _as_text(value)[:TEXT_SORTED_MAX]
            return (text, *(_as_text(getattr(last, name)) for name in self._key))
        if self._position_of is not None:
            return self._position_of(shown, self.start(query, within))
        found = attrgetter(*self._key)(last)
        return found if len(self._key) > 1 else (found,)

    def _sortable(self, sort: str) -> bool:
        """Whether the column is text. Raises `ProblemError` (invalid)."""
        columns = sort_columns(cast(Any, self._row_type)) if self._key else {}
        column = sort.removeprefix("-")
        if column not in columns:
            fix = f"use one of {', '.join(columns)}" if columns else "leave it out: this list has one order"
            problem = FieldProblem(f"there is no column {column!r} to sort by", fix, parameter="query:sort")
            raise ProblemError(INVALID, "1 value is not acceptable", [problem])
        return columns[column]


def _sort_of(query: Pages) -> str | None:
    return query.sort if isinstance(query, Paging) else None


@cache
def sort_columns(row_type: type[Any]) -> dict[str, bool]:
    """The columns that a list of such rows can be sorted by, and whether each is free text."""
    hints = get_type_hints(row_type)
    fields = [field for field in dataclasses.fields(row_type) if field.metadata.get("sorted", True)]
    kinds = {field.name: _scalar(hints[field.name]) for field in fields}
    return {name: kind is str for name, kind in kinds.items() if kind is not None}


def _scalar(hint: Any) -> Any:
    """The type of one value in the database; None for lists and objects."""
    forms = [form for form in get_args(hint) if form is not type(None)] if _is_union(hint) else [hint]
    if len(forms) != 1:
        return None
    (form,) = forms
    if get_origin(form) is Literal:
        return Literal
    if isinstance(form, type) and issubclass(form, (str, int, float, Decimal, date, UUID)):
        return Literal if issubclass(form, Enum) else form
    return None


def _is_union(hint: Any) -> bool:
    return type(None) in get_args(hint)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _link(request: Request, cursor: str) -> str:
    given: Mapping[str, Any] = request.query_params
    pairs = [(name, value) for name, value in getattr(given, "multi_items", given.items)() if name != "cursor"]
    return f"{request.scope.get('root_path', '')}{request.url.path}?{urlencode([*pairs, ('cursor', cursor)])}"
