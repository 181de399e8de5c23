"""Exact grouping in linear time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge.grouping
from edge.grouping import dense, lengths_of, radix_order, starts_of, tag_ids


def assert_groups(words: np.ndarray) -> None:
    ids, heads = tag_ids(words)
    rows = [tuple(row) for row in words.tolist()]
    assert len(set(rows)) == len(heads)
    assert [rows[heads[number]] for number in ids.tolist()] == rows


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2**63, 2**64 - 1])), min_size=1, max_size=60))
def test_equal_rows_get_one_number(rows: list[tuple[int, int]]) -> None:
    assert_groups(np.array(rows, np.uint64))


@pytest.mark.parametrize("distinct", [1, 7, 30_000])
def test_many_rows(distinct: int) -> None:
    rng = np.random.default_rng(distinct)
    assert_groups(rng.integers(0, distinct, (30_000, 1)).astype(np.uint64) * np.array([1, 2**40, 12], np.uint64))


def test_rows_that_all_hash_alike_are_sorted_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.grouping, "_mixed", lambda rows, multiplier: np.zeros(len(rows), np.uint64))
    assert_groups(np.arange(100, dtype=np.uint64).reshape(-1, 1) % np.uint64(40))


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=50))
def test_radix_order_is_the_stable_order(keys: list[int]) -> None:
    column = np.array(keys, np.int64)
    expected = np.argsort(column, kind="stable")
    assert radix_order(column, max(keys) + 1).tolist() == expected.tolist()


def test_dense_keeps_order_and_starts_mark_runs() -> None:
    new, old = dense(np.array([7, 3, 7, 9]), 10)
    assert (new.tolist(), old.tolist()) == ([1, 0, 1, 2], [3, 7, 9])
    assert starts_of(np.array([1, 1, 2, 2, 2, 5])).tolist() == [0, 2, 5]
    assert starts_of(np.array([], np.int64)).tolist() == []
    assert lengths_of(np.array([0, 2, 5]), 6).tolist() == [2, 3, 1]
    assert lengths_of(np.array([0]), 4).tolist() == [4]
