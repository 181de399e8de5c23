"""What opens and closes a portal's windows: its photo-eyes, and how what it reads rises and falls.

Beams that work on all their sides have the say; a load too low for them is let through by what is read, once no beam
broke for `trust_eyes_s`.
"""

from dataclasses import replace

import numpy as np

from stream.model import BatchId, DeviceEvent, DeviceEventKind
from stream.operators.passage_antennas import PassageAntennas
from stream.operators.passage_density import DensityTracker
from stream.operators.passage_past import read_power_mw
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_state import PassageParams, PassageState
from stream.operators.passage_window import WindowEdge, WindowTracker
from stream.operators.slices import PlaceSlice
from warehouse.site import Portal

BEAMS_MAX = 1024  # photo-eye events ahead of the watermark; a faulty clock must not fill memory
Beam = tuple[DeviceEvent, BatchId]


class PassageEdges:
    """Both trackers of one portal. `beams` are photo-eye events that wait for their tick, `beam_us` the last one's."""

    def __init__(
        self,
        portal: Portal,
        antennas: PassageAntennas,
        rows: PassageRows,
        params: PassageParams,
        state: PassageState | None,
    ) -> None:
        self._antennas = antennas
        self._rows = rows
        self._tick_us, self._lookback_us = params.window.tick_us, int(params.lookback_s * 1e6)
        self._trust_us = params.trust_eyes_s * 1e6
        self._has_eyes = bool(portal.photo_eyes)
        one_sided = len({eye.side for eye in portal.photo_eyes}) == 1
        settle_s = params.beam_margin_s + params.tail_s if one_sided else 0.0
        window = replace(params.window, clear_s=portal.beams_clear_s, settle_s=settle_s)
        self.eyes = WindowTracker(portal.photo_eyes, window, state.window if state else None)
        self.density = DensityTracker(
            params.density, params.window.tick_us, params.window.open_max_s, state.density if state else None
        )
        self.beams: list[Beam] = list(state.beams) if state else []
        self.beam_us = state.beam_us if state else 0

    @property
    def idle(self) -> bool:
        """Nothing under way that could open or close a window by itself."""
        return self.eyes.idle and self.density.idle

    def take(self, piece: PlaceSlice) -> None:
        """The photo-eye events of a slice."""
        if self._has_eyes:
            self.beams += [(event, piece.origin) for event in piece.events if event.kind is DeviceEventKind.GPI]

    def start(self, now_us: int) -> int:
        """Begin with the tick of the oldest input, at most `lookback_s` ago; returns when that begins."""
        times = [now_us, *(event.at_us for event, _ in self.beams)]
        if len(self._rows.rows):
            times.append(int(self._rows.rows["first_us"].min()))
        oldest = max(min(times), now_us - self._lookback_us)
        at_us = oldest - oldest % self._tick_us
        self.density.start(at_us)
        return at_us

    def bound(self) -> None:
        """Let go of the oldest events that wait, beyond `BEAMS_MAX`."""
        self.beams = self.beams[-BEAMS_MAX:]

    def may_open_by_reads(self, end_us: int) -> bool:
        """Whether what is read may open a window in the tick that ends then."""
        return not self.eyes.are_whole or end_us - self.beam_us > self._trust_us

    def has_left(self, opened_us: int, by_eyes: bool) -> bool:
        """Whether the load of an open window seems to have left: what was read of it has fallen, and where beams have
        the say, those of both sides broke. A truck still breaks them when its load is out of the antennas' sight.
        """
        return (self.eyes.passed or not by_eyes) and self.density.has_fallen(opened_us)

    def tick(self, start_us: int, end_us: int) -> tuple[list[Beam], list[tuple[WindowEdge, bool]]]:
        """The events of one complete tick, and what opens and closes with it: by eyes (True) first, then by reads."""
        due = sorted((beam for beam in self.beams if beam[0].at_us < end_us), key=lambda beam: beam[0].at_us)
        self.beams = [beam for beam in self.beams if beam[0].at_us >= end_us]
        for event, _ in due:
            self.eyes.beam(event)
            self.beam_us = max(self.beam_us, event.at_us)
        by_eyes, by_reads = self.eyes.tick(end_us), self._by_reads(start_us, end_us)
        return due, [*((edge, True) for edge in by_eyes), *((edge, False) for edge in by_reads)]

    def _by_reads(self, start_us: int, end_us: int) -> list[WindowEdge]:
        """What the reads of one tick open and close; an amplitude is the root of a tag's power in the tick."""
        rows = self._rows.between(start_us, end_us)
        own = self._antennas.own(self._rows)[rows["antenna"]]
        tag, count = rows["tag"], len(self._rows.tags)
        power = read_power_mw(rows)
        tags = np.bincount(tag, minlength=count).nonzero()[0]
        own_mw, other_mw = (np.bincount(tag, power * part, count).take(tags) for part in (own, ~own))
        edges = self.density.tick(end_us, count, tags, np.sqrt(own_mw), np.sqrt(other_mw))
        return [
            WindowEdge(True, opened) if closed is None else WindowEdge(False, closed, begun_us=opened)
            for opened, closed in edges
        ]
