"""Things that pass doors: pallets on forklifts, pallets on hand trucks, totes on conveyors, pallets that stand, people.

Sizes: EUR pallet 1.2 × 0.8 m (EN 13698-1), industrial pallet 1.2 × 1.0 m (ISO 6780); goods 0.8 to 1.8 m high.
The goods' middle is the body's origin; what drives them is a part behind (forklift) or ahead (hand truck).
"""

import numpy as np

from simulators.physics.inlay import stack
from simulators.physics.parameters import Inlay
from simulators.physics.world import Body, Part, Path

PALLET_M = 0.15
OUTWARD = ("liquid", "metal")


def goods(rng: np.random.Generator, material: str, tags: int, *, tote: bool = False) -> Part:
    """A box of goods with room for that many cartons."""
    if tote:
        return Part(0.0, 0.0, 0.7, 0.6, 0.4, 0.35, material)
    height = float(np.clip(rng.uniform(0.8, 1.3) + tags / 250.0, 0.8, 1.8))
    return Part(0.0, 0.0, PALLET_M, 1.2, float(rng.choice([0.8, 1.0])), height, material)


def forklift_behind() -> tuple[Part, ...]:
    """Mast, body and driver of a counterbalance truck, forks under the goods."""
    return (Part(0.0, -0.85, 0.0, 0.25, 0.9, 2.2, "truck"), Part(0.0, -2.1, 0.0, 2.0, 1.1, 1.9, "truck"))


def person_ahead() -> tuple[Part, ...]:
    """Someone pulling."""
    return (Part(0.0, 1.3, 0.0, 0.35, 0.5, 1.75, "person"),)


def person() -> tuple[Part, ...]:
    """Someone walking."""
    return (Part(0.0, 0.0, 0.0, 0.35, 0.5, 1.75, "person"),)


def carrier(kind: str) -> tuple[Part, ...]:
    """What drives the goods: forklift, hand_truck, conveyor, or none. KeyError for another word."""
    return {"forklift": forklift_behind(), "hand_truck": person_ahead(), "conveyor": (), "none": ()}[kind]


def load(
    rng: np.random.Generator,
    inlay: Inlay,
    name: str,
    path: Path,
    epcs: tuple[str, ...],
    material: str,
    kind: str,
    *,
    loose: bool = False,
) -> Body:
    """Goods with tags, and their carrier. Labels on liquids and metal are on the outside of the stack."""
    box = goods(rng, material, len(epcs), tote=kind == "conveyor")
    return Body(
        name,
        path,
        (box, *carrier(kind)),
        stack(rng, inlay, epcs, box, labelled_sides=not loose, outward=material in OUTWARD),
    )
