"""When a weight on the scale is a weighing: once per load, after it has come to rest.

    empty ──weight > empty_below──▶ loading ──stable──▶ weighed ──weight ≤ empty_below──▶ empty
                                       ▲                    │
                                       └──moved by > change─┘

A weighing is told once. A load that changes by more than `change` while on the scale is weighed again. Where the unit
has no motion bit, stable means that the weights of the last `for_ms` lie within `within` of each other.

Bound: `READINGS_MAX` readings are remembered for that; a faster poll shortens the window it can prove, never lengthens
it, and such a weight never counts as stable too early.
"""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from readers.modbus.profile import Stability
from readers.modbus.reading import Reading

READINGS_MAX = 256


@dataclass(frozen=True, slots=True)
class Weighing:
    """A load at rest: its weight in `unit`, and since when it has been on the scale."""

    at_us: int
    on_since_us: int
    weight: Decimal
    tare: Decimal | None
    unit: str


class Settling:
    """Readings in, weighings out. Pure; one per scale and connection."""

    def __init__(self, empty_below: Decimal, change: Decimal, settle: Stability | None) -> None:
        self._empty_below = empty_below
        self._change = change
        self._settle = settle
        self._recent: deque[tuple[int, Decimal]] = deque(maxlen=READINGS_MAX)
        self._on_since_us: int | None = None
        self._told: Decimal | None = None

    def take(self, reading: Reading) -> Weighing | None:
        """One reading; a weighing when this reading completes it. A fault starts the wait over."""
        weight = reading.weight
        if weight is None:
            self._recent.clear()
            return None
        self._recent.append((reading.at_us, weight))
        if weight <= self._empty_below:
            self._on_since_us, self._told = None, None
            return None
        if self._on_since_us is None:
            self._on_since_us = reading.at_us
        if self._told is not None and abs(weight - self._told) <= self._change:
            return None
        if not self._at_rest(reading):
            return None
        self._told = weight
        return Weighing(reading.at_us, self._on_since_us, weight, reading.tare, reading.unit)

    def _at_rest(self, reading: Reading) -> bool:
        if reading.stable is not None and self._settle is None:
            return reading.stable
        if reading.stable is False or self._settle is None:
            return False
        since_us = reading.at_us - self._settle.for_ms * 1000
        # The last reading before the window counts too: it held until the next one.
        before = [weight for at_us, weight in self._recent if at_us <= since_us]
        window = [weight for at_us, weight in self._recent if at_us > since_us] + before[-1:]
        return bool(before) and max(window) - min(window) <= self._settle.within
