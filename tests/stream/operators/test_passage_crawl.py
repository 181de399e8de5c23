"""Loads that crawl one behind the other without a beam: each has its own tags once it is looked at again."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import msgspec
import numpy as np
import pytest

from stream.model import Passage, TagVerdict
from stream.operators.passage_crawl import Crossed, Crossings, crawling, crossed_with
from stream.operators.passages import PassageOperator, PassageParams, PassageState
from tests.stream.operators.analytic_door import OWN, SIDES, Door, plain_model, portal
from warehouse.site import Direction

PARAMS = PassageParams(model=plain_model(), provisional_every_s=None)
TOTES = [[f"{tote:02X}{tag:02X}" for tag in range(6)] for tote in range(5)]


def crawl(pitch_s: float, way: int = 1, seed: int = 5) -> Door:
    """Totes at 0.35 m/s, `pitch_s` apart; a pallet stands beside them."""
    door = Door(seed=seed)
    door.park([f"EE{tag:02X}" for tag in range(4)], 0.0, 110.0, 1.5, 3.0)
    for number, epcs in enumerate(TOTES):
        crawls(door, epcs, 30.0 + number * pitch_s, way)
    return door


def crawls(door: Door, epcs: list[str], middle_s: float, way: int) -> None:
    """A tote is in the door plane's middle then."""
    rng = np.random.default_rng(int(middle_s * 1000))
    for epc in epcs:
        x, y = rng.uniform(-0.3, 0.3, 2)
        for t in np.arange(-12.0, 12.0, 0.1):
            door._hear(rng, epc, middle_s + t, way * 0.35 * t + x, y)


def decided(door: Door, every_s: float = 0.25, cut_at: int | None = None, provisional: bool = False) -> list[Passage]:
    """Every final revision; with `cut_at` the operator ends there, and another goes on from what it knew."""
    params = replace(PARAMS, provisional_every_s=0.25) if provisional else PARAMS
    op = PassageOperator(portal(eyes=False), frozenset(OWN), SIDES, params)
    calls = door.slices(every_s)
    calls += [(calls[-1][0] + second * 1_000_000, []) for second in range(1, 30)]
    out: list[Passage] = []
    for number, (now_us, items) in enumerate(calls):
        if number == cut_at:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(op.snapshot()), type=PassageState)
            op = PassageOperator(portal(eyes=False), frozenset(OWN), SIDES, params, state)
        out += [passage for passage in op.on_batch(now_us, items) if passage.final]
    return out


def last_word(said: list[Passage]) -> list[list[str]]:
    """The tags of each passage by its last revision, by the first of them."""
    last = {passage.passage_id: passage for passage in said}
    claimed = [
        sorted(tag.epc for tag in passage.tags if tag.verdict is TagVerdict.BELONGS) for passage in last.values()
    ]
    return sorted(tags for tags in claimed if tags)


@pytest.mark.parametrize(("pitch_s", "way"), [(8.0, 1), (9.0, -1), (11.0, 1)])
def test_every_tote_has_its_tags_and_no_others(pitch_s: float, way: int) -> None:
    said = decided(crawl(pitch_s, way))
    assert last_word(said) == TOTES
    last = {passage.passage_id: passage for passage in said}
    ways = {each.direction for each in last.values() if any(tag.verdict is TagVerdict.BELONGS for tag in each.tags)}
    assert ways - {Direction.UNSURE} == {Direction.IN if way > 0 else Direction.OUT}


def test_a_load_that_is_told_of_only_when_it_is_gone_is_an_amendment_from_the_first() -> None:
    said = decided(crawl(8.0))
    first = {passage.passage_id: passage for passage in reversed(said)}.values()
    assert any(passage.is_amendment for passage in first)


@pytest.mark.parametrize("pitch_s", [7.0, 8.0, 9.0])
def test_no_tag_is_at_any_time_said_to_be_of_two_loads(pitch_s: float) -> None:
    """The books refuse what another load has brought in, and do not ask again when that one gives it back."""
    holds: dict[UUID, set[str]] = {}
    moved = 0
    for passage in decided(crawl(pitch_s)):
        mine = {tag.epc for tag in passage.tags if tag.verdict is TagVerdict.BELONGS}
        moved += len(holds.get(passage.passage_id, mine) - mine)
        holds[passage.passage_id] = mine
        assert sum(map(len, holds.values())) == len(set().union(*holds.values()))
    assert moved


@pytest.mark.parametrize("ahead_s", [1.5, 2.5])
def test_of_loads_that_met_on_a_belt_the_second_is_not_forgotten(ahead_s: float) -> None:
    """A tote that comes the other way is its window's second load: what that was said to have stays said or is amended,
    so that no tag is left in two loads."""
    door = crawl(12.0)
    met = ["AA00", "AA01", "AA02", "AA03", "AA04", "AA05"]
    crawls(door, met, 30.0 + 2 * 12.0 - ahead_s, -1)
    said = decided(door)
    opened = Counter(passage.opened_us for passage in said if not passage.revision)
    assert max(opened.values()) > 1
    claimed = last_word(said)
    assert met in claimed
    assert sum(map(len, claimed)) == len({epc for tags in claimed for epc in tags})


def test_what_is_said_depends_on_no_batches_restarts_or_provisional_words() -> None:
    door = crawl(8.0)
    whole = [replace(passage, evidence=None) for passage in decided(door)]
    for cut_at in (180, 220, 261, 300):
        assert [replace(passage, evidence=None) for passage in decided(door, cut_at=cut_at)] == whole
    assert last_word(decided(door, every_s=1.0)) == last_word(decided(door))
    assert last_word(decided(door, provisional=True)) == last_word(decided(door))


def test_one_load_alone_is_left_to_the_judge() -> None:
    door = Door(seed=5)
    crawls(door, TOTES[0], 30.0, 1)
    assert len({passage.passage_id for passage in decided(door)}) == 1


def crossings(at_s: list[float], lag_s: list[float], spread_s: float = 2.0) -> Crossings:
    count = len(at_s)
    return Crossings(np.array(at_s), np.array(lag_s), np.full(count, spread_s), np.full(count, -50.0))


def test_crossings_are_cut_where_few_lie_and_what_stands_still_tells_of_none() -> None:
    told = crossings([0.0, 0.4, -0.3, 8.1, 7.8, 8.3, 4.0], [5.0, 5.5, 4.8, 5.2, 4.9, 5.1, 0.3])
    loads = crawling(told, 5.0, np.ones(7, np.bool_))
    assert [(round(load.at_s, 1), round(load.lag_s, 1)) for load in loads] == [(0.0, 5.0), (8.1, 5.1)]
    assert not crawling(replace(told, spread_s=np.full(7, 9.0)), 5.0, np.ones(7, np.bool_))


def test_a_tag_is_of_the_load_it_crossed_with_and_of_none_if_heard_on_one_side_alone() -> None:
    told = crossings([0.3, 7.7, 4.0, 0.0], [5.0, 5.0, 5.0, np.nan])
    loads = [Crossed(0.0, 5.0), Crossed(8.0, 5.0)]
    one, other = (crossed_with(told, load, loads) for load in loads)
    assert one[0] > 0.95 > 0.05 > other[0]
    assert other[1] > 0.95 > 0.05 > one[1]
    assert one[2] == pytest.approx(other[2])
    assert one[2] < 0.75
    assert one[3] == other[3] == 0.0
    assert crossed_with(crossings([0.3], [-5.0]), loads[0], loads)[0] < 0.3
