"""Finds a route by the literal start of its path instead of trying every pattern in turn.

Matching seventy patterns one after the other costs as much as answering. Every path here begins with a literal
(`/v1/RESOURCE` or `/NAME`), so a dictionary finds the few routes of that resource, and only those are tried, in order.
"""

from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match


class RouteIndex(BaseRoute):
    """All routes of the application as one, for the router's list."""

    def __init__(self, routes: Sequence[APIRoute]) -> None:
        self._by_start: dict[str, list[APIRoute]] = {}
        for route in routes:
            start = _start(route.path)
            assert "{" not in start, f"{route.path} does not begin with a literal"
            self._by_start.setdefault(start, []).append(route)

    def matches(self, scope: Any) -> tuple[Match, Any]:
        """The first full match, else the first whose method differs; the route is in the scope it gives."""
        partial: tuple[Match, Any] = (Match.NONE, {})
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        for route in self._by_start.get(_start(path), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                return match, child_scope
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = (match, child_scope)
        return partial

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand over to the route that `matches` put into the scope."""
        route: APIRoute = scope["route"]
        await route.handle(scope, receive, send)


def _start(path: str) -> str:
    parts = path.split("/", 3)
    return "/".join(parts[:3]) if parts[1] == "v1" else parts[1]
