"""The reader's memory for reports and events: order, bounds, and headers given when they leave."""

from readers.llrp.framing import Framer
from simulators.llrp.outbox import EVENTS_MAX, RO_ACCESS_REPORT, Outbox, Queued

EVENT = 63


def frames(outbox: Outbox, bytes_max: int = 1 << 20, version: int = 1, next_id: int = 10) -> list[bytes]:
    return Framer().feed(outbox.take_frames(version, next_id, bytes_max)[0])


def test_messages_leave_in_order_with_the_version_and_numbers_of_the_moment() -> None:
    outbox = Outbox(capacity_tags=100)
    outbox.put_reports(Queued(RO_ACCESS_REPORT, b"aabbcc", 2, 3))
    outbox.put_event(EVENT, b"event")
    outbox.put_reports(Queued(RO_ACCESS_REPORT, b"", 0, 0))
    data, after = outbox.take_frames(2, 0xFFFFFFFE, 1 << 20)
    found = Framer().feed(data)
    assert [frame[10:] for frame in found] == [b"aa", b"bb", b"cc", b"event", b""]
    assert [int.from_bytes(frame[:2], "big") for frame in found] == [0x83D, 0x83D, 0x83D, 0x83F, 0x83D]
    assert [int.from_bytes(frame[6:10], "big") for frame in found] == [
        0xFFFFFFFE,
        0xFFFFFFFF,
        *range(0x80000000, 0x80000003),
    ]
    assert after == 0x80000003


def test_no_more_is_taken_than_there_is_room_for() -> None:
    outbox = Outbox(capacity_tags=100)
    for _ in range(4):
        outbox.put_reports(Queued(RO_ACCESS_REPORT, bytes(90), 90, 1))
    assert len(frames(outbox, 150)) == 2
    assert outbox.tags == 2
    assert frames(outbox, 0) == []
    assert len(frames(outbox)) == 2


def test_full_memory_loses_the_newest_and_tells_once_for_each_overflow() -> None:
    outbox = Outbox(capacity_tags=10, warning_percent=80)
    for number in range(12):
        outbox.put_reports(Queued(RO_ACCESS_REPORT, bytes([number]), 1, 1))
    assert (outbox.tags, outbox.lost_tags, outbox.room_tags, outbox.percent_full) == (10, 2, 0, 100)
    assert [outbox.warning_due(), outbox.warning_due()] == [True, False]
    assert [outbox.overflow_due(), outbox.overflow_due()] == [True, False]
    outbox.lose(5)
    assert not outbox.overflow_due()
    assert [frame[10] for frame in frames(outbox)] == list(range(10))
    outbox.lose(1)
    assert outbox.overflow_due()
    assert outbox.lost_tags == 8


def test_events_are_bounded_and_do_not_count_as_tags() -> None:
    outbox = Outbox(capacity_tags=1)
    outbox.put_reports(Queued(RO_ACCESS_REPORT, b"r", 1, 1))
    for number in range(EVENTS_MAX + 3):
        outbox.put_event(EVENT, number.to_bytes(2, "big"))
    found = frames(outbox)
    assert found[0][10:] == b"r"
    assert len(found) == EVENTS_MAX + 1
    assert found[1][10:] == (3).to_bytes(2, "big")
