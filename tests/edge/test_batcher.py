"""When batches are cut and what they promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge.batcher
from edge.batcher import Batcher, device_event
from readers.model import ReaderEvent, ReaderEventKind
from stream.model import DeviceEvent, DeviceEventKind, EdgeBatch

from .reads import Read, batch_of

T = 1_700_000_000_000_000
MS = 1000


def batcher() -> Batcher:
    return Batcher("edge", window_ms=250, flush_ms=250, heartbeat_ms=500, lateness_ms=100)


def test_an_idle_edge_sends_a_heartbeat_whose_watermark_advances() -> None:
    cut = batcher()
    assert cut.is_due(T)
    first = cut.seal("e", 1, T)
    assert not cut.is_due(T + 499 * MS)
    assert cut.is_due(T + 500 * MS)
    second = cut.seal("e", 2, T + 500 * MS)
    assert len(first.sightings) == len(second.sightings) == 0
    assert second.watermark_us - first.watermark_us == 500 * MS
    assert (second.id.epoch, second.id.counter, second.sealed_us) == ("e", 2, T + 500 * MS)


def test_reads_are_sealed_once_their_window_is_surely_over() -> None:
    cut = batcher()
    cut.seal("e", 1, T)
    cut.add_reads(batch_of("dock-1", [Read("AA", first_us=T + 10 * MS)]), arrival_us=T + 10 * MS)
    assert not cut.is_due(T + 349 * MS)
    assert cut.is_due(T + 350 * MS)
    batch = cut.seal("e", 2, T + 350 * MS)
    assert batch.sightings.first_us.tolist() == [T + 10 * MS]
    assert batch.watermark_us == T + 250 * MS - 1


def test_a_longer_flush_collects_whole_windows() -> None:
    cut = Batcher("edge", window_ms=250, flush_ms=600, heartbeat_ms=60_000, lateness_ms=100)
    assert cut.seal("e", 1, T + 100 * MS).watermark_us == T - 1
    cut.add_reads(batch_of("dock-1", [Read("AA", first_us=T + 100 * MS)]), arrival_us=T + 100 * MS)
    assert not cut.is_due(T + 599 * MS)
    assert cut.is_due(T + 600 * MS)


def test_a_wall_clock_that_steps_back_neither_stops_heartbeats_nor_the_promise() -> None:
    cut = batcher()
    first = cut.seal("e", 1, T)
    assert cut.is_due(T - 3_600_000 * MS)
    assert cut.seal("e", 2, T - 3_600_000 * MS).watermark_us == first.watermark_us


def test_the_last_seal_holds_nothing_back() -> None:
    cut = batcher()
    cut.add_reads(batch_of("dock-1", [Read("AA", first_us=T)]), arrival_us=T)
    assert len(cut.seal("e", 1, T).sightings) == 0
    assert len(cut.seal("e", 2, T, final=True).sightings) == 1


@pytest.mark.parametrize("kind", list(ReaderEventKind))
def test_every_reader_event_has_a_defined_way(kind: ReaderEventKind) -> None:
    mapped = device_event(ReaderEvent("dock-1", kind, T, port=2, state=True, detail="why"))
    if kind is ReaderEventKind.INVENTORY_STARTED:
        assert mapped is None
    else:
        assert mapped is not None
        assert (mapped.device, mapped.at_us, mapped.port, mapped.state, mapped.detail) == ("dock-1", T, 2, True, "why")


def test_events_leave_with_the_next_batch_in_order() -> None:
    cut = batcher()
    cut.add_reader_event(ReaderEvent("dock-1", ReaderEventKind.GPI, T, port=1, state=True))
    cut.add_reader_event(ReaderEvent("dock-1", ReaderEventKind.GPI, T + 1, port=1, state=False))
    assert [event.state for event in cut.seal("e", 1, T).events] == [True, False]
    assert cut.seal("e", 2, T).events == ()


def test_a_reader_that_stays_away_is_told_once_until_it_was_back() -> None:
    cut = batcher()
    for kind in (ReaderEventKind.DISCONNECTED,) * 3 + (ReaderEventKind.CONNECTED, ReaderEventKind.DISCONNECTED):
        cut.add_reader_event(ReaderEvent("dock-1", kind, T))
    assert [event.kind for event in cut.seal("e", 1, T).events] == [
        DeviceEventKind.READER_DOWN,
        DeviceEventKind.READER_UP,
        DeviceEventKind.READER_DOWN,
    ]


def test_a_flood_of_events_is_bounded_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.batcher, "EVENTS_MAX", 3)
    cut = batcher()
    taken = [cut.add_event(DeviceEvent("dock-1", DeviceEventKind.GPI, at)) for at in range(5)]
    assert [event is None for event in taken] == [False, False, False, True, True]
    events = cut.seal("e", 1, T).events
    assert [event.kind for event in events] == [DeviceEventKind.GPI] * 3 + [DeviceEventKind.DATA_LOSS]
    assert events[-1].detail == "2 device events dropped"


arrivals = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 90), st.sampled_from(["dock-1", "dock-2"])), min_size=1, max_size=40
)


@given(arrivals)
def test_no_read_within_the_lateness_comes_after_its_watermark(reads: list[tuple[int, int, str]]) -> None:
    cut, wall, batches = batcher(), T, list[EdgeBatch]()
    for gap_ms, delay_ms, reader in reads:
        wall += gap_ms * MS
        if cut.is_due(wall):
            batches.append(cut.seal("e", len(batches) + 1, wall))
        cut.add_reads(batch_of(reader, [Read("AA", first_us=wall - delay_ms * MS)]), arrival_us=wall)
    batches.append(cut.seal("e", len(batches) + 1, wall, final=True))
    promised = -1
    for batch in batches:
        assert (batch.sightings.first_us > promised).all()
        assert batch.watermark_us >= promised
        promised = batch.watermark_us
    assert sum(int(batch.sightings.reads.sum()) for batch in batches) == len(reads)
