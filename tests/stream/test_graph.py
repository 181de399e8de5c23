"""The whole topology as values: what comes out depends on the input log and on nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from stream import watermark
from stream.graph import Graph, place_of
from stream.model import EMPTY, BatchId, EdgeBatch, Passage
from stream.places import Outputs
from stream.routing import Router, take
from stream.topology import OperatorParams, operators_of
from tests.stream.traffic import epc, heartbeats, sighting, site, traffic
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.site import Antenna, AntennaRef, Direction, Reader, Scale, Site, Zone

SECONDS = 36
LOG = traffic(SECONDS)
LOG += heartbeats(LOG[-1], 12)


def graph(plant: Site | None = None) -> Graph:
    plant = plant or site()
    return Graph(plant, operators_of(plant))


def run(log: Iterable[EdgeBatch], through: Graph | None = None, settle_every: int = 1) -> Outputs:
    """What a log leads to."""
    through = through or graph()
    out = Outputs()
    for n, batch in enumerate(log, 1):
        through.on_batch(batch, out)
        if n % settle_every == 0:
            through.settle(out)
    through.settle(out)
    return out


def essence(out: Outputs) -> tuple[list[object], list[LocationUpdate]]:
    """Outputs, comparable: evidence by its size, locations in order of time."""
    passages = [replace(each, evidence=None) for each in out.passages]
    return [*passages], sorted(out.locations, key=lambda update: (update.at_us, update.epc))


EXPECTED = run(LOG)


def final(passages: Sequence[Passage]) -> list[Passage]:
    newest = {passage.passage_id: passage for passage in passages if passage.final}
    return sorted(newest.values(), key=lambda passage: passage.opened_us)


def test_loads_pass_their_doors_and_shelved_tags_are_found() -> None:
    assert [(each.portal, each.direction) for each in final(EXPECTED.passages)] == [
        ("dock1", Direction.IN),
        ("dock2", Direction.IN),
        ("dock1", Direction.OUT),
    ]
    assert {LocationEvent.ARRIVED, LocationEvent.DEPARTED} <= {update.event for update in EXPECTED.locations}
    assert "shelf" in {update.location for update in EXPECTED.locations}
    assert EXPECTED.failures == []


def test_provisional_verdicts_come_before_the_final_one() -> None:
    first = final(EXPECTED.passages)[0].passage_id
    revisions = [each for each in EXPECTED.passages if each.passage_id == first]
    assert [each.revision for each in revisions] == [*range(len(revisions) - 1), 0]
    assert not revisions[0].final
    assert revisions[-1].final


def test_of_a_recording_only_final_verdicts_are_made_and_others_where_a_scale_waits_for_them() -> None:
    plant = replace(site(), scales=(Scale("scale", "h", "tuna-id551", place="dock2"),))
    unwatched = Graph(plant, operators_of(plant, OperatorParams(is_recording=True)))
    wanted = [each for each in EXPECTED.passages if each.final or each.portal == "dock2"]
    assert essence(run(LOG, unwatched)) == essence(replace(EXPECTED, passages=wanted))


def test_the_same_log_gives_the_same_outputs_ids_included() -> None:
    assert essence(run(LOG)) == essence(EXPECTED)


@pytest.mark.parametrize("settle_every", [3, 1000])
def test_how_often_the_tags_are_settled_decides_nothing(settle_every: int) -> None:
    assert essence(run(LOG, settle_every=settle_every)) == essence(EXPECTED)


@pytest.mark.parametrize("cut", [17, 60, 100])
def test_a_snapshot_at_any_point_goes_on_as_if_nothing_happened(cut: int) -> None:
    plant = site()
    before = graph(plant)
    out = run(LOG[:cut], before)
    after = Graph(plant, operators_of(plant), before.snapshot())
    rest = run(LOG[cut:], after)
    passages, locations = essence(out)
    more_passages, more_locations = essence(rest)
    assert (passages + more_passages, locations + more_locations) == essence(EXPECTED)


def test_time_passes_on_heartbeats_alone() -> None:
    within = LOG[:23]  # the first load has just left the beams
    assert final(run(within).passages) == []
    closing = run([*within, *heartbeats(within[-1], 20)])
    assert [each.portal for each in final(closing.passages)] == ["dock1"]
    assert LocationEvent.DEPARTED in {update.event for update in closing.locations}


def split(log: Sequence[EdgeBatch]) -> tuple[list[EdgeBatch], list[EdgeBatch]]:
    """The same sightings by two agents, one for each reader, their batches out of step by half a flush."""
    plant = site()
    sides: tuple[list[EdgeBatch], list[EdgeBatch]] = ([], [])
    for batch in log:
        for side, reader in zip(sides, plant.readers, strict=True):
            mask = [ref.reader == reader.name for ref in batch.sightings.antennas]
            rows = take_rows(batch, mask)
            events = batch.events if reader.name == "dock" else ()
            side.append(replace(rows, id=BatchId(reader.name, "e", batch.id.counter), events=events))
    return sides


def take_rows(batch: EdgeBatch, antennas: list[bool]) -> EdgeBatch:
    if not any(antennas):
        return replace(batch, sightings=EMPTY)
    return replace(batch, sightings=take(batch.sightings, np.array(antennas)[batch.sightings.antenna]))


def interleavings(a: Sequence[EdgeBatch], b: Sequence[EdgeBatch]) -> dict[str, list[EdgeBatch]]:
    """Both agents speak first; then they arrive in step, or one is far ahead of the other."""
    (a0, *a), (b0, *b) = a, b
    in_step = [batch for pair in zip(a, b, strict=True) for batch in pair]
    bursts = [batch for n in range(0, len(a), 7) for batch in (*b[n : n + 7], *a[n : n + 7])]
    return {"in step": [a0, b0, *in_step], "b first": [a0, b0, *b, *a], "bursts": [b0, a0, *bursts]}


def test_two_agents_decide_the_same_however_their_batches_interleave() -> None:
    orders = interleavings(*split(LOG))
    results = {name: essence(run(order)) for name, order in orders.items()}
    by_time = {name: (sorted(passages, key=repr), locations) for name, (passages, locations) in results.items()}
    assert by_time["b first"] == by_time["in step"] == by_time["bursts"]
    assert [(each.portal, each.direction) for each in final(run(orders["bursts"]).passages)] == [
        (each.portal, each.direction) for each in final(EXPECTED.passages)
    ]


def test_a_clock_behind_delays_shared_places_and_loses_nothing() -> None:
    plant = site()
    dock, store = plant.readers
    plant = replace(plant, readers=(replace(dock, agent="dock"), replace(store, agent="store")))
    docks, stores = split(LOG)
    skew_us = 20_000_000
    late = [
        replace(
            batch,
            watermark_us=batch.watermark_us - skew_us,
            sightings=replace(
                batch.sightings,
                first_us=batch.sightings.first_us - skew_us,
                last_us=batch.sightings.last_us - skew_us,
            ),
        )
        for batch in stores
    ]
    out = run([batch for pair in zip(docks, late, strict=True) for batch in pair], graph(plant))
    assert [each.portal for each in final(out.passages)] == [each.portal for each in final(EXPECTED.passages)]
    shelved = [u for u in essence(EXPECTED)[1] if u.location in ("shelf", "rack")]
    late_ones = [u for u in essence(out)[1] if u.location in ("shelf", "rack")]
    assert [(u.epc, u.event, u.at_us + skew_us) for u in late_ones] == [(u.epc, u.event, u.at_us) for u in shelved]


def test_a_silent_agent_holds_time_until_it_is_left_out() -> None:
    docks, stores = split(LOG)
    through = graph()
    out = Outputs()
    through.on_batch(stores[0], out)
    for batch in docks:
        through.on_batch(batch, out)
    through.settle(out)
    assert out.passages == []
    through.leave_out("store", out)
    assert [each.portal for each in final(out.passages)] == [each.portal for each in final(EXPECTED.passages)]


def test_too_much_waiting_for_one_agent_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "HELD_MAX", 8)
    docks, stores = split(LOG)
    out = run([stores[0], *docks])
    assert ("dock1", "store") in out.left_out
    assert final(out.passages)


def test_a_name_that_is_no_place_is_refused() -> None:
    with pytest.raises(KeyError):
        place_of("nowhere", site(), Router(site()), operators_of(site()))


@pytest.mark.parametrize("cut", [17, 60, 100])
def test_a_reader_that_comes_while_loads_pass_changes_nothing_elsewhere_and_is_heard(cut: int) -> None:
    plant = site()
    more = replace(
        plant,
        readers=(*plant.readers, Reader("annex", "127.0.0.9", antennas=(Antenna(1, "annex"),))),
        zones=(*plant.zones, Zone("annex")),
    )
    through = graph(plant)
    out = run(LOG[:cut], through)
    doors = {name: through.places[name] for name in ("dock1", "dock2", "shelf", "rack")}
    through.reload(more, operators_of(more), out)
    assert {name: through.places[name] for name in doors} == doors
    rest = run(LOG[cut:], through)
    passages, locations = essence(out)
    more_passages, more_locations = essence(rest)
    assert (passages + more_passages, locations + more_locations) == essence(EXPECTED)
    last = LOG[-1]
    for n, later in enumerate(heartbeats(last, 12)):
        seen = sighting(last.watermark_us + n * 500_000, AntennaRef("annex", 1), epc(77))
        through.on_batch(replace(later, sightings=seen), rest)
    through.settle(rest)
    assert ("annex", LocationEvent.ARRIVED) in {(u.location, u.event) for u in rest.locations if u.epc == epc(77)}


def test_an_agent_that_has_no_reader_there_any_more_is_not_waited_for() -> None:
    plant = site()
    dock, store = plant.readers
    shared = replace(dock, name="shared", agent="store", antennas=(Antenna(1, "dock1"),))
    before = replace(plant, readers=(replace(dock, agent="dock"), shared, replace(store, agent="store")))
    after = replace(before, readers=(before.readers[0], before.readers[2]))
    docks, stores = split(LOG)
    through, out = graph(before), Outputs()
    through.on_batch(stores[0], out)
    through.on_batch(docks[0], out)
    states = through.snapshot()
    through.reload(after, operators_of(after), out)
    for going in (through, Graph(after, operators_of(after), states)):
        assert [each.portal for each in final(run(docks[1:], going).passages)] == ["dock1", "dock2", "dock1"]


def test_a_load_in_a_door_that_is_no_more_is_over_and_a_zone_that_is_no_more_holds_up_nobody() -> None:
    plant = site()
    dock, store = plant.readers
    after = replace(
        plant,
        readers=(
            replace(dock, antennas=dock.antennas[2:]),
            replace(store, antennas=store.antennas[:1]),
        ),
        portals=(replace(plant.portals[1], neighbours=()),),
        zones=plant.zones[:3],
    )
    through = graph(plant)
    out = run(LOG[:21], through)  # the first load is in door 1
    assert final(out.passages) == []
    states = through.snapshot()
    through.reload(after, operators_of(after), out)
    assert [each.portal for each in final(out.passages)] == ["dock1"]
    for going in (through, Graph(after, operators_of(after), states)):
        rest = run(LOG[21:], going)
        # Door 2 hears what goes through the other as well, and nobody tells it any more whose that is.
        assert {each.portal for each in final(rest.passages)} == {"dock2"}
        assert {"shelf"} == {u.location for u in rest.locations if u.event is LocationEvent.DEPARTED}
