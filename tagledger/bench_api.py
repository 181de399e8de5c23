"""The API over a loaded warehouse, in this process, and one who asks it over a kept-alive connection."""

import asyncio
import contextlib
import http.client
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import FastAPI

from api.app import ApiParts, create_app
from api.postgres.pool import query_pool
from api.principal import Principal
from api.server import serving
from tagledger.accounts import PooledAccounts
from tagledger.api_ports import ProcessDependencies
from tagledger.command_desk import DirectBus
from tagledger.running import write_pool
from warehouse.commands import Permission, Rights
from warehouse.postgres.control.feed_tickets import TicketHolder
from warehouse.site import Site

KEY = "bench-key"
_TIMEOUT_S = 60
_READER = Principal("bench", "bench", Rights(frozenset({Permission.READ})))


class ApiRefusedError(Exception):
    """The API answered a question with something else than 200."""


class _OneKey:
    async def find(self, key: str) -> Principal | None:
        return _READER if key == KEY else None

    async def behind(self, holder: TicketHolder) -> Principal | None:
        return None  # nobody asks for tickets here


@contextlib.asynccontextmanager
async def reading_app(dsn: str, connections_max: int) -> AsyncIterator[FastAPI]:
    """The API over a warehouse, for who has `KEY`, and may read."""
    site = Site("bench")
    async with query_pool(dsn, connections_max) as pool:
        with write_pool(site, dsn) as writers:
            accounts, dependencies = PooledAccounts(writers), ProcessDependencies(pool)
            yield create_app(ApiParts(site, "bench", pool, dsn, _OneKey(), DirectBus(writers), accounts, dependencies))


@contextlib.asynccontextmanager
async def asked_api(dsn: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Ask for a path while the block runs, the whole answer read. Raises ApiRefusedError."""
    async with reading_app(dsn, 2) as app, serving(app, "127.0.0.1", 0) as url:
        where = urlsplit(url)
        client = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_S)
        with contextlib.closing(client):

            def get(path: str) -> None:
                client.request("GET", path, headers={"X-API-Key": KEY})
                answer = client.getresponse()
                body = answer.read()
                if answer.status != http.HTTPStatus.OK:
                    raise ApiRefusedError(f"{path}: {answer.status} {body[:200]!r}")

            yield lambda path: asyncio.to_thread(get, path)
