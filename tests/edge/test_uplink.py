"""The rules of sending: order, window, resuming, stalling, sending again."""

from pathlib import Path

import pytest

from edge.spool import Spool
from edge.spool_values import AckResult
from edge.uplink import SendWindow

from .batches import batch_named


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool.sqlite", "edge", 16, 24.0)
    for _ in range(10):
        assert spool.append(batch_named(spool.next_id, 2)).is_stored
    return spool


def counters(window: SendWindow, limit: int = 100, now_s: float = 0.0) -> list[int]:
    return [batch.id.counter for batch in window.next(limit, now_s)]


def test_batches_are_sent_in_order_and_once(spool: Spool) -> None:
    window = SendWindow(spool, 0.0)
    assert counters(window, 4) + counters(window, 100) == list(range(1, 11))
    assert counters(window) == []
    spool.append(batch_named(spool.next_id, 2))
    assert counters(window) == [11]


def test_sending_waits_when_too_much_is_not_acknowledged(spool: Spool) -> None:
    epoch = spool.next_id.epoch
    window = SendWindow(spool, 0.0, sent_max=3)
    assert counters(window) == [1, 2, 3]
    assert counters(window) == []
    assert window.acked(epoch, 2, 0, 0.0) is AckResult.APPLIED
    assert window.sent_unacked == 1
    assert counters(window) == [4, 5]


def test_a_new_window_and_a_rewind_begin_with_what_is_not_acknowledged(spool: Spool) -> None:
    epoch = spool.next_id.epoch
    window = SendWindow(spool, 0.0)
    counters(window)
    window.acked(epoch, 6, 0, 0.0)
    window.rewind(0.0)
    assert counters(window) == [7, 8, 9, 10]
    assert counters(SendWindow(spool, 0.0)) == [7, 8, 9, 10]


def test_silence_after_sending_is_a_stall_and_silence_without_is_not(spool: Spool) -> None:
    epoch = spool.next_id.epoch
    window = SendWindow(spool, 0.0, stalled_s=30.0)
    assert counters(window, now_s=100.0) == list(range(1, 11))
    window.acked(epoch, 4, 0, 120.0)
    assert counters(window, now_s=149.0) == []
    assert counters(window, now_s=151.0) == [5, 6, 7, 8, 9, 10]
    window.acked(epoch, 10, 0, 152.0)
    assert counters(window, now_s=1000.0) == []
    spool.append(batch_named(spool.next_id, 2))
    assert counters(window, now_s=2000.0) == [11]
    assert counters(window, now_s=2029.0) == []


def test_what_nobody_acknowledges_is_sent_ever_more_seldom(spool: Spool) -> None:
    epoch = spool.next_id.epoch
    window = SendWindow(spool, 0.0)
    sent_s = [second for second in range(3600) if counters(window, now_s=second)]
    assert sent_s == [0, 11, 32, 73, 154, 315, *range(636, 3600, 321)]
    window.acked(epoch, 4, 0, 3600.0)
    assert counters(window, now_s=3610.0) == []
    assert counters(window, now_s=3611.0) == [5, 6, 7, 8, 9, 10]


def test_the_stream_may_ask_again_for_what_it_had_acknowledged(spool: Spool) -> None:
    epoch = spool.next_id.epoch
    window = SendWindow(spool, 0.0)
    counters(window)
    window.acked(epoch, 10, 0, 0.0)
    window.send_again(epoch, 8, 0.0)
    assert counters(window) == [8, 9, 10]
    window.send_again("unknown", 3, 0.0)
    window.send_again(epoch, 99, 0.0)
    assert counters(window) == []
    window.send_again("", 0, 0.0)
    assert counters(window) == list(range(1, 11))


def test_an_older_epoch_is_sent_first_and_acknowledged_on_its_own(spool: Spool) -> None:
    old = spool.next_id.epoch
    assert spool.ack(old, 99, 0) is AckResult.AHEAD
    new = spool.next_id.epoch
    spool.append(batch_named(spool.next_id, 2))
    window = SendWindow(spool, 0.0)
    assert [(batch.id.epoch, batch.id.counter) for batch in window.next(100, 0.0)][-2:] == [(old, 10), (new, 1)]
    window.acked(new, 1, 0, 0.0)
    assert window.sent_unacked == 10
    window.rewind(0.0)
    assert counters(window) == [*range(1, 11), 1]
    window.send_again(old, 10, 0.0)
    assert counters(window) == [10, 1]
