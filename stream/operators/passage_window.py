"""When a load is in a door with photo-eyes. (Without them: `passage_density`.)

A window opens when a beam breaks. It closes when all beams have been clear for `clear_s` and the sequence is complete:
both sides broken, or one side twice (a load that turned round), or the portal has eyes on one side only. Unless the
next load breaks a beam, `settle_s` is waited for then, so that there is something to look at. An incomplete
sequence (a load standing between the beams) is waited for, up to `between_s`. A beam broken for longer than
`open_max_s` is a fault: the window is closed and the eye ignored until it clears. When all eyes of one side kept silent
in `silent_max` windows, or in the first of all, they are taken for blind or covered: windows are told of no more
(`are_whole`) until one of them breaks, and then at once, the one that is open too.

Time goes in ticks of a fixed grid of reader time, so the batches' arrangement does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from stream.model import DeviceEvent, DeviceEventKind
from warehouse.site import PhotoEye, Side


@dataclass(frozen=True, slots=True)
class WindowParams:
    """How windows open and close."""

    tick_us: int = 250_000
    clear_s: float = 0.7
    settle_s: float = 0.0
    between_s: float = 5.0
    open_max_s: float = 120.0
    silent_max: int = 3


@dataclass(frozen=True, slots=True)
class BeamBreak:
    """One interruption of one photo-eye; `until_us` is None while it lasts."""

    eye: int
    at_us: int
    until_us: int | None = None


@dataclass(slots=True)
class WindowState:
    """Where the tracker stands; encodable by msgspec. `silent` counts windows since an eye broke, by eye; `told`:
    somebody knows that the window is open.
    """

    opened_us: int | None = None
    breaks: list[BeamBreak] = field(default_factory=list)
    ignored: list[int] = field(default_factory=list)
    silent: dict[int, int] = field(default_factory=dict)
    told: bool = True

    def copy(self) -> "WindowState":
        """One that does not change with this."""
        return replace(self, breaks=list(self.breaks), ignored=list(self.ignored), silent=dict(self.silent))


@dataclass(frozen=True, slots=True)
class WindowEdge:
    """A window opened, or closed with its beams; `begun_us` is when a closed one is known to have begun after all."""

    opened: bool
    at_us: int
    breaks: tuple[BeamBreak, ...] = ()
    begun_us: int | None = None


class WindowTracker:
    """Opens and closes the windows of one portal by its photo-eyes."""

    def __init__(self, eyes: Sequence[PhotoEye], params: WindowParams, state: WindowState | None) -> None:
        self._eyes = tuple(eyes)
        self._params = params
        self.state = state or WindowState()
        self._two_sided = len({eye.side for eye in eyes}) > 1

    @property
    def idle(self) -> bool:
        """No beam broken, no window open."""
        return self.state.opened_us is None and not self.state.breaks

    @property
    def are_whole(self) -> bool:
        """Whether there are eyes, and on no side all are taken for blind."""
        seeing = {eye.side for number, eye in enumerate(self._eyes) if self._silent(number) < self._params.silent_max}
        return bool(self._eyes) and seeing == {eye.side for eye in self._eyes}

    @property
    def passed(self) -> bool:
        """Whether beams of both sides broke in the open window."""
        return len({self.side(each.eye) for each in self.state.breaks}) > 1

    def _silent(self, eye: int) -> int:
        return self.state.silent.get(eye, self._params.silent_max - 1)

    def side(self, eye: int) -> Side:
        """Which side the numbered eye watches."""
        return self._eyes[eye].side

    def beam(self, event: DeviceEvent) -> None:
        """Take one GPI event; events of other inputs are ignored."""
        if event.kind is not DeviceEventKind.GPI:
            return
        for index, eye in enumerate(self._eyes):
            if eye.reader == event.device and eye.gpi == event.port:
                self._level(index, event.at_us, event.state == eye.blocked_state)

    def tick(self, end_us: int) -> list[WindowEdge]:
        """One tick ending at `end_us` is complete."""
        edges: list[WindowEdge] = []
        while (due := self._first(end_us)) and self._over(due, end_us, edges):
            pass
        return edges

    def _first(self, end_us: int) -> list[BeamBreak]:
        """The breaks so far, up to where the beams were clear for long enough to end a window."""
        due = [b for b in self.state.breaks if b.at_us < end_us]
        for number in range(1, len(due)):
            before = due[:number]
            clear_us = max(b.until_us if b.until_us is not None else end_us for b in before)
            if due[number].at_us - clear_us >= self._wait_s(before) * 1e6:
                return before
        return due

    def _wait_s(self, breaks: Sequence[BeamBreak]) -> float:
        """How long beams are clear before a window of these breaks is over."""
        complete = not self._two_sided or self._complete(breaks)
        return self._params.clear_s if complete else self._params.between_s

    def _over(self, due: Sequence[BeamBreak], end_us: int, edges: list[WindowEdge]) -> bool:
        """Whether the window of these breaks is over; what opens and closes joins the edges."""
        state, params = self.state, self._params
        if state.opened_us is None:
            state.opened_us, state.told = due[0].at_us, False
        if not state.told and self.are_whole:
            state.told = True
            edges.append(WindowEdge(True, state.opened_us))
        still = [b for b in due if b.until_us is None or b.until_us >= end_us]
        if still and end_us - state.opened_us < params.open_max_s * 1e6:
            return False
        if still:
            state.ignored.extend(b.eye for b in still if b.until_us is None)
            last_clear = end_us
        else:
            last_clear = max(b.until_us or 0 for b in due)
            next_here = any(b.at_us < end_us for b in state.breaks if b not in due)
            wait_s = self._wait_s(due)
            if end_us - last_clear < (wait_s if next_here else max(wait_s, params.settle_s)) * 1e6:
                return False
        if state.told:
            edges.append(WindowEdge(False, last_clear, tuple(due)))
        state.breaks = [b for b in state.breaks if b not in due]
        state.opened_us = None
        broken = {b.eye for b in due}
        state.silent = {eye: 0 if eye in broken else self._silent(eye) + 1 for eye in range(len(self._eyes))}
        return True

    def _level(self, eye: int, at_us: int, blocked: bool) -> None:
        breaks = self.state.breaks
        self.state.silent[eye] = 0
        for index in range(len(breaks) - 1, -1, -1):
            if breaks[index].eye == eye and breaks[index].until_us is None:
                if not blocked:
                    breaks[index] = BeamBreak(eye, breaks[index].at_us, at_us)
                return
        if not blocked and eye in self.state.ignored:
            self.state.ignored.remove(eye)
        elif blocked and eye not in self.state.ignored:
            breaks.append(BeamBreak(eye, at_us))
            breaks.sort(key=lambda b: b.at_us)

    def _complete(self, breaks: Sequence[BeamBreak]) -> bool:
        """Both sides were broken, or the same side in two distinct interruptions more than `clear_s` apart."""
        if len({self.side(b.eye) for b in breaks}) > 1:
            return True
        gaps = (later.at_us - (earlier.until_us or later.at_us) for earlier, later in pairwise(breaks))
        return any(gap > self._params.clear_s * 1e6 for gap in gaps)
