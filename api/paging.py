"""Lists in pages: the query every list shares, the page it answers, and the walk from one to the next.

A page is read with one row more than asked, so `next` is null exactly at the end. `next` is a link, ready to follow.
Order is total (the last part of every sort key is unique), so rows added while a client walks neither repeat nor hide
others. Sort keys are in the cursor as microseconds, numbers and text, never as server state: a cursor never expires.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.cursors import CURSOR_LENGTH_MAX, decode_cursor, encode_cursor
from api.encoding import json_response

LIMIT_MAX = 1000

ViewT = TypeVar("ViewT")
RowT = TypeVar("RowT")
PositionT = TypeVar("PositionT")

# Text that a caller may send: bounded, and without control characters (PostgreSQL refuses NUL in text).
TEXT_PATTERN = r"^[^\u0000-\u001f\u007f]+$"
Code = Annotated[str, Field(min_length=1, max_length=128, pattern=TEXT_PATTERN)]


class Paging(BaseModel):
    """What every list takes. Unknown parameters are refused: a misspelt filter must not return everything."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX, description="Rows in a page.", examples=[100])] = 100
    cursor: Annotated[
        str | None,
        Field(max_length=CURSOR_LENGTH_MAX, description="Where the page starts: in `next` of the one before."),
    ] = None

    def filters(self) -> dict[str, Any]:
        """Everything but where the page is."""
        return {name: value for name, value in self if name not in ("limit", "cursor")}


class Page(BaseModel, Generic[ViewT]):
    """One page. Used to document; pages are encoded as they are."""

    items: list[ViewT]
    next: Annotated[
        str | None,
        Field(description="Link to the next page; null at the end.", examples=["/v1/stock?item=A-100&cursor=WyJz"]),
    ]


class Lister(Generic[RowT, PositionT]):
    """One list: its name in cursors, the type of its position, how to show a row (as it is, unless given).

    `position_of` gets the rows shown and where they began, and says where the next page begins.
    """

    def __init__(
        self,
        name: str,
        position_type: Any,
        position_of: Callable[[Sequence[RowT], PositionT | None], PositionT],
        view_of: Callable[[RowT], Any] | None = None,
    ) -> None:
        self._name = name
        self._position_type: type[PositionT] = position_type
        self._position_of = position_of
        self._view_of = view_of

    def start(self, query: Paging, within: str = "") -> PositionT | None:
        """Where to read on; None at the beginning. Raises `ProblemError` (invalid-cursor)."""
        if query.cursor is None:
            return None
        return decode_cursor(query.cursor, self._name + within, query.filters(), self._position_type)

    def answer(self, request: Request, query: Paging, rows: Sequence[RowT], within: str = "") -> Response:
        """The page of at most `query.limit` of `rows`, which were read with one more."""
        shown = rows[: query.limit]
        following = None
        if len(rows) > query.limit:
            position: Any = self._position_of(shown, self.start(query, within))
            following = _link(request, encode_cursor(self._name + within, query.filters(), position))
        items = shown if self._view_of is None else [self._view_of(row) for row in shown]
        return json_response({"items": items, "next": following})


def _link(request: Request, cursor: str) -> str:
    given: Mapping[str, Any] = request.query_params
    pairs = [(name, value) for name, value in getattr(given, "multi_items", given.items)() if name != "cursor"]
    return f"{request.scope.get('root_path', '')}{request.url.path}?{urlencode([*pairs, ('cursor', cursor)])}"
