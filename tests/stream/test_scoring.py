"""Scores computed by hand."""

from uuid import UUID

import pytest

from stream.model import Passage, PassageTag, TagVerdict
from stream.recorded_truth import WHOLE, TrueLoad, TrueStay
from stream.scoring import clustered, is_open, score_passages, score_tags, score_zones, wilson
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.site import Direction

S = 1_000_000


def passage(number: int, start: int, end: int, direction: Direction, **verdicts: str) -> Passage:
    tags = tuple(
        PassageTag(epc, TagVerdict(verdict), 0.9, start * S, end * S, 3) for epc, verdict in sorted(verdicts.items())
    )
    return Passage(UUID(int=number), "d", start * S, end * S, direction, 0.99, tags, True, 0)


def load(name: str, start: int, end: int, direction: Direction, *epcs: str) -> TrueLoad:
    return TrueLoad(name, "d", direction, start * S, end * S, epcs)


READS = {"d": [(second * S, epc) for second in range(100) for epc in ("A", "B", "C", "X")]}


def test_right_wrong_missed_unread_and_unsure() -> None:
    said = [passage(1, 10, 13, Direction.IN, A="belongs", B="unsure", X="belongs")]
    score = score_passages(said, [load("L1", 10, 12, Direction.IN, "A", "B", "C", "Z")], READS)
    (only,) = score.loads
    assert (only.right, only.wrong, only.missed, only.unread, only.unsure, only.exact) == (1, 1, 2, 1, 1, False)
    shares = score.shares()
    assert shares["precision"].value == 0.5
    assert shares["recall"].value == pytest.approx(1 / 3)
    assert shares["recall_all"].value == pytest.approx(1 / 4)
    assert shares["direction"].value == 1.0


def test_the_share_of_unsure_tags_is_never_more_than_all() -> None:
    said = [passage(1, 10, 13, Direction.IN, A="belongs", B="unsure", X="unsure", Y="unsure")]
    score = score_passages(said, [load("L1", 10, 12, Direction.IN, "A", "B")], READS)
    assert (score.shares()["tags_unsure"].hits, score.shares()["tags_unsure"].of) == (3, 4)


def test_exact_asks_for_the_read_tags_and_exact_all_for_all() -> None:
    said = [passage(1, 10, 13, Direction.OUT, A="belongs", B="belongs", X="stray")]
    score = score_passages(said, [load("L1", 10, 12, Direction.IN, "A", "B", "Z")], READS)
    shares = score.shares()
    assert (shares["exact"].value, shares["exact_all"].value, shares["direction"].value) == (1.0, 0.0, 0.0)


def test_each_passage_has_one_load_and_the_one_with_more_tags_wins() -> None:
    said = [passage(1, 10, 13, Direction.IN, A="belongs"), passage(2, 12, 15, Direction.IN, B="belongs", C="belongs")]
    score = score_passages(
        said,
        [load("L1", 10, 12, Direction.IN, "A"), load("L2", 12, 14, Direction.IN, "B", "C")],
        READS,
    )
    assert [(s.load.load_id, s.passage.passage_id.int) for s in score.loads if s.load and s.passage] == [
        ("L1", 1),
        ("L2", 2),
    ]


def test_tags_of_a_passage_without_a_load_are_wrong() -> None:
    score = score_passages([passage(1, 50, 53, Direction.IN, A="belongs")], [], READS)
    assert score.shares()["precision"].value == 0.0


def test_a_load_without_a_passage_is_missed_not_unsure() -> None:
    score = score_passages([], [load("L1", 10, 12, Direction.IN, "A")], READS)
    shares = score.shares()
    assert shares["recall"].value == 0.0
    assert shares["loads_found"].value == 0.0
    assert shares["direction_unsure"].of == 0


def update(epc: str, event: LocationEvent, zone: str, second: int) -> LocationUpdate:
    return LocationUpdate(UUID(int=second), epc, event, zone, second * S, "")


def test_zone_seconds_and_false_moves() -> None:
    updates = [
        update("A", LocationEvent.ARRIVED, "z1", 10),
        update("A", LocationEvent.MOVED, "z2", 60),
        update("A", LocationEvent.MOVED, "z1", 70),
    ]
    score = score_zones(
        updates, [TrueStay("A", "z1", 0, 100 * S), TrueStay("Q", "z1", 0, 100 * S)], 100 * S, frozenset("A")
    )
    assert (score.right_s, score.total_s, score.false_moves, score.silent_tags) == (80, 100, 2, 1)
    assert score.false_moves_per_h == pytest.approx(72.0)


def test_moving_tags_are_not_at_rest() -> None:
    stays = [TrueStay("A", "z1", 0, 50 * S), TrueStay("A", "z2", 50 * S, 100 * S)]
    assert score_zones([], stays, 100 * S, frozenset("A")).total_s == 0


def test_wilson_against_published_values() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3: 81/263 and 0/20.
    share = wilson(81, 263)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    share = wilson(0, 20)
    assert (round(share.low, 4), round(share.high, 4)) == (0.0, 0.1611)


def test_the_bootstrap_is_repeatable_and_holds_the_value() -> None:
    parts = [(9, 10), (10, 10), (4, 10), (10, 10)]
    share = clustered(parts)
    assert share == clustered(parts)
    assert share.low < share.value == 33 / 40 < share.high


def test_the_seconds_and_moves_of_tags_that_move() -> None:
    updates = [
        update("A", LocationEvent.ARRIVED, "z1", 0),
        update("A", LocationEvent.MOVED, "z2", 54),
        update("A", LocationEvent.DEPARTED, "z2", 95),
    ]
    stays = [
        TrueStay("A", "z1", 0, 50 * S),
        TrueStay("A", "z2", 50 * S, 100 * S),
        TrueStay("A", "z3", 100 * S, 120 * S),
    ]
    score = score_zones(updates, stays, 120 * S, frozenset("A"))
    assert score.moving_seconds == [(50 + 41, 120)]
    assert (score.moves, score.moves_told_after_s) == (2, [4.0])
    assert score.moves_told.value == 0.5


def test_a_tag_that_is_in_one_zone_with_gaps_is_at_rest() -> None:
    stays = [TrueStay("A", "z1", 0, 10 * S), TrueStay("A", "z1", 20 * S, 30 * S)]
    score = score_zones([update("A", LocationEvent.ARRIVED, "z1", 0)], stays, 100 * S, frozenset("A"))
    assert (score.right_s, score.total_s, score.moving_seconds) == (20, 20, [])


def test_tags_whose_loads_and_times_are_not_known_are_scored_one_by_one() -> None:
    said = [
        passage(1, 10, 13, Direction.IN, A="belongs", X="belongs"),
        passage(2, 20, 23, Direction.OUT, B="belongs"),
        passage(3, 30, 33, Direction.UNSURE, C="belongs", D="unsure"),
    ]
    true = [
        TrueLoad("1", "d", Direction.IN, *WHOLE, ("A", "B", "C"), is_named=False),
        TrueLoad("2", "d", Direction.OUT, *WHOLE, ("D", "Z"), is_named=False),
    ]
    assert all(map(is_open, true))
    rows = {"d": [(second * S, epc) for second in range(40) for epc in "ABCDX"]}
    shares = {name: (share.hits, share.of) for name, share in score_tags(said, true, rows).items()}
    assert shares == {
        "precision": (3, 4),
        "recall": (3, 4),  # D is unsure
        "recall_all": (3, 5),  # Z was never read
        "read": (4, 5),
        "tag_direction": (1, 2),  # B went out
        "tag_direction_unsure": (1, 3),
    }
