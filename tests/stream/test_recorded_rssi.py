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
