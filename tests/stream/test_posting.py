"""From a final passage to the load the warehouse posts."""

from dataclasses import replace
from uuid import UUID

import pytest

from stream.model import Passage, PassageTag, TagVerdict
from stream.posting import NotFinalError, load_of, locations_of
from tests.stream.traffic import START_US, site
from warehouse.loads import LoadTag
from warehouse.site import Direction, Effect, Zone

TAGS = tuple(
    PassageTag(epc, verdict, score, START_US, START_US, 1)
    for epc, verdict, score in (
        ("30A1", TagVerdict.BELONGS, 0.99),
        ("30A2", TagVerdict.UNSURE, 0.6),
        ("30A3", TagVerdict.STRAY, 0.01),
    )
)
PASSAGE = Passage(UUID(int=1), "dock1", START_US, START_US + 2_000_000, Direction.IN, 0.97, TAGS, True, 2)


@pytest.mark.parametrize(
    ("direction", "effect", "route", "posted_as"),
    [
        (Direction.IN, Effect.POST, ("yard", "hall"), Effect.POST),
        (Direction.OUT, Effect.POST, ("hall", "yard"), Effect.POST),
        (Direction.UNSURE, Effect.POST, ("yard", "hall"), Effect.SUGGEST),
        (Direction.UNSURE, Effect.OBSERVE, ("yard", "hall"), Effect.OBSERVE),
        (Direction.OUT, Effect.SUGGEST, ("hall", "yard"), Effect.SUGGEST),
    ],
)
def test_direction_says_from_where_to_where_and_doubt_never_posts(
    direction: Direction, effect: Effect, route: tuple[str, str], posted_as: Effect
) -> None:
    load = load_of(replace(PASSAGE, direction=direction), site(effect))
    assert ((load.from_location, load.to_location), load.effect) == (route, posted_as)


def test_strays_stay_out_and_unsure_tags_go_along_as_a_question() -> None:
    load = load_of(PASSAGE, site())
    assert load.tags == (LoadTag("30A1", True, 0.99), LoadTag("30A2", False, 0.6))
    assert (load.passage_id, load.revision, load.at_us) == (PASSAGE.passage_id, 2, PASSAGE.closed_us)


def test_a_side_has_its_zone_s_ledger_code_or_its_own_name() -> None:
    plant = site()
    zones = tuple(replace(z, location="WH/HALL") if z.name == "hall" else z for z in plant.zones if z.name != "yard")
    load = load_of(PASSAGE, replace(plant, zones=(*zones, Zone("other"))))
    assert (load.from_location, load.to_location) == ("yard", "WH/HALL")


def test_a_provisional_passage_is_never_posted() -> None:
    with pytest.raises(NotFinalError):
        load_of(replace(PASSAGE, final=False), site())


def test_tags_that_belong_are_now_on_the_side_the_load_went_to() -> None:
    found = locations_of(PASSAGE, site(Effect.OBSERVE))
    assert [(update.epc, update.location, update.at_us) for update in found] == [("30A1", "hall", START_US)]
    assert locations_of(replace(PASSAGE, direction=Direction.OUT), site(Effect.POST))[0].location == "yard"


def test_an_unsure_direction_says_nothing_of_where_tags_are() -> None:
    assert locations_of(replace(PASSAGE, direction=Direction.UNSURE), site(Effect.POST)) == []


def test_an_amendment_repeats_the_same_update_under_the_same_id() -> None:
    first, amended = (locations_of(replace(PASSAGE, revision=n), site(Effect.POST)) for n in (2, 3))
    assert [update.update_id for update in first] == [update.update_id for update in amended]
