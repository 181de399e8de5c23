"""Tags in the world: positions and dipole axes of tags fixed to moving bodies."""

import numpy as np

from simulators.physics.propagation import Ints
from simulators.physics.world import Body, Floats


def turned(vectors: Floats, yaw: Floats) -> Floats:
    """Vectors (..., 3) turned about z; yaw broadcasts over the leading shape."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack(
        [
            cos * vectors[..., 0] - sin * vectors[..., 1],
            sin * vectors[..., 0] + cos * vectors[..., 1],
            np.broadcast_to(vectors[..., 2], np.broadcast_shapes(vectors.shape[:-1], np.shape(yaw))),
        ],
        axis=-1,
    )


def placed(body: Body, t_s: Floats, tag: Ints) -> tuple[Floats, Floats]:
    """Position and axis of chosen tags at their own times, (n, 3) each."""
    x_m, y_m, yaw = body.path.at(t_s)
    position = turned(body.tags.offset_m[tag], yaw)
    position[:, 0] += x_m
    position[:, 1] += y_m
    return position, turned(body.tags.axis[tag], yaw)


def placed_all(bodies: list[Body], t_s: Floats) -> tuple[Floats, Floats]:
    """Position and axis of all tags of some bodies at all times, (T, n, 3) each."""
    positions, axes = [], []
    for body in bodies:
        x_m, y_m, yaw = body.path.at(t_s)
        position = turned(body.tags.offset_m[None], yaw[:, None])
        position[..., 0] += x_m[:, None]
        position[..., 1] += y_m[:, None]
        positions.append(position)
        axes.append(turned(body.tags.axis[None], yaw[:, None]))
    return np.concatenate(positions, axis=1), np.concatenate(axes, axis=1)
