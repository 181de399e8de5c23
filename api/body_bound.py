"""Bounds request bodies: 413 before reading when the length is announced, 413 at the bound when it is not."""

from typing import Any

from starlette.exceptions import HTTPException

from api.problems import TOO_LARGE, problem_response


class BodyBound:
    """Lets at most `limit_bytes` of a request body through."""

    def __init__(self, app: Any, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        detail = f"the limit is {self._limit_bytes} bytes"
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._limit_bytes:
                # The unread body must not be taken for the next request.
                await problem_response(TOO_LARGE, detail, headers={"Connection": "close"})(scope, receive, send)
                return
        seen = 0

        async def bounded_receive() -> Any:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._limit_bytes:
                    raise HTTPException(413, detail, headers={"Connection": "close"})
            return message

        await self._app(scope, bounded_receive, send)
