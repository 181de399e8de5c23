"""Inventory rounds: read rates against population, and what sessions remember."""

import itertools

import numpy as np
import pytest

from simulators.physics.inventory import Inventorying, TagFlags
from simulators.physics.parameters import DENSE, FAST, AirLink, Inventory, Persistence, Session

DWELL_S = 0.1
STEPS = 5


def read_times(
    tags: int,
    seconds: float,
    *,
    link: AirLink = DENSE,
    session: Session = Session.S1,
    dual_target: bool = True,
    heard_by: tuple[int, ...] = (0, 1, 2, 3),
) -> tuple[np.ndarray, np.ndarray]:
    """Times and tags of reads of strong tags on four antennas in turn."""
    rng = np.random.default_rng(5)
    settings = Inventory(session=session, dual_target=dual_target, link=link)
    flags = TagFlags(session, Persistence(), tags, rng)
    inventory = Inventorying(settings, flags, 4, rng)
    times, who = [], []
    for dwell in range(round(seconds / DWELL_S)):
        powered = np.full((STEPS, tags), dwell % 4 in heard_by)
        reads = inventory.dwell(
            dwell * DWELL_S, dwell % 4, DWELL_S / STEPS, powered, np.full((STEPS, tags), 0.97), np.arange(tags)
        )
        times.append(reads.t_s)
        who.append(reads.tag)
    return np.concatenate(times), np.concatenate(who)


def test_reads_of_each_tag_fall_as_tags_grow() -> None:
    rates = [len(read_times(tags, 10.0)[0]) / 10.0 / tags for tags in (1, 5, 20, 50, 100, 200)]
    assert all(more > fewer for more, fewer in itertools.pairwise(rates))
    assert rates[0] > 20.0 * rates[-1]


def test_a_crowded_field_saturates_near_the_published_rates() -> None:
    # reference/algorithms.md: 200 tags/s nominal in a dense-reader mode, 700 to 1,500 tags/s at most, 127 reads/s
    # measured in a tunnel. Antenna switching and pauses between rounds cost some of the mode's best.
    assert 110.0 < len(read_times(200, 10.0)[0]) / 10.0 < 220.0
    assert 700.0 < len(read_times(200, 10.0, link=FAST)[0]) / 10.0 < 1500.0


def test_a_lone_tag_is_read_as_often_as_in_a_lab() -> None:
    # reference/algorithms.md: 14 to 25 reads/s on one tag, lab R420.
    rate = len(read_times(1, 20.0, heard_by=(0, 2))[0]) / 20.0
    assert 14.0 <= rate <= 25.0


def test_times_are_in_order_and_inside_the_dwells() -> None:
    times, _ = read_times(100, 2.0)
    assert (np.diff(times) >= 0.0).all()
    assert times[0] > 0.0
    assert times[-1] < 2.0


@pytest.mark.parametrize("session", [Session.S2, Session.S3])
def test_one_target_in_sessions_2_and_3_reads_a_powered_tag_once(session: Session) -> None:
    _, who = read_times(30, 5.0, session=session, dual_target=False)
    assert sorted(who.tolist()) == list(range(30))


def test_one_target_in_session_1_reads_a_tag_again_when_its_flag_has_run_out() -> None:
    times, who = read_times(1, 30.0, session=Session.S1, dual_target=False)
    gaps = np.diff(times[who == 0])
    assert gaps.min() >= 0.5
    assert gaps.max() < 5.5


def test_session_0_forgets_when_the_antenna_is_switched() -> None:
    _, who = read_times(3, 2.0, session=Session.S0, dual_target=False)
    assert (np.bincount(who) >= 15).all()
