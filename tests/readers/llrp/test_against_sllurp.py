"""An independent reading of the same bytes: what sllurp's decoder says about captures and about frames of ours."""

from typing import Any

import pytest

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import decode, encode
from readers.llrp.framing import Framer
from readers.llrp.text import plain
from tests.shared_data import shared_data

pytestmark = pytest.mark.sllurp
sllurp_llrp = pytest.importorskip("sllurp.llrp")

TAG_FIELDS = {  # our slot → sllurp's key
    "ROSpecID": "ROSpecID", "SpecIndex": "SpecIndex", "InventoryParameterSpecID": "InventoryParameterSpecID",
    "AntennaID": "AntennaID", "PeakRSSI": "PeakRSSI", "ChannelIndex": "ChannelIndex",
    "FirstSeenTimestampUTC": "FirstSeenTimestampUTC", "LastSeenTimestampUTC": "LastSeenTimestampUTC",
    "TagSeenCount": "TagSeenCount", "AccessSpecID": "AccessSpecID",
}  # fmt: skip


def sllurp_reads(frame: bytes) -> dict[str, Any]:
    ((_, content),) = sllurp_llrp.LLRPMessage(msgbytes=frame).msgdict.items()
    found: dict[str, Any] = content
    return found


def _compare_report(frame: bytes) -> int:
    message = decode(frame).message
    assert isinstance(message, m.ROAccessReport)
    theirs = sllurp_reads(frame)["TagReportData"]
    assert len(theirs) == len(message.TagReportData)
    for tag, their_tag in zip(message.TagReportData, theirs, strict=True):
        epc = tag.EPCParameter.EPC
        data = epc if isinstance(epc, bytes) else epc.data
        assert their_tag["EPC"].decode() == data.hex()
        for slot, key in TAG_FIELDS.items():
            parameter = getattr(tag, slot)
            ours = None if parameter is None else next(iter(plain(parameter).values()))
            assert their_tag.get(key) == ours, key
    return len(theirs)


@pytest.mark.parametrize("name", ["dx101_a", "dx101_b"])
def test_captured_reports_say_the_same(name: str) -> None:
    frames = Framer().feed(shared_data("llrp", "ltk", f"{name}.bin").read_bytes())
    assert sum(_compare_report(frame) for frame in frames if frame[1] == 61) > 100


def test_reports_of_ours_say_the_same_with_impinj_fields() -> None:
    tags = tuple(
        p.TagReportData(
            p.EPC_96(i.to_bytes(12, "big")),
            AntennaID=p.AntennaID(i),
            PeakRSSI=p.PeakRSSI(-60 + i),
            LastSeenTimestampUTC=p.LastSeenTimestampUTC(1_700_000_000_000_000 + i),
            Custom=(p.ImpinjRFPhaseAngle(i), p.ImpinjPeakRSSI(-6000 - i), p.ImpinjRFDopplerFrequency(-i)),
        )
        for i in range(20)
    )
    frame = encode(m.ROAccessReport(tags), message_id=1)
    assert _compare_report(frame) == 20
    for i, tag in enumerate(sllurp_reads(frame)["TagReportData"]):
        vendors = (tag["ImpinjRFPhaseAngle"], tag["ImpinjPeakRSSI"], tag["ImpinjRFDopplerFrequency"])
        assert vendors == (i, -6000 - i, -i)


def test_captured_capabilities_say_the_same() -> None:
    frames = Framer().feed(shared_data("llrp", "ltk", "dx101_a.bin").read_bytes())
    (frame,) = [frame for frame in frames if frame[1] == 11]
    message = decode(frame).message
    assert isinstance(message, m.GetReaderCapabilitiesResponse)
    theirs = sllurp_reads(frame)
    band = message.RegulatoryCapabilities.UHFBandCapabilities if message.RegulatoryCapabilities else None
    assert band is not None
    their_band = theirs["RegulatoryCapabilities"]["UHFBandCapabilities"]
    assert their_band["TransmitPowerLevelTableEntry"] == [plain(one) for one in band.TransmitPowerLevelTableEntry]
    ours = plain(message)["LLRPCapabilities"]
    assert theirs["LLRPCapabilities"]["MaxNumAccessSpec"] == ours["MaxNumAccessSpecs"]
    assert theirs["LLRPCapabilities"]["SupportsEventAndReportHolding"] is ours["SupportsEventAndReportHolding"] is True
