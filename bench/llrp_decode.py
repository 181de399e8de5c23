"""Tags per second out of RO_ACCESS_REPORT: ours, sllurp's decoder, and `struct.iter_unpack` as the floor.

Time is processor time, rounds are interleaved and ratios are taken within a round, so that a busy machine changes the
figures little. Ours makes a ReadBatch (`ReportDecoder`), starting from the bytes of the frames; sllurp makes its nested
dicts (`LLRPMessage`), frame by frame as its client does; struct unpacks the records of a layout known beforehand and
keeps nothing, so it is a floor for one object per tag, not a decoder.
"""

from __future__ import annotations

import json
import math
import statistics
import struct
import time
from collections.abc import Callable
from typing import Any

from readers.llrp.codec import encode
from readers.llrp.messages import ROAccessReport
from readers.llrp.params import (
    EPC_96,
    AntennaID,
    ChannelIndex,
    CustomParameter,
    FirstSeenTimestampUTC,
    ImpinjPeakRSSI,
    ImpinjRFDopplerFrequency,
    ImpinjRFPhaseAngle,
    LastSeenTimestampUTC,
    PeakRSSI,
    TagReportData,
    TagSeenCount,
)
from readers.llrp.report import ReportDecoder

SHAPES = ((100, 1), (10, 1), (1, 1), (1, 200), (10_000, 1))
"""Tags in a frame, frames in a buffer."""

_RECORD = struct.Struct("!5x12s1xH1xb1xH1xQ1xQ1xH")
_IMPINJ_RECORD = struct.Struct("!5x12s1xH1xb1xH1xQ1xQ1xH12xH12xh12xh")


def run(rounds: int = 25) -> dict[str, Any]:
    """Measure every shape, plain and with Impinj fields; print the table, then one JSON line.

    Medians in tags per second; ratios are medians of the ratios within a round.
    """
    shapes = {}
    print(
        f"{'frames x tags':>20} {'ours /s':>12} {'struct /s':>12} {'sllurp /s':>12} {'vs struct':>10} {'vs sllurp':>10}"
    )
    for impinj in (False, True):
        for tags, frames in SHAPES:
            name = f"{frames} x {tags}" + (" impinj" if impinj else "")
            row = _measure([_report(tags, frame, impinj) for frame in range(frames)], impinj, rounds)
            shapes[name] = row
            print(
                f"{name:>20} {row['ours_tags_s']:12,.0f} {row['struct_tags_s']:12,.0f}"
                f" {row.get('sllurp_tags_s', math.nan):12,.0f}"
                f" {row['ours_vs_struct']:10.2f} {row.get('ours_vs_sllurp', math.nan):10.1f}"
            )
    result = {"bench": "llrp_decode", "rounds": rounds, "shapes": shapes}
    print(json.dumps(result))
    return result


def _report(tags: int, seed: int, impinj: bool) -> bytes:
    def tag(i: int) -> TagReportData:
        seen = 1_700_000_000_000_000 + seed * 1_000_000 + i * 700
        customs: tuple[CustomParameter, ...] = ()
        if impinj:
            customs = (
                ImpinjRFPhaseAngle(i * 37 % 4096),
                ImpinjPeakRSSI(-5500 - i % 900),
                ImpinjRFDopplerFrequency(i % 64),
            )
        return TagReportData(
            EPCParameter=EPC_96(bytes([0x30, 0x14]) + (seed * 10_000 + i).to_bytes(10, "big")),
            AntennaID=AntennaID(1 + i % 4),
            PeakRSSI=PeakRSSI(-70 + i % 30),
            ChannelIndex=ChannelIndex(1 + i % 50),
            FirstSeenTimestampUTC=FirstSeenTimestampUTC(seen),
            LastSeenTimestampUTC=LastSeenTimestampUTC(seen + 400),
            TagSeenCount=TagSeenCount(1 + i % 5),
            Custom=customs,
        )

    return encode(ROAccessReport(tuple(tag(i) for i in range(tags))), message_id=0xF000_0000 + seed)


def _measure(frames: list[bytes], impinj: bool, rounds: int) -> dict[str, float]:
    record = _IMPINJ_RECORD if impinj else _RECORD
    tags = sum(len(frame) - 10 for frame in frames) // record.size
    decoder = ReportDecoder("bench")

    def ours() -> None:
        if len(frames) == 1:
            decoder.feed(frames[0], 0)
        else:
            decoder.feed_many(frames, 0)

    def floor() -> None:
        for frame in frames:
            for _ in record.iter_unpack(memoryview(frame)[10:]):
                pass

    contestants: dict[str, Callable[[], None]] = {"ours": ours, "struct": floor}
    if (sllurp := _sllurp_decoder(frames)) is not None:
        contestants["sllurp"] = sllurp
    repeats = {name: _repeats(work) for name, work in contestants.items()}
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            begin = time.process_time()
            for _ in range(repeats[name]):
                work()
            rates[name].append(tags * repeats[name] / (time.process_time() - begin))
    result = {f"{name}_tags_s": statistics.median(values) for name, values in rates.items()}
    for name in contestants:
        if name != "ours":
            ratios = [a / b for a, b in zip(rates["ours"], rates[name], strict=True)]
            result[f"ours_vs_{name}"] = statistics.median(ratios)
    return result


def _repeats(work: Callable[[], None]) -> int:
    """How often to repeat so that one measurement takes some 20 ms of processor time."""
    done = 0
    begin = time.process_time()
    while (spent := time.process_time() - begin) < 0.02:
        work()
        done += 1
    return max(1, round(done * 0.02 / spent))


def _sllurp_decoder(frames: list[bytes]) -> Callable[[], None] | None:
    try:
        from sllurp.llrp import LLRPMessage  # type: ignore[import-untyped]
    except ImportError:
        return None

    def work() -> None:
        for frame in frames:
            LLRPMessage(msgbytes=frame)

    return work


if __name__ == "__main__":
    run()
