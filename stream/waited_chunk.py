"""A chunk of the embedded host on its way to the database, and who hears of it once it is committed."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field

from stream.chunk import Chunk
from stream.live import Ack
from stream.model import BatchId
from warehouse.loads import Expectation
from warehouse.site import Site

_DONE = Ack("", "", 0)


@dataclass(slots=True)
class WaitedChunk:
    """What to tell once the chunk is committed.

    `acks` has how far each (agent, epoch) is committed by then, `waited_for` the batches whose submitters wait,
    `waiters` those who wait for something else, `failed` those who hear why theirs did not come about. `site` is the
    site from this chunk on, where it is another.
    """

    chunk: Chunk = field(default_factory=lambda: Chunk(0))
    acks: dict[tuple[str, str], int] = field(default_factory=dict)
    waited_for: list[BatchId] = field(default_factory=list)
    waiters: list[asyncio.Future[Ack]] = field(default_factory=list)
    failed: list[tuple[asyncio.Future[Ack], Exception]] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)
    site: Site | None = None

    def answer(self, submitters: MutableMapping[BatchId, list[asyncio.Future[Ack]]]) -> None:
        """Everybody who waits hears; the submitters of its batches wait no more."""
        for name in self.waited_for:
            ack = Ack(name.agent, name.epoch, self.acks[name.agent, name.epoch])
            for waiter in submitters.pop(name, ()):
                if not waiter.done():
                    waiter.set_result(ack)
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(_DONE)
        for waiter, error in self.failed:
            if not waiter.done():
                waiter.set_exception(error)
