"""The gate: nobody reaches a route without a key or token that may, and who may read only within warehouses is
shown only these (`api.reading_scope`). Pure ASGI, so a refused body is never read.

A key comes as `Authorization: Bearer KEY` (RFC 6750, 2.1) or `X-API-Key: KEY`, a token of a person only the first way.
Holders are cached by the digest of what came for `CACHE_TTL_S`: a key that was revoked, a session that ended, a person
who was disabled and a role that was taken away work at most that long. At most `CACHE_MAX` entries, unknown ones
included, after which the oldest goes: an attacker's guesses cost a look-up each and no memory. The feed also opens with
a ticket in its address (`warehouse.postgres.control.feed_tickets`), which is used up before anything else happens.
"""

import asyncio
import functools
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.responses import Response

from api.ports import KeyRing
from api.principal import Principal, is_by_warehouse, is_command, is_open, is_own, required_permission
from api.problems import FORBIDDEN, PASSWORD_CHANGE, UNAUTHENTICATED, UNAVAILABLE, problem_response
from api.reading_scope import reading
from warehouse.commands import Permission
from warehouse.postgres.control.feed_tickets import TicketHolder

CACHE_TTL_S = 5.0
CACHE_MAX = 1024
KEY_LENGTH_MAX = 2048
FEED_PATH = "/v1/feed"
TICKET_LENGTH_MAX = 64

_log = structlog.get_logger("api")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tagledger"'}
_CHALLENGE_SCOPE = {"WWW-Authenticate": 'Bearer realm="tagledger", error="insufficient_scope"'}
_CHALLENGE_INVALID = {"WWW-Authenticate": 'Bearer realm="tagledger", error="invalid_token"'}


class Gate:
    """Authenticates, authorises what is no command, and leaves the `Principal` in `scope["state"]["principal"]`."""

    def __init__(
        self,
        app: Any,
        keys: KeyRing,
        monotonic: Callable[[], float] = time.monotonic,
        redeem: Callable[[str], TicketHolder | None] | None = None,
    ) -> None:
        """`redeem` uses a ticket for the feed up; it runs in a thread of its own."""
        self._app = app
        self._keys = keys
        self._redeem = redeem
        self._monotonic = monotonic
        self._cache: OrderedDict[bytes, tuple[float, Principal | None]] = OrderedDict()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        if is_open(path):
            await self._app(scope, receive, send)
            return
        key = _key(scope["headers"])
        ticket = _ticket(scope) if self._redeem is not None and method == "GET" and path == FEED_PATH else None
        if (key is None) is (ticket is None):
            response = problem_response(
                UNAUTHENTICATED,
                "the request carries no API key, no token and no ticket, or more than one of them",
                headers=_CHALLENGE,
            )
            await response(scope, receive, send)
            return
        try:
            who = await self._caller(key, ticket)
            principal = await who()
        except Exception as error:  # any failure of the key store closes the door, and says so
            _log.error("keys cannot be checked", error=repr(error))
            response = problem_response(UNAVAILABLE, "keys cannot be checked now", headers={"Retry-After": "5"})
            await response(scope, receive, send)
            return
        refusal = _refusal(principal, method, path)
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        assert principal is not None
        within = principal.rights.warehouses(Permission.READ)

        async def still_may() -> bool:
            found = await who()
            if found is None or _refusal(found, method, path) is not None:
                return False
            return found.rights.warehouses(Permission.READ) == within

        scope.setdefault("state", {}).update(principal=principal, still_may=still_may)
        with reading(within):
            await self._app(scope, receive, send)

    async def _caller(self, key: str | None, ticket: str | None) -> Callable[[], Awaitable[Principal | None]]:
        """What finds the caller, now and again later. A ticket is used up by it."""
        if key is not None:
            return functools.partial(self._find, key)
        assert ticket is not None
        assert self._redeem is not None
        holder = await asyncio.to_thread(self._redeem, ticket)
        return functools.partial(self._behind, holder)

    async def _behind(self, holder: TicketHolder | None) -> Principal | None:
        if holder is None:
            return None
        with reading(None):
            return await self._keys.behind(holder)

    async def _find(self, key: str) -> Principal | None:
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        now = self._monotonic()
        cached = self._cache.get(digest)
        if cached is not None and now < cached[0]:
            return cached[1]
        with reading(None):
            principal = await self._keys.find(key)
        self._cache[digest] = (now + CACHE_TTL_S, principal)
        self._cache.move_to_end(digest)
        while len(self._cache) > CACHE_MAX:
            self._cache.popitem(last=False)
        return principal


def _refusal(principal: Principal | None, method: str, path: str) -> Response | None:
    """Why this caller may not; None when they may, or the warehouse decides."""
    if principal is None:
        detail = "the API key, token or ticket is unknown, has expired, was used or was revoked"
        return problem_response(UNAUTHENTICATED, detail, headers=_CHALLENGE_INVALID)
    if is_own(path):
        return None
    if principal.must_change:
        return problem_response(PASSWORD_CHANGE, "the password is a one-time password", headers=_CHALLENGE_SCOPE)
    needed = required_permission(method, path)
    if is_command(method, path) or needed is None:
        return None
    if not principal.rights.may(needed):
        return problem_response(FORBIDDEN, f"this needs the permission {needed.value!r}", headers=_CHALLENGE_SCOPE)
    held = principal.rights.warehouses(needed)
    if held is None or is_by_warehouse(method, path):
        return None
    where = ", ".join(sorted(held))
    detail = f"this is about all warehouses and needs the permission {needed.value!r} everywhere, not only in {where}"
    return problem_response(FORBIDDEN, detail, headers=_CHALLENGE_SCOPE)


def _ticket(scope: Any) -> str | None:
    """The one ticket in the address."""
    given = [value for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name == "ticket"]
    return given[0] if len(given) == 1 and 0 < len(given[0]) <= TICKET_LENGTH_MAX else None


def _key(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The key the headers carry; None for none, two credentials of any kind, or one that cannot be a key."""
    found = []
    for name, value in headers:
        if name == b"authorization":
            found.append(value[7:].strip() if value[:7].lower() == b"bearer " else b"")
        elif name == b"x-api-key":
            found.append(value.strip())
    if len(found) != 1 or not 0 < len(found[0]) <= KEY_LENGTH_MAX or not found[0].isascii():
        return None
    return found[0].decode("ascii")
