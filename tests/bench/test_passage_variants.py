"""Variants of passages: what each changes, and that it changes nothing else."""

import numpy as np
import pytest

from bench.passage_variants import faster, sparse
from stream.operators.passage_facts import Cut
from stream.operators.passage_rows import ROW

S = 1_000_000
COUNT = 4_000


@pytest.fixture
def cut() -> Cut:
    """Four seconds in the door, ten before and one after it, one tag read 266 times a second."""
    rows = np.zeros(COUNT, ROW)
    rows["first_us"] = np.linspace(-10 * S, 5 * S, COUNT).astype(np.int64)
    rows["last_us"] = rows["first_us"] + 2_000
    rows["doppler_hz"], rows["phase_slope_rad_s"] = 3.0, np.nan
    own, side = np.ones(1, np.bool_), np.ones(1, np.int8)
    return Cut(rows, own, side, np.zeros(1, np.float32), 0, 4 * S, 3 * S, S // 2, first_beam_us=S)


def test_faster_is_the_same_in_less_time_read_as_often_in_a_second(cut: Cut) -> None:
    made = faster(cut, np.random.default_rng(3))
    factor = cut.closed_us / made.closed_us
    assert 1.3 <= factor <= 3.0
    assert made.opened_us == cut.opened_us
    assert made.first_beam_us == pytest.approx(S / factor, abs=1)
    first, last = made.rows["first_us"].min(), made.rows["first_us"].max()
    assert (first, last) == pytest.approx((-10 * S / factor, 5 * S / factor), rel=0.05)
    assert len(made.rows) / (last - first) == pytest.approx(COUNT / (15 * S), rel=0.1)
    assert made.rows["doppler_hz"] == pytest.approx(3.0 * factor, rel=1e-5)
    assert np.isnan(made.rows["phase_slope_rad_s"]).all()
    assert (made.rows["last_us"] >= made.rows["first_us"]).all()
    assert cut.rows["doppler_hz"].max() == 3.0


def test_of_nothing_heard_there_is_nothing_less(cut: Cut) -> None:
    nothing = Cut(cut.rows[:0], cut.own, cut.side, cut.background, 0, 4 * S, 3 * S, S // 2)
    for change in (sparse, faster):
        assert not len(change(nothing, np.random.default_rng(1)).rows)
