"""Small recorded-looking traffic for the stream's tests: a site with two doors and a store, and batches by seed.

Every `LOAD_EVERY_S` a load of some tags goes through door `dock1` (photo-eyes) or `dock2` (none), in or out by turns,
while parked tags answer beside `dock1` and shelved ones in the zone `shelf`.
"""

from dataclasses import replace

import numpy as np

from stream.model import EMPTY, BatchId, DeviceEvent, DeviceEventKind, EdgeBatch, Sightings
from warehouse.site import Antenna, AntennaRef, Effect, PhotoEye, Portal, Reader, Side, Site, Zone
from warehouse.site_settings import StreamSettings

START_US = 1_767_600_000_000_000
FLUSH_US = 250_000
LOAD_EVERY_S = 12
AGENT, EPOCH = "edge", "epoch1"


def site(effect: Effect = Effect.POST, stream: StreamSettings | None = None) -> Site:
    """Two neighbouring doors of one reader, a shelf zone of another."""
    outside, inside = Side.OUTSIDE, Side.INSIDE
    dock = Reader(
        "dock",
        "127.0.0.1",
        antennas=(
            Antenna(1, "dock1", outside),
            Antenna(2, "dock1", inside),
            Antenna(3, "dock2", outside),
            Antenna(4, "dock2", inside),
        ),
    )
    shelf = Reader("store", "127.0.0.1", antennas=(Antenna(1, "shelf"), Antenna(2, "rack")))
    eyes = (PhotoEye("dock", 1, outside), PhotoEye("dock", 2, inside))
    return Site(
        "plant",
        readers=(dock, shelf),
        zones=(Zone("yard"), Zone("hall"), Zone("shelf", depart_after_s=8.0), Zone("rack", depart_after_s=8.0)),
        portals=(
            Portal("dock1", "hall", "yard", effect, neighbours=("dock2",), photo_eyes=eyes),
            Portal("dock2", "hall", "yard", effect, neighbours=("dock1",)),
        ),
        stream=stream or StreamSettings(gap_wait_s=0.5, source_silent_s=2.0, snapshot_every_s=10.0),
    )


def epc(number: int) -> str:
    """An SGTIN-96 with that serial."""
    return f"3034257BF7194E4000{number:06X}"


def traffic(seconds: int, seed: int = 1, agent: str = AGENT, epoch: str = EPOCH, tags: int = 12) -> list[EdgeBatch]:
    """`seconds` of batches every 250 ms, heartbeats included."""
    rng = np.random.default_rng(seed)
    batches = []
    for counter, start_us in enumerate(range(0, seconds * 1_000_000, FLUSH_US), 1):
        rows: list[tuple[int, int, int, float]] = []  # time, antenna index, tag number, dBm
        events: list[DeviceEvent] = []
        for at_us in range(start_us, start_us + FLUSH_US, FLUSH_US // 5):
            _load(at_us, tags, rng, rows, events)
            parked = rng.integers(0, 3)
            rows += [(at_us + 7, 0, 900_000 + int(parked), -68.0 + rng.normal())]
            shelf_antenna = 4 if (at_us // 20_000_000) % 2 == 0 else 5
            rows += [(at_us + 11, shelf_antenna, 800_000 + int(rng.integers(0, 6)), -55.0 + rng.normal())]
        batches.append(
            EdgeBatch(
                BatchId(agent, epoch, counter),
                watermark_us=START_US + start_us + FLUSH_US,
                sealed_us=START_US + start_us + FLUSH_US + 5_000,
                sightings=_sightings(rows),
                events=tuple(events),
            )
        )
    return batches


def heartbeats(after: EdgeBatch, seconds: float) -> list[EdgeBatch]:
    """Empty batches that follow a batch, for so many seconds of reader time."""
    return [
        replace(
            after,
            id=replace(after.id, counter=after.id.counter + n),
            watermark_us=after.watermark_us + n * 500_000,
            sightings=EMPTY,
            events=(),
        )
        for n in range(1, int(seconds * 2) + 1)
    ]


def shifted(batches: list[EdgeBatch], by_us: int, epoch: str = EPOCH) -> list[EdgeBatch]:
    """The same traffic at another time: signals are valid by the wall clock."""

    def moved(batch: EdgeBatch) -> EdgeBatch:
        rows = batch.sightings
        rows = replace(rows, first_us=rows.first_us + by_us, last_us=rows.last_us + by_us)
        events = tuple(replace(event, at_us=event.at_us + by_us) for event in batch.events)
        name, watermark_us = replace(batch.id, epoch=epoch), batch.watermark_us + by_us
        return replace(batch, id=name, sightings=rows, events=events, watermark_us=watermark_us)

    return [moved(batch) for batch in batches]


def batch(counter: int, agent: str = AGENT, epoch: str = EPOCH, at_us: int | None = None) -> EdgeBatch:
    """A heartbeat with that counter, 500 ms after the one before."""
    watermark_us = START_US + counter * 500_000 if at_us is None else at_us
    return EdgeBatch(BatchId(agent, epoch, counter), watermark_us, watermark_us, EMPTY)


def sighting(at_us: int, antenna: AntennaRef, tag: str, dbm: float = -55.0) -> Sightings:
    """One sighting."""
    return replace(_sightings([(at_us - START_US, 0, 1, dbm)]), tags=(tag,), antennas=(antenna,))


ANTENNAS = (*(AntennaRef("dock", port) for port in (1, 2, 3, 4)), AntennaRef("store", 1), AntennaRef("store", 2))


def _load(
    at_us: int, tags: int, rng: np.random.Generator, rows: list[tuple[int, int, int, float]], events: list[DeviceEvent]
) -> None:
    number, within_us = divmod(at_us, LOAD_EVERY_S * 1_000_000)
    second = within_us / 1e6
    door = number % 2
    inward = (number // 2) % 2 == 0
    first, last = (1, 2) if inward else (2, 1)
    for port, from_s, to_s in ((first, 4.0, 5.0), (last, 4.6, 5.6)):
        for edge_s, state in ((from_s, True), (to_s, False)):
            if door == 0 and within_us <= edge_s * 1e6 < within_us + FLUSH_US // 5:
                when_us = START_US + at_us + 3
                events.append(DeviceEvent("dock", DeviceEventKind.GPI, when_us, port=port, state=state))
    if not 3.0 <= second < 6.5:
        return
    for side, middle_s in ((0 if inward else 1, 4.3), (1 if inward else 0, 5.3)):
        for tag in range(tags):
            dbm = -48.0 - 9.0 * (second - middle_s) ** 2 + 2 * rng.normal()
            if dbm > -72.0 and rng.random() < 0.8:
                rows.append((at_us + tag * 13, 2 * door + side, number * 1000 + tag, dbm))
                if dbm > -52.0 and rng.random() < 0.3:
                    rows.append((at_us + tag * 13 + 5, 2 * (1 - door) + side, number * 1000 + tag, dbm - 18.0))


def _sightings(rows: list[tuple[int, int, int, float]]) -> Sightings:
    rows = sorted(rows)
    tags = sorted({tag for _, _, tag, _ in rows})
    antennas = sorted({antenna for _, antenna, _, _ in rows})
    first = np.array([START_US + at for at, _, _, _ in rows], np.int64)
    dbm = np.array([dbm for _, _, _, dbm in rows], np.float32)
    nan = np.full(len(rows), np.nan, np.float32)
    return Sightings(
        tags=tuple(epc(tag) for tag in tags),
        antennas=tuple(ANTENNAS[antenna] for antenna in antennas),
        tag=np.array([tags.index(tag) for _, _, tag, _ in rows], np.uint32),
        antenna=np.array([antennas.index(antenna) for _, antenna, _, _ in rows], np.uint16),
        first_us=first,
        last_us=first,
        reads=np.ones(len(rows), np.uint32),
        power_mw=np.power(10.0, dbm.astype(np.float64) / 10.0),
        peak_dbm=dbm,
        channel=np.zeros(len(rows), np.uint16),
        phase_rad=nan,
        phase_slope_rad_s=nan,
        doppler_hz=nan,
    )
