"""The plant's store and annex: paper that fits the truth, and a count that knows the shelves and nothing else."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from simulators.auditor_store import TransferRow, VarianceRow, audit_store
from simulators.plant import Plant
from simulators.plant_store import ANNEX, STORE, TRANSIT, CountBegun, CountEnded, Missing, Scan, Seen
from simulators.plant_truth import CountTruth, TransferTruth

SECONDS = 240.0


@pytest.fixture(scope="module")
def plant() -> Plant:
    return Plant(1, SECONDS, annex=True)


def test_the_doors_have_the_same_day_with_an_annex_as_without(plant: Plant) -> None:
    without = Plant(1, SECONDS)
    assert [load.load for load in plant.truth.loads] == [load.load for load in without.truth.loads]
    assert plant.gpi_changes == without.gpi_changes
    assert without.store is None
    assert without.truth.transfers == ()


def test_some_pallets_go_to_the_annex_and_some_come_from_it_each_unloaded_by_somebody(plant: Plant) -> None:
    assert plant.store is not None
    transfers = {document.number: document for document in plant.documents if document.kind == "transfer"}
    ends = Counter((document.source, document.target) for document in transfers.values())
    assert ends["inside", ANNEX] >= 2
    assert ends[ANNEX, "inside"] >= 2
    scans = {errand.number: errand for errand in plant.store.errands if isinstance(errand, Scan)}
    for truth in plant.truth.transfers:
        announced = {epc for line in transfers[truth.number].lines for epc in line.epcs}
        assert truth.shipped == len(announced)
        assert truth.received == 0 or set(scans[truth.number].epcs) <= announced
    (missing,) = [errand for errand in plant.store.errands if isinstance(errand, Missing)]
    assert {truth.number: truth.lost for truth in plant.truth.transfers if truth.lost} == {missing.number: 1}


def test_nobody_decides_about_what_they_counted_or_asked_for(plant: Plant) -> None:
    assert plant.store is not None
    who = {type(errand): errand.who for errand in plant.store.errands}
    counters = {errand.who for errand in plant.store.errands if isinstance(errand, Seen)}
    assert len(counters) == 2
    assert who[CountEnded] not in {*counters, who[CountBegun], *(e.who for e in plant.store.errands if type(e) is Scan)}


def test_cartons_of_the_store_are_conserved(plant: Plant) -> None:
    assert plant.store is not None
    stood = sum(len(cartons) for _, _, cartons in plant.store.shelves)
    carried = plant.truth.transfers[0].received
    gone = -sum(difference for _, _, difference in plant.store.count.differences)
    assert sum(line.least for line in plant.truth.stock if line.location == STORE) == stood - carried - gone
    on_the_way = sum(truth.shipped - truth.received - truth.lost for truth in plant.truth.transfers)
    assert sum(line.least for line in plant.truth.stock if line.location == TRANSIT) == on_the_way


TRUTH = (TransferTruth("T", 10, 9, 1), TransferTruth("U", 5, 0, 0))
RIGHT = (
    TransferRow("T", Decimal(10), Decimal(9), Decimal(1)),
    TransferRow("U", Decimal(5), Decimal(0), Decimal(0)),
)
COUNT = CountTruth("C", (("S-3", "GEAR", -1),))
FOUND = (VarianceRow("C", "S-3", "GEAR", Decimal(-1)),)


def test_books_that_are_right_agree() -> None:
    score = audit_store(TRUTH, COUNT, RIGHT, FOUND)
    assert score.agrees
    assert (score.on_the_way, score.lost_told, score.missing_found, score.missing_false) == (5, 1, 1, 0)


@pytest.mark.parametrize(
    ("rows", "found", "about"),
    [
        (RIGHT[:1], FOUND, "U"),
        ((replace(RIGHT[0], lost=Decimal(0)), RIGHT[1]), FOUND, "T"),
        ((replace(RIGHT[0], received=Decimal(10)), RIGHT[1]), FOUND, "T"),
        (RIGHT, (), "GEAR in S-3"),
        (RIGHT, (*FOUND, VarianceRow("C", "S-1", "BOLT", Decimal(2))), "BOLT in S-1"),
    ],
)
def test_each_difference_is_told(rows: tuple[TransferRow, ...], found: tuple[VarianceRow, ...], about: str) -> None:
    score = audit_store(TRUTH, COUNT, rows, found)
    assert not score.agrees
    assert [name for name, _ in score.findings] == [about]
