"""What to add to one reader's timestamps: a slewed offset per connection.

Theory. A report that left the reader at its time r arrives at our time a = r + offset + delay, with delay ≥ 0: air
time until the report trigger, queues, network. Delay only ever adds, so the smallest a − r of a window is the best
estimate of the offset (the minimum filter of NTP, RFC 5905 section 10, and of Cristian's algorithm). A report is never
restamped by its own arrival: jitter would reorder reads. The correction in force moves toward the estimate by at most
`slew_ppm`, in steps of at least `step_us_min`, each of which is handed out to be recorded, so a replay adds the same.

Jumps are not slewed. A read cannot arrive before it happened: a − r below the offset by more than `jump_us` proves that
the reader's clock jumped forward, at once. The other way looks like delay (a backlog held during a reconnect), so a
backward jump is believed only when a − r has stayed above by more than `jump_us` for `hold_us` while agreeing within
`agree_us`; a draining backlog does not agree with itself.

The first observation of a connection sets the offset: it is the ConnectionAttemptEvent's timestamp, sent at once. A
reader without UTC counts uptime; the same arithmetic turns that into UTC, and its restart is a jump.
"""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """Bounds of the model; `window_us` of arrival time and `window_max` observations are kept, whichever is less."""

    window_us: int = 30_000_000
    window_max: int = 256
    slew_ppm: int = 500
    step_us_min: int = 1_000
    jump_us: int = 1_000_000
    hold_us: int = 2_000_000
    agree_us: int = 250_000


@dataclass(frozen=True, slots=True)
class Correction:
    """From now on `offset_us` is added to the reader's timestamps; `jumped_us` is its own step, 0 for a slew."""

    offset_us: int
    jumped_us: int = 0


class ReaderClockModel:
    """The clock model of one connection; give every message's newest reader timestamp to `observe`."""

    def __init__(self, settings: ClockSettings | None = None) -> None:
        self._settings = settings or ClockSettings()
        self._offset_us: int | None = None
        self._corrected_at_us = 0
        # Pairs (arrival_us, a − r) with increasing a − r: the front is the minimum of the window.
        self._minima: deque[tuple[int, int]] = deque()
        self._suspects: deque[tuple[int, int]] = deque(maxlen=self._settings.window_max)

    @property
    def offset_us(self) -> int:
        return self._offset_us or 0

    def observe(self, reader_us: int, arrival_us: int) -> Correction | None:
        """Take the newest reader timestamp of a message that arrived at `arrival_us`; a correction if one is due."""
        difference_us = arrival_us - reader_us
        if self._offset_us is None:
            return self._step_to(difference_us, arrival_us, jumped_us=0)
        above_us = difference_us - self._offset_us
        if above_us < -self._settings.jump_us:
            return self._step_to(difference_us, arrival_us, jumped_us=-above_us)
        if above_us > self._settings.jump_us:
            return self._suspect(difference_us, arrival_us)
        self._suspects.clear()
        self._remember(difference_us, arrival_us)
        return self._slew(arrival_us)

    def _suspect(self, difference_us: int, arrival_us: int) -> Correction | None:
        suspects = self._suspects
        if suspects and abs(suspects[0][1] - difference_us) > self._settings.agree_us:
            suspects.clear()
        suspects.append((arrival_us, difference_us))
        if arrival_us - suspects[0][0] < self._settings.hold_us or len(suspects) < 2:
            return None
        lowest_us = min(difference for _, difference in suspects)
        return self._step_to(lowest_us, arrival_us, jumped_us=self.offset_us - lowest_us)

    def _remember(self, difference_us: int, arrival_us: int) -> None:
        minima = self._minima
        while minima and minima[-1][1] >= difference_us:
            minima.pop()
        minima.append((arrival_us, difference_us))
        while minima[0][0] < arrival_us - self._settings.window_us or len(minima) > self._settings.window_max:
            minima.popleft()

    def _slew(self, arrival_us: int) -> Correction | None:
        assert self._offset_us is not None
        error_us = self._minima[0][1] - self._offset_us
        allowed_us = (arrival_us - self._corrected_at_us) * self._settings.slew_ppm // 1_000_000
        move_us = max(-allowed_us, min(allowed_us, error_us))
        if abs(move_us) < self._settings.step_us_min:
            return None
        self._offset_us += move_us
        self._corrected_at_us = arrival_us
        return Correction(self._offset_us)

    def _step_to(self, offset_us: int, arrival_us: int, *, jumped_us: int) -> Correction:
        self._offset_us = offset_us
        self._corrected_at_us = arrival_us
        self._minima.clear()
        self._minima.append((arrival_us, offset_us))
        self._suspects.clear()
        return Correction(offset_us, jumped_us)
