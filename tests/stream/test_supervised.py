"""An operator that raises loses the item that broke it, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from stream import supervised
from stream.snapshots import decode_state
from stream.supervised import Keyed, OperatorFailed, Supervised


@dataclass(slots=True)
class Total:
    sum: int = 0
    due_us: int | None = None


class Summing:
    """Sums what it is given; 13 breaks it halfway, 14 plans a wake-up that breaks it, 15 one that never ends."""

    def __init__(self, key: str, state: Total | None) -> None:
        self._total = state or Total()
        self._stuck = False

    def on_batch(self, now_us: int, items: Sequence[int]) -> Sequence[int]:
        for item in items:
            self._total.sum += item
            if item == 13:
                raise ValueError("thirteen")
            if item in (14, 15):
                self._total.due_us = now_us + 10
                self._stuck = item == 15
        return [self._total.sum]

    def on_wakeup(self, now_us: int) -> Sequence[int]:
        if self._stuck:
            return []
        raise RuntimeError("cannot wake")

    def next_wakeup(self) -> int | None:
        return self._total.due_us

    def snapshot(self) -> Total:
        return self._total


KIND: Keyed[int, int] = Keyed(Summing, Total)


def test_a_poison_item_leaves_no_trace() -> None:
    operator = Supervised(KIND, "k")
    assert operator.feed(1, [1]) == [1]
    with pytest.raises(OperatorFailed, match="ValueError: thirteen"):
        operator.feed(2, [2, 13])
    assert operator.feed(3, [4]) == [5]


@pytest.mark.parametrize("journal_max", [1, 2, 1000])
def test_however_often_the_journal_starts_over(journal_max: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "JOURNAL_MAX", journal_max)
    operator = Supervised(KIND, "k")
    said = []
    for now_us, item in enumerate((1, 13, 2, 3, 13, 13, 4)):
        try:
            said += operator.feed(now_us, [item])
        except OperatorFailed:
            said.append(-1)
    assert said == [1, -1, 3, 6, -1, -1, 10]
    assert decode_state(operator.snapshot(), Total).sum == 10


def test_a_snapshot_is_out_of_reach_of_later_calls_and_goes_on_from_there() -> None:
    operator = Supervised(KIND, "k")
    operator.feed(1, [1])
    state = operator.snapshot()
    operator.feed(2, [5])
    assert Supervised(KIND, "k", state).feed(2, [5]) == [6]


def test_a_wake_up_that_raises_gives_up_the_state_and_starts_afresh() -> None:
    operator = Supervised(KIND, "k")
    operator.feed(1, [14])
    assert operator.due_us == 11
    assert operator.wake(10) == []
    with pytest.raises(OperatorFailed, match="cannot wake") as raised:
        operator.wake(11)
    assert raised.value.reset is not None
    assert decode_state(raised.value.reset, Total) == Total(14, 11)
    assert operator.due_us is None
    assert operator.feed(12, [1]) == [1]


def test_a_wake_up_that_is_due_for_ever_is_a_failure_too() -> None:
    operator = Supervised(KIND, "k")
    operator.feed(1, [15])
    with pytest.raises(OperatorFailed, match="still due"):
        operator.wake(11)
