"""One load or two: what met in the door is told apart, what turned round stays one, what goes by beside is left out."""

import numpy as np
import pytest

from bench.door_cases import recorded
from bench.recording_configurations import CONFIGURATIONS, configured
from simulators.physics.recording import Recording, Truth
from simulators.scenarios.run import simulate
from simulators.scenarios.spec import Air, Layout, Parked, Scenario, Split, Traffic
from stream.model import Passage, TagVerdict
from stream.operators.passage_judge import shared_out
from stream.operators.passage_state import PassageParams
from tagledger.decide import decide_recording
from warehouse.site import Direction


def door(pattern: str, seed: int) -> tuple[Recording, Truth]:
    traffic = Traffic(pattern, carrier="hand_truck", door=0, count=1, tags=(12, 16), speed_m_s=(0.8, 1.2), start_s=6.0)
    return simulate(Scenario("met", "", Split.DEV, Layout(doors=1), traffic=(traffic,), parked=(Parked(),)), seed)


def passages(recording: Recording) -> list[Passage]:
    params = PassageParams(provisional_every_s=None)
    return decide_recording(recording.site, recorded(recording), params)[0].final


def belonging(passage: Passage) -> set[str]:
    return {tag.epc for tag in passage.tags if tag.verdict is TagVerdict.BELONGS}


@pytest.mark.parametrize("seed", [6, 8])
def test_two_loads_that_meet_in_the_door_are_two_passages(seed: int) -> None:
    """Of these, some tags of each still lean to the side they came from when they are heard last."""
    recording, truth = door("crossing", seed)
    said = passages(recording)
    assert {passage.direction for passage in said} == {Direction.IN, Direction.OUT}
    for load in truth.loads:
        (passage,) = (each for each in said if each.direction is load.direction)
        right, of = len(belonging(passage) & set(load.epcs)), len(load.epcs)
        assert right >= 0.8 * of, f"{right} of {of}"
        assert len(belonging(passage) - set(load.epcs)) <= 1


def test_loads_that_met_are_looked_at_again_and_share_no_tag() -> None:
    traffic = Traffic("crossing", carrier="hand_truck", door=0, count=3, tags=(20, 26), speed_m_s=(1.0, 1.2))
    scene = Scenario("met", "", Split.DEV, Layout(doors=1), traffic=(traffic,), parked=(Parked(),))
    recording, truth = simulate(scene, 1)
    params = PassageParams(provisional_every_s=None)
    said = [each for _, each in decide_recording(recording.site, recorded(recording), params)[0].said]
    first, last = ({each.passage_id: each for each in order if each.final} for order in (reversed(said), said))
    twice = {each.closed_us for each in said if each.is_amendment}
    assert twice
    for closed_us in twice:
        one, other = (each for each in last.values() if each.closed_us == closed_us)
        assert not belonging(one) & belonging(other)
    right = [
        sum(
            len(belonging(each) & set(load.epcs)) - 3 * len(belonging(each) - set(load.epcs))
            for each in words.values()
            for load in truth.loads
            if load.direction is each.direction and load.start_us <= each.closed_us and each.opened_us <= load.end_us
        )
        for words in (first, last)
    ]
    assert right[1] > right[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_load_that_turns_round_in_the_door_is_not_two(seed: int) -> None:
    recording, truth = door("turn_round", seed)
    assert not truth.loads
    said = passages(recording)
    assert len(said) <= 1
    assert not any(belonging(passage) for passage in said)


@pytest.mark.parametrize(
    ("seed", "ahead_s", "known"),
    [(1, 1.5, "as simulated"), (3, 3.0, "as simulated"), (7, 3.0, "no photo-eyes"), (11, 3.0, "no photo-eyes")],
)
def test_a_pallet_that_is_driven_along_the_wall_while_a_load_crosses_is_not_taken_with_it(
    seed: int, ahead_s: float, known: str
) -> None:
    """As near, as loud and at the same time: judged against everything that is strong, all of it belonged."""

    def passing(pattern: str, start_s: float) -> Traffic:
        return Traffic(pattern, door=0, count=1, tags=(15, 20), speed_m_s=(1.0, 1.4), start_s=start_s)

    traffic = (passing("through", 6.0), passing("along", 6.0 - ahead_s))
    scene = Scenario("by", "", Split.DEV, Layout(doors=1), air=Air(fast=True), traffic=traffic)
    recording, truth = simulate(scene, seed)
    (load,) = truth.loads
    assert len(set(recording.epcs) - set(load.epcs)) >= 15
    site, reads = configured(recording.site, recorded(recording), CONFIGURATIONS[known], np.random.default_rng(1))
    decided, _ = decide_recording(site, reads, PassageParams(provisional_every_s=None))
    (passage,) = decided.final
    assert belonging(passage) == set(load.epcs)
    assert passage.direction is load.direction


def test_a_tag_is_shared_out_between_two_loads_by_how_well_it_fits_each() -> None:
    one, other = shared_out(np.array([0.95, 0.05, 0.9, 0.01, 1.0]), np.array([0.05, 0.95, 0.9, 0.01, 1.0]))
    assert min(one[0], other[1]) > 0.95
    assert max(other[0], one[1], one[3], other[3]) < 0.01
    assert np.array_equal(one[2:], other[2:])
    assert 0.4 < one[2] < 0.5
    assert (one + other < 1.0).all()
