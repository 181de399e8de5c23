"""What forgets everything comes back: a reader that was switched off mid-inventory, an edge whose state is gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from edge.clock import WallClock
from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ReaderClock, ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from tests.e2e.sites import Folder, eventually
from warehouse.site import Antenna, Reader, Site, Zone

pytestmark = pytest.mark.timeout(240)
S = 1_000_000
EPC = bytes.fromhex("3034257BF7194E4000000001")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.end()


@contextlib.asynccontextmanager
async def reader(port: int = 0, clock_wrong_us: int = 0) -> AsyncIterator[ReaderSimulator]:
    """A reader as it is after it was switched on: no ROSpec, and a clock that may be anything."""
    plant = ScaledClock(WallClock().now_us())
    own = ReaderClock(plant.now_us(), offset_us=clock_wrong_us)
    made = ReaderSimulator(SPEEDWAY_R420, SteadyRadio([EPC], reads_per_s=50.0), plant, port=port, reader_clock=own)
    async with made:
        yield made


def site_of(port: int) -> Site:
    return Site("plant", (Reader("dock-1", "127.0.0.1", port, antennas=(Antenna(1, "rack"),)),), (Zone("rack"),))


def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()
    return []


def sightings(dsn: str) -> int:
    found = rows(dsn, "select coalesce(sum(sightings), 0) from stream_log")
    return int(str(found[0][0])) if found else 0


async def test_a_reader_that_was_switched_off_mid_inventory_and_lost_its_clock_reads_on(folder: Folder) -> None:
    async with contextlib.AsyncExitStack() as power:
        first = await power.enter_async_context(reader())
        folder.write(site_of(first.port))
        up = folder.start("up", "--site", folder.site_file)
        await eventually(lambda: up.said("up"), "up to say so")
        dsn = folder.dsn()
        await eventually(lambda: sightings(dsn) > 8, "reads of the reader")
        first.drop_connection()
        await power.aclose()
        before = sightings(dsn)
        async with reader(first.port, clock_wrong_us=-3600 * S):
            await eventually(lambda: sightings(dsn) > before + 8, "reads after the reboot")
            # An hour wrong by the reader's clock, and right by the corrected one.
            (latest,) = rows(dsn, "select max(at) > now() - interval '1 minute' from stream_log where sightings > 0")
            assert latest == (True,)
            kinds = [kind for (kind,) in rows(dsn, "select kind from device_event where device = 'dock-1' order by at")]
            assert kinds.count("reader_up") == 2
            assert "reader_down" in kinds
            assert rows(dsn, "select 1 from dead_letter") == []
            assert await asyncio.to_thread(up.terminate) == 0


async def test_an_edge_whose_state_is_gone_begins_a_new_epoch_and_nothing_is_taken_for_a_copy(folder: Folder) -> None:
    async with reader() as running:
        folder.write(site_of(running.port))
        up = folder.start("up", "--site", folder.site_file)
        await eventually(lambda: up.said("up"), "up to say so")
        dsn = folder.dsn()
        await eventually(lambda: sightings(dsn) > 8, "reads of the reader")
        up.kill()
        for left in folder.state.glob("spool.sqlite*"):
            left.unlink()
        (folder.state / "expected.json").unlink(missing_ok=True)
        again = folder.start("up", "--site", folder.site_file)
        await eventually(lambda: again.said("up"), "up to say so again")
        dsn = folder.dsn()
        before = sightings(dsn)
        await eventually(lambda: sightings(dsn) > before + 8, "reads after the loss")
        epochs = rows(dsn, "select epoch, counter > 0, isempty(lost) from stream_inbox")
        assert len({epoch for epoch, _, _ in epochs}) == 2
        assert all(counted and whole for _, counted, whole in epochs)
        assert rows(dsn, "select 1 from data_gap") == []
        assert rows(dsn, "select 1 from dead_letter") == []
        assert await asyncio.to_thread(again.terminate) == 0
