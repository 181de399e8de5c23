"""Facts made once serve every guess of who the load is, and do not depend on how groups were counted."""

from dataclasses import replace

import numpy as np
import pytest

from stream.operators import passage_past
from stream.operators.passage_facts import tag_facts
from stream.operators.passage_features import tag_features
from stream.operators.passage_past import past_of
from tests.stream.operators.analytic_door import Door
from tests.stream.operators.test_passage_features import LOAD, cut_of


def busy_door() -> Door:
    door = Door()
    door.park(["AA00", "AA01"], 0.0, 40.0, 1.5, 2.5)
    door.walk(LOAD, 26.0, 1)
    return door


def test_facts_made_before_give_the_features_made_afresh() -> None:
    cut, _ = cut_of(busy_door(), 29.0, 31.0)
    facts = tag_facts(cut)
    assert facts is not None
    for weight in (None, np.linspace(0.0, 1.0, len(facts.tags))):
        assert np.array_equal(tag_features(cut, weight, facts).matrix, tag_features(cut, weight).matrix)


def test_a_past_summed_up_before_gives_the_features_of_all_rows() -> None:
    cut, _ = cut_of(busy_door(), 29.0, 31.0)
    start = cut.opened_us - cut.approach_us
    past = past_of(cut.rows, cut.own, start)
    assert past.heard.sum() > 0
    summed_up = replace(cut, rows=cut.rows[cut.rows["first_us"] >= start], past=past)
    assert np.array_equal(tag_features(summed_up).matrix, tag_features(cut).matrix)


def test_groups_too_many_for_one_array_count_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cut, _ = cut_of(busy_door(), 29.0, 31.0)
    counted = tag_features(cut).matrix
    monkeypatch.setattr(passage_past, "DENSE_MAX", 0)
    assert np.array_equal(tag_features(cut).matrix, counted)


def test_a_window_without_own_sightings_has_no_facts() -> None:
    cut, _ = cut_of(busy_door(), 200.0, 201.0)
    assert tag_facts(cut) is None
