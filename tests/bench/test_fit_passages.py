"""Labels people gave, as the fit reads them; and the variants keep their answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.fit_passages import read_labels
from bench.passage_variants import SPARSE_PAUSE_US, fewer_antennas, offset, sparse
from stream.operators.passage_facts import Cut
from stream.operators.passage_features import FEATURES
from stream.operators.passage_rows import ROW


def label(**changes: object) -> str:
    whole = {"passage_id": "p", "epc": "E1", "belongs": True, "features": dict.fromkeys(FEATURES, 1.5)}
    return json.dumps(whole | changes)


def test_labels_are_rows_of_todays_features(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(label() + "\n\n" + label(belongs=False) + "\n")
    matrix, answers = read_labels(file)
    assert matrix.shape == (2, len(FEATURES))
    assert answers.tolist() == [True, False]


def test_labels_of_a_second_look_are_of_another_model(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(label() + "\n" + label(features=dict.fromkeys(FEATURES, 1.5) | {"tail_s": 9.0}) + "\n")
    assert len(read_labels(file)[1]) == 1


@pytest.mark.parametrize("line", ["{", label(features={"old": 1.0}), "[]"])
def test_what_is_no_label_of_today_is_refused_by_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(label() + "\n" + line + "\n")
    with pytest.raises(ValueError, match="line 2"):
        read_labels(file)


def cut() -> Cut:
    rows = np.zeros(400, ROW)
    rows["first_us"] = np.arange(400) * 100_000
    rows["tag"] = np.arange(400) % 4
    rows["antenna"] = np.arange(400) // 4 % 5
    rows["peak_dbm"] = -50.26
    rows["phase_rad"] = 1.0
    own, side = np.array([True, True, True, True, False]), np.array([1, 1, -1, -1, 0], np.int8)
    return Cut(rows, own, side, np.zeros(4, np.float32), 30_000_000, 35_000_000, 3_000_000, 500_000)


def test_sparse_keeps_few_repeats() -> None:
    kept = sparse(cut(), np.random.default_rng(1)).rows
    assert 4 <= len(kept) < 120
    assert SPARSE_PAUSE_US > 400_000


def test_fewer_antennas_leaves_one_a_side_and_the_neighbours() -> None:
    made = fewer_antennas(cut(), np.random.default_rng(1))
    assert made.own.sum() == 2
    assert sorted(made.side[made.own].tolist()) == [-1, 1]
    assert 4 in made.rows["antenna"]


def test_antennas_that_are_off_leave_the_original_alone() -> None:
    original = cut()
    made = offset(original, np.random.default_rng(1))
    assert len(set(made.rows["peak_dbm"].tolist())) == len(original.own)
    assert set(original.rows["peak_dbm"].tolist()) == {np.float32(-50.26)}
