"""The uplink inside one process: order, acknowledgement, waiting, sending again after a restart."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge.spool import Spool
from edge.uplink_inproc import InprocUplink
from stream.model import EdgeBatch, Signal
from warehouse.loads import Expectation, Override

from .batches import batch_named
from .standing_clock import StandingClock


class NoOrders:
    """Takes no orders."""

    def on_signal(self, signal: Signal) -> None:
        raise AssertionError(signal)

    def on_expectation(self, expectation: Expectation) -> None:
        raise AssertionError(expectation)

    def on_override(self, override: Override) -> None:
        raise AssertionError(override)


class Receiver:
    """A stream that remembers what it was given and can be full."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.room = asyncio.Event()
        self.room.set()
        self.changed = asyncio.Condition()

    async def take(self, batch: EdgeBatch) -> None:
        await self.room.wait()
        self.taken.append(batch.id.counter)
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(40), self.changed:
            await self.changed.wait_for(condition)


def spool_with(tmp_path: Path, batches: int) -> Spool:
    spool = Spool(tmp_path / "spool.sqlite", "edge", 16, 24.0)
    for _ in range(batches):
        assert spool.append(batch_named(spool.next_id, 2)).is_stored
    return spool


async def test_batches_arrive_in_order_new_ones_too_and_acks_mark_the_spool(tmp_path: Path) -> None:
    spool, receiver = spool_with(tmp_path, 50), Receiver()
    uplink = InprocUplink(receiver.take, StandingClock(5))
    task = asyncio.create_task(uplink.run(spool, NoOrders()))
    await receiver.until(lambda: len(receiver.taken) == 50)
    assert uplink.is_connected
    spool.append(batch_named(spool.next_id, 2))
    uplink.notify()
    await receiver.until(lambda: len(receiver.taken) == 51)
    assert receiver.taken == list(range(1, 52))
    uplink.acknowledge(spool.next_id.epoch, 40)
    assert spool.depth().unacked == 11
    uplink.send_again(spool.next_id.epoch, 39)
    await receiver.until(lambda: len(receiver.taken) == 64)
    assert receiver.taken[51:] == list(range(39, 52))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert not uplink.is_connected


async def test_a_full_stream_holds_the_uplink_and_a_restart_sends_what_was_not_acknowledged(tmp_path: Path) -> None:
    spool, receiver = spool_with(tmp_path, 5), Receiver()
    for round_number in range(2):
        uplink = InprocUplink(receiver.take, StandingClock(5))
        task = asyncio.create_task(uplink.run(spool, NoOrders()))
        await receiver.until(lambda expected=5 * (round_number + 1) - 3 * round_number: len(receiver.taken) == expected)
        receiver.room.clear()
        if round_number == 0:
            uplink.acknowledge(spool.next_id.epoch, 3)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        receiver.room.set()
    assert receiver.taken == [1, 2, 3, 4, 5, 4, 5]
