"""Reports to columns: the bulk path, the walker and the codec must say the same about any report."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp import report as report_module
from readers.llrp.bulk import FEW
from readers.llrp.codec import decode, encode
from readers.llrp.enums_c1g2 import C1G2ReadResultType
from readers.llrp.framing import Framer
from readers.llrp.record_layout import record_layout
from readers.llrp.report import ReportDecoder
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from tests.shared_data import shared_data

Rows = list[tuple[Any, ...]]
ARRIVAL_US = 1_700_000_000_000_000


def rows(out: list[ReadBatch | ReaderEvent]) -> Rows:
    """Every read of every batch as plain values, so that batches of any partition compare."""
    found: Rows = []
    for batch in out:
        if isinstance(batch, ReadBatch):
            _check_shape(batch)
            for i in range(len(batch)):
                epc_bits = int(batch.epc_bits[i])
                epc = batch.epc[i].tobytes()
                assert not any(epc[(epc_bits + 7) // 8 :]), "padded with zeros"
                values = [getattr(batch, f.name)[i].item() for f in fields(batch)[3:]]
                found.append((epc[: (epc_bits + 7) // 8], epc_bits, *(_nan(value) for value in values)))
    return found


def _nan(value: Any) -> Any:
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def _check_shape(batch: ReadBatch) -> None:
    n = len(batch)
    assert batch.epc.shape[0] == n
    assert batch.epc.dtype == np.uint8
    types = {
        "epc_bits": np.uint16, "antenna": np.uint16, "first_us": np.int64, "last_us": np.int64, "rssi_dbm": np.float32,
        "channel": np.uint16, "phase_rad": np.float32, "doppler_hz": np.float32, "count": np.uint16,
    }  # fmt: skip
    for name, expected in types.items():
        column = getattr(batch, name)
        assert column.shape == (n,), name
        assert column.dtype == expected, name


class Reference:
    """What LLRP says a report means, written down plainly over the codec's objects."""

    def __init__(self, offset_us: int) -> None:
        self.offset_us = offset_us
        self.last: dict[str, int] = {}

    def rows(self, report: m.ROAccessReport, arrival_us: int) -> Rows:
        return [self._row(tag, arrival_us) for tag in report.TagReportData]

    def _row(self, tag: p.TagReportData, arrival_us: int) -> tuple[Any, ...]:
        last = self.last
        for name, parameter, attribute in (
            ("antenna", tag.AntennaID, "AntennaID"),
            ("rssi", tag.PeakRSSI, "PeakRSSI"),
            ("channel", tag.ChannelIndex, "ChannelIndex"),
            ("first", tag.FirstSeenTimestampUTC or tag.FirstSeenTimestampUptime, "Microseconds"),
            ("last", tag.LastSeenTimestampUTC or tag.LastSeenTimestampUptime, "Microseconds"),
            ("count", tag.TagSeenCount, "TagCount"),
        ):
            if parameter is not None:
                last[name] = getattr(parameter, attribute)
        epc = tag.EPCParameter.EPC
        bits = epc.bits if isinstance(epc, p.BitArray) else 96
        first_us, last_us = last.get("first"), last.get("last")
        brought_last = tag.LastSeenTimestampUTC or tag.LastSeenTimestampUptime
        if first_us is None:
            first_us = last_us
        if last_us is None or (first_us is not None and last_us < first_us and not brought_last):
            last_us = first_us
        if first_us is None or last_us is None:
            first_us = last_us = arrival_us - self.offset_us
        vendors = {type(one): one for one in tag.Custom}
        fine = vendors.get(p.ImpinjPeakRSSI)
        phase = vendors.get(p.ImpinjRFPhaseAngle)
        doppler = vendors.get(p.ImpinjRFDopplerFrequency)
        rssi = fine.RSSI / 100 if isinstance(fine, p.ImpinjPeakRSSI) else last.get("rssi", math.nan)
        return (
            epc.data if isinstance(epc, p.BitArray) else epc,
            bits,
            last.get("antenna", 0),
            first_us + self.offset_us,
            last_us + self.offset_us,
            _nan(float(np.float32(rssi))),
            last.get("channel", 0),
            _nan(float(np.float32(phase.PhaseAngle * 2 * np.pi / 4096)))
            if isinstance(phase, p.ImpinjRFPhaseAngle)
            else "nan",
            _nan(float(np.float32(doppler.DopplerFrequency / 16)))
            if isinstance(doppler, p.ImpinjRFDopplerFrequency)
            else "nan",
            last.get("count", 1),
        )


u16 = st.integers(0, 65535)
times = st.integers(0, 2**52)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    """Which parameters the tags of a report have."""
    flags = "antenna rssi channel count pc rospec phase fine doppler other tid first last"
    shape: dict[str, Any] = {name: draw(st.booleans()) for name in flags.split()}
    shape["clocks"] = draw(st.sampled_from([("UTC",), ("UTC",), ("Uptime",), ("UTC", "Uptime")]))
    shape["bits"] = draw(st.sampled_from([96, 96, 96, 128, 13, 0, 496]))
    return shape


@st.composite
def tags(draw: st.DrawFn, shape: dict[str, Any]) -> p.TagReportData:
    bits = shape["bits"]
    size = (bits + 7) // 8
    epc = draw(st.binary(min_size=size, max_size=size))
    customs: list[p.CustomParameter] = []
    if shape["phase"]:
        customs.append(p.ImpinjRFPhaseAngle(draw(u16)))
    if shape["fine"]:
        customs.append(p.ImpinjPeakRSSI(draw(st.integers(-32768, 32767))))
    if shape["other"]:
        customs.append(p.Custom(77, 1, draw(st.binary(min_size=3, max_size=3))))
    if shape["doppler"]:
        customs.append(p.ImpinjRFDopplerFrequency(draw(st.integers(-32768, 32767))))
    if shape["tid"]:
        customs.append(p.ImpinjSerializedTID((0xE280, draw(u16))))
    seen = {
        f"{end}SeenTimestamp{clock}": getattr(p, f"{end}SeenTimestamp{clock}")(draw(times))
        for end in ("First", "Last")
        for clock in shape["clocks"]
        if shape[end.lower()]
    }
    return p.TagReportData(
        p.EPC_96(epc) if bits == 96 else p.EPCData(p.BitArray(bits, epc)),
        ROSpecID=p.ROSpecID(draw(st.integers(0, 2**32 - 1))) if shape["rospec"] else None,
        AntennaID=p.AntennaID(draw(u16)) if shape["antenna"] else None,
        PeakRSSI=p.PeakRSSI(draw(st.integers(-128, 127))) if shape["rssi"] else None,
        ChannelIndex=p.ChannelIndex(draw(u16)) if shape["channel"] else None,
        TagSeenCount=p.TagSeenCount(draw(u16)) if shape["count"] else None,
        AirProtocolTagData=(p.C1G2_PC(draw(u16)), p.C1G2_XPCW1(draw(u16))) if shape["pc"] else (),
        Custom=tuple(customs),
        **seen,
    )


@st.composite
def reports(draw: st.DrawFn) -> list[m.ROAccessReport]:
    """A connection's reports: mostly of few shapes, some with tags of mixed shapes."""
    pool = draw(st.lists(shapes(), min_size=1, max_size=3))
    found = []
    for _ in range(draw(st.integers(1, 6))):
        shape = draw(st.sampled_from(pool))
        mixed = draw(st.integers(0, 4)) == 0
        n = draw(st.sampled_from([0, 1, 1, 2, 5, FEW, FEW + 1, 25]))
        found.append(
            m.ROAccessReport(
                tuple(draw(tags(draw(st.sampled_from(pool)) if mixed else shape)) for _ in range(n)),
                Custom=(p.Custom(1, 1, b"x"),) if draw(st.integers(0, 9)) == 0 else (),
            )
        )
    return found


@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@given(reports(), st.sampled_from([0, 1_000_000, -250]), st.booleans(), st.sampled_from([1, 2]))
def test_bulk_walker_and_the_standard_agree(
    sent: list[m.ROAccessReport], offset_us: int, one_by_one: bool, version: int
) -> None:
    frames = [encode(report, message_id=i, version=2) for i, report in enumerate(sent)]
    if version == 1:
        frames = [b"\x04" + frame[1:] for frame in frames]
    arrivals = [ARRIVAL_US + i for i in range(len(frames))]
    reference = Reference(offset_us)
    expected = [row for report, at in zip(sent, arrivals, strict=True) for row in reference.rows(report, at)]

    decoder = ReportDecoder("dock-1", offset_us)
    walker = ReportDecoder("dock-1", offset_us)
    if one_by_one:
        out = [item for frame, at in zip(frames, arrivals, strict=True) for item in decoder.feed(frame, at)]
    else:
        out = decoder.feed_many(frames, arrivals)
    walked = [item for frame, at in zip(frames, arrivals, strict=True) for item in walker._walk(frame, at)]
    assert rows(walked) == expected
    assert rows(out) == expected
    assert not [item for item in out + walked if isinstance(item, ReaderEvent)]
    assert decoder.take_tag_memory() == walker.take_tag_memory()


GOLDEN_TAGS = {"dx101_a": 130, "dx101_b": 132, "dx101_c": 32_705}


@pytest.mark.parametrize("name", GOLDEN_TAGS)
def test_golden_reports_agree_with_the_codec(name: str) -> None:
    frames = Framer().feed(shared_data("llrp", "ltk", f"{name}.bin").read_bytes())
    reports_only = [frame for frame in frames if frame[1] == 61]
    decoder, reference = ReportDecoder("r"), Reference(0)
    total = 0
    for frame in reports_only:
        message = decode(frame).message
        assert isinstance(message, m.ROAccessReport)
        out = decoder.feed(frame, ARRIVAL_US)
        found = rows(out)
        assert found == reference.rows(message, ARRIVAL_US)
        total += len(found)
    assert total == GOLDEN_TAGS[name]


def uniform(n: int, message_id: int = 0, **more: Any) -> bytes:
    tags_ = tuple(
        p.TagReportData(
            p.EPC_96(i.to_bytes(12, "big")),
            AntennaID=p.AntennaID(1 + i % 4),
            FirstSeenTimestampUTC=p.FirstSeenTimestampUTC(1000 + i),
            **more,
        )
        for i in range(n)
    )
    return encode(m.ROAccessReport(tags_), message_id=message_id)


def test_two_hundred_one_tag_messages_become_one_batch() -> None:
    frames = [uniform(1, message_id=i) for i in range(200)]
    out = ReportDecoder("r").feed_many(frames, ARRIVAL_US)
    assert [len(batch) for batch in out if isinstance(batch, ReadBatch)] == [200]


def test_a_uniform_report_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("walked")

    monkeypatch.setattr(report_module, "walk", refuse)
    decoder = ReportDecoder("r")
    for n in (1, 2, FEW, FEW + 1, 3000):
        assert len(rows(decoder.feed(uniform(n), ARRIVAL_US))) == n


def test_layouts_are_learned_once_and_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    learned = 0

    def counting(data: bytes, start: int) -> object:
        nonlocal learned
        learned += 1
        return record_layout(data, start)

    monkeypatch.setattr(report_module, "record_layout", counting)
    epc = p.EPC_96(bytes(12))
    first, last = p.FirstSeenTimestampUTC(1), p.LastSeenTimestampUTC(2)
    alike = [p.TagReportData(epc, FirstSeenTimestampUTC=first), p.TagReportData(epc, LastSeenTimestampUTC=last)]
    decoder = ReportDecoder("r")
    for i in range(20):
        decoder.feed(encode(m.ROAccessReport((alike[i % 2],) * (1 + i % 3)), message_id=0), ARRIVAL_US)
        decoder.feed(encode(m.ROAccessReport((*alike, *alike)), message_id=0), ARRIVAL_US)
    assert learned == 2
    for size in range(1, 3 * report_module.LENGTHS_MAX):
        tag = p.TagReportData(epc, Custom=(p.Custom(1, 1, bytes(size)),))
        decoder.feed(encode(m.ROAccessReport((tag,)), message_id=0), ARRIVAL_US)
    assert len(decoder._layouts) <= report_module.LENGTHS_MAX


def test_one_different_byte_of_structure_is_noticed_wherever_it_is() -> None:
    """Each structure byte of the second record, changed to what could still be a record."""
    frame = uniform(40)
    layout = record_layout(frame, 10)
    assert layout is not None
    at = 10 + 20 * layout.length
    assert layout.fits(frame, 10, 40)
    changed = 0
    for i in range(layout.length):
        other = bytearray(frame)
        other[at + i] ^= 0x01
        structure = not layout.fits(bytes(other), 10, 40)
        values = {*range(5, 17), 18, 19, *range(21, 29)}
        assert structure == (i not in values), i
        changed += structure
    assert changed == layout.length - 22


def test_fields_that_are_absent_later_keep_their_last_value() -> None:
    decoder = ReportDecoder("r", 5)
    full = p.TagReportData(
        p.EPC_96(bytes(12)),
        AntennaID=p.AntennaID(3),
        PeakRSSI=p.PeakRSSI(-60),
        ChannelIndex=p.ChannelIndex(9),
        FirstSeenTimestampUTC=p.FirstSeenTimestampUTC(100),
        LastSeenTimestampUTC=p.LastSeenTimestampUTC(200),
        TagSeenCount=p.TagSeenCount(4),
    )
    bare = p.TagReportData(p.EPC_96(bytes(12)))
    decoder.feed(encode(m.ROAccessReport((full,)), message_id=0), ARRIVAL_US)
    for n in (1, 20):
        (batch,) = decoder.feed(encode(m.ROAccessReport((bare,) * n), message_id=0), ARRIVAL_US)
        assert rows([batch]) == [(bytes(12), 96, 3, 105, 205, -60.0, 9, "nan", "nan", 4)] * n
    decoder.reset()
    (batch,) = decoder.feed(encode(m.ROAccessReport((bare,)), message_id=0), ARRIVAL_US)
    assert rows([batch]) == [(bytes(12), 96, 0, ARRIVAL_US, ARRIVAL_US, "nan", 0, "nan", "nan", 1)]


def test_results_of_reading_tag_memory_are_kept_until_taken() -> None:
    read = p.C1G2ReadOpSpecResult(C1G2ReadResultType.Success, 3, (0xE280, 0x1160))
    failed = p.C1G2ReadOpSpecResult(C1G2ReadResultType.No_Response_From_Tag, 4, ())
    frame = uniform(1, AccessSpecID=p.AccessSpecID(9), AccessCommandOpSpecResult=(read, failed))
    decoder = ReportDecoder("r", 1)
    assert len(rows(decoder.feed(frame, ARRIVAL_US))) == 1
    first, second = decoder.take_tag_memory()
    assert (first.data, first.access_spec_id, first.op_spec_id, first.at_us) == (bytes.fromhex("e2801160"), 9, 3, 1001)
    assert (second.result, second.data) == (C1G2ReadResultType.No_Response_From_Tag, b"")
    assert not first.is_tid
    assert decoder.take_tag_memory() == []


@pytest.mark.parametrize("n", [1, FEW, 30])
def test_tids_that_come_with_every_tag_are_kept_too(n: int) -> None:
    frame = uniform(n, Custom=(p.ImpinjSerializedTID((0xE280, 0x1160, 7)),))
    decoder = ReportDecoder("r")
    for _ in range(2):
        decoder.feed(frame, ARRIVAL_US)
    taken = decoder.take_tag_memory()
    assert len(taken) == 2 * n
    assert {one.data for one in taken} == {bytes.fromhex("e28011600007")}
    assert [one.epc for one in taken[:n]] == [i.to_bytes(12, "big") for i in range(n)]
    assert all(one.is_tid for one in taken)


def test_a_tag_with_two_tids_keeps_both() -> None:
    """Found by fuzzing."""
    frame = uniform(1, Custom=(p.ImpinjSerializedTID((1,)), p.ImpinjSerializedTID((2,))))
    decoder = ReportDecoder("r")
    decoder.feed(frame, ARRIVAL_US)
    assert [one.data for one in decoder.take_tag_memory()] == [b"\0\1", b"\0\2"]


def test_tag_memory_that_nobody_takes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = ReportDecoder("r")
    frame = uniform(1000, Custom=(p.ImpinjSerializedTID((1,)),))
    for _ in range(70):
        decoder.feed(frame, ARRIVAL_US)
    assert len(decoder.take_tag_memory()) == report_module.TAG_MEMORY_MAX
    assert decoder.tag_memory_dropped == 70_000 - report_module.TAG_MEMORY_MAX


def test_a_malformed_tag_costs_itself_only() -> None:
    frame = bytearray(uniform(5))
    length = (len(frame) - 10) // 5
    frame[10 + 2 * length + 17] = 0xFF  # the third tag's AntennaID becomes an unknown TV parameter
    batch, event = ReportDecoder("r").feed(bytes(frame), ARRIVAL_US)
    assert [row[0][-1] for row in rows([batch])] == [0, 1, 3, 4]
    assert isinstance(event, ReaderEvent)
    assert event.kind is ReaderEventKind.PROTOCOL_ERROR
    assert f"offset {10 + 2 * length + 17}" in event.detail


def test_tags_before_a_broken_length_are_kept() -> None:
    frame = bytearray(uniform(5))
    length = (len(frame) - 10) // 5
    frame[10 + 3 * length + 2] = 0xFF
    batch, event = ReportDecoder("r").feed(bytes(frame), ARRIVAL_US)
    assert len(rows([batch])) == 3
    assert isinstance(event, ReaderEvent)
    assert event.kind is ReaderEventKind.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "tag",
    [
        "00f00008 00f10004",  # found by fuzzing: an EPCData without its count
        "00f00009 00f10005 00",
        "00f0000b 00f10007 0009 ff",
        "00f00010 015d000c 00 0001 0002 0000 00",
        "00f0000b 03ff0007 000065",
    ],
)
def test_a_malformed_parameter_of_a_tag_becomes_an_event(tag: str) -> None:
    body = bytes.fromhex(tag.replace(" ", ""))
    frame = b"\x04\x3d" + (10 + len(body)).to_bytes(4, "big") + bytes(4) + body
    (event,) = ReportDecoder("r").feed(frame, ARRIVAL_US)
    assert isinstance(event, ReaderEvent)
    assert event.kind is ReaderEventKind.PROTOCOL_ERROR


def test_a_time_beyond_int64_wraps_alike_in_all_paths() -> None:
    for n in (1, 2, 30):
        tag = p.TagReportData(
            p.EPC_96(bytes(12)),
            FirstSeenTimestampUTC=p.FirstSeenTimestampUTC(2**63 - 1),
            LastSeenTimestampUTC=p.LastSeenTimestampUTC(2**64 - 1),
        )
        frame = encode(m.ROAccessReport((tag,) * n), message_id=0)
        for _ in range(2):
            decoder = ReportDecoder("r", 10)
            expected = rows(ReportDecoder("r", 10)._walk(frame, ARRIVAL_US))
            assert rows(decoder.feed(frame, ARRIVAL_US)) == expected
            assert rows(decoder.feed(frame, ARRIVAL_US)) == expected


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(reports(), st.data())
def test_no_bytes_make_it_raise(sent: list[m.ROAccessReport], data: st.DataObject) -> None:
    decoder = ReportDecoder("r", 7)
    for i, report in enumerate(sent):
        frame = bytearray(encode(report, message_id=i, version=2))
        for _ in range(data.draw(st.integers(0, 3))):
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
        rows(decoder.feed(bytes(frame), ARRIVAL_US))
    decoder.feed_many([data.draw(st.binary(max_size=30)) for _ in range(5)], ARRIVAL_US)
