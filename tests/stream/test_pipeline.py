"""From batches to chunks, without a database."""

from dataclasses import replace

import pytest

from stream import pipeline
from stream.chunk import Standing
from stream.model import DeviceEvent, DeviceEventKind
from stream.pipeline import Pipeline
from stream.places import FailureKind
from stream.sequencer import Position
from stream.topology import operators_of
from tests.stream.traffic import AGENT, EPOCH, START_US, batch, site, traffic
from warehouse.loads import Expectation, ExpectedDocument

NOWHERE = Standing(0, 0, {}, ())


def fresh() -> Pipeline:
    plant = site()
    return Pipeline(plant, operators_of(plant), NOWHERE)


def test_a_chunk_holds_what_was_taken_and_where_that_leaves_the_agent() -> None:
    line = fresh()
    for each in traffic(1):
        line.offer(each, 0.0)
    chunk = line.cut()
    assert (chunk.after_seq, chunk.seq, len(chunk.entries)) == (0, 4, 4)
    assert chunk.positions == [Position(AGENT, EPOCH, 4)]
    assert chunk.epochs_begun == [(AGENT, EPOCH)]
    assert line.empty
    assert line.cut().after_seq == 4


def test_a_duplicate_moves_nothing() -> None:
    line = fresh()
    line.offer(batch(1), 0.0)
    line.cut()
    line.offer(batch(1), 0.0)
    assert line.empty
    assert line.counts.duplicates == 1


def test_a_chunk_is_full_at_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_BATCHES", 2)
    line = fresh()
    line.offer(batch(1), 0.0)
    assert not line.full
    line.offer(batch(2), 0.0)
    assert line.full
    line.cut()
    monkeypatch.setattr(pipeline, "CHUNK_ROWS", 10)
    line.offer(replace(traffic(4)[15], id=batch(3).id), 0.0)
    assert line.full


@pytest.mark.parametrize(
    "absurd",
    [
        replace(batch(1), watermark_us=2**62),
        replace(batch(1), watermark_us=-1),
        replace(batch(1), events=(DeviceEvent("r", DeviceEventKind.GPI, 2**62, port=1, state=True),)),
        replace(batch(1), events=(DeviceEvent("r", DeviceEventKind.GPI, START_US, port=2**40, state=True),)),
    ],
)
def test_an_absurd_batch_is_kept_as_a_dead_letter_and_its_counter_is_taken(absurd: object) -> None:
    line = fresh()
    line.offer(absurd, 0.0)  # type: ignore[arg-type]
    line.offer(batch(2), 0.0)
    chunk = line.cut()
    assert [each.kind for each in chunk.out.failures] == [FailureKind.BATCH_BYTES]
    assert chunk.positions == [Position(AGENT, EPOCH, 2)]
    assert len(chunk.entries) == 1


def test_only_news_of_an_expectation_enters_the_log() -> None:
    line = fresh()
    first = Expectation("dock1", 1, (ExpectedDocument("ASN", (), (("80614141123458", 3),)),))
    assert line.expect(first)
    assert not line.expect(replace(first, at_us=2))
    assert line.expect(replace(first, at_us=3, documents=()))
    assert len(line.cut().entries) == 2


def test_a_log_that_does_not_reach_the_head_is_refused() -> None:
    plant = site()
    with pytest.raises(ValueError, match="the head is at 3"):
        Pipeline(plant, operators_of(plant), replace(NOWHERE, seq=3), [])
