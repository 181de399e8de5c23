"""Scales behind the doors of the simulated plant: what pallets truly weigh, and when they stand on which scale.

An inbound pallet is set down on its door's scale `ON_AFTER_S` after it has left the door, rests, and is taken away
before the next one can have come through. Everything follows from the plant's truth, so a plant with scales has the
same day as one without.
"""

from dataclasses import dataclass
from decimal import Decimal

from simulators.plant_documents import PlantItem
from simulators.plant_truth import PlantTruth
from warehouse.site import Direction

PALLET_KG = Decimal(25)
UNKNOWN_CARTON_KG = Decimal(7)
ON_AFTER_S = 3.5
REST_S = 5.5


@dataclass(frozen=True, slots=True)
class PlantWeighing:
    """One pallet on one scale. `books_differ`: cartons are on it that no document names, so it weighs too much."""

    scale: str
    door: str
    load_id: str
    pallet_epc: str
    on_us: int
    off_us: int
    weight_kg: Decimal
    books_differ: bool


def carton_kg(items: tuple[PlantItem, ...], code: str) -> Decimal:
    """What a carton of an item weighs: 4 kg for the first item, 1.5 kg more for each next one."""
    index = next(number for number, item in enumerate(items) if item.code == code)
    return Decimal(4) + Decimal("1.5") * index


def scale_name(door: str) -> str:
    """The scale behind a door."""
    return f"scale-{door.rpartition('-')[2]}"


def plan(truth: PlantTruth, items: tuple[PlantItem, ...], doors: tuple[str, ...], end_us: int) -> list[PlantWeighing]:
    """What stands on the scales of these doors, in order of time; what comes off after the end is left out."""
    planned = []
    for load in truth.loads:
        on_us = load.load.end_us + round(ON_AFTER_S * 1e6)
        off_us = on_us + round(REST_S * 1e6)
        if load.load.portal not in doors or load.load.direction is not Direction.IN or off_us > end_us:
            continue
        weight = PALLET_KG + UNKNOWN_CARTON_KG * len(load.unknown) + carton_kg(items, load.item) * len(load.announced)
        weight += sum((carton_kg(items, item) for _, item in load.unannounced), Decimal(0))
        planned.append(
            PlantWeighing(
                scale_name(load.load.portal),
                load.load.portal,
                load.load.load_id,
                load.load.epcs[0],
                on_us,
                off_us,
                weight,
                bool(load.unannounced or load.unknown),
            )
        )
    return sorted(planned, key=lambda weighing: (weighing.on_us, weighing.scale))
