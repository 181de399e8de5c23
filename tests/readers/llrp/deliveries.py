"""A `ReaderSink` for tests that keeps what it is given and can be waited on."""

import asyncio
from collections.abc import Callable, Sequence

from readers.model import ReadBatch, ReaderEvent, ReaderEventKind


class Deliveries:
    """Everything a driver delivered, in order, and by kind."""

    def __init__(self) -> None:
        self.order: list[tuple[str, object]] = []
        self.frames: list[tuple[int, bytes]] = []
        self.offsets: list[int] = []
        self.batches: list[ReadBatch] = []
        self.events: list[ReaderEvent] = []
        self._changed = asyncio.Event()

    def on_frames(self, reader: str, arrival_us: int, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.frames.append((arrival_us, frame))
            self._note("frame", frame)

    def on_clock(self, reader: str, arrival_us: int, offset_us: int) -> None:
        self.offsets.append(offset_us)
        self._note("clock", offset_us)

    def on_reads(self, batch: ReadBatch) -> None:
        self.batches.append(batch)
        self._note("reads", batch)

    def on_event(self, event: ReaderEvent) -> None:
        self.events.append(event)
        self._note("event", event)

    @property
    def tags(self) -> set[bytes]:
        return {
            batch.epc[row, : int(batch.epc_bits[row]) // 8].tobytes()
            for batch in self.batches
            for row in range(len(batch))
        }

    @property
    def reads(self) -> int:
        return sum(int(batch.count.sum()) for batch in self.batches)

    def kinds(self) -> list[ReaderEventKind]:
        return [event.kind for event in self.events]

    def of(self, kind: ReaderEventKind) -> list[ReaderEvent]:
        return [event for event in self.events if event.kind == kind]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
        """Wait until the condition holds; looked at after every delivery. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def _note(self, kind: str, what: object) -> None:
        self.order.append((kind, what))
        self._changed.set()


async def eventually(condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
    """Wait until the condition holds, looking often. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  (what is waited for has no event of its own)
            await asyncio.sleep(0.005)
