"""Reduction of reads to Sightings: reads/s on one core against numpy's sorts of the same keys and a plain dict loop.

Peers, in interleaved rounds on the same reads:

- `lexsort`: numpy's own sort of the keys (EPC as two words, antenna, window), the sort alone, no reduction;
- `sort_u64`: numpy's sort of one ready-made 64-bit key per read, the least a sorting reduction could cost;
- `dict`: one dict entry per group, the same sums in a loop over reads (count, times, power, peak).

CPU time of the one thread is measured, so that a busy machine changes little. Three densities of reads per sighting,
each sealed as a live edge does it: 15,000 reads a seal (40 readers × 1,500 reads/s, 250 ms), and small seals of one
busy reader (375 reads).
"""

import json
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.reduce import Reducer
from readers.model import ReadBatch
from stream.model import Sightings

ROUNDS = 9
READS_PER_SIGHTING = (1.3, 5.0, 20.0)
SEAL_READS = (15_000, 375)
WINDOW_US = 250_000


def run() -> dict[str, object]:
    """Reads/s (medians) by density and peer, and the ratios to the reduction."""
    result: dict[str, object] = {"bench": "reduce", "unit": "reads/s", "rounds": ROUNDS}
    print(f"{'seal':>7} {'reads/sighting':>14} {'reduce':>11} {'lexsort':>11} {'sort_u64':>11} {'dict':>11}  (reads/s)")
    for seal_reads in SEAL_READS:
        for density in READS_PER_SIGHTING:
            result[f"{seal_reads}_at_{density:g}"] = figures = _measure(density, seal_reads)
            rates = "".join(f" {figures[peer]:>11,}" for peer in ("reduce", "lexsort", "sort_u64", "dict"))
            print(f"{seal_reads:>7} {figures['reads_per_sighting']:>14}{rates}")
    print(json.dumps(result))
    return result


def _measure(density: float, seal_reads: int) -> dict[str, float]:
    batches = _reads(density, seal_reads)
    sightings = len(_reduce(batches))
    keys = _keys(batches)
    contestants: dict[str, Callable[[], object]] = {
        "reduce": lambda: _reduce(batches),
        "lexsort": lambda: _lexsort(batches),
        "sort_u64": lambda: np.sort(keys),
        "dict": lambda: _dict_loop(batches),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            repeats = 1 if name == "dict" else max(1, 30_000 // seal_reads)
            began = time.thread_time()
            for _ in range(repeats):
                contestant()
            seconds[name].append((time.thread_time() - began) / repeats)
    rates = {name: round(seal_reads / statistics.median(times)) for name, times in seconds.items()}
    figures: dict[str, float] = {"reads_per_sighting": round(seal_reads / sightings, 2), **rates}
    figures |= {f"x_{name}": round(rates["reduce"] / rate, 2) for name, rate in rates.items() if name != "reduce"}
    return figures


def _reads(density: float, n: int) -> list[ReadBatch]:
    """n reads in reports of 100 tags, as many (tag, antenna) groups as give the density."""
    rng = np.random.default_rng(11)
    groups = max(1, round(n / density))
    group = np.concatenate([np.arange(groups), rng.integers(0, groups, n - groups)])
    rng.shuffle(group)
    epc = np.zeros((n, 12), np.uint8)
    epc[:, :8] = np.frombuffer(bytes.fromhex("3034257BF7194E40"), np.uint8)
    epc[:, 8:] = (group // 3).astype(">u4").view(np.uint8).reshape(n, 4)
    at = 1_700_000_000_000_000 + np.sort(rng.integers(0, WINDOW_US, n))
    columns: tuple[NDArray[Any], ...] = (
        epc,
        np.full(n, 96, np.uint16),
        (1 + group % 3).astype(np.uint16),
        at,
        at,
        rng.integers(-75, -30, n).astype(np.float32),
        rng.integers(1, 3, n).astype(np.uint16),
        (rng.integers(0, 4096, n) * (2 * np.pi / 4096)).astype(np.float32),
        np.full(n, np.nan, np.float32),
        np.ones(n, np.uint16),
    )
    return [ReadBatch("dock-1", *(column[k : k + 100] for column in columns)) for k in range(0, n, 100)]


def _reduce(batches: list[ReadBatch]) -> Sightings:
    reducer = Reducer(WINDOW_US // 1000)
    for batch in batches:
        reducer.add(batch)
    return reducer.seal()


def _lexsort(batches: list[ReadBatch]) -> object:
    epc = np.concatenate([batch.epc for batch in batches])
    high = np.ascontiguousarray(epc[:, :8]).view("<u8")[:, 0]
    low = np.ascontiguousarray(epc[:, 8:]).view("<u4")[:, 0]
    antenna = np.concatenate([batch.antenna for batch in batches])
    window = np.concatenate([batch.first_us for batch in batches]) // WINDOW_US
    return np.lexsort((window, antenna, low, high))


def _keys(batches: list[ReadBatch]) -> NDArray[np.uint64]:
    epc = np.concatenate([batch.epc for batch in batches])
    low = np.ascontiguousarray(epc[:, 8:]).view(">u4")[:, 0].astype(np.uint64)
    antenna = np.concatenate([batch.antenna for batch in batches]).astype(np.uint64)
    return (low * np.uint64(4) + antenna) * np.uint64(0x9E3779B97F4A7C15)


def _dict_loop(batches: list[ReadBatch]) -> object:
    groups: dict[tuple[bytes, int, int], list[float]] = {}
    for batch in batches:
        epc = batch.epc.tobytes()
        rows = zip(batch.antenna.tolist(), batch.first_us.tolist(), batch.rssi_dbm.tolist(), strict=True)
        for row, (antenna, at, rssi) in enumerate(rows):
            key = (epc[12 * row : 12 * row + 12], antenna, at // WINDOW_US)
            group = groups.get(key)
            power = math.pow(10.0, rssi / 10.0)
            if group is None:
                groups[key] = [1, at, at, power, rssi]
            else:
                group[0] += 1
                group[1] = min(group[1], at)
                group[2] = max(group[2], at)
                group[3] += power
                group[4] = max(group[4], rssi)
    return groups
