"""Batches of one agent: each once, in order, and what a gap costs."""

from itertools import permutations

import pytest

from stream import sequencer
from stream.sequencer import AWAY_WAIT_S, Duplicate, GapFound, Position, ResendWanted, Sequenced, Sequencer, Taken
from tests.stream.traffic import AGENT, EPOCH, batch

WAIT_S = 5.0


def told(decided: list[Sequenced]) -> list[object]:
    """Decisions in short: a counter for a taken batch, -counter for a duplicate, the rest as words."""
    short: list[object] = []
    for step in decided:
        match step:
            case Taken(taken, late):
                short.append(f"late {taken.id.counter}" if late else taken.id.counter)
            case Duplicate(again):
                short.append(-again.id.counter)
            case GapFound(_, _, first, last):
                short.append(f"gap {first}-{last}")
            case ResendWanted(_, _, counter):
                short.append(f"resend {counter}")
    return short


@pytest.mark.parametrize(
    ("arrivals", "decided"),
    [
        pytest.param([1, 2, 3], [1, 2, 3], id="in order"),
        pytest.param([1, 1, 2, 1], [1, -1, 2, -1], id="duplicates are dropped"),
        pytest.param([2, 1], ["resend 1", 1, 2], id="reordered: the later one waits"),
        pytest.param([1, 4, 3, 2, 5], [1, "resend 2", 2, 3, 4, 5], id="reordered further"),
        pytest.param([1, 3, 3, 2], [1, "resend 2", 2, 3], id="a held one again is neither taken nor a duplicate"),
        pytest.param([1, 3, 2, 3], [1, "resend 2", 2, 3, -3], id="and is a duplicate once taken"),
    ],
)
def test_batches_are_taken_once_and_in_order(arrivals: list[int], decided: list[object]) -> None:
    sequence = Sequencer(WAIT_S)
    assert [step for counter in arrivals for step in told(sequence.offer(batch(counter), 0.0))] == decided


def test_every_arrival_order_ends_the_same() -> None:
    for order in permutations(range(1, 6)):
        sequence = Sequencer(WAIT_S)
        decided = [step for counter in order for step in told(sequence.offer(batch(counter), 0.0))]
        assert [step for step in decided if isinstance(step, int)] == [1, 2, 3, 4, 5]


def test_a_gap_is_declared_only_after_the_wait() -> None:
    sequence = Sequencer(WAIT_S)
    sequence.offer(batch(1), 0.0)
    sequence.offer(batch(4), 1.0)
    assert told(sequence.expire(5.5)) == ["resend 2"]
    sequence.offer(batch(4), 6.0)
    assert told(sequence.expire(6.5)) == ["gap 2-3", 4]
    assert sequence.position(AGENT, EPOCH) == Position(AGENT, EPOCH, 4, ((2, 3),))


def test_each_further_gap_has_its_own_wait() -> None:
    sequence = Sequencer(WAIT_S)
    for counter in (1, 3, 5):
        sequence.offer(batch(counter), 0.0)
    assert told(sequence.expire(5.0)) == ["gap 2-2", 3]
    sequence.offer(batch(5), 6.0)
    assert told(sequence.expire(9.5)) == ["resend 4"]
    sequence.offer(batch(5), 9.6)
    assert told(sequence.expire(10.5)) == ["gap 4-4", 5]


def test_a_gap_of_an_agent_that_is_away_waits_because_its_spool_may_have_it() -> None:
    sequence = Sequencer(WAIT_S)
    for counter in (1, 3):
        sequence.offer(batch(counter), 0.0)
    sequence.expire(1.0)  # heard until then
    for second in range(2, 60):
        assert told(sequence.expire(float(second))) == ["resend 2"]
    assert told(sequence.offer(batch(2), 60.0)) == [2, 3]


def test_an_agent_that_stays_away_is_waited_for_only_so_long() -> None:
    sequence = Sequencer(WAIT_S)
    for counter in (1, 3):
        sequence.offer(batch(counter), 0.0)
    sequence.expire(1.0)
    assert told(sequence.expire(AWAY_WAIT_S)) == ["gap 2-2", 3]


def test_what_is_missing_is_asked_for_again_only_when_nothing_comes_of_it() -> None:
    sequence = Sequencer(WAIT_S)
    for counter in (1, 9):
        sequence.offer(batch(counter), 0.0)
    for second in range(1, 8):
        sequence.offer(batch(1 + second), second - 0.5)
        assert told(sequence.expire(float(second))) == []


def test_a_lost_batch_that_comes_after_all_is_taken_late_and_once() -> None:
    sequence = Sequencer(WAIT_S)
    for counter in (1, 5):
        sequence.offer(batch(counter), 0.0)
    sequence.expire(5.0)
    assert told(sequence.offer(batch(3), 6.0)) == ["late 3"]
    assert told(sequence.offer(batch(3), 6.0)) == [-3]
    assert sequence.position(AGENT, EPOCH).lost == ((2, 2), (4, 4))


def test_positions_survive_a_restart() -> None:
    before = Sequencer(WAIT_S)
    for counter in (1, 5):
        before.offer(batch(counter), 0.0)
    before.expire(5.0)
    after = Sequencer(WAIT_S, [before.position(AGENT, EPOCH)])
    assert [told(after.offer(batch(counter), 6.0)) for counter in (1, 5, 3, 6)] == [[-1], [-5], ["late 3"], [6]]


def test_an_epoch_is_ordered_on_its_own_from_counter_one() -> None:
    sequence = Sequencer(WAIT_S)
    sequence.offer(batch(1), 0.0)
    assert told(sequence.offer(batch(2, epoch="next"), 0.0)) == ["resend 1"]
    assert told(sequence.offer(batch(2), 0.0)) == [2]
    assert told(sequence.offer(batch(1, epoch="next"), 0.0)) == [1, 2]


def test_agents_do_not_wait_for_each_other() -> None:
    sequence = Sequencer(WAIT_S)
    sequence.offer(batch(2, agent="a"), 0.0)
    assert told(sequence.offer(batch(1, agent="b"), 0.0)) == [1]


def test_at_the_bound_of_held_batches_the_gap_is_declared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "HELD_MAX", 3)
    sequence = Sequencer(WAIT_S)
    decided = [step for counter in (2, 3, 4, 5) for step in told(sequence.offer(batch(counter), 0.0))]
    assert decided == ["resend 1", "gap 1-1", 2, 3, 4, 5]


def test_beyond_the_bound_of_lost_ranges_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "RANGES_MAX", 2)
    sequence = Sequencer(WAIT_S)
    for counter in (2, 4, 6):
        sequence.offer(batch(counter), 0.0)
    assert told(sequence.end()) == ["gap 1-1", 2, "gap 3-3", 4, "gap 5-5", 6]
    assert told(sequence.offer(batch(1), 0.0)) == [-1]
    assert told(sequence.offer(batch(3), 0.0)) == ["late 3"]


def test_the_end_of_a_recording_takes_what_is_held() -> None:
    sequence = Sequencer(WAIT_S)
    for counter in (3, 7):
        sequence.offer(batch(counter), 0.0)
    assert told(sequence.end()) == ["gap 1-2", 3, "gap 4-6", 7]
