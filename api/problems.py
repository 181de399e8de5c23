"""Errors as RFC 9457 problem details: one list of kinds, one shape, one way to answer.

Every answer of 400 and above has media type `application/problem+json` and the members of RFC 9457, 3.1, with three
extensions: `code` (the last segment of `type`, stable), `errors` (what is wrong where, each with its fix), and
`reference` (only on 500: the id under which the cause is in the log, since the answer never shows internals). `type` is
`/problems/{code}`, a page this server answers without a key. Refusals by the warehouse have its refusal code as `code`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from pydantic import Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import chinese
from api.languages import preferred

PROBLEM_MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of problem: its code, HTTP status, what it means and what the caller does about it."""

    code: str
    status: int
    title: str
    fix: str


MALFORMED = ProblemKind("malformed", 400, "The request cannot be read", "Send what the API document describes.")
INVALID_CURSOR = ProblemKind(
    "invalid_cursor",
    400,
    "The cursor is not one this list gave out",
    "Take `next` of the previous page unchanged, with the same filters, or start again without a cursor.",
)
UNAUTHENTICATED = ProblemKind(
    "unauthenticated",
    401,
    "No valid API key or token",
    "Send `Authorization: Bearer` with a token of /v1/token or a key, or `X-API-Key` with a key.",
)
FORBIDDEN = ProblemKind(
    "forbidden", 403, "You may not do this", "Have someone give you the permission that the detail names."
)
PASSWORD_CHANGE = ProblemKind(
    "password_change_required",
    403,
    "The password has to be changed first",
    "Send the old and a new password to /v1/me/password.",
)
WRONG_PASSWORD = ProblemKind("wrong_password", 409, "That is not the password", "Send the password you signed in with.")
PASSWORD_REFUSED = ProblemKind("password_refused", 409, "That is no password", "Choose one that keeps the rule.")
TOO_MANY_ATTEMPTS = ProblemKind(
    "too_many_attempts", 429, "Too many wrong passwords", "Try again after `Retry-After` seconds."
)
NOT_FOUND = ProblemKind("not_found", 404, "There is no such thing", "Check the name; lists show what exists.")
NOT_SEALED = ProblemKind(
    "not_sealed", 404, "The movement is not sealed yet", "Ask again within the hour: movements are sealed in stretches."
)
METHOD_NOT_ALLOWED = ProblemKind(
    "method_not_allowed", 405, "This address does not take that method", "Use one the `Allow` header names."
)
KEY_REUSED = ProblemKind(
    "idempotency_key_reused",
    409,
    "This Idempotency-Key belongs to another request",
    "Repeat a request with its own key and the same body; give every new request a new key.",
)
EXPIRED_POSITION = ProblemKind(
    "expired_position",
    410,
    "The feed no longer reaches back to that id",
    "Read the current state through the lists, then open the feed without Last-Event-ID.",
)
TOO_LARGE = ProblemKind("too_large", 413, "The body is too large", "Send less at once; the detail names the limit.")
INVALID = ProblemKind(
    "invalid", 422, "Some values are not acceptable", "Correct the values that `errors` names and send it again."
)
INTERNAL = ProblemKind(
    "internal", 500, "The server failed", "Try again later; give `reference` to whoever runs the server."
)
UNAVAILABLE = ProblemKind(
    "unavailable", 503, "A part this needs is not there now", "Try again after `Retry-After` seconds; see /readyz."
)

KINDS = (
    MALFORMED,
    INVALID_CURSOR,
    UNAUTHENTICATED,
    FORBIDDEN,
    PASSWORD_CHANGE,
    WRONG_PASSWORD,
    PASSWORD_REFUSED,
    TOO_MANY_ATTEMPTS,
    NOT_FOUND,
    NOT_SEALED,
    METHOD_NOT_ALLOWED,
    KEY_REUSED,
    EXPIRED_POSITION,
    TOO_LARGE,
    INVALID,
    INTERNAL,
    UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one value, and the fix. `pointer` (RFC 6901) is into the body; `parameter` is outside it."""

    detail: Annotated[str, Field(examples=["Input should be less than or equal to 1000"])]
    fix: Annotated[str, Field(examples=["use at most 1000"])]
    pointer: Annotated[str | None, Field(examples=["/lines/0/quantity"])] = None
    parameter: Annotated[str | None, Field(examples=["query:limit"])] = None


@dataclass(frozen=True, slots=True)
class Problem:
    """RFC 9457 problem details."""

    type: Annotated[str, Field(description="Address of the page about this kind.", examples=["/problems/invalid"])]
    title: Annotated[str, Field(description="The kind in one line.", examples=["Some values are not acceptable"])]
    status: Annotated[int, Field(description="The HTTP status.", examples=[422])]
    code: Annotated[str, Field(description="The kind, stable for programs.", examples=["invalid"])]
    detail: Annotated[str, Field(description="What happened this time.", examples=["1 value is not acceptable"])]
    fix: Annotated[str, Field(description="What the caller can do about it.", examples=["Correct the values."])]
    errors: Annotated[tuple[FieldProblem, ...], Field(description="What is wrong where.")] = ()
    reference: Annotated[str | None, Field(description="Only on 500: the id of the log entry.")] = None


class ApiError(Exception):
    """The root of this package's errors."""


class ProblemError(ApiError):
    """Raised by endpoints to answer with a problem."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{kind.code}: {detail}")
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers


def not_found(what: str, name: str) -> ProblemError:
    """The 404 for a named thing."""
    return ProblemError(NOT_FOUND, f"there is no {what} {name!r}")


def problem_response(
    kind: ProblemKind,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
    reference: str | None = None,
) -> Response:
    """The answer for one problem. Absent members are left out."""
    body: dict[str, Any] = {
        "type": f"/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": detail,
        "fix": kind.fix,
    }
    if errors:
        body["errors"] = [
            {name: value for name, value in msgspec.to_builtins(error).items() if value is not None} for error in errors
        ]
    if reference is not None:
        body["reference"] = reference
    return ProblemResponse(body, kind.status, dict(headers or {}))


class ProblemResponse(Response):
    """A problem in the language that whoever asked prefers; English before anyone has asked."""

    media_type = PROBLEM_MEDIA_TYPE

    def __init__(self, problem: dict[str, Any], status: int, headers: dict[str, str]) -> None:
        self.problem = problem
        super().__init__(
            msgspec.json.encode(problem),
            status,
            headers={**headers, "Content-Language": "en", "Vary": "Accept-Language"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if preferred(scope.get("headers", ())) == "zh":
            self.headers["Content-Language"] = "zh"
            self.body = msgspec.json.encode(_in_chinese(self.problem))
            self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def _in_chinese(problem: dict[str, Any]) -> dict[str, Any]:
    title, fix = chinese.KINDS.get(problem["code"], (problem["title"], problem["fix"]))
    said = {**problem, "title": title, "fix": fix, "detail": chinese.in_chinese(problem["detail"])}
    if "errors" in problem:
        said["errors"] = [
            {
                **error,
                "detail": chinese.in_chinese(error["detail"]),
                "fix": fix if error["fix"] == problem["fix"] else chinese.in_chinese(error["fix"]),
            }
            for error in problem["errors"]
        ]
    return said
