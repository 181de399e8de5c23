"""Signal strengths as recordings have them, to dBm.

- Values mostly beyond ±200 are hundredths of a dBm, as Impinj reports them, unless they all are above zero.
- Values above zero are dBm without their sign, or an index of the reader's own that grows with strength. It is an index
  where it goes beyond what a receiver hears (`WEAKEST_DBM`). Else a tag's comings and goings tell: it comes weakly,
  grows strong and goes weakly. Where none tell, strong tags are read more often. Of an index only the order and the
  differences are known: its strong end (95 of 100 reads are weaker) is taken for -45 dBm, and its span for 22 dB where
  it is wider.
- What no receiver hears (beyond ±150 dBm) is absent.
"""

import numpy as np
from numpy.typing import NDArray

HEARD_DBM = 150.0
WEAKEST_DBM = 100.0
COMES_AGAIN_US = 5_000_000
TOLD = 3.0
"""How many times its own uncertainty a mean must be to count as told."""
STRONG_DBM = -45.0
SPAN_DB = 22.0
TAGS_MIN = 8
FOLLOWS = 0.2


def dbm(
    rssi: NDArray[np.float64], tag: NDArray[np.int64], time_us: NDArray[np.int64], notes: list[str]
) -> NDArray[np.float64]:
    """Strengths by read in dBm, NaN where absent; what was assumed is added to `notes`."""
    known = np.isfinite(rssi)
    if not known.any():
        notes.append("no rssi: loads are told by when and how often their tags are read, not by how strongly")
        return rssi
    middle = float(np.median(rssi[known]))
    if middle > 0.0 and _grows(rssi[known], tag[known], time_us[known]):
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


def _grows(rssi: NDArray[np.float64], tag: NDArray[np.int64], time_us: NDArray[np.int64]) -> bool:
    """Whether values above zero grow with strength."""
    if _beyond(rssi):
        return True
    bulge = _bulge(rssi, tag, time_us)
    return bulge > 0.0 if abs(bulge) >= TOLD else _follows_reads(rssi, tag)


def _beyond(rssi: NDArray[np.float64]) -> bool:
    """Whether values are not those of dBm, nor of hundredths of it: weaker than any reader hears."""
    middle, weak = float(np.median(rssi)), float(np.quantile(rssi, 0.9))
    scale = 100.0 if middle > 1000.0 else 1.0
    return weak > WEAKEST_DBM * scale


def _bulge(rssi: NDArray[np.float64], tag: NDArray[np.int64], time_us: NDArray[np.int64]) -> float:
    """How much greater values are amid a tag's visits than at their first and last read, in standard errors."""
    order = np.lexsort((time_us, tag))
    tag, time_us, rssi = tag[order], time_us[order], rssi[order]
    begins = np.concatenate([[True], (np.diff(tag) != 0) | (np.diff(time_us) > COMES_AGAIN_US)])
    visit = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(tag)) - 1
    reads = np.bincount(visit)
    amid = (np.bincount(visit, weights=rssi) - rssi[first] - rssi[last]) / np.maximum(reads - 2, 1)
    more = (amid - (rssi[first] + rssi[last]) / 2.0)[reads > 2]
    if len(more) < TAGS_MIN:
        return 0.0
    return float(more.mean() / max(float(more.std()) / len(more) ** 0.5, 1e-9))


def _follows_reads(rssi: NDArray[np.float64], tag: NDArray[np.int64]) -> bool:
    """Whether tags of larger values are read more often (rank correlation over tags)."""
    reads = np.bincount(tag)
    seen = np.flatnonzero(reads)
    if len(seen) < TAGS_MIN:
        return False
    mean = np.bincount(tag, weights=rssi)[seen] / reads[seen]
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (mean, reads[seen])]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) > FOLLOWS
