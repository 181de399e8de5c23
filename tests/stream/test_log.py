"""Log entries as bytes and back."""

from uuid import UUID

import pytest

from stream.graph import Graph
from stream.log import (
    BatchTaken,
    Entry,
    EntryKind,
    Redelivery,
    ReportsTaken,
    SliceTaken,
    SourceLeftOut,
    TimePassed,
    apply,
    at_of,
    decode_entry,
    encode_entry,
    kind_of,
)
from stream.operators.presence import ZoneReport
from stream.places import FailureKind, Outputs
from stream.topology import operators_of
from tests.stream.traffic import START_US, batch, epc, site, traffic
from warehouse.loads import Expectation, ExpectedDocument

ENTRIES: list[Entry] = [
    SourceLeftOut("edge", START_US),
    SourceLeftOut("edge", START_US, "dock1"),
    TimePassed(START_US),
    Expectation("dock1", START_US, (ExpectedDocument("ASN-1", (epc(1),), (("80614141123458", 3),)),)),
    Redelivery(UUID(int=1), FailureKind.PLACE_SLICE, "dock1", b"\x00\x01", START_US),
    ReportsTaken("shelf", START_US, 3, 5, ((4, ZoneReport(epc(1), "shelf", START_US, -55.5, 4)),)),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_an_entry_survives_its_bytes(entry: Entry) -> None:
    assert decode_entry(kind_of(entry), False, encode_entry(entry)) == entry
    assert at_of(entry) == START_US


def test_batches_and_slices_survive_their_bytes() -> None:
    sent = traffic(2)[3]
    for entry in (BatchTaken(sent, late=True), SliceTaken("dock1", sent)):
        again = decode_entry(kind_of(entry), True, encode_entry(entry))
        assert encode_entry(again) == encode_entry(entry)
        assert kind_of(again) is kind_of(entry)
        assert at_of(again) == sent.watermark_us


def test_a_kind_of_a_later_version_is_refused() -> None:
    with pytest.raises(ValueError, match="99"):
        decode_entry(99, False, b"")


def test_a_partition_s_entry_is_not_given_to_a_whole_graph() -> None:
    plant = site()
    with pytest.raises(TypeError, match="SliceTaken"):
        apply(SliceTaken("dock1", batch(1)), Graph(plant, operators_of(plant)), Outputs())


def test_every_kind_has_its_number_for_ever() -> None:
    assert {kind.name: kind.value for kind in EntryKind} == {
        "BATCH": 1,
        "LEFT_OUT": 2,
        "EXPECTATION": 3,
        "REDELIVERY": 4,
        "SLICE": 5,
        "REPORTS": 6,
        "TIME_PASSED": 7,
    }
