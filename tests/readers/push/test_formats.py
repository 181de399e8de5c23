"""What Impinj and Zebra document becomes reads; everything else names the field that is wrong."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.llrp.report import ReportDecoder
from readers.model import ReadBatch
from readers.push import impinj, zebra
from readers.push.pushed_tag import PushedTag, PushFormatError, frame_of

EPC = bytes.fromhex("3034257BF7194E4000001A85")
AT_US = 1_772_352_000_120_000  # 2026-03-01T08:00:00.120Z


def impinj_event(**fields: Any) -> dict[str, Any]:
    inventory = {"epcHex": EPC.hex().upper(), "antennaPort": 2, "peakRssiCdbm": -5350, "phaseAngle": 90.0}
    inventory["lastSeenTime"] = "2026-03-01T08:00:00.120Z"
    event = {"timestamp": "2026-03-01T08:00:01.5Z", "hostname": "impinj-14-01-aa", "eventType": "tagInventory"}
    return event | {"tagInventoryEvent": {k: v for k, v in (inventory | fields).items() if v is not None}}


def zebra_event(**fields: Any) -> dict[str, Any]:
    data = {
        "format": "epc",
        "idHex": EPC.hex(),
        "antenna": 2,
        "peakRssi": -53,
        "phase": 90.0,
        "reads": 3,
        "eventNum": 1,
    }
    data = {k: v for k, v in (data | fields).items() if v is not None}
    return {"type": "SIMPLE", "timestamp": "2026-03-01T16:00:00.120+0800", "data": data}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def test_impinj_one_event_an_array_and_one_a_line_say_the_same() -> None:
    event = impinj_event()
    (tag,) = impinj.tags_of(body(event))
    assert tag == PushedTag(EPC, 2, AT_US, -53.5, math.pi / 2)
    assert impinj.tags_of(body([event, event])) == [tag, tag]
    assert impinj.tags_of(body(event) + b"\r\n\r\n" + body(event)) == [tag, tag]


def test_impinj_base64_and_the_events_own_time() -> None:
    (tag,) = impinj.tags_of(body(impinj_event(epcHex=None, epc="MDQle/cZTkAAABqF", lastSeenTime=None, phaseAngle=None)))
    assert (tag.epc, tag.at_us, tag.phase_rad) == (EPC, AT_US + 1_380_000, None)


def test_impinj_nanoseconds_are_cut() -> None:
    (tag,) = impinj.tags_of(body(impinj_event(lastSeenTime="2026-03-01T08:00:00.120999999Z")))
    assert tag.at_us == AT_US + 999


def test_zebra_a_fixed_reader_and_a_sled() -> None:
    (tag,) = zebra.tags_of(body(zebra_event()))
    assert tag == PushedTag(EPC, 2, AT_US, -53.0, math.pi / 2, 3)
    sled = {"type": "BALANCED_PERFORMANCE", "timestamp": "2026-03-01T08:00:00.120Z"}
    sled["data"] = {"tagData": [{"EPCid": EPC.hex(), "peakRssi": -39, "seenCount": 2}]}  # type: ignore[assignment]
    assert zebra.tags_of(body([sled])) == [PushedTag(EPC, 1, AT_US, -39.0, None, 2)]


@pytest.mark.parametrize(
    ("tags_of", "value"),
    [
        (impinj.tags_of, {"timestamp": "2026-03-01T08:00:00Z", "eventType": "inventoryStatus"}),
        (impinj.tags_of, []),
        (zebra.tags_of, {"type": "heartBeatEVT", "timestamp": "x", "data": {"cpu": 3}}),
        (zebra.tags_of, {"type": "alert"}),
    ],
)
def test_what_says_nothing_of_tags_is_passed_over(tags_of: Any, value: object) -> None:
    assert tags_of(body(value)) == []


@pytest.mark.parametrize(
    ("tags_of", "value", "field"),
    [
        (impinj.tags_of, impinj_event(epcHex="XYZ"), "/tagInventoryEvent/epcHex"),
        (impinj.tags_of, impinj_event(epcHex="303"), "/tagInventoryEvent/epcHex"),
        (impinj.tags_of, impinj_event(epcHex="AA" * 64), "/tagInventoryEvent/epcHex"),
        (impinj.tags_of, impinj_event(epcHex=None), "/tagInventoryEvent/epc"),
        (impinj.tags_of, impinj_event(antennaPort=None), "/tagInventoryEvent/antennaPort"),
        (impinj.tags_of, impinj_event(antennaPort=0), "/tagInventoryEvent/antennaPort"),
        (impinj.tags_of, impinj_event(antennaPort=True), "/tagInventoryEvent/antennaPort"),
        (impinj.tags_of, impinj_event(peakRssiCdbm="-50"), "/tagInventoryEvent/peakRssiCdbm"),
        (impinj.tags_of, impinj_event(lastSeenTime="2026-03-01 08:00"), "/tagInventoryEvent/lastSeenTime"),
        (impinj.tags_of, impinj_event(lastSeenTime="9999-12-31T23:59:59Z"), "/tagInventoryEvent/lastSeenTime"),
        (impinj.tags_of, [impinj_event(), {"eventType": "tagInventory"}], "/1/tagInventoryEvent"),
        (impinj.tags_of, {"timestamp": "x"}, "/eventType"),
        (impinj.tags_of, [5], "/0"),
        (impinj.tags_of, 5, ""),
        (zebra.tags_of, zebra_event(idHex=5), "/data/idHex"),
        (zebra.tags_of, zebra_event(antenna=1.5), "/data/antenna"),
        (zebra.tags_of, zebra_event(antenna=None), "/data/antenna"),
        (zebra.tags_of, zebra_event(antenna=math.inf), "/data/antenna"),
        (zebra.tags_of, zebra_event(reads=math.nan), "/data/reads"),
        (zebra.tags_of, zebra_event(reads=0), "/data/reads"),
        (zebra.tags_of, zebra_event() | {"timestamp": None}, "/timestamp"),
        (zebra.tags_of, [zebra_event() | {"data": {"tagData": [5]}}], "/0/data/tagData/0"),
        (zebra.tags_of, {"timestamp": "x"}, "/data"),
    ],
)
def test_the_field_that_is_wrong_is_named(tags_of: Any, value: object, field: str) -> None:
    with pytest.raises(PushFormatError) as caught:
        tags_of(body(value))
    assert caught.value.field == field


@pytest.mark.parametrize("raw", [b"", b"\xff", b"{", b"{}{}", b"[" * 100_000, b"NaN", b"1e999"])
@pytest.mark.parametrize("tags_of", [impinj.tags_of, zebra.tags_of])
def test_bytes_that_are_no_message_are_refused(tags_of: Any, raw: bytes) -> None:
    with pytest.raises(PushFormatError):
        tags_of(raw)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "eventType", "tagInventoryEvent", "tagData", "idHex", "timestamp", "antenna", "reads"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_whatever_is_sent_gives_reads_or_a_documented_error(value: object) -> None:
    for tags_of in (impinj.tags_of, zebra.tags_of):
        try:
            tags = tags_of(json.dumps(value).encode())
        except PushFormatError:
            continue
        assert all(isinstance(tag, PushedTag) for tag in tags)


def test_a_report_decodes_to_the_same_reads() -> None:
    tags = [PushedTag(EPC, 2, AT_US, -53.5, math.pi / 2, 3), PushedTag(b"\x12\x34", 1, None)]
    (batch,) = ReportDecoder("r").feed(frame_of(tags, AT_US + 5, 7), AT_US + 5)
    assert isinstance(batch, ReadBatch)
    assert batch.antenna.tolist() == [2, 1]
    assert batch.first_us.tolist() == [AT_US, AT_US + 5]
    assert batch.epc_bits.tolist() == [96, 16]
    assert batch.epc[0].tobytes() == EPC
    assert batch.rssi_dbm[0] == pytest.approx(-53.5)
    assert batch.phase_rad[0] == pytest.approx(math.pi / 2, abs=0.002)
    assert batch.count.tolist() == [3, 1]
