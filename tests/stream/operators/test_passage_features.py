"""Features and the judgement of two loads that meet, on the analytic door."""

from dataclasses import replace

import numpy as np
import pytest

from stream.operators.passage_facts import Cut
from stream.operators.passage_features import FEATURES, TagFeatures, tag_features
from stream.operators.passage_judge import judge, looked_at
from stream.operators.passage_rows import PassageRows
from tests.stream.operators.analytic_door import OWN, SIDES, T0_US, Door, plain_model
from warehouse.site import Direction, Side

LOAD = [f"BB{i:02X}" for i in range(12)]
S = 1_000_000


def cut_of(door: Door, opened_s: float, closed_s: float) -> tuple[Cut, list[str]]:
    rows = PassageRows(100_000)
    for _, items in door.slices():
        for piece in items:
            rows.append(piece)
    sign = {Side.INSIDE: 1, Side.OUTSIDE: -1}
    return Cut(
        rows=rows.rows,
        own=np.array([ref in OWN for ref in rows.antennas]),
        side=np.array([sign[SIDES[ref]] if ref in OWN else 0 for ref in rows.antennas], np.int8),
        background=np.zeros(len(rows.tags), np.float32),
        opened_us=T0_US + int(opened_s * S),
        closed_us=T0_US + int(closed_s * S),
        approach_us=3 * S,
        tail_us=S // 2,
    ), rows.tags


def column(tags: TagFeatures, name: str) -> np.ndarray:
    return tags.matrix[:, FEATURES.index(name)]


def test_a_tag_of_the_load_differs_from_a_parked_one_in_every_telling_feature() -> None:
    door = Door()
    door.park(["AA00", "AA01"], 0.0, 40.0, 1.5, 2.5)
    door.walk(LOAD, 26.0, 1)
    cut, names = cut_of(door, 29.0, 31.0)
    tags = tag_features(cut)
    parked = np.array([names[tag].startswith("AA") for tag in tags.tags])
    assert column(tags, "seconds_before")[parked].min() > 20
    assert column(tags, "seconds_before")[~parked].max() <= 2
    assert column(tags, "profile_corr")[parked].max() < column(tags, "profile_corr")[~parked].min()
    assert np.abs(column(tags, "trend_agreement")[parked]).max() < column(tags, "trend_agreement")[~parked].min()
    assert column(tags, "core_share")[parked].max() < column(tags, "core_share")[~parked].min()


def test_one_that_was_there_long_before_and_after_differs_from_the_load_however_seldom_it_answers() -> None:
    door = Door()
    door.park(["AA00", "AA01"], 0.0, 40.0, 1.5, 2.5)
    door.walk(LOAD, 26.0, 1)
    cut, names = cut_of(door, 29.0, 31.0)
    cut = replace(cut, tail_us=8 * S)
    rare = np.isin(cut.rows["tag"], [names.index("AA00"), names.index("AA01")])
    _, once = np.unique(cut.rows["tag"] * 100 + (cut.rows["first_us"] - T0_US) // (6 * S), return_index=True)
    rare[once] = False
    tags = tag_features(replace(cut, rows=cut.rows[~rare]))
    parked = np.array([names[tag].startswith("AA") for tag in tags.tags])
    assert 0 < column(tags, "seconds_before")[parked].max() < 6
    assert column(tags, "since_rel_s")[parked].min() > 15.0 > column(tags, "since_rel_s")[~parked].max()
    assert column(tags, "until_rel_s")[parked].min() > 1.0 > column(tags, "until_rel_s")[~parked].max()


@pytest.mark.parametrize("way", [1, -1])
def test_the_side_features_do_not_depend_on_the_way(way: int) -> None:
    door = Door()
    door.walk(LOAD, 26.0, way)
    cut, _ = cut_of(door, 29.0, 31.0)
    tags = tag_features(cut)
    assert (column(tags, "lag_agreement") > 0.2).all()
    assert (np.sign(tags.lag_s) == way).all()


def test_no_rows_make_no_features() -> None:
    door = Door()
    door.walk(LOAD, 26.0, 1)
    cut, _ = cut_of(door, 100.0, 101.0)
    assert tag_features(cut).matrix.shape == (0, len(FEATURES))


def test_features_are_finite_whatever_the_reader_leaves_out() -> None:
    door = Door()
    door.walk(LOAD, 26.0, 1)
    cut, _ = cut_of(door, 29.0, 31.0)
    cut.rows["peak_dbm"] = np.nan
    cut.rows["power_mw"] = 0.0
    assert np.isfinite(tag_features(cut).matrix).all()


def test_the_order_of_rows_does_not_matter() -> None:
    door = Door()
    door.walk(LOAD, 26.0, 1)
    cut, _ = cut_of(door, 29.0, 31.0)
    before = tag_features(cut).matrix
    cut.rows[:] = cut.rows[np.random.default_rng(1).permutation(len(cut.rows))]
    assert np.allclose(tag_features(cut).matrix, before)


def test_two_loads_that_meet_are_told_apart() -> None:
    door = Door()
    door.walk(LOAD, 26.0, 1, lane_m=-0.6)
    other = [f"CC{i:02X}" for i in range(9)]
    door.walk(other, 26.5, -1, lane_m=0.6)
    cut, names = cut_of(door, 29.0, 31.5)
    loads = judge(cut, (), (), plain_model(), 0.9, may_part=True)
    members = [{names[tag] for tag in one.tags.tags[one.scores > 0.5]} for one in loads]
    # The plain model does not know which way a tag goes; where two loads pass each other one tag may fit the other.
    assert members[0] >= set(LOAD)
    assert len(members[0] - set(LOAD)) <= 1
    assert members[1] == set(other) - members[0]
    assert [one.direction for one in loads] == [Direction.IN, Direction.OUT]


def test_two_loads_abreast_stay_one() -> None:
    door = Door()
    door.walk(LOAD, 26.0, 1, lane_m=-0.6)
    door.walk([f"CC{i:02X}" for i in range(9)], 26.5, 1, lane_m=0.6)
    cut, _ = cut_of(door, 29.0, 31.5)
    assert len(judge(cut, (), (), plain_model(), 0.9, may_part=True)) == 1


def test_a_door_of_which_little_is_known_is_judged_by_its_own_weights() -> None:
    door = Door()
    door.walk(LOAD, 26.0, 1)
    cut, _ = cut_of(door, 29.0, 31.5)
    nobody = replace(plain_model().passes[0], weights=np.zeros(len(FEATURES)), bias=-9.0)
    model = replace(plain_model(), bare=(nobody, nobody))
    silent = replace(cut, rows=cut.rows.copy())
    silent.rows["peak_dbm"] = np.nan
    for seen, bare in ((cut, False), (replace(cut, side=np.zeros_like(cut.side)), True), (silent, True)):
        (load,) = judge(seen, (), (), model, 0.9, may_part=True)
        assert load.bare is bare
        assert bool(load.scores.max() < 0.01) is bare


@pytest.mark.parametrize("way", [1, -1])
def test_sides_that_nobody_told_are_guessed_along_the_beams_way(way: int) -> None:
    door = Door()
    door.walk(LOAD, 26.0, way)
    cut, _ = cut_of(door, 29.0, 31.5)
    told = cut.side[cut.own]
    guessed, _, tags = looked_at(replace(cut, side=np.zeros_like(cut.side), eyes_way=way))
    assert guessed.sides_guessed
    assert (np.sign(guessed.side[guessed.own]) == np.sign(told)).all()
    assert set(column(tags, "sides_told").tolist()) == {0.0}
    assert set(column(tag_features(cut), "sides_told").tolist()) == {2.0}
