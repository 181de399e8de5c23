"""A live session through a proxy that spoils it: what can arrive arrives whole, the rest ends in a new connection."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from readers.llrp.backoff import BackoffSettings
from readers.llrp.client import ClientSettings, NativeDriver
from readers.llrp.report import ReportDecoder
from readers.llrp.session import SessionSettings
from readers.model import ReadBatch, ReaderEventKind
from simulators.llrp.models import LLRP_1_1, SPEEDWAY_R420, ReaderModel
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from tests.e2e.llrp_proxy import Mischief, Proxy
from tests.readers.llrp.deliveries import Deliveries, eventually
from warehouse.site import Antenna, Reader

EPCS = [bytes.fromhex("3074257bf7194e40") + number.to_bytes(4, "big") for number in range(50)]
READS_PER_S = 1_000
QUICK = ClientSettings(
    connect_timeout_s=2, session=SessionSettings(response_timeout_s=2), backoff=BackoffSettings(base_s=0.01, cap_s=0.05)
)


@contextlib.asynccontextmanager
async def session(
    model: ReaderModel, seed: int, mischief: Mischief
) -> AsyncIterator[tuple[ReaderSimulator, Proxy, NativeDriver, Deliveries]]:
    radio = SteadyRadio(EPCS, reads_per_s=READS_PER_S)
    async with (
        ReaderSimulator(model, radio, ScaledClock(time.time_ns() // 1000)) as reader,
        Proxy(reader.port, seed, mischief) as proxy,
    ):
        sink = Deliveries()
        site_reader = Reader("r1", "127.0.0.1", proxy.port, antennas=(Antenna(1, "door"),), keepalive_ms=300)
        driver = NativeDriver(site_reader, settings=QUICK)
        task = asyncio.create_task(driver.run(sink))
        try:
            yield reader, proxy, driver, sink
            assert not task.done(), task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def missing(sink: Deliveries) -> int:
    """Reads the reader made between the first and the last one delivered, and that were not delivered."""
    reads = [
        item
        for at_us, frame in sink.frames
        for item in ReportDecoder("r1").feed(frame, at_us)
        if isinstance(item, ReadBatch)
    ]
    span_us = max(int(batch.last_us.max()) for batch in reads) - min(int(batch.first_us.min()) for batch in reads)
    return span_us * READS_PER_S // 1_000_000 + 1 - sum(int(batch.count.sum()) for batch in reads)


@pytest.mark.parametrize("model", [LLRP_1_1, SPEEDWAY_R420], ids=lambda model: model.name)
@pytest.mark.parametrize(
    "mischief",
    [
        Mischief(piece_bytes_max=7),
        Mischief(merge_s=0.04),
        Mischief(delay_s_max=0.03),
        Mischief(piece_bytes_max=300, merge_s=0.02, delay_s_max=0.02),
    ],
    ids=["split", "merged", "delayed", "all three"],
)
async def test_however_the_bytes_arrive_every_read_is_delivered_once(model: ReaderModel, mischief: Mischief) -> None:
    async with session(model, 1, mischief) as (_, proxy, _, sink):
        await sink.until(lambda: sink.tags == set(EPCS) and sink.reads > 600)
        assert proxy.connections == 1
    assert missing(sink) == 0
    assert set(sink.kinds()) <= {
        ReaderEventKind.CONNECTED,
        ReaderEventKind.IDENTIFIED,
        ReaderEventKind.INVENTORY_STARTED,
    }


async def test_a_connection_that_breaks_again_and_again_still_carries_everything_but_what_was_under_way() -> None:
    async with session(LLRP_1_1, 2, Mischief(cut_after=15_000)) as (_, proxy, _, sink):
        await eventually(lambda: proxy.connections >= 4)
        proxy.mischief = Mischief()
        before = sink.reads
        await sink.until(lambda: sink.reads > before + 500)
        assert len(sink.of(ReaderEventKind.INVENTORY_STARTED)) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_corrupted_bytes_never_stop_either_side(seed: int) -> None:
    """LLRP has no checksum: a flipped bit may pass as a value, even as another report period. It must never end or hang
    the driver or the reader, and the next sound connection must find both in order.
    """
    mischief = Mischief(corrupt_every=2_000, piece_bytes_max=2_000)
    async with session(LLRP_1_1, seed, mischief) as (reader, proxy, driver, sink):
        with contextlib.suppress(TimeoutError):
            await eventually(lambda: proxy.corrupted >= 40 and proxy.connections >= 3, timeout_s=2)
        assert proxy.corrupted
        proxy.mischief = Mischief()
        reader.drop_connection()
        await eventually(lambda: driver.is_running, timeout_s=20)
        seen = len(sink.batches)
        await sink.until(lambda: len(sink.batches) > seen + 3 and sink.tags >= set(EPCS), timeout_s=20)
        assert reader.is_connected
