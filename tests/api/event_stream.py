"""An independent reader of event streams for tests (HTML Living Standard, 9.2.6)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Received:
    """One dispatched event."""

    kind: str
    id: str
    data: Any


class EventReader:
    """Parses an open response line by line; `last_id` is what a browser would send as Last-Event-ID."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def next(self, timeout_s: float = 10.0) -> Received:
        """The next event. Raises TimeoutError, or StopAsyncIteration at the end of the stream."""
        kind, data, identifier = "", [], None
        async with asyncio.timeout(timeout_s):
            while True:
                line = await anext(self._lines)
                if line == "":
                    if identifier is not None:
                        self.last_id = identifier
                    if data:
                        return Received(kind, identifier or "", json.loads("\n".join(data)))
                    kind, data, identifier = "", [], None
                    continue
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data.append(value)
                elif name == "id":
                    identifier = value

    async def opened(self, timeout_s: float = 10.0) -> None:
        """Wait for the head of the stream: the client is joined from here on."""
        async with asyncio.timeout(timeout_s):
            while (line := await anext(self._lines)) != "":
                if line.startswith("id: "):
                    self.last_id = line.removeprefix("id: ")


@contextlib.asynccontextmanager
async def events(client: httpx.AsyncClient, last_id: str | None = None, **params: Any) -> AsyncIterator[EventReader]:
    """Open the feed."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with client.stream("GET", "/v1/feed", headers=headers, params=params, timeout=30) as response:
        assert response.status_code == 200, await response.aread()
        reader = EventReader(response)
        await reader.opened()
        yield reader
