"""Bounds request bodies: 413 above the bound, whether the length was announced or not.

A server that answers and closes while the client still sends makes the client see a reset instead of the answer, so
what follows is read and thrown away first, at most `DRAIN_BYTES` of it and at most `DRAIN_S` long.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException

from api.problems import TOO_LARGE, problem_response

DRAIN_BYTES = 16 << 20
DRAIN_S = 5.0
# What is still unread must not be taken for the next request.
_CLOSE = {"Connection": "close"}


class BodyBound:
    """Lets at most `limit_bytes` of a request body through; the paths in `larger` have bounds of their own."""

    def __init__(self, app: Any, limit_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._larger = larger or {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        limit_bytes = self._larger.get(scope["path"], self._limit_bytes)
        detail = f"the limit is {limit_bytes} bytes"
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > limit_bytes:
                await _drain(receive)
                await problem_response(TOO_LARGE, detail, headers=_CLOSE)(scope, receive, send)
                return
        seen = 0

        async def bounded_receive() -> Any:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit_bytes:
                    if message.get("more_body", False):
                        await _drain(receive)
                    raise HTTPException(413, detail, headers=_CLOSE)
            return message

        await self._app(scope, bounded_receive, send)


async def _drain(receive: Any) -> None:
    dropped = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while dropped <= DRAIN_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
