"""Walks a list page by page, the way a client follows `next`."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

PAGES_MAX = 2000


async def walk(
    client: httpx.AsyncClient, path: str, between: Callable[[int], Awaitable[None]] | None = None, **params: Any
) -> list[dict[str, Any]]:
    """All items; `between` runs after each page, with the count of pages read."""
    response = await client.get(path, params=params)
    items: list[dict[str, Any]] = []
    for page in range(1, PAGES_MAX):
        assert response.status_code == 200, response.text
        body = response.json()
        items += body["items"]
        if body["next"] is None:
            return items
        assert body["items"], "an empty page that is not the last"
        if between is not None:
            await between(page)
        response = await client.get(body["next"])
    raise AssertionError(f"{path} does not end")
