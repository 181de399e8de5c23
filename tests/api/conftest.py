"""The API on a real socket over a real database, and fakes of the ports that the composition root fills."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import httpx
import pytest

from api.app import ApiParts, create_app
from api.ports import AntennaHealth, DependencyState, EvidenceColumns, LiveEvent, ReaderState
from api.postgres.command_bus import DirectCommands
from api.postgres.pool import query_pool
from api.principal import Principal, Scope
from api.server import serving
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
            "admin-key": Principal("admin", "k-admin", frozenset(Scope)),
            "read-key": Principal("screen", "k-read", frozenset({Scope.READ})),
            "command-key": Principal("handheld", "k-command", frozenset({Scope.COMMAND}), device="pda-7"),
        }
        self.asked = 0
        self.broken = False

    async def find(self, key: str) -> Principal | None:
        self.asked += 1
        if self.broken:
            raise ConnectionError("no database")
        return self.holders.get(key)


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


@pytest.fixture
async def api(database: str) -> AsyncIterator[Running]:
    keys, dependencies, live = GivenKeys(), GivenDependencies(), GivenLive()
    with DirectCommands(database, 4) as bus:
        async with query_pool(database, 4) as pool:
            parts = ApiParts(
                SITE,
                "0.0.0",
                pool,
                database,
                keys,
                bus,
                dependencies,
                readers=GivenReaders(),
                live=live,
                evidence=GivenEvidence(),
            )
            async with (
                serving(create_app(parts), "127.0.0.1", 0) as url,
                httpx.AsyncClient(base_url=url, headers=ADMIN, trust_env=False) as client,
            ):
                yield Running(url, database, client, keys, dependencies, live)
