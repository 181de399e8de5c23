"""The hub over a log in memory: whatever the timing, a client gets every decided event once and in order."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.feed import Feeds, _Stream
from api.feed_hub import BUFFER_MAX, FeedFilter, FeedHub, Subscription
from api.feed_log import FeedEvent, FeedPage, FeedPosition, FeedReach, parse_position

START = FeedPosition(0, 0, 0)


def event(n: int, kind: str = "posting") -> FeedEvent:
    return FeedEvent(FeedPosition(n, 1, n), kind, "door-1", ("A",), b'{"n":%d}' % n)


class MemoryLog:
    """A `FeedLog` whose events the test appends; everything in it is decided."""

    def __init__(self) -> None:
        self.events: list[FeedEvent] = []
        self.woken = asyncio.Event()

    def append(self, count: int) -> None:
        self.events += [event(len(self.events) + n) for n in range(1, count + 1)]
        self.woken.set()

    @property
    def now(self) -> FeedPosition:
        return self.events[-1].position if self.events else START

    async def reach(self) -> FeedReach:
        return FeedReach(START, self.now, FeedPosition(2**60, 0, 0))

    async def read(self, after: FeedPosition, upto: FeedPosition | None, limit: int) -> FeedPage:
        await asyncio.sleep(0)
        found = [e for e in self.events if e.position > after and (upto is None or e.position <= upto)]
        await asyncio.sleep(0)
        return FeedPage(tuple(found[:limit]), False)

    async def walls(self) -> None:
        return None

    def wakeups(self) -> "MemoryLog":
        return self

    async def wait(self, timeout_s: float) -> bool:
        await self.woken.wait()
        self.woken.clear()
        return True

    async def close(self) -> None:
        return None


class Client:
    """A client of a stream: collects what it is sent; stops taking while `stuck` is set."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.free = asyncio.Event()
        self.free.set()

    async def send(self, message: dict[str, Any]) -> None:
        await self.free.wait()
        for line in message["body"].splitlines():
            if line.startswith(b'data: {"n":'):
                self.numbers.append(int(line[11:-1]))


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


@settings(max_examples=60, deadline=None)
@given(
    before=st.integers(0, 1200),
    resume_at=st.integers(0, 1200),
    steps=st.lists(st.tuples(st.sampled_from(["append", "stick", "free", "yield"]), st.integers(1, 900)), max_size=12),
)
def test_every_event_once_and_in_order(before: int, resume_at: int, steps: list[tuple[str, int]]) -> None:
    async def run() -> None:
        log, client = MemoryLog(), Client()
        log.append(before)
        hub = FeedHub(log)
        feeds = Feeds(log, hub, None)
        following = asyncio.create_task(hub.run())
        start = min(resume_at, before)
        stream = _Stream(feeds, FeedFilter(), client.send)
        streaming = asyncio.create_task(stream.run(FeedPosition(start, 1, start)))
        for what, count in steps:
            if what == "append":
                log.append(count)
            elif what == "stick":
                client.free.clear()
            elif what == "free":
                client.free.set()
            else:
                for _ in range(count % 20):
                    await asyncio.sleep(0)
        client.free.set()
        total = len(log.events)
        for _ in range(100):
            if client.numbers and client.numbers[-1] == total:
                break
            await settle()
        assert client.numbers == list(range(start + 1, total + 1))
        hub.close()
        await streaming
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(run())


async def test_a_full_buffer_cuts_the_client_off_and_keeps_its_position() -> None:
    hub = FeedHub(MemoryLog())
    subscription = hub.subscribe(FeedFilter())
    hub._publish(tuple(event(n) for n in range(1, BUFFER_MAX + 50)))
    assert subscription.overflowed
    assert subscription.position == event(BUFFER_MAX).position
    assert (await subscription.take(1)).count(b"event: posting") == BUFFER_MAX
    assert await subscription.take(1) == b""


async def test_an_idle_client_learns_how_far_the_hub_is() -> None:
    hub = FeedHub(MemoryLog())
    subscription = hub.subscribe(FeedFilter(kinds=frozenset({"alarm"})))
    hub._publish(tuple(event(n) for n in range(1, 10)))
    assert await subscription.take(0.01) == b""
    assert subscription.position == event(9).position


async def test_what_the_client_read_itself_is_not_sent_again() -> None:
    hub = FeedHub(MemoryLog())
    subscription: Subscription = hub.subscribe(FeedFilter(), seen=event(5).position)
    hub._publish(tuple(event(n) for n in range(1, 8)))
    assert (await subscription.take(1)).count(b"event: posting") == 2


@given(st.builds(FeedPosition, st.integers(0, 2**63 - 1), st.integers(0, 9), st.integers(0, 2**63 - 1)))
def test_positions_read_as_written(position: FeedPosition) -> None:
    assert parse_position(str(position), "query:after") == position
