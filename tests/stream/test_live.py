"""Live outputs to subscribers."""

import pytest

from stream import live
from stream.live import Posted, Subscription


async def test_a_subscriber_gets_everything_in_order_until_the_end() -> None:
    subscription = Subscription()
    for n in range(3):
        subscription.offer(Posted(n))
    subscription.offer(None)
    assert [item async for item in subscription] == [Posted(0), Posted(1), Posted(2)]


async def test_a_slow_subscriber_loses_the_oldest_and_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LIVE_MAX", 2)
    subscription = Subscription()
    for n in range(5):
        subscription.offer(Posted(n))
    assert subscription.dropped == 3
    subscription.offer(None)
    assert [item async for item in subscription] == [Posted(4)]
