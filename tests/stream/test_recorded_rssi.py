"""Which unit strengths are in, told by the values and by who is read often."""

import numpy as np
import pytest

from stream.recorded_rssi import dbm

TAGS = np.repeat(np.arange(10), np.arange(10, 60, 5))
"""Ten tags, the later ones read more often: they are the strong ones."""
NO_VISITS = np.zeros(len(TAGS), np.int64)
"""All at one time: nobody is seen to come and go."""
DBM = -75.0 + 3.0 * TAGS + 0.5 * (np.arange(len(TAGS)) % 3)


@pytest.mark.parametrize(("values", "note"), [(DBM * 100.0, "hundredths"), (-DBM, "without their sign")])
def test_scales_and_signs_are_undone(values: np.ndarray, note: str) -> None:
    notes: list[str] = []
    assert dbm(values, TAGS, NO_VISITS, notes) == pytest.approx(DBM)
    assert note in notes[0]


@pytest.mark.parametrize("values", [DBM + 110.0, 3.0 * (DBM + 110.0), DBM * 100.0 + 11_000.0])
def test_an_index_that_grows_with_strength_keeps_its_order(values: np.ndarray) -> None:
    notes: list[str] = []
    made = dbm(values, TAGS, NO_VISITS, notes)
    assert (np.argsort(made, kind="stable") == np.argsort(values, kind="stable")).all()
    assert made.max() <= -40.0
    assert np.quantile(made, 0.95) - np.quantile(made, 0.05) <= 30.0 + 1e-9
    assert "no known unit" in notes[0]


def test_what_no_receiver_hears_is_absent() -> None:
    made = dbm(np.array([-50.0, -999.0, -60.0]), np.array([0, 0, 1]), np.arange(3), [])
    assert np.isnan(made).tolist() == [False, True, False]


@pytest.mark.parametrize("index", [False, True])
def test_a_tag_that_comes_and_goes_tells_whether_values_grow_with_strength(index: bool) -> None:
    # Twenty tags pass, one after the other; every third is read seldom, so read counts tell nothing.
    seconds = np.concatenate([20.0 * tag + np.linspace(0.0, 4.0, 5 + 10 * (tag % 3)) for tag in range(20)])
    tag = np.repeat(np.arange(20), [5 + 10 * (tag % 3) for tag in range(20)])
    strength = -75.0 + 25.0 * np.sin(np.pi * (seconds % 20.0) / 4.0)
    notes: list[str] = []
    made = dbm(strength + 110.0 if index else -strength, tag, (seconds * 1e6).astype(np.int64), notes)
    assert np.corrcoef(made, strength)[0, 1] == pytest.approx(1.0)
    assert ("no known unit" if index else "without their sign") in notes[0]


def test_what_is_weaker_than_any_receiver_hears_is_an_index() -> None:
    notes: list[str] = []
    made = dbm(np.array([90.0, 120.0, 150.0]), np.array([0, 0, 1]), np.arange(3), notes)
    assert made[2] > made[1] > made[0]
    assert "no known unit" in notes[0]
