"""Signal strengths as recordings have them, to dBm.

- Values mostly beyond ±200 are hundredths of a dBm, as Impinj reports them, unless they all are above zero.
- Values above zero are dBm without their sign, or an index of the reader's own that grows with strength. Which, the
  reads tell: strong tags are read more often. Of an index only the order and the differences are known: its strong
  end (95 of 100 reads are weaker) is taken for -45 dBm, and its span for 30 dB where it is wider.
- What no receiver hears (beyond ±150 dBm) is absent.
"""

import numpy as np
from numpy.typing import NDArray

HEARD_DBM = 150.0
STRONG_DBM = -45.0
SPAN_DB = 30.0
TAGS_MIN = 8
FOLLOWS = 0.2


def dbm(rssi: NDArray[np.float64], tag: NDArray[np.int64], notes: list[str]) -> NDArray[np.float64]:
    """Strengths by read in dBm, NaN where absent; what was assumed is added to `notes`."""
    known = np.isfinite(rssi)
    if not known.any():
        notes.append("no rssi: who is there is told, how strongly is not")
        return rssi
    middle = float(np.median(rssi[known]))
    if middle > 0.0 and _follows_reads(rssi[known], tag[known]):
        low, high = np.quantile(rssi[known], (0.05, 0.95)).tolist()
        notes.append(f"rssi of no known unit: {high:g} taken for {STRONG_DBM:g} dBm")
        per_unit: float = min(1.0, SPAN_DB / max(high - low, 1e-9))
        return np.asarray(STRONG_DBM + (rssi - high) * per_unit, np.float64)
    if abs(middle) > 200.0:
        rssi, middle = rssi / 100.0, middle / 100.0
        notes.append("rssi in hundredths of a dBm")
    if 20.0 <= middle <= 100.0:
        rssi = -rssi
        notes.append("rssi above zero: taken for dBm without their sign")
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(rssi) <= HEARD_DBM, rssi, np.nan)


def _follows_reads(rssi: NDArray[np.float64], tag: NDArray[np.int64]) -> bool:
    """Whether tags of larger values are read more often (rank correlation over tags)."""
    reads = np.bincount(tag)
    seen = np.flatnonzero(reads)
    if len(seen) < TAGS_MIN:
        return False
    mean = np.bincount(tag, weights=rssi)[seen] / reads[seen]
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (mean, reads[seen])]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) > FOLLOWS
