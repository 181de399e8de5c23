"""How long to wait before the next connection attempt: exponential with full jitter, for ever.

The n-th wait after a good connection is uniform in [0, min(`cap_s`, `base_s` · 2ⁿ)], so readers that lost the same
switch do not come back in step. Attempts never stop; only their spacing is bounded.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffSettings:
    """Bounds of the wait."""

    base_s: float = 0.5
    cap_s: float = 30.0


class Backoff:
    """The waits of one reader. `uniform(low, high)` is the source of chance, `random.Random(seed).uniform` in tests."""

    def __init__(self, settings: BackoffSettings, uniform: Callable[[float, float], float]) -> None:
        self._settings = settings
        self._uniform = uniform
        self._attempts = 0

    def next_wait_s(self) -> float:
        # The exponent is clamped where it has long passed any sane cap, so a week of retries stays a small float.
        ceiling_s = min(self._settings.cap_s, self._settings.base_s * 2.0 ** min(self._attempts, 32))
        self._attempts += 1
        return self._uniform(0.0, ceiling_s)

    def reset(self) -> None:
        """The connection was good: the next failure starts from the short wait again."""
        self._attempts = 0
