"""The API on a real socket over a real database, and fakes of the ports that the composition root fills."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from api.app import ApiParts, create_app, issuer
from api.ports import AntennaHealth, DependencyState, EvidenceColumns, KeyRing, LiveEvent, ReaderState
from api.postgres.key_ring import PostgresKeys
from api.postgres.pool import query_pool
from api.principal import Principal
from api.server import serving
from tagledger.accounts import PooledAccounts
from tests.api.direct_commands import DirectCommands
from tests.api.plant import Plant, make_plant
from tests.postgres import with_database
from warehouse.commands import ALL_RIGHTS, Permission, Rights
from warehouse.postgres.control.feed_tickets import TicketHolder
from warehouse.postgres.database.connect import service_dsn
from warehouse.site import Antenna, Effect, Portal, Reader, Side, Site, Zone

SITE = Site(
    name="test-site",
    zones=(Zone("hall"), Zone("yard"), Zone("rack", location="RACK")),
    portals=(Portal("door-1", "hall", "yard", Effect.POST), Portal("door-2", "hall", "yard", Effect.OBSERVE)),
    readers=(
        Reader(
            "dock-1", "192.0.2.10", antennas=(Antenna(1, "door-1", Side.OUTSIDE), Antenna(2, "door-1", Side.INSIDE))
        ),
        Reader("dock-2", "192.0.2.11", antennas=(Antenna(1, "door-2", Side.OUTSIDE),)),
    ),
)

ADMIN = {"Authorization": "Bearer admin-key"}


class GivenKeys:
    """A key ring of given holders."""

    def __init__(self) -> None:
        self.holders = {
            "admin-key": Principal("admin", "k-admin", ALL_RIGHTS),
            "read-key": Principal("screen", "k-read", Rights(frozenset({Permission.READ}))),
            "command-key": Principal(
                "handheld", "k-command", Rights(frozenset({Permission.MOVE, Permission.MASTER_DATA})), device="pda-7"
            ),
        }
        self.asked = 0
        self.broken = False

    async def find(self, key: str) -> Principal | None:
        self.asked += 1
        if self.broken:
            raise ConnectionError("no database")
        return self.holders.get(key)

    async def behind(self, holder: TicketHolder) -> Principal | None:
        return next((known for known in self.holders.values() if known.key_id == holder.key_id), None)


class GivenDependencies:
    """Dependencies whose state the test sets."""

    def __init__(self) -> None:
        self.states = [DependencyState("database", True, "PostgreSQL"), DependencyState("stream", True)]

    async def check(self) -> Sequence[DependencyState]:
        return self.states


class GivenReaders:
    """Two readers, one connected."""

    def readers(self) -> Sequence[ReaderState]:
        antennas = (
            AntennaHealth(1, "door-1", True, 120, 1_700_000_000_000_000),
            AntennaHealth(2, "door-1", None, 0, None),
        )
        at_us = 1_700_000_000_000_000
        return (
            ReaderState("dock-1", True, "native", "192.0.2.10:5084", at_us, "connected", 150, 2, antennas),
            ReaderState("dock-2", False, "native", "192.0.2.11:5084", None, "", None, 0),
        )


class GivenLive:
    """A live source that the test speaks through."""

    def __init__(self) -> None:
        self.now: list[LiveEvent] = []
        self._deliver: list[Callable[[LiveEvent], None]] = []

    def portals(self) -> Sequence[LiveEvent]:
        return self.now

    def subscribe(self, deliver: Callable[[LiveEvent], None]) -> Callable[[], None]:
        self._deliver.append(deliver)
        return lambda: self._deliver.remove(deliver)

    def say(self, event: LiveEvent) -> None:
        for deliver in self._deliver:
            deliver(event)


class GivenEvidence:
    """Stands for the stream's codec, which the composition root brings."""

    def sightings(self, packed: bytes, epc: str | None) -> EvidenceColumns:
        assert packed == b"packed"
        tags = (epc,) if epc else ("AA", "BB")
        return EvidenceColumns(
            tags,
            ("dock-1:1",),
            [0, 0],
            [0, 0],
            [1, 2],
            [1, 2],
            [1, 1],
            [1.0, None],
            [-50.0, None],
            [0.1, None],
            [0.0, 0.0],
        )


@dataclass(frozen=True, slots=True)
class Running:
    """A served API and the fakes behind it."""

    url: str
    dsn: str
    client: httpx.AsyncClient
    keys: GivenKeys
    dependencies: GivenDependencies
    live: GivenLive


@contextlib.asynccontextmanager
async def running(dsn: str, ring: KeyRing | None = None, site: Site = SITE) -> AsyncIterator[Running]:
    """The API over a database, with fakes for the rest of the process, and a client that may do everything.

    `ring` instead of the given keys, which the client has one of.
    """
    dsn = service_dsn(dsn)
    keys, dependencies, live = GivenKeys(), GivenDependencies(), GivenLive()
    with DirectCommands(dsn, 4) as bus:
        async with query_pool(dsn, 4) as pool:
            parts = ApiParts(
                site,
                "0.0.0",
                pool,
                dsn,
                ring or keys,
                bus,
                PooledAccounts(bus.pool),
                dependencies,
                readers=GivenReaders(),
                live=live,
                evidence=GivenEvidence(),
            )
            async with (
                serving(create_app(parts), "127.0.0.1", 0) as url,
                httpx.AsyncClient(base_url=url, headers=ADMIN, trust_env=False, timeout=20) as client,
            ):
                yield Running(url, dsn, client, keys, dependencies, live)


@contextlib.asynccontextmanager
async def running_for_people(dsn: str) -> AsyncIterator[Running]:
    """The same with the key ring of service: keys and tokens of the database."""
    async with (
        query_pool(service_dsn(dsn), 2) as pool,
        running(dsn, PostgresKeys(pool, issuer(SITE.name))) as served,
    ):
        yield served


@pytest.fixture
async def api(database: str) -> AsyncIterator[Running]:
    """The API over a database of the test's own."""
    async with running(database) as served:
        yield served


@dataclass(frozen=True, slots=True)
class Resident:
    """What all tests that change nothing share: one server in a thread of its own, and the plant it shows."""

    served: Running
    plant: Plant


@contextlib.contextmanager
def resident_api(postgres_dsn: str, template: str, *, people: bool = False) -> Iterator[Resident]:
    """A database with a plant, and the API over it in a thread of its own; `people` sign in, as in service."""
    name = f"tagledger_resident_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_dsn, autocommit=True) as server:
        server.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    dsn = with_database(postgres_dsn, name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        plant = make_plant(connection, SITE)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="resident-api")
    thread.start()
    context = running_for_people(dsn) if people else running(dsn)
    try:
        served = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(60)
        yield Resident(served, plant)
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def resident(postgres_dsn: str, migrated_template: str) -> Iterator[Resident]:
    """One server and one plant for all tests of the session that change nothing."""
    with resident_api(postgres_dsn, migrated_template) as served:
        yield served


@pytest.fixture
async def shared(resident: Resident) -> AsyncIterator[Running]:
    """The resident API, for tests that change nothing, with a client of the test's own."""
    served = resident.served
    async with httpx.AsyncClient(base_url=served.url, headers=ADMIN, trust_env=False, timeout=20) as client:
        yield replace(served, client=client)
