"""Pallets driven out through a real door: the lamp says of each what the books then do.

Everything is real but the radio waves: an LLRP reader with its light barriers and outputs, a broker, the stream, the
books. The lot is blocked while the delivery is open; nobody tells the door but the books.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import psycopg
import pytest

from edge.expected_file import ExpectedFile
from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.radio import AntennaDrive, Singulations, TagMemory, no_singulations
from simulators.llrp.server import ReaderSimulator
from tests.e2e.test_doors import AMBER, GREEN, RED, Lamps, edge_of, eventually, stream_of
from tests.mosquitto import Mosquitto
from tests.warehouse.postgres.store import Store, gtin, sgtin
from warehouse.commands import BlockLot, CreateDocument, CreateItem, CreateLot, LineSpec, RegisterTags, TagSpec
from warehouse.ledger import Tracking
from warehouse.loads import ExpectedDocument
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Antenna, Direction, Effect, PhotoEye, Portal, Reader, Side, Site, StackLight, Zone
from warehouse.site_settings import EdgeSettings, UplinkSettings

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(180)]
S = 1_000_000
WALK_US = 3 * S
OUTSIDE, INSIDE = 1, 2


class Aisle:
    """A pallet at a time goes from the inner antenna to the outer one, within `WALK_US` of `start_us`."""

    def __init__(self) -> None:
        self.epcs: Sequence[str] = ()
        self.start_us = 0

    def reads(self, start_us: int, end_us: int, antennas: Sequence[AntennaDrive]) -> Singulations:
        number = np.arange(-(-start_us // 2_500), -(-end_us // 2_500), dtype=np.int64)
        walked = (number * 2_500 - self.start_us) / WALK_US
        inside = (walked >= 0) & (walked <= 1)
        number, walked = number[inside], walked[inside]
        if not self.epcs or not len(number) or not antennas:
            return no_singulations(12)
        tag = number % len(self.epcs)
        ports = np.array([drive.port for drive in antennas], np.uint16)
        antenna = ports[number // len(self.epcs) % len(ports)]
        return Singulations(
            epc=np.array([list(bytes.fromhex(epc)) for epc in self.epcs], np.uint8)[tag],
            epc_bits=np.full(len(number), 96, np.uint16),
            antenna=antenna,
            time_us=number * 2_500,
            rssi_dbm=(-45 - 25 * abs(walked - np.where(antenna == INSIDE, 0.25, 0.75)) + number % 3).astype(np.float32),
            channel=(number % 50 + 1).astype(np.uint16),
            phase_rad=(number * 0.7 % (2 * np.pi)).astype(np.float32),
            doppler_hz=np.zeros(len(number), np.float32),
        )

    def memory(self, epc: bytes) -> TagMemory | None:
        return None


def stock(dsn: str, site: Site) -> Store:
    """Two lots of I2 in the hall, eight tags each, brought in through another door; a delivery of eight is open."""
    store = Store(psycopg.connect(dsn, autocommit=True))
    ensure_places(store.conn, site)
    store.do(CreateItem("I2", gtin=gtin(2), tracking=Tracking.LOT))
    for lot in ("GOOD", "BAD"):
        store.do(CreateLot("I2", lot, datetime.now(UTC).date() + timedelta(days=90)))
        store.do(RegisterTags(tuple(TagSpec(epc, "I2", lot=lot) for epc in pallet(lot))))
    store.do(CreateDocument("purchase_receipt", "ASN-1", (LineSpec("I2", Decimal(16)),)))
    load = store.load(pallet("GOOD") + pallet("BAD"), Direction.IN, portal="other", inside="hall", outside="yard")
    assert not store.post(load).discrepancy_ids
    store.do(CreateDocument("delivery", "DN-1", (LineSpec("I2", Decimal(8)),), door="door"))
    return store


def pallet(lot: str) -> tuple[str, ...]:
    first = {"GOOD": 1, "BAD": 101}[lot]
    return tuple(sgtin(2, first + n) for n in range(8))


def expected_at_the_edge(state: Path) -> tuple[ExpectedDocument, ...]:
    return tuple(document for each in ExpectedFile(state / "expected.json").load() for document in each.documents)


async def test_the_lamp_is_red_for_a_blocked_lot_that_the_books_hold_and_not_for_a_good_one(
    mosquitto: Mosquitto, database: str, tmp_path: Path
) -> None:
    lamps, aisle = Lamps(), Aisle()
    antennas = (Antenna(OUTSIDE, "door", Side.OUTSIDE), Antenna(INSIDE, "door", Side.INSIDE))
    eyes = (PhotoEye("dock-1", OUTSIDE, Side.OUTSIDE), PhotoEye("dock-1", INSIDE, Side.INSIDE))
    clock = ScaledClock(int(datetime.now(UTC).timestamp() * 1e6))
    async with ReaderSimulator(SPEEDWAY_R420, aisle, clock, on_gpo=lamps) as reader:
        light = StackLight("dock-1", GREEN, AMBER, RED)
        site = Site(
            "plant",
            (Reader("dock-1", reader.host, reader.port, antennas=antennas),),
            (Zone("hall"), Zone("yard")),
            (Portal("door", "hall", "yard", Effect.POST, photo_eyes=eyes, stack_light=light),),
            state_dir=str(tmp_path),
            edge=EdgeSettings(agent="dock", uplink_lost_s=30.0),
            uplink=UplinkSettings("mqtt", mosquitto.host, mosquitto.port),
        )
        store = await asyncio.to_thread(stock, database, site)
        try:
            async with edge_of(site) as agent, stream_of(site, database) as source:
                await eventually(lambda: source.connected.is_set() and not agent.outputs.uplink_lost)
                await eventually(lambda: [document.barred for document in expected_at_the_edge(tmp_path)] == [()])
                store.do(BlockLot("I2", "BAD"))
                await eventually(lambda: any(document.barred for document in expected_at_the_edge(tmp_path)))

                async def drive(lot: str, lamp: int) -> set[int]:
                    """The lamps that were lit for a pallet, once that one was and the books have heard of it."""
                    await eventually(lambda: not any(lamps.on.get(each) for each in (GREEN, AMBER, RED)))
                    before, changes = store.one("select count(*) from posting"), len(lamps.changes)
                    aisle.epcs, aisle.start_us = pallet(lot), clock.now_us() + S // 2
                    at = aisle.start_us
                    eighths = ((1, INSIDE, True), (4, OUTSIDE, True), (5, INSIDE, False), (8, OUTSIDE, False))
                    reader.plan_gpi([(at + n * WALK_US // 8, port, level) for n, port, level in eighths])

                    def lit() -> set[int]:
                        return {port for port, level, _ in lamps.changes[changes:] if level}

                    await eventually(lambda: lamp in lit() and store.one("select count(*) from posting") > before)
                    return lit()

                assert GREEN not in await drive("BAD", RED)
                assert (store.fulfilled("DN-1"), store.findings()) == ([0], ["blocked"])
                shown = store.conn.execute("select distinct barred from signal where colour = 'red'").fetchall()
                assert {(tag["why"], tag["lot"]) for (row,) in shown for tag in row} == {("lot_blocked", "BAD")}
                assert RED not in await drive("GOOD", GREEN)
                assert store.fulfilled("DN-1") == [8]
        finally:
            store.conn.close()
