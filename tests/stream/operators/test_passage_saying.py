"""Which tags a window may not claim because they passed in the one before it."""

from uuid import UUID

import numpy as np
import pytest

from stream.model import TagVerdict
from stream.operators.passage_features import TagFeatures
from stream.operators.passage_saying import spent_tags
from stream.operators.passage_state import PassageRecord, Said

EPCS = ["AA", "BB", "CC"]
S = 1_000_000


def window(number: int, opened_s: float, closed_s: float, *epcs: str, eyes: bool = True) -> PassageRecord:
    said = [Said(1, verdicts=dict.fromkeys(epcs, TagVerdict.BELONGS))]
    opened_us, closed_us = round(opened_s * S), round(closed_s * S)
    return PassageRecord(UUID(int=number), opened_us, closed_us, by_eyes=eyes, said=said)


def heard_at(*seconds: float) -> TagFeatures:
    count = len(seconds)
    whole, real = np.zeros(count, np.int64), np.zeros(count)
    return TagFeatures(
        np.arange(count), np.zeros((count, 1)), whole, whole, whole, np.array(seconds) * S, real, real, real, real
    )


def spent(record: PassageRecord, before: list[PassageRecord], tags: TagFeatures, *, convoy: bool = False) -> set[str]:
    return spent_tags(record, [*before, record], 5.0, EPCS, tags, convoy=convoy)


def test_a_person_who_follows_a_load_does_not_take_its_tags_through_again() -> None:
    load, person = window(1, 10.0, 13.0, "AA", "BB"), window(2, 14.0, 15.5)
    # AA was loudest while the load passed; BB is carried back; CC was never said to belong to the load.
    assert spent(person, [load], heard_at(12.2, 14.6, 12.2)) == {"AA"}


@pytest.mark.parametrize(
    ("load", "convoy"),
    [(window(1, 10.0, 13.0, "AA"), True), (window(1, 4.0, 7.0, "AA"), False), (window(1, 10.0, 13.0), False)],
    ids=["cells tell it", "long ago", "nobody's"],
)
def test_what_did_not_just_pass_may_be_claimed(load: PassageRecord, convoy: bool) -> None:
    assert not spent(window(2, 14.0, 15.5), [load], heard_at(12.2, 12.2, 12.2), convoy=convoy)


def test_without_beams_all_that_just_passed_is_spent() -> None:
    load, rest = window(1, 10.0, 13.0, "AA", "BB", eyes=False), window(2, 14.0, 15.5, eyes=False)
    assert spent(rest, [load], heard_at(14.6, 14.6, 14.6)) == {"AA", "BB"}
