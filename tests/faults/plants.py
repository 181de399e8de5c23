"""Recorded plants for the fault runs: what the edge of a two-door plant seals in a minute, and the truth about it.

Made once a process. A reader clock that is wrong by some milliseconds after its correction shifts what one reader says.
"""

from dataclasses import replace
from functools import lru_cache

from bench.door_cases import recorded as as_recorded
from simulators.plant import Plant
from simulators.plant_recording import recorded
from stream.model import EMPTY, BatchId, EdgeBatch
from tagledger.decide import batches, reduce_reads
from warehouse.site import Effect, Site
from warehouse.site_settings import StreamSettings

AGENT, EPOCH = "dock", "1"
DURATION_S = 60.0
PLANTS = 4


@lru_cache
def plant(number: int) -> Plant:
    """The plant of that number."""
    return Plant(number, DURATION_S, doors=2)


def site_of(number: int) -> Site:
    """Its site: doors that post, and nobody silent because a process is paused."""
    made = plant(number).site
    return replace(
        made,
        readers=tuple(replace(reader, agent=AGENT) for reader in made.readers),
        portals=tuple(replace(portal, effect=Effect.POST) for portal in made.portals),
        stream=StreamSettings(gap_wait_s=20.0, source_silent_s=600.0, snapshot_every_s=1.0),
    )


@lru_cache
def sealed(number: int, skew_ms: int) -> tuple[EdgeBatch, ...]:
    """What the edge seals, heartbeats at the end included."""
    recording, _ = recorded(plant(number))
    reads = as_recorded(recording)
    late = (reads.reader == 0) * skew_ms * 1000
    reads = replace(reads, time_us=reads.time_us + late)
    made = list(batches(reduce_reads(reads), reads.events))
    last = made[-1]
    tail = [replace(last, watermark_us=last.watermark_us + n * 500_000) for n in range(1, 41)]
    tail = [replace(each, sightings=EMPTY, events=()) for each in tail]
    return tuple(replace(each, id=BatchId(AGENT, EPOCH, n)) for n, each in enumerate([*made, *tail], 1))
