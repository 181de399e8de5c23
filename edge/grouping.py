"""Exact grouping of rows in linear time, the core of the reduction.

Two steps, both exact:

- `tag_ids` numbers equal keys without sorting. Every row writes its number into the slot its key hashes to; a row whose
  slot now holds a row with the same key belongs to that row. Rows that find another key there go again with the next
  hash. Keys are compared whole, so a hash collision costs a round, never a wrong group.
- `radix_order` sorts small integers stably, 16 bits at a time, because numpy sorts uint16 by counting.

A comparison sort of the same keys does the same work in n log n; `bench/reduce.py` has both.
"""

import numpy as np
from numpy.typing import NDArray

_MULTIPLIERS = tuple(
    np.uint64(value) for value in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)  # odd constants; any spread bits well enough, as a wrong slot only costs another round
_ROUNDS_MAX = 8
"""After so many rounds the few rows left are sorted instead, so that no input can make grouping quadratic."""


def tag_ids(words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the distinct rows of `words`, shape (n, k): (id of each row, a row of each id), ids from 0.

    The numbering depends on nothing but the rows and their order.
    """
    n = len(words)
    owner = np.empty(n, np.int64)  # of each row, the row that stands for its key
    left = np.arange(n)
    rows = words
    for multiplier in _MULTIPLIERS * (_ROUNDS_MAX // len(_MULTIPLIERS)):
        bits = max(10, int(len(left) * 4).bit_length())
        slot = (_mixed(rows, multiplier) >> np.uint64(64 - bits)).astype(np.int64)
        table = np.empty(1 << bits, np.int64)  # only slots written below are read
        table[slot] = left
        found = table[slot]
        same = _equal(words[found], rows)
        if same.all():
            owner[left] = found
            left = left[:0]
            break
        owner[left[same]] = found[same]
        left = left[~same]
        rows = words[left]
    if len(left):
        _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        owner[left] = left[first][inverse.reshape(-1)]
    heads = np.flatnonzero(owner == np.arange(n))
    ids = np.empty(n, np.int64)
    ids[heads] = np.arange(len(heads))
    return ids[owner], heads


def radix_order(keys: NDArray[np.int64], bound: int) -> NDArray[np.int64]:
    """The stable order of integers in [0, bound): row numbers, smallest key first."""
    order = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    shift = 16
    while bound > 1 << shift:
        digit = (keys >> shift).astype(np.uint16)[order]
        order = order[np.argsort(digit, kind="stable")]
        shift += 16
    return order


def dense(values: NDArray[np.int64], bound: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Renumber integers in [0, bound) without gaps, order kept: (new numbers, old value of each new number)."""
    present = np.zeros(bound, np.bool_)
    present[values] = True
    old = np.flatnonzero(present)
    new = np.empty(bound, np.int64)
    new[old] = np.arange(len(old))
    return new[values], old


def starts_of(sorted_keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each run of equal keys begins."""
    change = np.empty(len(sorted_keys), np.bool_)
    change[:1] = True
    np.not_equal(sorted_keys[1:], sorted_keys[:-1], out=change[1:])
    return np.flatnonzero(change)


def lengths_of(starts: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """How long each run is, given where the runs of n rows begin."""
    lengths = np.empty(len(starts), np.int64)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1:] = n - starts[-1:]
    return lengths


def _mixed(rows: NDArray[np.uint64], multiplier: np.uint64) -> NDArray[np.uint64]:
    mixed = rows[:, 0] * multiplier
    for column in range(1, rows.shape[1]):
        mixed ^= mixed >> np.uint64(29)
        mixed += rows[:, column]
        mixed *= multiplier
    mixed ^= mixed >> np.uint64(32)
    mixed *= multiplier
    return mixed


def _equal(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = left[:, 0] == right[:, 0]
    for column in range(1, left.shape[1]):
        same &= left[:, column] == right[:, column]
    return same
