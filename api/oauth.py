"""`POST /v1/token` and `/v1/token/revoke`: OAuth2 for our own pages and handhelds.

The password grant (RFC 6749, 4.3) for first-party clients, refresh tokens that are used once (10.4), revocation
(RFC 7009). Forms in; answers and errors as RFC 6749, 5.1 and 5.2 want them, so that any OAuth2 client understands them;
errors carry the members of our other problems too. Nothing here is ever cached or logged.

`AT_ONCE` passwords are hashed at a time (64 MiB each), `WAITING_MAX` requests wait; further ones are answered 503.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Header
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api import jwt_tokens
from api.encoding import json_response
from api.ports import Accounts
from api.problems import UNAVAILABLE, ProblemError
from warehouse.postgres.control.accounts import NotSignedIn
from warehouse.postgres.control.sessions import Session

AT_ONCE = 2
WAITING_MAX = 32
FORM_BYTES_MAX = 8192
_FIELDS_MAX = 10
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM = "application/x-www-form-urlencoded"

Device = Annotated[
    str | None,
    Header(alias="X-Device", min_length=1, max_length=64, pattern=r"^[!-~]+$", description="The device in use.",
           examples=["pda-7"]),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """RFC 6749, 5.1."""

    access_token: Annotated[str, Field(description="A JWT; send it as `Authorization: Bearer`.")]
    token_type: Annotated[str, Field(examples=["Bearer"])]
    expires_in: Annotated[int, Field(description="Seconds.", examples=[600])]
    refresh_token: Annotated[str, Field(description="For the next access token. Used once.")]
    password_change_required: Annotated[
        bool, Field(description="The password was a one-time one: only /v1/me/password takes the token.")
    ]


@dataclass(frozen=True, slots=True)
class TokenError:
    """RFC 6749, 5.2, with the members of our problems."""

    error: Annotated[str, Field(examples=["invalid_grant"])]
    error_description: Annotated[str, Field(examples=["wrong name or password"])]
    type: Annotated[str, Field(examples=["/problems/malformed"])]
    status: Annotated[int, Field(examples=[400])]
    code: Annotated[str, Field(examples=["invalid_grant"])]


class TokenMint:
    """Makes the access tokens of sessions."""

    def __init__(self, accounts: Accounts, issuer: str) -> None:
        self._accounts = accounts
        self._issuer = issuer

    async def answer(self, session: Session) -> Response:
        """RFC 6749, 5.1."""
        key = await asyncio.to_thread(self._accounts.signing_key)
        claims = jwt_tokens.TokenClaims(session.person, session.session_id)
        token = jwt_tokens.make(claims, self._issuer, int(time.time()), key.kid, key.secret)
        answer = TokenAnswer(token, "Bearer", jwt_tokens.ACCESS_S, session.refresh_token, session.must_change)
        return json_response(answer, headers=_NO_STORE)

    async def session_behind(self, token: str) -> Any:
        """The session of an access token that this process would accept; None for any other text."""
        key = await asyncio.to_thread(self._accounts.signing_key)
        claims = jwt_tokens.read(token, self._issuer, {key.kid: key.secret})
        return claims.session_id if claims is not None else None


class Doorway:
    """How many may have a password checked at once."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def __aenter__(self) -> None:
        if self._waiting >= WAITING_MAX:
            raise ProblemError(UNAVAILABLE, "too many people sign in at once", headers={"Retry-After": "2"})
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._free.release()


class _FormError(Exception):
    """The form is not what RFC 6749 wants; its `error` and what is wrong."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error
        self.detail = detail


def router(accounts: Accounts, mint: TokenMint, doorway: Doorway) -> APIRouter:
    """Both routes."""
    routes = APIRouter(prefix="/v1/token", tags=["people"])
    errors: dict[int | str, dict[str, Any]] = {
        400: {"model": TokenError, "description": "`error` says what: RFC 6749, 5.2"},
        429: {"model": TokenError, "description": "Too many wrong passwords: wait `Retry-After` seconds"},
    }

    @routes.post(
        "",
        operation_id="token",
        summary="Sign in, or go on",
        response_model=TokenAnswer,
        responses=errors,
        openapi_extra=_form(
            {
                "grant_type": {"type": "string", "enum": ["password", "refresh_token"]},
                "username": {"type": "string", "maxLength": 64},
                "password": {"type": "string", "maxLength": 1024},
                "refresh_token": {"type": "string", "maxLength": 128},
            },
            ["grant_type"],
            {"grant_type": "password", "username": "anna", "password": "correct horse battery staple"},
        ),
    )
    async def token(request: Request, device: Device = None) -> Response:
        """`grant_type=password` with `username` and `password`, or `grant_type=refresh_token` with `refresh_token`.

        A refresh token is used once: the answer has the next. One that was used before ends the session, except within
        10 s, when it is a request whose answer got lost.
        """
        try:
            form = await _read(request)
            grant = _take(form, "grant_type", 32)
            if grant == "password":
                name, password = _take(form, "username", 64), _take(form, "password", 1024)
                async with doorway:
                    outcome = await asyncio.to_thread(accounts.sign_in, name, password, device or "")
                if isinstance(outcome, NotSignedIn):
                    return _not_signed_in(outcome)
            elif grant == "refresh_token":
                found = await asyncio.to_thread(accounts.refresh, _take(form, "refresh_token", 128))
                if found is None:
                    return _error("invalid_grant", "the refresh token is unknown, was used, or its session has ended")
                outcome = found
            else:
                raise _FormError("unsupported_grant_type", "grant_type is password or refresh_token")
        except _FormError as error:
            return _error(error.error, error.detail)
        return await mint.answer(outcome)

    @routes.post(
        "/revoke",
        operation_id="token_revoke",
        summary="Sign out",
        response_class=Response,
        responses={200: {"description": "The session has ended, or never was"}, 400: errors[400]},
        openapi_extra=_form(
            {"token": {"type": "string", "maxLength": 2048}, "token_type_hint": {"type": "string"}},
            ["token"],
            {"token": "rt_0oQ…"},
        ),
    )
    async def token_revoke(request: Request) -> Response:
        """RFC 7009: ends the session of a refresh token or access token; 200 also when there is none."""
        try:
            given = _take(await _read(request), "token", 2048)
        except _FormError as error:
            return _error(error.error, error.detail)
        session_id = await asyncio.to_thread(accounts.session_of, given) or await mint.session_behind(given)
        if session_id is not None:
            await asyncio.to_thread(accounts.sign_out, session_id)
        return Response(status_code=200, headers=_NO_STORE)

    return routes


def _not_signed_in(outcome: NotSignedIn) -> Response:
    if outcome.retry_after_s is None:
        return _error("invalid_grant", "wrong name or password")
    retry = {"Retry-After": str(outcome.retry_after_s)}
    return _error("slow_down", f"too many wrong passwords: wait {outcome.retry_after_s} s", 429, retry)


def _error(error: str, detail: str, status: int = 400, headers: dict[str, str] | None = None) -> Response:
    kind = "malformed" if status == 400 else "too_many_attempts"
    body = TokenError(error, detail, f"/problems/{kind}", status, error)
    return json_response(body, status, {**_NO_STORE, **(headers or {})})


async def _read(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _FormError("invalid_request", f"send a form: Content-Type: {_FORM}")
    body = await request.body()
    if len(body) > FORM_BYTES_MAX:
        raise _FormError("invalid_request", f"the form has more than {FORM_BYTES_MAX} bytes")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), errors="strict",
            max_num_fields=_FIELDS_MAX,
        )  # fmt: skip
    except ValueError:
        raise _FormError("invalid_request", "the body is not a form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _FormError("invalid_request", "a parameter is there twice")  # RFC 6749, 3.2
    return form


def _take(form: dict[str, str], name: str, length_max: int) -> str:
    value = form.get(name, "")
    if not value:
        raise _FormError("invalid_request", f"{name} is missing")
    if len(value) > length_max or "\0" in value:
        raise _FormError("invalid_request", f"{name} is too long")
    return value


def _form(properties: dict[str, Any], required: list[str], example: dict[str, str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema, "example": example}}}}
