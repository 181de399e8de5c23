"""Light barriers across a door: blocked while any part of any body is in the beam.

Beams run along x through the opening at one y and one height. A turned box is taken as its bounding rectangle.
"""

from dataclasses import dataclass

import numpy as np

from simulators.physics.world import Body, Bools, Floats, Opening, Part, World

STEP_S = 0.01
BEAM_HEIGHT_M = 0.6
DEBOUNCE_S = 0.03


@dataclass(frozen=True, slots=True)
class Beam:
    """One light barrier."""

    opening: Opening
    y_m: float


def level_changes(world: World, beam: Beam, start_s: float, end_s: float) -> list[tuple[float, bool]]:
    """Times and new levels (True is blocked) between two times, starting from free."""
    t_s = np.arange(start_s, end_s, STEP_S)
    blocked = np.zeros(len(t_s), dtype=bool)
    for body in world.bodies:
        first, last = np.searchsorted(t_s, (body.path.start_s, body.path.end_s))
        if last > first:
            blocked[first:last] |= _in_beam(body, beam, t_s[first:last])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], blocked)).astype(np.int8)))
    changes: list[tuple[float, bool]] = []
    for edge in edges:
        at, state = float(t_s[edge]), bool(blocked[edge])
        if changes and at - changes[-1][0] < DEBOUNCE_S:
            changes.pop()
        else:
            changes.append((at, state))
    return changes


def _in_beam(body: Body, beam: Beam, t_s: Floats) -> Bools:
    blocked = np.zeros(len(t_s), dtype=bool)
    x_m, y_m, yaw = body.path.at(t_s)
    for part in body.parts:
        if part.z_m > BEAM_HEIGHT_M or part.z_m + part.height_m < BEAM_HEIGHT_M:
            continue
        (low_x, high_x), (low_y, high_y) = footprint(part, x_m, y_m, yaw)
        half = beam.opening.width_m / 2
        across = (low_x < beam.opening.x_m + half) & (high_x > beam.opening.x_m - half)
        blocked |= across & (low_y <= beam.y_m) & (high_y >= beam.y_m)
    return blocked


def footprint(part: Part, x_m: Floats, y_m: Floats, yaw: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """The bounding rectangle of a part on the floor: (x from, x to), (y from, y to)."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    middle_x = x_m + cos * part.x_m - sin * part.y_m
    middle_y = y_m + sin * part.x_m + cos * part.y_m
    half_x = 0.5 * (np.abs(cos) * part.width_m + np.abs(sin) * part.length_m)
    half_y = 0.5 * (np.abs(sin) * part.width_m + np.abs(cos) * part.length_m)
    return (middle_x - half_x, middle_x + half_x), (middle_y - half_y, middle_y + half_y)
