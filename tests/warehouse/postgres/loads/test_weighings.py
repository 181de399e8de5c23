"""Weighings in the books: tied to what stood there, compared with what the books have on it, once."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from tests.warehouse.postgres.store import NOON_US, Store, open_store, sgtin, sscc
from warehouse.commands import ContentSpec, CreateHandlingUnit, CreateItem, RefusalCode, RegisterTags, TagSpec
from warehouse.loads import LocationEvent, LocationUpdate, Weighing
from warehouse.postgres.loads import locations
from warehouse.postgres.loads.weighings import Weighed, post_weighing
from warehouse.weighing import WeighOutcome

S = 1_000_000
PALLET, CARTONS = sscc(1), tuple(sgtin(2, serial) for serial in range(10))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """A pallet of 25 kg with ten cartons of 8 kg announced."""
    made = open_store(database)
    made.do(CreateItem("I2", weight_kg=Decimal(8)))
    made.do(RegisterTags(tuple(TagSpec(epc, "I2") for epc in CARTONS)))
    contents = tuple(ContentSpec(epc=epc) for epc in CARTONS)
    made.do(CreateHandlingUnit(epc=PALLET, contents=contents, tare_kg=Decimal(25)))
    made.document("purchase_receipt", "ASN", {"I2": 10}, epcs=(PALLET,), door="D1")
    yield made
    made.conn.close()


def on_scale(kg: str, *, epcs: tuple[str, ...] = (), location: str = "", at_s: int = 60) -> Weighing:
    at_us = NOON_US + at_s * S
    place = "rack" if location else "D1"
    tolerances = (Decimal(1), Decimal("0.5"))
    passage = UUID(int=7) if epcs else None
    return Weighing(uuid4(), "scale-1", place, location, at_us, at_us - S, Decimal(kg), *tolerances, passage, epcs)


def weigh(store: Store, weighing: Weighing) -> Weighed:
    with store.conn.transaction():
        return post_weighing(store.conn, weighing)


def test_a_pallet_that_weighs_what_the_books_have_on_it(store: Store) -> None:
    store.post(store.load((PALLET, *CARTONS)))
    weighed = weigh(store, on_scale("105.4", epcs=(PALLET, *CARTONS)))
    assert (weighed.verdict.outcome, weighed.verdict.expected_kg) == (WeighOutcome.AGREES, Decimal(105))
    assert store.findings() == []
    assert store.one("select outcome from weighing where hu_id is not null") == "agrees"


def test_cartons_the_readers_took_for_granted_and_that_are_not_there_are_found_by_the_scale(store: Store) -> None:
    posting = store.post(replace(store.load((PALLET, *CARTONS[:9])), inferred_share_max=0.1))
    assert posting.quantity_posted == 10  # one in ten was not read: inferred
    weighed = weigh(store, on_scale("97", epcs=(PALLET, *CARTONS[:9])))
    assert weighed.verdict.outcome is WeighOutcome.MISMATCH
    assert "8 kg too little, about 1.0 of I2" in weighed.verdict.detail
    assert store.findings() == ["weight_mismatch"]
    assert store.one("select epcs from discrepancy") == [PALLET]


def test_before_anything_is_posted_the_packing_list_counts_and_a_pallet_is_known_by_its_cartons(store: Store) -> None:
    weighed = weigh(store, on_scale("105", epcs=CARTONS[:3]))
    assert (weighed.verdict.outcome, weighed.unit) == (WeighOutcome.AGREES, store.one("select code from handling_unit"))


def test_the_same_weighing_again_changes_nothing(store: Store) -> None:
    weighing = on_scale("120", epcs=(PALLET,))
    assert not weigh(store, weighing).repeated
    again = weigh(store, replace(weighing, weight_kg=Decimal(105)))
    assert again.repeated
    assert store.findings() == ["weight_mismatch"]
    assert store.one("select count(*) from weighing") == 1
    assert store.one("select weight_kg from weighing") == 120


@pytest.mark.parametrize("epcs", [(), (sgtin(2, 99),)])
def test_what_is_not_known_is_untied_and_no_discrepancy(store: Store, epcs: tuple[str, ...]) -> None:
    assert weigh(store, on_scale("500", epcs=epcs)).verdict.outcome is WeighOutcome.UNTIED
    assert store.findings() == []


def test_two_pallets_abreast_are_untied_a_tote_on_its_pallet_is_not(store: Store) -> None:
    other = store.pallet(2)
    assert weigh(store, on_scale("500", epcs=(PALLET, other))).verdict.outcome is WeighOutcome.UNTIED
    store.do(CreateHandlingUnit(epc=sscc(3), parent=store.one("select code from handling_unit order by hu_id limit 1")))
    assert weigh(store, on_scale("105", epcs=(PALLET, sscc(3)))).verdict.outcome is WeighOutcome.AGREES


def test_an_amended_load_is_compared_anew_with_what_it_weighed(store: Store) -> None:
    short = store.load((PALLET, *CARTONS[:9]))
    store.post(short)
    weighing = replace(on_scale("105", epcs=(PALLET, *CARTONS[:9])), passage_id=short.passage_id)
    assert weigh(store, weighing).verdict.outcome is WeighOutcome.MISMATCH
    whole = replace(short, revision=1, tags=store.load((PALLET, *CARTONS)).tags)
    store.post(whole)
    assert store.one("select outcome from weighing") == "agrees"
    assert store.one("select state from discrepancy where kind = 'weight_mismatch'") == "superseded"
    store.post(replace(short, revision=2))
    assert store.one("select outcome from weighing") == "mismatch"
    states = "select array_agg(state order by seq) from discrepancy where kind = 'weight_mismatch'"
    assert store.one(states) == ["superseded", "open"]
    store.post(replace(short, revision=2))
    assert store.one(states) == ["superseded", "open"]


def test_of_two_pallets_the_one_that_the_passage_moved_stands_on_the_scale(store: Store) -> None:
    passing = store.pallet(2)
    load = store.load((PALLET, *CARTONS, passing))
    store.post(load)
    weighing = on_scale("105", epcs=(PALLET, *CARTONS, passing))
    weighed = weigh(store, replace(weighing, passage_id=load.passage_id))
    assert weighed.verdict.outcome is WeighOutcome.AGREES
    store.post(replace(load, revision=1, tags=()))
    again = weigh(store, replace(weighing, weighing_id=uuid4(), passage_id=load.passage_id))
    assert again.verdict.outcome is WeighOutcome.UNTIED


def test_an_item_without_a_weight_is_unknown(store: Store) -> None:
    store.do(CreateItem("I4"))
    store.do(CreateHandlingUnit(epc=sscc(4), contents=(ContentSpec(item="I4", quantity=Decimal(3)),)))
    weighed = weigh(store, on_scale("5", epcs=(sscc(4),)))
    assert (weighed.verdict.outcome, weighed.verdict.detail) == (WeighOutcome.UNKNOWN, "no weight is known of I4")


def test_in_a_zone_the_pallet_that_antennas_had_there_at_that_time(store: Store) -> None:
    def seen(location: str, at_s: int, event: LocationEvent = LocationEvent.ARRIVED) -> LocationUpdate:
        return LocationUpdate(uuid4(), PALLET, event, location, NOON_US + at_s * S, "read")

    with store.conn.transaction():
        locations.apply(store.conn, [seen("BIN-1", 30), seen("STAGE", 90), seen("BIN-1", 100)])
        locations.apply(store.conn, [seen("BIN-1", 200, LocationEvent.DEPARTED)])
    weighings = [on_scale("105", location="BIN-1", at_s=at_s) for at_s in (20, 60, 95, 150, 210)]
    outcomes = [weigh(store, weighing).verdict.outcome for weighing in weighings]
    assert outcomes == ["untied", "agrees", "untied", "agrees", "untied"]


def test_a_tare_below_zero_is_refused(store: Store) -> None:
    command = CreateHandlingUnit(epc=sscc(9), tare_kg=Decimal(-1))
    assert store.refused(command) == (RefusalCode.INVALID, "tare_kg")
