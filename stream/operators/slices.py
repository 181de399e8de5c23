"""What one key of the stream receives from one edge batch: the sightings and events that concern its place."""

from dataclasses import dataclass

from stream.model import BatchId, DeviceEvent, Sightings


@dataclass(frozen=True, slots=True)
class PlaceSlice:
    """One edge batch as seen from one place (its own antennas and those of its neighbours)."""

    origin: BatchId
    sightings: Sightings
    events: tuple[DeviceEvent, ...] = ()
