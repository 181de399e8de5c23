"""What a host tells the rest of its process once it is committed: acknowledgements, and live outputs to subscribers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from stream.model import Passage, Signal, TagVerdict
from warehouse.loads import Expectation, LocationUpdate, Override

LIVE_MAX = 4096
"""Outputs that wait per subscriber; at the bound the oldest are dropped and counted."""


@dataclass(frozen=True, slots=True)
class Ack:
    """Every batch of the agent's epoch up to `counter` is committed, but for declared gaps."""

    agent: str
    epoch: str
    counter: int


@dataclass(frozen=True, slots=True)
class Posted:
    """What the warehouse answered to a load: its own `Posting` value."""

    posting: object


Live = Passage | Signal | LocationUpdate | Posted | Expectation | Override


class Subscription:
    """Live outputs, committed, in order: provisional and final passages, signals, locations, postings."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Live | None] = asyncio.Queue(LIVE_MAX)
        self.dropped = 0

    def offer(self, item: Live | None) -> None:
        """Add one; at the bound the oldest goes. None ends the subscription."""
        if self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(item)

    async def __aiter__(self) -> AsyncIterator[Live]:
        while (item := await self._queue.get()) is not None:
            yield item


def shown_passage(passage: Passage) -> dict[str, Any]:
    """A load in a door as live events carry it."""
    tags: dict[str, list[str]] = {verdict.value: [] for verdict in TagVerdict}
    for tag in passage.tags:
        tags[tag.verdict.value].append(tag.epc)
    return {
        "passage_id": str(passage.passage_id),
        "revision": passage.revision,
        "final": passage.final,
        "withdrawn": passage.withdrawn,
        "direction": passage.direction.value,
        "direction_score": passage.direction_score,
        "opened_us": passage.opened_us,
        "closed_us": passage.closed_us,
        "tags": tags,
    }
