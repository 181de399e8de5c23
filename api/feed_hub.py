"""One reader of the event log for all clients of the live feed.

The hub alone waits for commits and reads them; each event is encoded once and the same bytes go to every client that
wants it. A subscription buffers at most `BUFFER_MAX` chunks. When a slow client's buffer is full it is cut off from the
hub (`overflowed`): it finishes what it has and goes on from the log by itself, from the last position it was sent,
until it has caught up. So a slow client costs bounded memory, loses no event, and holds up nobody.

Live events (signals, loads still in the door) have no position: they are not stored, cannot be resumed, and are dropped
when a buffer is full.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg
import structlog

from api.encoding import json_bytes
from api.feed_log import FeedEvent, FeedLog, FeedPosition, Wakeups, Walls
from api.ports import LiveEvent, LiveSource

BUFFER_MAX = 1000
PAGE = 500
POLL_S = 1.0
# While an older transaction runs, committed events wait above it; its end notifies nobody.
HELD_POLL_S = 0.05
RETRY_S = 1.0

_log = structlog.get_logger("api.feed")


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """What a client wants, an empty set meaning everything; and what of it they may have, None meaning all."""

    kinds: frozenset[str] = frozenset()
    portals: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    walls: Walls | None = None

    def wants(self, kind: str, portal: str, locations: tuple[str, ...]) -> bool:
        """Whether an event passes."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.portals or portal in self.portals)
            and (not self.locations or not self.locations.isdisjoint(locations))
            and (self.walls is None or self.walls.hold(portal, locations))
        )

    def chunk(self, event: FeedEvent, whole: bytes | None = None) -> bytes:
        """An event that passed, as it is sent. One about several places shows those within the walls."""
        if self.walls is None or event.kind != "location":
            return whole if whole is not None else event_chunk(event)
        payload = json.loads(event.data)
        payload["updates"] = [update for update in payload["updates"] if update[1] in self.walls.locations]
        return event_chunk(replace(event, data=json_bytes(payload)))


def event_chunk(event: FeedEvent) -> bytes:
    """One stored event in the event-stream format (HTML Living Standard, 9.2.6)."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(event.position).encode(), event.kind.encode(), event.data)


def live_chunk(event: LiveEvent) -> bytes:
    """One live event: the same without an id, so that it never becomes a Last-Event-ID."""
    data = json_bytes({"portal": event.portal, **event.data})
    return b"event: %s\ndata: %s\n\n" % (event.kind.encode(), data)


class Subscription:
    """One client's buffer. Made by the hub, read by the client's own task."""

    __slots__ = ("_chunks", "_hub", "_wake", "closed", "filter", "joined", "overflowed", "position")

    def __init__(self, hub: "FeedHub", wanted: FeedFilter, joined: FeedPosition) -> None:
        self._hub = hub
        self._chunks: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self.filter = wanted
        self.joined = joined
        self.position = joined
        self.overflowed = False
        self.closed = False

    def offer(self, chunk: bytes, position: FeedPosition | None) -> None:
        """Take a chunk, or overflow. Called by the hub; what the client has read from the log itself is left out."""
        if self.overflowed or (position is not None and position <= self.joined):
            return
        if len(self._chunks) >= BUFFER_MAX:
            if position is not None:
                self.overflowed = True
            return
        self._chunks.append(chunk)
        if position is not None:
            self.position = position
        self._wake.set()

    async def take(self, timeout_s: float) -> bytes:
        """Everything buffered, joined; empty at the time-out, when overflowed and drained, or when closed."""
        if not self._chunks and not self.closed and not self.overflowed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._wake.wait()
            if not self._chunks and not self.overflowed:
                # Nothing was wanted up to where the hub is, so the client may resume from there.
                self.position = max(self.position, self._hub.position)
        self._wake.clear()
        chunks = b"".join(self._chunks)
        self._chunks.clear()
        return chunks

    def close(self) -> None:
        """Wake the client's task for the last time."""
        self.closed = True
        self._wake.set()


class FeedHub:
    """Reads the log and feeds the subscriptions while `run` runs."""

    def __init__(self, log: FeedLog, live: LiveSource | None = None) -> None:
        self._log = log
        self._live = live
        self._subscriptions: set[Subscription] = set()
        self.position = FeedPosition(0, 0, 0)
        self.started = asyncio.Event()
        self.closed = False

    @property
    def clients(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    def subscribe(self, wanted: FeedFilter, seen: FeedPosition | None = None) -> Subscription:
        """Everything above its `joined` from now on; what is above `seen` up to there is in the log."""
        joined = self.position if seen is None else max(self.position, seen)
        subscription = Subscription(self, wanted, joined)
        subscription.closed = self.closed
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription; harmless twice."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every client's answer; they may resume elsewhere."""
        self.closed = True
        for subscription in self._subscriptions:
            subscription.close()

    async def run(self) -> None:
        """Read and publish until cancelled. A lost database is waited for; nothing is lost meanwhile."""
        end_live: Callable[[], None] | None = None
        if self._live is not None:
            end_live = self._live.subscribe(self._publish_live)
        try:
            while True:
                try:
                    await self._follow()
                except (psycopg.Error, OSError) as error:
                    _log.warning("feed lost the database, trying again", error=str(error).strip(), retry_s=RETRY_S)
                    await asyncio.sleep(RETRY_S)
        finally:
            if end_live is not None:
                end_live()
            self.close()

    async def _follow(self) -> None:
        wakeups: Wakeups = self._log.wakeups()
        try:
            if not self.started.is_set():
                self.position = (await self._log.reach()).now
                self.started.set()
            while True:
                page = await self._log.read(self.position, None, PAGE)
                self._publish(page.events)
                if len(page.events) < PAGE:
                    await wakeups.wait(HELD_POLL_S if page.held else POLL_S)
        finally:
            await wakeups.close()

    def _publish(self, events: tuple[FeedEvent, ...]) -> None:
        """No await in here: position and buffers move together."""
        for event in events:
            self.position = event.position
            if self._subscriptions:
                chunk = event_chunk(event)
                for subscription in self._subscriptions:
                    if subscription.filter.wants(event.kind, event.portal, event.locations):
                        subscription.offer(subscription.filter.chunk(event, chunk), event.position)

    def _publish_live(self, event: LiveEvent) -> None:
        if self._subscriptions:
            chunk = live_chunk(event)
            for subscription in self._subscriptions:
                if subscription.filter.wants(event.kind, event.portal, ()):
                    subscription.offer(chunk, None)
