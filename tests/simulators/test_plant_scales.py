"""Pallets on the plant's scales: after they came in, one at a time, as heavy as what is on them."""

from decimal import Decimal
from itertools import pairwise

import pytest

from simulators.plant import Plant
from simulators.plant_scales import PALLET_KG, carton_kg
from warehouse.site import Direction


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_inbound_pallets_stand_on_their_doors_scale_one_after_another(seed: int) -> None:
    plant = Plant(seed, 240.0)
    loads = {load.load.load_id: load for load in plant.truth.loads}
    assert {weighing.scale for weighing in plant.weighings} == {"scale-1", "scale-2"}
    for weighing in plant.weighings:
        load = loads[weighing.load_id]
        assert (load.load.portal, load.load.direction) == (weighing.door, Direction.IN)
        assert load.load.end_us < weighing.on_us < weighing.off_us <= plant.end_us
        assert weighing.books_differ is bool(load.unannounced or load.unknown)
        if not load.unannounced and not load.unknown:
            assert weighing.weight_kg == PALLET_KG + carton_kg(plant.items, load.item) * len(load.announced)
    for scale in ("scale-1", "scale-2"):
        mine = [weighing for weighing in plant.weighings if weighing.scale == scale]
        for before, after in pairwise(mine):
            assert before.off_us < after.on_us
            # The next load of the door comes through only when this one is off: nobody has to guess which it is.
            assert before.off_us < loads[after.load_id].load.end_us


def test_items_weigh_differently() -> None:
    plant = Plant(1, 60.0)
    weights = [carton_kg(plant.items, item.code) for item in plant.items]
    assert len(set(weights)) == len(weights)
    assert min(weights) == Decimal(4)
