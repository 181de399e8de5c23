"""The agent from messages to batches, and the replay of what it recorded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest

from edge.agent import EdgeAgent
from edge.capture import CaptureHeader, CaptureReader, CaptureWriter
from edge.expected_file import ExpectedFile
from edge.health import Alarm
from edge.replay import Command, ReplayCount, replay_capture
from edge.spool import Spool
from edge.uplink import EdgeOrders
from stream.batch_codec import decode_batch, encode_batch
from stream.model import Colour, DeviceEvent, DeviceEventKind, EdgeBatch, Signal
from warehouse.loads import Expectation, ExpectedDocument
from warehouse.site import Portal, Reader, Site, StackLight
from warehouse.site_settings import EdgeSettings

from .batches import noise
from .llrp_frames import START_US, ScriptedDriver, report
from .standing_clock import StandingClock

MS = 1000
LIGHT = StackLight("dock-1", green_gpo=1, amber_gpo=2, red_gpo=3)
SITE = Site(
    name="plant",
    readers=(Reader("dock-1", "192.0.2.1"), Reader("dock-2", "192.0.2.2")),
    portals=(Portal("door", "in", "out", stack_light=LIGHT),),
    edge=EdgeSettings(agent="edge-1"),
)


@dataclass
class HoldingUplink:
    """An uplink that sends nothing and says what it is told to."""

    is_connected: bool = True
    notified: int = 0
    orders: EdgeOrders | None = None

    def notify(self) -> None:
        self.notified += 1

    async def run(self, spool: Spool, orders: EdgeOrders) -> None:
        self.orders = orders
        await asyncio.Event().wait()


@dataclass
class Running:
    """A running agent and what surrounds it."""

    agent: EdgeAgent
    clock: StandingClock
    drivers: dict[str, ScriptedDriver]
    uplink: HoldingUplink
    path: Path
    signals: list[Signal] = field(default_factory=list)

    def at(self, ms: int) -> int:
        """Let it be `ms` after the start, and seal if it is time."""
        self.clock.advance_to(START_US + ms * MS)
        self.agent.step()
        return self.clock.now_us()


@asynccontextmanager
async def running(tmp_path: Path, site: Site = SITE, capture: bool = True, max_mb: int = 16) -> AsyncIterator[Running]:
    clock = StandingClock(START_US)
    drivers = {reader.name: ScriptedDriver(reader.name) for reader in site.readers}
    uplink = HoldingUplink()
    path = tmp_path / "spool.sqlite"
    writer = CaptureWriter(tmp_path / "captures", CaptureHeader("plant", "edge-1", START_US)) if capture else None
    spool = Spool(path, "edge-1", max_mb, 24.0)
    agent = EdgeAgent(site, drivers, spool, uplink, clock, capture=writer)
    task = asyncio.create_task(agent.run())
    try:
        await asyncio.gather(*(driver.running.wait() for driver in drivers.values()))
        yield Running(agent, clock, drivers, uplink, path)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def spooled(path: Path) -> list[EdgeBatch]:
    spool = Spool(path, "edge-1", 16, 24.0)
    try:
        return [decode_batch(stored.body) for stored in spool.read_after(0, 100_000)]
    finally:
        spool.close()


async def play(edge: Running) -> None:
    """Two readers for two seconds: connections, clock corrections, reads, a photo-eye, a command, a reconnect."""
    one, two = edge.drivers.values()
    for driver in (one, two):
        driver.connect(edge.clock.now_us())
    one.correct_clock(START_US, 0)
    two.correct_clock(START_US, -40 * MS)
    for step in range(20):
        now = edge.at(100 * step)
        one.deliver(report([step, step + 1, 7], now - 20 * MS), now)
        two.deliver(report(list(range(step % 5)), now, antenna=2), now)
        if step == 6:
            edge.agent.on_device_event(DeviceEvent("dock-1", DeviceEventKind.GPI, now, 1, True))
            edge.agent.on_command(now, "ann", b'{"close":"door"}')
            edge.agent.on_expectation(Expectation("door", now, (ExpectedDocument("ASN-1", ("AA",)),)))
        if step == 12:
            two.disconnect(now)
            two.connect(now)
            two.correct_clock(now, -45 * MS)
    edge.at(2400)


async def test_reads_become_batches_in_the_spool_with_gapless_names(tmp_path: Path) -> None:
    async with running(tmp_path) as edge:
        await play(edge)
        health = edge.agent.health()
        assert health.is_ready
        assert health.spool.unacked == health.batches > 4
        assert [reader.reads for reader in health.readers] == [60, 40]
        assert health.readers[1].clock_offset_us == -45 * MS
        assert health.readers[1].is_connected
        assert edge.uplink.notified == health.batches
    batches = spooled(edge.path)
    assert [batch.id.counter for batch in batches] == list(range(1, len(batches) + 1))
    assert sum(int(batch.sightings.reads.sum()) for batch in batches) == 100
    watermarks = [batch.watermark_us for batch in batches]
    assert watermarks == sorted(watermarks)
    kinds = [event.kind for batch in batches for event in batch.events]
    assert kinds.count(DeviceEventKind.READER_UP) == 3
    assert kinds.count(DeviceEventKind.GPI) == 1


async def test_a_replay_gives_the_same_batches_under_the_same_names(tmp_path: Path) -> None:
    async with running(tmp_path) as edge:
        await play(edge)
    count = ReplayCount()
    replayed = list(replay_capture(CaptureReader(tmp_path / "captures"), count))
    batches = [item for item in replayed if isinstance(item, EdgeBatch)]
    assert [encode_batch(batch) for batch in batches] == [encode_batch(batch) for batch in spooled(edge.path)]
    assert [item for item in replayed if isinstance(item, Command)] == [
        Command(START_US + 600 * MS, "ann", b'{"close":"door"}')
    ]
    assert [item.documents for item in replayed if isinstance(item, Expectation)] == [
        (ExpectedDocument("ASN-1", ("AA",)),)
    ]
    assert (count.reads, count.unsealed_reads, count.missing_seals) == (100, 0, 0)


async def test_two_lives_of_an_edge_replay_as_they_were(tmp_path: Path) -> None:
    async with running(tmp_path) as edge:
        await play(edge)
    (tmp_path / "captures").rename(tmp_path / "first")
    async with running(tmp_path) as edge:
        await play(edge)
    for file in (tmp_path / "captures").iterdir():
        file.rename(tmp_path / "first" / f"later-{file.name}")
    replayed = [item for item in replay_capture(CaptureReader(tmp_path / "first")) if isinstance(item, EdgeBatch)]
    assert [encode_batch(batch) for batch in replayed] == [encode_batch(batch) for batch in spooled(edge.path)]


async def test_garbage_from_a_reader_is_an_event_and_the_next_message_counts(tmp_path: Path) -> None:
    async with running(tmp_path) as edge:
        driver = edge.drivers["dock-1"]
        driver.connect(START_US)
        good = report([1, 2, 3], START_US)
        driver.deliver(good[:10] + noise(len(good) - 10), START_US)
        driver.deliver(good[:30], START_US)
        driver.deliver(good, START_US)
        edge.at(600)
    batches = spooled(edge.path)
    events = [event for batch in batches for event in batch.events]
    assert sum(int(batch.sightings.reads.sum()) for batch in batches) == 3
    assert [event.kind for event in events].count(DeviceEventKind.PROTOCOL_ERROR) >= 2
    replayed = [item for item in replay_capture(CaptureReader(tmp_path / "captures")) if isinstance(item, EdgeBatch)]
    assert [encode_batch(batch) for batch in replayed] == [encode_batch(batch) for batch in batches]


async def test_a_jumping_reader_clock_loses_no_read(tmp_path: Path) -> None:
    async with running(tmp_path) as edge:
        driver = edge.drivers["dock-1"]
        driver.connect(START_US)
        for step, jump_us in enumerate((0, 3_600_000_000, -3_600_000_000, 0)):
            now = edge.at(100 * step)
            driver.deliver(report([1], now + jump_us), now)
        edge.at(3000)
    batches = spooled(edge.path)
    assert sum(int(batch.sightings.reads.sum()) for batch in batches) == 4
    assert all(batch.watermark_us < START_US + 4_000_000 for batch in batches)


async def test_a_full_spool_refuses_loudly_and_says_so_when_there_is_room_again(tmp_path: Path) -> None:
    async with running(tmp_path, max_mb=1) as edge:
        driver = edge.drivers["dock-1"]
        driver.connect(START_US)
        step = 0
        while Alarm.SPOOL_FULL not in edge.agent.health().alarms:
            step += 1
            now = edge.at(250 * step)
            driver.deliver(report(range(1000), now, step_us=200), now)
            assert step < 200
        health = edge.agent.health()
        assert not health.is_ready
        assert health.refused_batches == 1
        assert health.refused_sightings > 0
        assert health.capture == "the spool is nearly full"
        epoch, stored = "", health.batches
        edge.agent._spool.ack(edge.agent._spool.next_id.epoch, stored // 2, 0)
        edge.at(250 * step + 5000)
        assert edge.agent.health().is_ready
        epoch = edge.agent._spool.next_id.epoch
    batches = spooled(edge.path)
    assert {batch.id.epoch for batch in batches} == {epoch}
    (told,) = [event for batch in batches for event in batch.events if event.kind is DeviceEventKind.DATA_LOSS]
    assert told.detail == f"the spool refused 1 batches with {health.refused_sightings} sightings"


async def test_a_lost_uplink_shows_and_a_signal_from_the_stream_lights_the_door(tmp_path: Path) -> None:
    async with running(tmp_path) as edge:
        now = edge.at(0)
        assert edge.uplink.orders is not None
        edge.uplink.orders.on_signal(Signal("door", Colour.RED, "extra", now, now + 5_000_000))
        await edge.agent.outputs.apply()
        assert edge.drivers["dock-1"].outputs == {1: False, 2: False, 3: True}
        edge.uplink.is_connected = False
        edge.at(6000)
        await edge.agent.outputs.apply()
        assert Alarm.UPLINK_LOST in edge.agent.health().alarms
        assert edge.drivers["dock-1"].outputs == {1: False, 2: True, 3: False}
    assert edge.drivers["dock-1"].outputs == {1: False, 2: False, 3: False}


@dataclass
class RedOnAnyRead:
    """A local decision that reddens the door at any sighting."""

    expected: list[Expectation] = field(default_factory=list)

    def on_batch(self, batch: EdgeBatch, is_wanted: bool) -> list[Signal]:
        if not is_wanted or not len(batch.sightings):
            return []
        return [Signal("door", Colour.RED, "local", batch.watermark_us, batch.watermark_us + 5_000_000)]

    def on_expectation(self, expectation: Expectation) -> None:
        self.expected.append(expectation)


@pytest.mark.parametrize(
    ("connected", "answers"),
    [
        pytest.param(True, True, id="the stream answers"),
        pytest.param(True, False, id="the broker is there, nobody behind it commits"),
        pytest.param(False, False, id="no broker"),
    ],
)
async def test_the_edge_decides_itself_only_while_the_stream_is_not_heard(
    tmp_path: Path, connected: bool, answers: bool
) -> None:
    clock, driver, local = StandingClock(START_US), ScriptedDriver("dock-1"), RedOnAnyRead()
    site = replace(SITE, readers=SITE.readers[:1])
    spool = Spool(tmp_path / "spool.sqlite", "edge-1", 16, 24.0)
    agent = EdgeAgent(site, {"dock-1": driver}, spool, HoldingUplink(connected), clock, local=local)
    await_expected = Expectation("door", START_US)
    agent.on_expectation(await_expected)
    assert local.expected == [await_expected]
    driver.sink = agent

    def steps(until_ms: int) -> None:
        for at_ms in range((clock.now_us() - START_US) // 1000, until_ms, 100):
            clock.advance_to(START_US + at_ms * 1000)
            agent.step()
            if answers:
                name = spool.next_id
                spool.ack(name.epoch, name.counter - 1, clock.now_us())

    steps(4000)
    assert (Alarm.UPLINK_LOST in agent.health().alarms) is not answers
    driver.deliver(report([1], clock.now_us()), clock.now_us())
    steps(4700)
    await agent.outputs.apply()
    assert driver.outputs[3] is not answers
    agent.close()


def test_a_stream_that_answers_about_as_late_as_counts_as_lost_is_not_lost_and_found_by_turns(tmp_path: Path) -> None:
    clock, spool = StandingClock(START_US), Spool(tmp_path / "spool.sqlite", "edge-1", 16, 24.0)
    agent = EdgeAgent(SITE, {}, spool, HoldingUplink(True), clock)
    lost: list[bool] = []

    def answered(after_s: Callable[[int], float], steps: int) -> None:
        for step in range(steps):
            clock.advance_to(clock.now_us() + 500_000)
            agent.step()
            name = spool.next_id
            spool.ack(name.epoch, max(0, name.counter - 1 - int(2 * after_s(step))), clock.now_us())
            lost.append(agent.outputs.uplink_lost)

    answered(lambda _: 0.5, 10)
    assert not any(lost)
    answered(lambda step: 4.0 if step % 4 < 2 else 2.5, 40)
    assert lost[-1]
    assert sum(before is not after for before, after in pairwise(lost)) == 1
    answered(lambda _: 0.5, 10)
    assert not lost[-1]
    agent.close()


async def test_an_edge_that_starts_while_the_stream_is_away_knows_what_was_expected(tmp_path: Path) -> None:
    kept = tmp_path / "expected.json"
    for expected_then in ([], [Expectation("door", START_US)]):
        local = RedOnAnyRead()
        spool = Spool(tmp_path / "spool.sqlite", "edge-1", 16, 24.0)
        uplink, clock = HoldingUplink(False), StandingClock(START_US)
        agent = EdgeAgent(SITE, {}, spool, uplink, clock, local=local, expected=ExpectedFile(kept))
        assert local.expected == expected_then
        agent.on_expectation(Expectation("door", START_US))
        agent.close()
