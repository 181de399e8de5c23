"""A door small enough to reason about: straight walks, inverse-square power, no fading. Only for tests of mechanism.

Accuracy is measured against `simulators.physics` (`bench/accuracy.py`), never against this.
"""

import json
from dataclasses import dataclass, field

import numpy as np

from stream.model import BatchId, DeviceEvent, DeviceEventKind, Sightings
from stream.operators.passage_direction import EVIDENCE
from stream.operators.passage_features import FEATURES
from stream.operators.passage_model import PassageModel, parse_model
from stream.operators.slices import PlaceSlice
from warehouse.site import AntennaRef, PhotoEye, Portal, Side

T0_US = 1_790_000_000_000_000
OWN = tuple(AntennaRef("r1", port) for port in (1, 2, 3, 4))
NEXT_DOOR = tuple(AntennaRef("r2", port) for port in (1, 2))
SIDES = {OWN[0]: Side.OUTSIDE, OWN[1]: Side.OUTSIDE, OWN[2]: Side.INSIDE, OWN[3]: Side.INSIDE}
EYES = (PhotoEye("r1", 1, Side.OUTSIDE), PhotoEye("r1", 2, Side.INSIDE))
PLACES_M = {
    OWN[0]: (-1.0, -1.5),
    OWN[1]: (-1.0, 1.5),
    OWN[2]: (1.0, -1.5),
    OWN[3]: (1.0, 1.5),
    NEXT_DOOR[0]: (-1.0, 8.0),
    NEXT_DOOR[1]: (1.0, 8.0),
}

WEIGHTS = {
    "peak_rel_db": 0.2,
    "own_share_db": 0.15,
    "seconds_before": -0.2,
    "background": -4.0,
    "profile_corr": 3.0,
    "offset_abs_s": -0.8,
    "reads_rel_log2": 0.3,
    "trend_agreement": 1.0,
}


def plain_model() -> PassageModel:
    """A logistic model by hand: this door has no fading, so the fitted weights would judge what they never saw."""
    tag = {"features": FEATURES, "weights": [WEIGHTS.get(name, 0.0) for name in FEATURES], "bias": 1.5}
    direction = dict(zip(EVIDENCE, (1.5, 1.5, 0.8, 0.5, 1.0, 0.5), strict=True))
    return parse_model(json.dumps({"passes": [tag, tag], "direction": direction}))


def portal(eyes: bool) -> Portal:
    """Dock 1, with or without photo-eyes."""
    return Portal("dock-1", "inside-1", "outside-1", neighbours=("dock-2",), photo_eyes=EYES if eyes else ())


@dataclass
class Door:
    """Collects the sightings of everything that happened, then deals them out in batches."""

    seed: int = 1
    rows: list[tuple[int, str, AntennaRef, float]] = field(default_factory=list)
    events: list[DeviceEvent] = field(default_factory=list)

    def walk(
        self, epcs: list[str], start_s: float, direction: int, lane_m: float = 0.0, speed_m_s: float = 1.5
    ) -> None:
        """A load crosses x = 0 at `start_s` + 4 s; `direction` +1 goes in. The eyes are at x = -0.5 and 0.5."""
        rng = np.random.default_rng((self.seed, int(start_s * 1000)))
        for epc in epcs:
            place = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)
            for t in np.arange(0.0, 8.0, 0.1):
                x = direction * speed_m_s * (t - 4.0) + place[0]
                self._hear(rng, epc, start_s + t, x, lane_m + place[1])
        for x, gpi in ((-0.5, 1), (0.5, 2)):
            middle = start_s + 4.0 + direction * x / speed_m_s
            for at_s, state in ((middle - 0.4, True), (middle + 0.4, False)):
                self.events.append(
                    DeviceEvent("r1", DeviceEventKind.GPI, T0_US + int(at_s * 1e6), port=gpi, state=state)
                )

    def park(self, epcs: list[str], from_s: float, to_s: float, x_m: float, y_m: float) -> None:
        """Tags that stand still."""
        rng = np.random.default_rng((self.seed, 77))
        for epc in epcs:
            for t in np.arange(from_s, to_s, 0.1):
                self._hear(rng, epc, float(t), x_m, y_m)

    def _hear(self, rng: np.random.Generator, epc: str, at_s: float, x: float, y: float) -> None:
        for ref, (ax, ay) in PLACES_M.items():
            dbm = -45.0 - 20.0 * np.log10(max(np.hypot(x - ax, y - ay), 0.3)) * 1.5 + rng.normal(0, 2.0)
            if dbm > -68.0 and rng.random() < 0.4:
                self.rows.append((T0_US + int(at_s * 1e6), epc, ref, float(dbm)))

    def slices(self, every_s: float = 0.25) -> list[tuple[int, list[PlaceSlice]]]:
        """(watermark, slices) for the whole story and 5 s of silence after it."""
        rows = sorted(self.rows)
        events = sorted(self.events, key=lambda event: event.at_us)
        end_us = max([*(row[0] for row in rows), *(event.at_us for event in events)]) + 5_000_000
        out = []
        step = int(every_s * 1e6)
        for counter, start in enumerate(range(T0_US, end_us, step), 1):
            part = [row for row in rows if start <= row[0] < start + step]
            seen = tuple(event for event in events if start <= event.at_us < start + step)
            items = []
            if part or seen:
                items.append(PlaceSlice(BatchId("edge", "e1", counter), sightings(part), seen))
            out.append((start + step, items))
        return out


def sightings(rows: list[tuple[int, str, AntennaRef, float]]) -> Sightings:
    """One read each."""
    tags = tuple(sorted({row[1] for row in rows}))
    antennas = tuple(sorted({row[2] for row in rows}))
    at = np.array([row[0] for row in rows], np.int64)
    dbm = np.array([row[3] for row in rows], np.float32)
    absent = np.full(len(rows), np.nan, np.float32)
    return Sightings(
        tags=tags,
        antennas=antennas,
        tag=np.array([tags.index(row[1]) for row in rows], np.uint32),
        antenna=np.array([antennas.index(row[2]) for row in rows], np.uint16),
        first_us=at,
        last_us=at,
        reads=np.ones(len(rows), np.uint32),
        power_mw=np.power(10.0, dbm.astype(np.float64) / 10.0),
        peak_dbm=dbm,
        channel=np.ones(len(rows), np.uint16),
        phase_rad=absent,
        phase_slope_rad_s=absent,
        doppler_hz=absent,
    )
