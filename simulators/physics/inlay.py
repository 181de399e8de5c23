"""Tags as they come: sensitivity spread, orientation, and how deep they sit in the goods."""

import numpy as np

from simulators.physics.parameters import Inlay
from simulators.physics.world import Floats, Part, TagSet

STANDOFF_M = 0.01
"""How far outward labels stand off the goods."""


def dipole_db(inlay: Inlay, cos_to_axis: Floats) -> Floats:
    """Gain of a short dipole relative to broadside (≤ 0 dB): sin² of the angle to its axis, with a floor."""
    power = np.maximum(1.0 - cos_to_axis**2, 10.0 ** (-inlay.pattern_floor_db / 10.0))
    db: Floats = 10.0 * np.log10(power)
    return db


def stack(
    rng: np.random.Generator,
    inlay: Inlay,
    epcs: tuple[str, ...],
    goods: Part,
    *,
    labelled_sides: bool = True,
    outward: bool = False,
) -> TagSet:
    """Tags spread through a box of goods: cartons in a grid, each tag on one face of its carton.

    With `labelled_sides` the tag is on a vertical face, its dipole horizontal along that face, as carton labels are;
    otherwise orientation is random, as in loose goods. `outward` puts every tag on the outside of the stack, as labels
    go on liquids and metal.
    """
    n = len(epcs)
    columns = max(1, round((n * goods.length_m * goods.width_m / goods.height_m**2) ** (1 / 3)))
    layers = max(1, -(-n // (columns * columns)))
    cell = np.arange(n)
    layer = cell // (columns * columns)
    row = (cell // columns) % columns
    column = cell % columns
    jitter = rng.uniform(-0.25, 0.25, (n, 3))
    unit = np.stack(
        [
            (column + 0.5 + jitter[:, 0]) / columns,
            (row + 0.5 + jitter[:, 1]) / columns,
            (layer + 0.5 + jitter[:, 2]) / layers,
        ],
        axis=1,
    )
    size = np.array([goods.width_m, goods.length_m, goods.height_m])
    local = (unit - np.array([0.5, 0.5, 0.0])) * size
    face = rng.integers(0, 4, n)
    pull = np.stack([np.array([1, -1, 0, 0])[face], np.array([0, 0, 1, -1])[face]], axis=1)
    local[:, :2] += pull * (0.45 * size[:2] / columns)
    local[:, :2] = np.clip(local[:, :2], -0.5 * size[:2], 0.5 * size[:2])
    if outward:
        local[:, :2] = np.where(pull != 0, pull * (0.5 * size[:2] + STANDOFF_M), local[:, :2])
    if labelled_sides:
        axis = np.stack([np.abs(pull[:, 1]), np.abs(pull[:, 0]), np.zeros(n)], axis=1).astype(np.float64)
        axis += rng.normal(0.0, 0.15, (n, 3))
    else:
        axis = rng.normal(0.0, 1.0, (n, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    sensitivity = inlay.sensitivity_dbm + rng.normal(0.0, inlay.sensitivity_sd_db, n)
    sensitivity += np.where(rng.random(n) < inlay.weak_share, inlay.weak_db, 0.0)
    to_face = np.maximum(np.min(0.5 * size[:2] - np.abs(local[:, :2]), axis=1), 0.0)
    depth = np.minimum(to_face * goods.loss.db_per_m, goods.loss.most_db)
    offset = local + np.array([goods.x_m, goods.y_m, goods.z_m])
    return TagSet(epcs, offset, axis, sensitivity, depth)
