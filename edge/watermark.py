"""How far reader time has come at one edge: what `EdgeBatch.watermark_us` promises, and what the promise rests on.

Corrected reader time runs with the edge's wall clock, behind it by the delay of reports. A connected reader's frontier
is `wall − lag − lateness`:

- lag: how far the newest read of its recent reports was behind their arrival, the largest of this and the last span of
  `_SPAN_US`. It is measured, so a slow link or a reader that holds reports slows the promise, not breaks it.
- lateness: a bound for what cannot be measured, the time between two reports of a reader (its oldest read may be that
  much older than the newest of the report before), plus scheduling.

The edge's frontier is the minimum over connected readers, and never goes back. It needs no reads to advance, so an idle
edge's heartbeats carry time forward. A lag above `lag_max_ms` counts as that much: a reader whose clock is wrong by
minutes must not hold up the site; its reads are late, which is said, and still reduced and sent. Disconnected readers
do not count: what they hold back until they are back is late.
"""

_SPAN_US = 2_000_000


class ReaderTime:
    """Tracks one edge's readers; pure, the wall clock is an argument."""

    def __init__(self, lateness_ms: int, lag_max_ms: int = 2_000) -> None:
        self.lateness_ms = lateness_ms
        self._lag_max_us = lag_max_ms * 1000
        self._connected: set[str] = set()
        self._lags: dict[str, tuple[int, int, int]] = {}  # span number, largest lag in it, largest in the one before
        self._frontier_us = 0

    def connected(self, reader: str) -> None:
        """From now on the reader counts."""
        self._connected.add(reader)

    def disconnected(self, reader: str) -> None:
        """From now on the reader does not count."""
        self._connected.discard(reader)
        self._lags.pop(reader, None)

    def arrived(self, reader: str, newest_us: int, arrival_us: int) -> None:
        """A report whose newest read is of `newest_us` arrived."""
        self._connected.add(reader)
        lag_us = min(max(arrival_us - newest_us, 0), self._lag_max_us)
        span = arrival_us // _SPAN_US
        known, largest, before = self._lags.get(reader, (span, 0, 0))
        if span != known:
            before, largest = (largest if span == known + 1 else 0), 0
        self._lags[reader] = (span, max(largest, lag_us), before)

    def frontier_us(self, wall_us: int) -> int:
        """Reader time that nothing still to come is expected to be before."""
        now_span = wall_us // _SPAN_US
        lag_us = 0
        for reader in self._connected:
            span, largest, before = self._lags.get(reader, (now_span, 0, 0))
            if span >= now_span - 1:
                lag_us = max(lag_us, largest, before if span == now_span else 0)
        self._frontier_us = max(self._frontier_us, wall_us - lag_us - self.lateness_ms * 1000)
        return self._frontier_us
