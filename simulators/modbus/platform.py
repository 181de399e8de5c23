"""What stands on a scale's platform and how the indicator sees it: settling, motion, overload, zero and tare.

A load that is put down rings like a damped spring and then rests: the deviation from its weight decays with `tau_s` and
swings at `swing_hz`. Engineering choices in the range of floor scales; nothing here is fitted to a product. Noise is a
hash of seed and time, so that a reading depends on when it is taken and on nothing else.
"""

import math
import zlib
from dataclasses import dataclass
from decimal import Decimal

_QUIET_S = 0.4


@dataclass(frozen=True, slots=True)
class PlatformParams:
    """Capacity and display interval in the display's unit; decay and frequency of the swinging; noise amplitude."""

    capacity: Decimal = Decimal(2000)
    interval: Decimal = Decimal("0.5")
    tau_s: float = 0.35
    swing_hz: float = 3.0
    noise: float = 0.05


class Platform:
    """One platform over time. Times are plant microseconds, given by the caller and never going back."""

    def __init__(self, seed: int, params: PlatformParams = PlatformParams()) -> None:
        self._seed = seed
        self._params = params
        self._from = 0.0
        self._load = 0.0
        self._changed_us = 0
        self._zero = 0.0
        self._tare = 0.0

    def put(self, weight: Decimal, at_us: int) -> None:
        """From now on this much stands on it (0: nothing)."""
        self._from = self._true(at_us)
        self._load = float(weight)
        self._changed_us = at_us

    def gross(self, at_us: int) -> Decimal:
        """The displayed gross weight: rounded to the interval."""
        noise = self._params.noise * (zlib.crc32(f"{self._seed}:{at_us}".encode()) / 0x7FFFFFFF - 1.0)
        return self._shown(self._true(at_us) - self._zero + noise)

    def tare(self) -> Decimal:
        """The tare taken last; 0 when none."""
        return self._shown(self._tare)

    def in_motion(self, at_us: int) -> bool:
        """Whether the weight still moves by more than half an interval."""
        return abs(self._true(at_us) - self._load) > float(self._params.interval) / 2

    def overloaded(self, at_us: int) -> bool:
        """Above capacity by more than nine intervals, the usual limit (OIML R 76-1, 4.2.3)."""
        return self._true(at_us) > float(self._params.capacity + 9 * self._params.interval)

    def set_zero(self, at_us: int) -> bool:
        """Take what is on it as zero; refused in motion."""
        if self.in_motion(at_us):
            return False
        self._zero = self._load
        return True

    def take_tare(self, at_us: int) -> bool:
        """Take what is on it as tare; refused in motion."""
        if self.in_motion(at_us):
            return False
        self._tare = self._load - self._zero
        return True

    def clear_tare(self) -> None:
        """Net is gross again."""
        self._tare = 0.0

    def settled_by_us(self) -> int:
        """When the present load is at rest for certain."""
        step = abs(self._load - self._from)
        calm = max(step / (float(self._params.interval) / 2), 1.0)
        return self._changed_us + int((self._params.tau_s * math.log(calm) + _QUIET_S) * 1e6)

    def _true(self, at_us: int) -> float:
        elapsed_s = max(0, at_us - self._changed_us) / 1e6
        swing = math.exp(-elapsed_s / self._params.tau_s) * math.cos(2 * math.pi * self._params.swing_hz * elapsed_s)
        return self._load + (self._from - self._load) * swing

    def _shown(self, weight: float) -> Decimal:
        interval = self._params.interval
        return (Decimal(weight) / interval).quantize(Decimal(1)) * interval
