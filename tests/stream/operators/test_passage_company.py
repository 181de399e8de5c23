"""Company with the load: what moves with it, what stands, what goes the other way; a lone tag has none."""

import numpy as np

from stream.operators.passage_company import company, company_features
from stream.operators.passage_rows import ROW

TAGS = 12
LOAD = np.arange(8)
PARKED = np.array([8, 9])
AGAINST = np.array([10, 11])


def rows(doppler: bool = True) -> np.ndarray:
    """Six seconds at two antennas: eight tags pass, two stand, two pass the other way."""
    rng = np.random.default_rng(3)
    made = np.zeros(TAGS * 24 * 2, ROW)
    tag, window, antenna = np.meshgrid(np.arange(TAGS), np.arange(24), np.arange(2), indexing="ij")
    made["tag"], made["antenna"] = tag.ravel(), antenna.ravel()
    at_s = window.ravel() / 4.0 - 3.0
    made["first_us"] = window.ravel() * 250_000
    made["last_us"] = made["first_us"] + 40_000
    made["reads"] = 3
    against, parked = np.isin(made["tag"], AGAINST), np.isin(made["tag"], PARKED)
    speed = np.where(at_s < 0, 6.0, -6.0) * np.where(parked, 0.0, np.where(against, -1.0, 1.0))
    made["doppler_hz"] = speed + rng.normal(0.0, 4.0, len(made)) if doppler else np.nan
    made["phase_slope_rad_s"] = -2 * np.pi * speed + rng.normal(0.0, 8.0, len(made)) if doppler else np.nan
    made["power_mw"] = 3e-5 / (1.0 + np.where(parked, 4.0, at_s**2)) * rng.uniform(0.5, 2.0, len(made))
    return made


def told(weight: np.ndarray, doppler: bool = True) -> dict[str, np.ndarray]:
    made = rows(doppler)
    facts = company(made["tag"].astype(np.int64), made["antenna"], made, made["power_mw"])
    return {name: np.broadcast_to(value, TAGS) for name, value in company_features(facts, weight, TAGS).items()}


def crowd() -> np.ndarray:
    weight = np.zeros(TAGS)
    weight[LOAD] = 1.0
    return weight


def test_what_moves_with_the_load_follows_it_and_the_rest_does_not() -> None:
    said = told(crowd())
    for measure in ("doppler", "turning"):
        llr, follows = said[f"{measure}_llr"], said[f"{measure}_follows"]
        assert llr[LOAD].min() > 3.0
        assert llr[PARKED].max() < -1.0
        assert llr[AGAINST].max() <= llr[PARKED].min()
        assert follows[LOAD].min() > 0.6
        assert np.abs(follows[PARKED]).max() < 0.4
        assert follows[AGAINST].max() < -0.4


def test_strength_rises_and_falls_with_the_others() -> None:
    said = told(crowd())
    assert said["level_corr"][LOAD].min() > 0.5
    assert np.abs(said["level_corr"][PARKED]).max() < 0.5


def test_a_reader_without_phase_and_doppler_says_nothing_and_decides_nothing() -> None:
    said = told(crowd(), doppler=False)
    assert not said["doppler_llr"].any()
    assert (said["doppler_follows"] == 0.5).all()
    assert not said["turning_told"].any()


def test_one_tag_alone_does_not_agree_with_itself() -> None:
    alone = np.zeros(TAGS)
    alone[0] = 1.0
    said = told(alone)
    assert abs(said["doppler_llr"][0]) < 0.1
    assert abs(said["level_corr"][0]) < 0.1
    assert said["heard_with"][0] < 0.1
