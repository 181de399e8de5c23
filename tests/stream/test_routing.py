"""Which place gets what of a batch."""

from dataclasses import replace

import numpy as np
import pytest

from stream.model import EMPTY, DeviceEvent, DeviceEventKind, EdgeBatch, Sightings
from stream.routing import Router, places_of, take
from tests.stream.traffic import START_US, batch, epc, sighting, site, traffic
from warehouse.site import AntennaRef, Portal, Reader, Site, Zone

BATCH = next(each for each in traffic(10) if len({ref.port for ref in each.sightings.antennas}) >= 4)


def rows(sightings: Sightings) -> set[tuple[object, ...]]:
    """Sightings as values, dictionaries resolved."""
    return {
        (sightings.tags[tag], sightings.antennas[antenna], int(first), float(power))
        for tag, antenna, first, power in zip(
            sightings.tag, sightings.antenna, sightings.first_us, sightings.power_mw, strict=True
        )
    }


def with_events(*events: DeviceEvent) -> EdgeBatch:
    return replace(batch(1), events=events)


def gpi(port: int, device: str = "dock") -> DeviceEvent:
    return DeviceEvent(device, DeviceEventKind.GPI, START_US, port=port, state=True)


def test_a_portal_gets_its_own_and_its_neighbours_antennas_and_a_zone_its_own() -> None:
    slices = Router(site()).route(BATCH).slices
    dock = {row for row in rows(BATCH.sightings) if row[1].reader == "dock"}  # type: ignore[attr-defined]
    assert rows(slices["dock1"].sightings) == rows(slices["dock2"].sightings) == dock
    assert rows(slices["shelf"].sightings) == rows(BATCH.sightings) - dock
    assert slices["rack"] is None


def test_a_cut_slice_holds_only_the_dictionary_entries_it_uses() -> None:
    piece = Router(site()).route(BATCH).slices["shelf"].sightings
    assert set(piece.tags) == {tag for tag, *_ in rows(piece)}
    assert piece.antennas == (AntennaRef("store", 1),)


def test_a_uniform_batch_is_handed_over_as_it_is() -> None:
    uniform = replace(batch(1), sightings=sighting(START_US, AntennaRef("store", 1), epc(1)))
    assert Router(site()).route(uniform).slices["shelf"].sightings is uniform.sightings


def test_a_photo_eye_goes_to_its_portal_and_other_events_nowhere() -> None:
    up = DeviceEvent("dock", DeviceEventKind.READER_UP, START_US)
    slices = Router(site()).route(with_events(gpi(1), gpi(7), gpi(1, "store"), up)).slices
    assert slices["dock1"].events == (gpi(1),)
    assert {place for place, piece in slices.items() if piece is not None} == {"dock1"}


def test_an_unknown_antenna_is_counted_and_the_rest_goes_on() -> None:
    antennas = tuple(
        AntennaRef("stranger", 9) if ref == AntennaRef("store", 1) else ref for ref in BATCH.sightings.antennas
    )
    stranger = replace(BATCH, sightings=replace(BATCH.sightings, antennas=antennas))
    routed = Router(site()).route(stranger)
    assert routed.unknown == {AntennaRef("stranger", 9): sum(ref[1].reader == "store" for ref in rows(BATCH.sightings))}
    assert routed.slices["shelf"] is None
    assert rows(routed.slices["dock1"].sightings)


def test_a_heartbeat_moves_the_time_of_every_place_antennas_watch() -> None:
    assert Router(site()).route(batch(1)).slices == dict.fromkeys(["shelf", "rack", "dock1", "dock2"])
    assert places_of(site()) == ("shelf", "rack", "dock1", "dock2")


def test_an_agent_moves_only_the_places_of_its_own_readers() -> None:
    plant = site()
    dock, store = plant.readers
    plant = replace(plant, readers=(replace(dock, agent="north"), replace(store, agent="south")))
    router = Router(plant)
    assert set(router.route(batch(1, agent="north")).slices) == {"dock1", "dock2"}
    assert set(router.route(batch(1, agent="south")).slices) == {"shelf", "rack"}
    assert set(router.route(batch(1, agent="stranger")).slices) == set()
    stolen = replace(batch(1, agent="north"), sightings=sighting(START_US, AntennaRef("store", 1), epc(1)))
    assert router.route(stolen).unknown == {AntennaRef("store", 1): 1}


@pytest.mark.parametrize("seed", range(5))
def test_take_is_what_a_row_by_row_filter_gives(seed: int) -> None:
    mask = np.random.default_rng(seed).random(len(BATCH.sightings)) < 0.4
    cut = take(BATCH.sightings, mask)
    assert len(cut) == int(mask.sum())
    assert cut.first_us.tolist() == BATCH.sightings.first_us[mask].tolist()
    assert [cut.tags[tag] for tag in cut.tag] == [BATCH.sightings.tags[tag] for tag in BATCH.sightings.tag[mask]]
    assert (cut.tag.dtype, cut.antenna.dtype) == (BATCH.sightings.tag.dtype, BATCH.sightings.antenna.dtype)


def test_a_site_without_antennas_routes_to_its_portals_nothing() -> None:
    bare = Site("bare", readers=(Reader("r", "h"),), zones=(Zone("z"),), portals=(Portal("p", "z", "z"),))
    assert Router(bare).route(batch(1)).slices == {}
    assert len(EMPTY) == 0
