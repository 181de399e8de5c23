"""The outermost layer: counts and times every request, and turns a crash into a 500 whose cause is only in the log."""

import time
from typing import Any
from uuid import uuid4

import structlog

from api.metrics import HttpMetrics
from api.problems import INTERNAL, problem_response

_log = structlog.get_logger("api")


class Outermost:
    """Wraps the whole application. Labels are the route's operation id, never the path as sent."""

    def __init__(self, app: Any, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        started = time.perf_counter()

        async def counted_send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted_send)
        except Exception:
            reference = uuid4().hex
            _log.exception("request failed", reference=reference, method=scope["method"], path=scope["path"])
            if status:  # the answer has begun and cannot be replaced: let the server cut the connection
                raise
            detail = f"the cause is in the server's log under {reference}"
            await problem_response(INTERNAL, detail, reference=reference)(scope, receive, counted_send)
        finally:
            route = scope.get("route")
            operation = getattr(route, "operation_id", None) or "other"
            self._metrics.observe(operation, status, time.perf_counter() - started)
