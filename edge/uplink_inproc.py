"""The uplink to a stream in the same process: batches are handed over one by one, acknowledgements are calls.

They go through the spool all the same: what the stream has not committed when the process dies is sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable

from edge.clock import Clock, WallClock
from edge.spool import Spool
from edge.uplink import EdgeOrders, SendWindow
from stream.batch_codec import decode_batch
from stream.model import EdgeBatch

_READ_AT_ONCE = 32

Deliver = Callable[[EdgeBatch], Awaitable[object]]
"""Takes one batch into the stream; waits while the stream is full. Its result is ignored: acknowledging is separate."""


class InprocUplink:
    """Implements `Uplink`. `acknowledge` and `send_again` are called by the stream, from the same event loop."""

    def __init__(self, deliver: Deliver, clock: Clock | None = None) -> None:
        self._deliver = deliver
        self._clock = clock or WallClock()
        self._wake = asyncio.Event()
        self._window: SendWindow | None = None
        self._asked_again: list[tuple[str, int]] = []

    @property
    def is_connected(self) -> bool:
        """While it runs."""
        return self._window is not None

    def notify(self) -> None:
        """The spool has something new."""
        self._wake.set()

    def acknowledge(self, epoch: str, counter: int) -> None:
        """The stream has committed every batch of that epoch up to that counter."""
        if self._window is not None:
            self._window.acked(epoch, counter, self._clock.now_us(), 0.0)
            self._wake.set()

    def send_again(self, epoch: str, counter: int) -> None:
        """The stream wants everything from that batch on once more."""
        self._asked_again.append((epoch, counter))
        self._wake.set()

    async def run(self, spool: Spool, orders: EdgeOrders) -> None:
        """Hand over spooled batches in order until cancelled; `orders` is called by the composition root itself."""
        window = self._window = SendWindow(spool, 0.0)  # a stream in this process loses nothing: never stalled
        try:
            while True:
                for epoch, counter in self._asked_again:
                    window.send_again(epoch, counter, 0.0)
                self._asked_again.clear()
                batches = window.next(_READ_AT_ONCE, 0.0)
                for batch in batches:
                    await self._deliver(decode_batch(batch.body))
                if not batches:
                    await self._wake.wait()
                    self._wake.clear()
        finally:
            self._window = None
