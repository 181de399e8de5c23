"""One load or two: what met in the door is told apart, what turned round in it stays one."""

import pytest

from bench.door_cases import recorded
from simulators.physics.recording import Recording, Truth
from simulators.scenarios.run import simulate
from simulators.scenarios.spec import Layout, Parked, Scenario, Split, Traffic
from stream.model import Passage, TagVerdict
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


@pytest.mark.parametrize("seed", [1, 2])
def test_a_load_that_turns_round_in_the_door_is_not_two(seed: int) -> None:
    recording, truth = door("turn_round", seed)
    assert not truth.loads
    said = passages(recording)
    assert len(said) <= 1
    assert not any(belonging(passage) for passage in said)
