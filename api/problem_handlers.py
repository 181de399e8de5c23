"""Turns what FastAPI and the endpoints raise into problems: validation errors with pointers and fixes, 404, 405, 413.

Values the caller sent are never echoed: they may be huge, secret or not even encodable.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.problems import (
    INVALID,
    INVALID_CURSOR,
    KINDS,
    MALFORMED,
    UNAVAILABLE,
    FieldProblem,
    ProblemError,
    ProblemKind,
    problem_response,
)
from warehouse.postgres.queries.paging import FRAMED_MAX, TooManyToSort

_log = structlog.get_logger("api")
_BY_STATUS = {kind.status: kind for kind in reversed(KINDS)}
# At most this many field problems are listed: a body of ten thousand wrong lines needs no ten thousand answers.
ERRORS_MAX = 50

# The one value that has two forms.
_NO_NUMBER = "Input should be a whole number or a decimal number as text"
_TIME = "use RFC 3339 time with its offset, such as 2026-03-01T08:00:00Z"
_DAY = "use a day such as 2026-03-01"
_FIXES = {
    "missing": "add it",
    "extra_forbidden": "remove it, or correct its spelling",
    "int_parsing": "use a whole number",
    "int_type": "use a whole number",
    "decimal_parsing": 'use a decimal number as text, such as "12.5"',
    "decimal_type": 'use a decimal number as text, such as "12.5"',
    "bool_parsing": "use true or false",
    "uuid_parsing": "use a UUID such as 0190b6a2-5a0c-7c3e-8f00-000000000001",
    "string_type": "use text",
    "string_unicode": "use well-formed Unicode text",
    "datetime_from_date_parsing": _TIME,
    "datetime_parsing": _TIME,
    "iso_time": _TIME,
    "iso_day": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "timezone_aware": "add the offset, such as Z or +08:00",
    "model_attributes_type": "send a JSON object with Content-Type: application/json",
    "dataclass_type": "send a JSON object with Content-Type: application/json",
    "list_type": "send a JSON array",
    "tuple_type": "send a JSON array",
}


def install(app: FastAPI) -> None:
    """Give the application these handlers."""
    app.add_exception_handler(ProblemError, _problem_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(psycopg.OperationalError, _database_error)
    app.add_exception_handler(psycopg.DataError, _data_error)
    app.add_exception_handler(TooManyToSort, _too_many_to_sort)


async def _problem_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem_response(error.kind, error.detail, error.errors, error.headers)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        phrase = HTTPStatus(error.status_code).phrase
        kind = ProblemKind(
            phrase.lower().replace(" ", "_"), error.status_code, phrase, "See the API document at /docs."
        )
    return problem_response(kind, str(error.detail), headers=error.headers)


async def _database_error(request: Request, error: Exception) -> Response:
    """The database is away, restarting, out of connections, or a query ran into its time limit."""
    _log.warning("database not available", path=request.url.path, error=str(error).strip())
    slow = isinstance(error, psycopg.errors.QueryCanceled)
    detail = "the query took too long" if slow else "the database is not available"
    return problem_response(UNAVAILABLE, detail, headers={"Retry-After": "5"})


async def _data_error(request: Request, error: Exception) -> Response:
    """A sorted list's cursor says its position as text, which only the database reads; anything else is our fault."""
    if "sort" not in request.query_params or "cursor" not in request.query_params:
        raise error
    problem = FieldProblem("its position cannot be read", INVALID_CURSOR.fix, parameter="query:cursor")
    return problem_response(INVALID_CURSOR, "its position cannot be read", [problem])


async def _too_many_to_sort(_request: Request, _error: Exception) -> Response:
    detail = f"more than {FRAMED_MAX} rows match"
    problem = FieldProblem(detail, "name more filters, or leave the order to the list", parameter="query:sort")
    return problem_response(INVALID, detail, [problem])


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        item = found[0]
        what = item.get("ctx", {}).get("error", "not JSON")
        problem = FieldProblem(f"not JSON at character {item['loc'][-1]}: {what}", "send valid JSON (RFC 8259)", "")
        return problem_response(MALFORMED, "the body is not JSON", [problem])
    # A value of two forms fails once for each of them: to the caller it is one wrong value.
    problems = list(
        {(one.pointer, one.parameter): one for one in map(_problem_in(error.body), reversed(found))}.values()
    )
    count, errors = len(problems), problems[::-1][:ERRORS_MAX]
    detail = "1 value is not acceptable" if count == 1 else f"{count} values are not acceptable"
    return problem_response(INVALID, detail, errors)


def _problem_in(body: Any) -> Callable[[dict[str, Any]], FieldProblem]:
    def field_problem(item: dict[str, Any]) -> FieldProblem:
        where, *path = item["loc"]
        message = str(item["msg"])
        fix = _FIXES.get(item["type"]) or _fix_from_bounds(item) or "see the API document at /docs"
        if where != "body":
            return FieldProblem(message, fix, parameter=f"{where}:{'.'.join(str(part) for part in path)}")
        sent = path_in(body, path)
        if len(sent) == len(path) or item["type"] == "missing":
            return FieldProblem(message, fix, pointer=json_pointer(path))
        return FieldProblem(_NO_NUMBER, _FIXES["decimal_type"], pointer=json_pointer(sent))

    return field_problem


def path_in(body: Any, path: Sequence[int | str]) -> list[int | str]:
    """As much of `path` as the body has: pydantic goes on with the name of the form that it tried."""
    found: list[int | str] = []
    for part in path:
        inside = range(len(body)) if isinstance(body, list) else body if isinstance(body, dict) else ()
        if part not in inside:
            break
        body = body[part]
        found.append(part)
    return found


def _fix_from_bounds(item: dict[str, Any]) -> str | None:
    bounds = item.get("ctx", {})
    for name, words in (
        ("le", "use at most"),
        ("lt", "use less than"),
        ("ge", "use at least"),
        ("gt", "use more than"),
        ("max_length", "shorten it to"),
        ("min_length", "its least length is"),
        ("pattern", "match the pattern"),
        ("expected", "use one of"),
    ):
        if name in bounds:
            return f"{words} {bounds[name]}"
    return None


def json_pointer(path: Sequence[int | str]) -> str:
    """RFC 6901: `~` and `/` inside a segment are escaped."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
