"""Where things are: boxes on paths, carrying tags.

Coordinates in metres: x along the wall, y across it (y < 0 outside, y > 0 inside, the doors are in the plane y = 0),
z up from the floor. Times in seconds since the start of the world, float64. A body's own frame has its origin on the
floor in the middle of its box, +y ahead; `yaw` turns it counter-clockwise.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulators.physics.parameters import MATERIALS, Material

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Path:
    """Positions over time, linear between knots; a body exists from the first knot to the last."""

    t_s: Floats
    x_m: Floats
    y_m: Floats
    yaw_rad: Floats

    def at(self, t_s: Floats) -> tuple[Floats, Floats, Floats]:
        """x, y, yaw at the given times, clamped to the ends."""
        return (
            np.interp(t_s, self.t_s, self.x_m),
            np.interp(t_s, self.t_s, self.y_m),
            np.interp(t_s, self.t_s, self.yaw_rad),
        )

    @property
    def start_s(self) -> float:
        return float(self.t_s[0])

    @property
    def end_s(self) -> float:
        return float(self.t_s[-1])

    def rests(self, start_s: float, end_s: float) -> bool:
        """Whether nothing changes between two times."""
        inner = (self.t_s > start_s) & (self.t_s < end_s)
        times = np.concatenate(([start_s], self.t_s[inner], [end_s]))
        x_m, y_m, yaw = self.at(times)
        return bool(np.ptp(x_m) < 1e-9 and np.ptp(y_m) < 1e-9 and np.ptp(yaw) < 1e-9)


def still(x_m: float, y_m: float, start_s: float, end_s: float, yaw_rad: float = 0.0) -> Path:
    """A path that stays."""
    return Path(np.array([start_s, end_s]), np.array([x_m, x_m]), np.array([y_m, y_m]), np.array([yaw_rad, yaw_rad]))


@dataclass(frozen=True, slots=True)
class Part:
    """A box fixed to a body: the goods, or the truck and driver behind them. Bottom at `z_m`."""

    x_m: float
    y_m: float
    z_m: float
    length_m: float
    width_m: float
    height_m: float
    material: str

    @property
    def loss(self) -> Material:
        return MATERIALS[self.material]


@dataclass(frozen=True, slots=True)
class TagSet:
    """n tags fixed to a body, in its frame: `offset_m` (n, 3); `axis` (n, 3), unit vectors of the dipoles.

    `sensitivity_dbm` (n,) as applied; `depth_db` (n,) what the goods around it take from fields from everywhere.
    """

    epcs: tuple[str, ...]
    offset_m: Floats
    axis: Floats
    sensitivity_dbm: Floats
    depth_db: Floats

    def __len__(self) -> int:
        return len(self.epcs)


def no_tags() -> TagSet:
    """An empty set."""
    return TagSet((), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Body:
    """Something that moves or stands: parts that obstruct, tags that answer."""

    name: str
    path: Path
    parts: tuple[Part, ...]
    tags: TagSet = field(default_factory=no_tags)


@dataclass(frozen=True, slots=True)
class Opening:
    """A door in the wall, from x − width/2 to x + width/2."""

    x_m: float
    width_m: float = 3.0


@dataclass(frozen=True, slots=True)
class World:
    """Everything around. `openings` empty means there is no wall (a zone inside a hall)."""

    bodies: tuple[Body, ...]
    openings: tuple[Opening, ...]
    duration_s: float
