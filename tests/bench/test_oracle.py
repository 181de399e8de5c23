"""Whether a threshold of its own would make a load exact."""

from uuid import UUID

import pytest

from bench.oracle import parted
from stream.model import Passage, PassageTag, TagVerdict
from stream.recorded_truth import TrueLoad
from stream.scoring import score_passages
from warehouse.site import Direction


@pytest.mark.parametrize(
    ("scores", "read", "wanted"),
    [
        ({"a": 0.6, "b": 0.55, "stray": 0.5}, "ab", True),
        ({"a": 0.99, "b": 0.4, "stray": 0.5}, "ab", False),
        ({"a": 0.99, "stray": 0.5}, "a", True),  # nobody heard b
        ({"a": 0.99, "stray": 0.5}, "ab", False),  # b was heard outside the window
    ],
)
def test_a_load_is_parted_when_its_tags_score_above_all_others(
    scores: dict[str, float], read: str, wanted: bool
) -> None:
    tags = tuple(PassageTag(epc, TagVerdict.UNSURE, score, 0, 0, 1) for epc, score in scores.items())
    load = TrueLoad("L1", "gate", Direction.IN, 0, 1_000_000, ("a", "b"))
    passage = Passage(UUID(int=1), "gate", 0, 1_000_000, Direction.IN, 1.0, tags, True, 0)
    (score,) = score_passages([passage], [load], {"gate": [(500_000, epc) for epc in read]}).loads
    assert parted(score) is wanted


def test_a_load_without_a_passage_is_not_parted() -> None:
    load = TrueLoad("L1", "gate", Direction.IN, 0, 1_000_000, ("a",))
    (score,) = score_passages([], [load], {"gate": [(500_000, "a")]}).loads
    assert not parted(score)
