"""Loss through boxes between antenna and tag: path length inside times loss per metre, bounded by diffraction.

The ray is clipped against each box in the box's frame (slab method); the wall is crossed or not. One way, in dB.
"""

import numpy as np

from simulators.physics.world import Floats, Opening, Part

NEAR_ZERO = 1e-9


def box_loss_db(part: Part, pose: tuple[Floats, Floats, Floats], start: Floats, end: Floats) -> Floats:
    """Loss of rays through one part. pose: x, y, yaw, shape (T,); start (T, 1, 3), end (T, n, 3); result (T, n)."""
    x_m, y_m, yaw = pose
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]

    def into_frame(points: Floats) -> tuple[Floats, Floats, Floats]:
        dx = points[..., 0] - x_m[:, None]
        dy = points[..., 1] - y_m[:, None]
        return cos * dx + sin * dy - part.x_m, -sin * dx + cos * dy - part.y_m, points[..., 2] - part.z_m

    ax, ay, az = into_frame(start)
    bx, by, bz = into_frame(end)
    enter: Floats = np.zeros(bx.shape)
    leave: Floats = np.ones(bx.shape)
    for a, b, low, high in (
        (ax, bx, -part.width_m / 2, part.width_m / 2),
        (ay, by, -part.length_m / 2, part.length_m / 2),
        (az, bz, 0.0, part.height_m),
    ):
        step = b - a
        step = np.where(np.abs(step) < NEAR_ZERO, NEAR_ZERO, step)
        first, second = (low - a) / step, (high - a) / step
        enter = np.maximum(enter, np.minimum(first, second))
        leave = np.minimum(leave, np.maximum(first, second))
    share = np.maximum(leave - enter, 0.0)
    length = share * np.sqrt((bx - ax) ** 2 + (by - ay) ** 2 + (bz - az) ** 2)
    return np.minimum(length * part.loss.db_per_m, part.loss.most_db)


def wall_loss_db(openings: tuple[Opening, ...], wall_db: float, start: Floats, end: Floats) -> Floats:
    """Loss where a ray crosses the wall y = 0 beside the doors; start (T, 1, 3), end (T, n, 3); result (T, n)."""
    shape = np.broadcast_shapes(start.shape[:-1], end.shape[:-1])
    if not openings:
        return np.zeros(shape)
    crosses = (start[..., 1] * end[..., 1]) < 0.0
    step = end[..., 1] - start[..., 1]
    at = -start[..., 1] / np.where(np.abs(step) < NEAR_ZERO, NEAR_ZERO, step)
    x_m = start[..., 0] + at * (end[..., 0] - start[..., 0])
    free = np.zeros(shape, dtype=bool)
    for opening in openings:
        free |= np.abs(x_m - opening.x_m) < opening.width_m / 2
    return np.where(crosses & ~free, wall_db, 0.0)
