"""Paths through and around a door. All start and end far enough away that little is heard there.

`sign` is +1 for inward (−y to +y), −1 for outward; times in seconds, metres, metres a second. Knots every 0.1 s where
the path bends or the speed changes, so linear interpolation is smooth enough for the phase.
"""

import numpy as np

from simulators.physics.world import Floats, Path

KNOT_S = 0.1
ACCELERATION_M_S2 = 0.8


def heading(sign: int) -> float:
    """Yaw of a body that looks inward (0) or outward (π)."""
    return 0.0 if sign > 0 else float(np.pi)


def _distance_over_time(legs: list[tuple[float, float]], cruise_m_s: float) -> tuple[Floats, Floats]:
    """Times and distances for legs (length, pause after), each started and ended at rest when it has a pause."""
    times, places = [0.0], [0.0]
    t, s = 0.0, 0.0
    for index, (length, pause) in enumerate(legs):
        from_rest = index > 0
        to_rest = pause > 0.0
        ramp = cruise_m_s / ACCELERATION_M_S2
        lost = (from_rest + to_rest) * 0.5 * ramp
        duration = max(length / cruise_m_s + lost, 2.0 * KNOT_S)
        local = np.arange(KNOT_S, duration + KNOT_S, KNOT_S)
        local[-1] = duration
        speed = np.full(len(local), 1.0)
        if from_rest:
            speed = np.minimum(speed, local / ramp)
        if to_rest:
            speed = np.minimum(speed, (duration - local) / ramp + 1e-3)
        travelled = np.cumsum(speed * np.diff(np.concatenate(([0.0], local))))
        travelled *= length / travelled[-1]
        times.extend((t + local).tolist())
        places.extend((s + travelled).tolist())
        t, s = t + duration, s + length
        if to_rest:
            t += pause
            times.append(t)
            places.append(s)
    return np.array(times), np.array(places)


def through(
    start_s: float,
    x_m: float,
    sign: int,
    speed_m_s: float,
    reach_m: float,
    stops: tuple[tuple[float, float], ...] = (),
    sway_m: float = 0.0,
) -> Path:
    """Straight through the door at `x_m`; `stops` are (y along the way, seconds) in the order they are met."""
    legs, at = [], -reach_m
    for place, pause in stops:
        legs.append((place - at, pause))
        at = place
    legs.append((reach_m - at, 0.0))
    t_s, way = _distance_over_time(legs, speed_m_s)
    y_m = sign * (way - reach_m)
    x = x_m + sway_m * np.sin(way * 0.9)
    return Path(start_s + t_s, x, y_m, np.full(len(t_s), heading(sign)))


def turn_round(
    start_s: float, x_m: float, sign: int, speed_m_s: float, reach_m: float, depth_m: float, pause_s: float
) -> Path:
    """Up to `depth_m` past the door plane (negative: before it), a pause, and back the same way, reversing."""
    t_s, way = _distance_over_time([(reach_m + depth_m, pause_s), (reach_m + depth_m, 0.0)], speed_m_s)
    top = reach_m + depth_m
    y_m = sign * (np.where(way <= top, way, 2.0 * top - way) - reach_m)
    return Path(start_s + t_s, np.full(len(t_s), x_m), y_m, np.full(len(t_s), heading(sign)))


def along(start_s: float, y_m: float, from_x_m: float, to_x_m: float, speed_m_s: float) -> Path:
    """Past the doors on one side, parallel to the wall."""
    length = abs(to_x_m - from_x_m)
    t_s, way = _distance_over_time([(length, 0.0)], speed_m_s)
    step = 1.0 if to_x_m > from_x_m else -1.0
    yaw = -np.pi / 2 if step > 0 else np.pi / 2
    return Path(start_s + t_s, from_x_m + step * way, np.full(len(t_s), y_m), np.full(len(t_s), yaw))


def bring_and_leave(
    start_s: float, x_m: float, y_m: float, sign: int, speed_m_s: float, from_m: float, stay_s: float
) -> Path:
    """From `from_m` behind to a spot beside the door, a stay, and back."""
    t_s, way = _distance_over_time([(from_m, stay_s), (from_m, 0.0)], speed_m_s)
    ahead = np.where(way <= from_m, way, 2.0 * from_m - way) - from_m
    return Path(start_s + t_s, np.full(len(t_s), x_m), y_m + sign * ahead, np.full(len(t_s), heading(sign)))
