"""A scale dies in the middle of a day: what stands there is weighed as what it is, and nothing is made up meanwhile.

The indicator is a real Modbus server; edge, stream and books are the program's own, in this process. The pallet is
where a handheld saw it. While the scale is away, or answers nothing, its load changes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg

from edge.clock import WallClock
from edge.uplink_inproc import InprocUplink
from readers.modbus.profile import load
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.platform import Platform
from stream.model import DeviceEvent, DeviceEventKind
from tagledger.edge_parts import edge_agent, run_edge_parts
from tagledger.stream_parts import running_host
from tests.e2e.sites import eventually
from tests.warehouse.postgres.store import Store, sscc
from warehouse import commands as c
from warehouse.barcodes import ScannedText
from warehouse.epc import decode
from warehouse.postgres.books.integrity import check
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Antenna, Reader, Scale, Site, Zone
from warehouse.site_settings import EdgeSettings

PROFILE = "tuna-id551"
PALLET = sscc(1)
CODE = decode(PALLET).key or ""


@dataclass
class Day:
    """The books as they fill."""

    store: Store
    platform: Platform

    def put(self, kg: int) -> None:
        self.platform.put(Decimal(kg), WallClock().now_us())

    def weighings(self) -> list[tuple[str | None, int, str]]:
        rows = self.store.conn.execute(
            "select h.code, w.weight_kg, w.outcome from weighing w left join handling_unit h using (hu_id)"
            " order by w.at, w.seq"
        ).fetchall()
        # To 5 kg: a load that swings through its own weight is at rest for the indicator, half a kilogram beside it.
        return [(code, 5 * round(weight / 5), outcome) for code, weight, outcome in rows]

    def books(self) -> None:
        """A pallet of five pieces of 20 kg, tare 25 kg: 125 kg, where the scale is."""
        do = self.store.do
        do(c.CreateItem("I2", weight_kg=Decimal(20)))
        do(c.CreateHandlingUnit(epc=PALLET, tare_kg=Decimal(25)))
        self.store.document("purchase_receipt", "ASN", {"I2": 5})
        do(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(5), "SCALE", unit=CODE))
        do(c.SeeHere("SCALE", barcodes=(ScannedText(f"(00){CODE}"),)))


@asynccontextmanager
async def plant(dsn: str, state: Path, indicator: IndicatorSimulator) -> AsyncIterator[list[DeviceEvent]]:
    """Everything that runs; yields what the edge tells of its devices."""
    site = Site(
        "plant",
        (Reader("r1", "127.0.0.1", 1, antennas=(Antenna(1, "SCALE"),)),),  # not there
        (Zone("SCALE"),),
        scales=(Scale("scale-1", "127.0.0.1", PROFILE, port=indicator.port, poll_ms=50, place="SCALE"),),
        state_dir=str(state),
        edge=EdgeSettings(agent="dock"),
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        ensure_places(connection, site)
    clock = WallClock()
    async with running_host(site, dsn) as host:
        uplink = InprocUplink(host.submit, clock)
        host.on_ack.append(lambda ack: uplink.acknowledge(ack.epoch, ack.counter))
        agent, events = edge_agent(site, uplink, clock, None), list[DeviceEvent]()
        tell = agent.on_device_event

        def listen(event: DeviceEvent) -> None:
            events.append(event)
            tell(event)

        agent.on_device_event = listen  # type: ignore[method-assign]
        edge = asyncio.create_task(run_edge_parts(site, agent, clock))
        try:
            yield events
        finally:
            edge.cancel()
            await asyncio.gather(edge, return_exceptions=True)


async def test_what_stands_on_a_scale_that_was_away_is_weighed_as_it_is(database: str, tmp_path: Path) -> None:
    platform = Platform(seed=1)
    indicator = IndicatorSimulator(load(PROFILE), platform, WallClock().now_us)
    await indicator.start()
    with psycopg.connect(database, autocommit=True) as connection:
        day = Day(Store(connection), platform)
        async with plant(database, tmp_path, indicator) as events:

            def lost() -> int:
                return sum(e.device == "scale-1" and e.kind is DeviceEventKind.READER_DOWN for e in events)

            await asyncio.to_thread(day.books)
            day.put(125)
            told = [(CODE, 125, "agrees")]
            await eventually(lambda: day.weighings() == told, "the pallet to be weighed")

            before = lost()
            await indicator.stop()
            await eventually(lambda: lost() > before, "the loss to be told")
            day.put(145)  # a piece too many, put on while nobody can look
            await indicator.start()
            told.append((CODE, 145, "mismatch"))
            await eventually(lambda: day.weighings() == told, "what stands there now to be weighed")

            before = lost()
            indicator.silent = True  # hangs, with its connection open
            day.put(125)
            await eventually(lambda: lost() > before, "the silence to be noticed")
            indicator.silent = False
            told.append((CODE, 125, "agrees"))
            await eventually(lambda: day.weighings() == told, "the pallet to be weighed again")
        await indicator.stop()
        assert day.store.stock("I2", "SCALE") == 5
        kinds = "select array_agg(kind order by at) from discrepancy"
        assert day.store.one(kinds) == ["weight_mismatch"]
        assert check(connection) == []
