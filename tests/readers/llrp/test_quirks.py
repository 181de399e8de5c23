"""Vendor quirks are data, and every fact says where it is from."""

import pytest

from readers.llrp.facts import ReaderFacts
from readers.llrp.quirks import BY_VENDOR, KATHREIN_AND_IDX, STANDARD, Quirks, Vendor, quirks_of
from simulators.llrp.models import FX9600, SPEEDWAY_R420


@pytest.mark.parametrize("quirks", [*BY_VENDOR.values(), KATHREIN_AND_IDX], ids=lambda quirks: quirks.name)
def test_every_family_names_its_sources(quirks: Quirks) -> None:
    assert quirks.sources
    assert all(source.startswith(("[R420]", "[FX]", "[S ", "no capture")) for source in quirks.sources)


def test_an_unknown_maker_is_treated_as_the_standard_says() -> None:
    assert quirks_of(4711) is STANDARD
    assert ReaderFacts(version=1).quirks is STANDARD
    assert Quirks("standard") == STANDARD


def test_the_readers_we_know_are_recognised_by_what_they_report() -> None:
    assert quirks_of(SPEEDWAY_R420.general.DeviceManufacturerName).impinj_extensions
    assert quirks_of(FX9600.general.DeviceManufacturerName).only_1_0_1
    assert set(BY_VENDOR) == set(Vendor)


def test_the_r420s_own_capabilities_bear_its_quirks_out() -> None:
    quirks = quirks_of(Vendor.IMPINJ)
    entries = [e for table in SPEEDWAY_R420.uhf.AirProtocolUHFRFModeTable for e in table.C1G2UHFRFModeTableEntry]
    assert quirks.default_mode_identifier in SPEEDWAY_R420.mode_identifiers
    assert quirks.autoset_mode_min is not None
    for entry in entries:
        assert (entry.ModeIdentifier >= quirks.autoset_mode_min) == (entry.BDRValue == 40_000)
    rates = {entry.MValue: entry.BDRValue for entry in entries if entry.BDRValue == 640_000}
    assert len(rates) == 3
