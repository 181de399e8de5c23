"""Photo-eye windows of a recording, made as wide as decisions are used to.

A beam across a belt is broken for as long as one box is long; a door's beams, some way apart, for as long as a pallet
is near. Tags are heard before and after either. Decisions are fitted on doors, and take tags that are still strong when
a window ends for another load's. So the first break of a window is put some time earlier and its last clearing as much
later, as far as windows stay apart; which eye broke first and cleared last, and so the direction, stays.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from stream.model import DeviceEvent
from warehouse.site import PhotoEye

APART_US = 1_000_000
"""Beams that are clear for less than this do not part two loads (`WindowParams.clear_s` and a tick)."""


def widened(events: Sequence[DeviceEvent], eyes: Sequence[PhotoEye], margin_us: int) -> tuple[DeviceEvent, ...]:
    """The events with one portal's windows widened on both sides by `margin_us`, or by what keeps them apart."""
    ordered = sorted(events, key=lambda event: event.at_us)
    windows = _windows(ordered, eyes)
    clear_us = [ordered[after].at_us - ordered[before].at_us for (_, before), (after, _) in pairwise(windows)]
    shares = [max(0, min(margin_us, (each - APART_US) // 2)) for each in clear_us]
    out = list(ordered)
    for (first, last), earlier, later in zip(windows, [margin_us, *shares], [*shares, margin_us], strict=False):
        out[first] = replace(ordered[first], at_us=ordered[first].at_us - earlier)
        out[last] = replace(ordered[last], at_us=ordered[last].at_us + later)
    return tuple(sorted(out, key=lambda event: event.at_us))


def _windows(ordered: Sequence[DeviceEvent], eyes: Sequence[PhotoEye]) -> list[tuple[int, int]]:
    """First break and last clearing of each time that any eye was blocked, as numbers of events."""
    blocked_at = {(eye.reader, eye.gpi): eye.blocked_state for eye in eyes}
    blocked: set[tuple[str, int]] = set()
    windows: list[tuple[int, int]] = []
    first = 0
    for number, event in enumerate(ordered):
        if event.port is None or (event.device, event.port) not in blocked_at:
            continue
        eye = event.device, event.port
        if event.state == blocked_at[eye]:
            first = number if not blocked else first
            blocked.add(eye)
        elif eye in blocked:
            blocked.remove(eye)
            if not blocked:
                windows.append((first, number))
    return windows
