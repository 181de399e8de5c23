"""Bulk encoding against the codec: whatever is asked for, the bytes decode to what went in, in every layout."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import decode_body
from simulators.llrp.radio import Singulations
from simulators.llrp.report_rows import Origin, ReportRows, folded, identities, joined, rows_of
from simulators.llrp.tag_reports import ReportContent, encode_tag_reports, encode_uniform

CONTENTS = st.builds(ReportContent, **{name: st.booleans() for name in ReportContent.__dataclass_fields__})
EPCS = st.lists(st.binary(min_size=2, max_size=32).map(lambda raw: raw[: len(raw) // 2 * 2]), min_size=1, max_size=12)


def rows(epcs: list[bytes], seed: int = 0) -> ReportRows:
    chance = np.random.default_rng(seed)
    n, width = len(epcs), max(map(len, epcs))
    reads = Singulations(
        epc=np.array([list(epc.ljust(width, b"\0")) for epc in epcs], np.uint8),
        epc_bits=np.array([len(epc) * 8 for epc in epcs], np.uint16),
        antenna=chance.integers(1, 5, n).astype(np.uint16),
        time_us=np.sort(chance.integers(0, 1 << 50, n)),
        rssi_dbm=chance.uniform(-90, -30, n).astype(np.float32),
        channel=chance.integers(1, 51, n).astype(np.uint16),
        phase_rad=chance.uniform(0, 2 * np.pi, n).astype(np.float32),
        doppler_hz=chance.uniform(-100, 100, n).astype(np.float32),
    )
    return rows_of(reads, Origin(5, 2, 3), 1_000)


@settings(deadline=None)
@given(EPCS, CONTENTS, st.booleans())
def test_what_is_encoded_decodes_to_the_same_values(epcs: list[bytes], content: ReportContent, utc: bool) -> None:
    table = rows(epcs)
    tids = {epc: b"\xe2\x80" + epc[:2] for epc in epcs[::2]}
    encoded = encode_tag_reports(table, content, utc=utc, tids=tids)
    message = decode_body(m.ROAccessReport.TYPE, b"".join(encoded))
    assert isinstance(message, m.ROAccessReport)
    assert len(message.TagReportData) == len(epcs)
    for row, (epc, tag) in enumerate(zip(epcs, message.TagReportData, strict=True)):
        found = tag.EPCParameter.EPC if isinstance(tag.EPCParameter, p.EPC_96) else tag.EPCParameter.EPC.data
        assert found == epc
        assert (tag.ROSpecID is None) != content.rospec_id
        assert (tag.AntennaID == p.AntennaID(int(table.antenna[row]))) == content.antenna_id
        assert (tag.PeakRSSI is None) != content.peak_rssi
        first = tag.FirstSeenTimestampUTC if utc else tag.FirstSeenTimestampUptime
        assert (first is not None and first.Microseconds == int(table.first_us[row])) == content.first_seen
        assert (tag.TagSeenCount == p.TagSeenCount(1)) == content.seen_count
        kinds = [type(custom) for custom in tag.Custom]
        expected = [
            (p.ImpinjRFPhaseAngle, content.impinj_phase),
            (p.ImpinjPeakRSSI, content.impinj_peak_rssi),
            (p.ImpinjRFDopplerFrequency, content.impinj_doppler),
            (p.ImpinjSerializedTID, content.impinj_tid and epc in tids),
        ]
        assert kinds == [kind for kind, is_on in expected if is_on]
        for custom in tag.Custom:
            if isinstance(custom, p.ImpinjRFPhaseAngle):
                turn = abs(custom.PhaseAngle / 4096 - float(table.phase_rad[row]) / 2 / np.pi)
                assert min(turn, 1 - turn) <= 1 / 8000
            if isinstance(custom, p.ImpinjPeakRSSI):
                assert abs(custom.RSSI / 100 - float(table.peak_rssi_dbm[row])) < 0.0051


@settings(deadline=None)
@given(EPCS, CONTENTS)
def test_the_uniform_way_and_the_way_by_rows_give_the_same_bytes(epcs: list[bytes], content: ReportContent) -> None:
    table = rows(epcs)
    uniform = encode_uniform(table, content, utc=True)
    one_layout = len({len(epc) for epc in epcs}) == 1 and not content.impinj_tid
    assert (uniform is not None) == one_layout
    if uniform is not None:
        assert uniform == b"".join(encode_tag_reports(table, content, utc=True))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_folding_in_pieces_is_folding_at_once(tags: list[int], data: st.DataObject) -> None:
    table = rows([bytes([tag]) * 12 for tag in tags], seed=len(tags))
    cut = data.draw(st.integers(0, len(tags)))
    parts = [part for part in (table.part(0, cut), table.part(cut, len(tags))) if len(part)]
    halves = [folded(part, identities(part, by_antenna=True)) for part in parts]
    again = joined(halves)
    again = folded(again, identities(again, by_antenna=True))
    whole = folded(table, identities(table, by_antenna=True))
    for name in ("epc", "antenna", "peak_rssi_dbm", "channel", "first_us", "last_us", "count"):
        assert (getattr(again, name) == getattr(whole, name)).all(), name
    assert int(whole.count.sum()) == len(tags)
    assert len(whole) == len({(tag, int(table.antenna[row])) for row, tag in enumerate(tags)})
