"""The operator contract: a plain object for one key, built from `State | None` and parameters.

Call order: the host builds the operator from its last snapshot, then calls `on_batch` and `on_wakeup` with a `now_us`
that never goes back, and after each asks `next_wakeup`. `now_us` is the watermark: the minimum over the key's sources.
Operators take and return values: no clock, no random, no I/O. The same calls give the same outputs, ids included.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

StateT_co = TypeVar("StateT_co", covariant=True)
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
OutT_co = TypeVar("OutT_co", covariant=True)


class Operator(Protocol[StateT_co, ItemT_contra, OutT_co]):
    """Decision logic for one key."""

    def on_batch(self, now_us: int, items: Sequence[ItemT_contra]) -> Sequence[OutT_co]:
        """Take what arrived; `now_us` already covers it."""

    def on_wakeup(self, now_us: int) -> Sequence[OutT_co]:
        """Time passed `next_wakeup`."""

    def next_wakeup(self) -> int | None:
        """When `on_wakeup` is due, or None."""

    def snapshot(self) -> StateT_co:
        """Everything needed to go on from here; encodable by msgspec."""
