"""The seeded plant: paper and truth that fit, every case shown, the same day from the same seed."""

import itertools
from collections import Counter

import pytest

from simulators.plant import Plant
from simulators.plant_truth import Surprise
from warehouse.site import Direction, Side

SECONDS = 240.0


@pytest.fixture(scope="module")
def plant() -> Plant:
    return Plant(7, SECONDS)


def test_a_seed_determines_the_day(plant: Plant) -> None:
    again = Plant(7, SECONDS)
    assert again.documents == plant.documents
    assert again.truth == plant.truth
    assert again.gpi_changes == plant.gpi_changes
    assert Plant(8, SECONDS).documents != plant.documents


def test_three_doors_with_two_antennas_a_side_and_light_barriers(plant: Plant) -> None:
    assert [portal.name for portal in plant.site.portals] == ["door-1", "door-2", "door-3"]
    for reader, portal in zip(plant.site.readers, plant.site.portals, strict=True):
        assert Counter(antenna.side for antenna in reader.antennas) == {Side.INSIDE: 2, Side.OUTSIDE: 2}
        assert {eye.side for eye in portal.photo_eyes} == {Side.INSIDE, Side.OUTSIDE}


def test_both_directions_and_every_surprise_happen(plant: Plant) -> None:
    assert {load.load.direction for load in plant.truth.loads} == {Direction.IN, Direction.OUT}
    assert {surprise for load in plant.truth.loads for surprise in load.surprises} == set(Surprise)
    assert plant.truth.bystanders


def test_some_of_what_leaves_goes_to_customers_and_some_into_production(plant: Plant) -> None:
    kinds = Counter(document.kind for document in plant.documents)
    assert kinds["work_order_issue"] >= 2
    assert kinds["delivery"] >= 1


def test_every_load_has_its_document_announced_before_it_comes(plant: Plant) -> None:
    documents = {document.number: document for document in plant.documents}
    assert len(documents) == len(plant.documents)
    for load in plant.truth.loads:
        document = documents[load.document]
        inward = load.load.direction is Direction.IN
        assert document.kind in ({"purchase_receipt"} if inward else {"delivery", "work_order_issue"})
        assert bool(document.makes) is (document.kind == "work_order_issue")
        assert document.announced_us <= load.load.start_us
        assert document.portal == load.load.portal
        named = {epc for line in document.lines for epc in line.epcs}
        assert named == {*load.announced, *load.missing}
        assert all(line.quantity == len(line.epcs) for line in document.lines)


def test_the_tags_on_a_load_are_those_of_its_pallet_and_cartons(plant: Plant) -> None:
    units = {document.number: document.units[0] for document in plant.documents}
    for load in plant.truth.loads:
        expected = {units[load.document].epc, *load.announced, *load.unknown, *(epc for epc, _ in load.unannounced)}
        assert set(load.load.epcs) == expected


def test_what_leaves_was_in_stock_or_came_in_before(plant: Plant) -> None:
    inside = {epc for opening in plant.opening for epc in opening.unit.cartons}
    for load in sorted(plant.truth.loads, key=lambda load: load.load.start_us):
        moved = {*load.announced, *(epc for epc, _ in load.unannounced)}
        if load.load.direction is Direction.IN:
            assert not moved & inside
            inside |= moved
        else:
            assert moved <= inside
            inside -= moved
    at_most = sum(line.most for line in plant.truth.stock)
    at_least = sum(line.least for line in plant.truth.stock)
    assert at_least <= len(inside) <= at_most


def test_loads_at_one_door_do_not_overlap(plant: Plant) -> None:
    for portal in plant.site.portals:
        own = sorted(
            (load.load for load in plant.truth.loads if load.load.portal == portal.name), key=lambda x: x.start_us
        )
        assert all(one.end_us < two.start_us for one, two in itertools.pairwise(own))


def test_everything_is_over_before_the_end(plant: Plant) -> None:
    assert max(load.load.end_us for load in plant.truth.loads) < plant.end_us
    assert max(event.time_us for event in plant.gpi_changes) < plant.end_us


def test_too_short_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="60 s"):
        Plant(1, 10.0)
