"""Batches whose form is right and whose content cannot be: a watermark of the year 3000 stops the clock for good."""

from stream.model import EdgeBatch

TIME_MIN_US = 0
TIME_MAX_US = 4_102_444_800_000_000
"""1 January 2100."""

PORT_MAX = 2**16 - 1


def why_impossible(batch: EdgeBatch) -> str | None:
    """Why a batch cannot be true, or None: its times are no reader time, or a port is no port."""
    times = [batch.watermark_us, *(event.at_us for event in batch.events)]
    if len(batch.sightings):
        times += [int(batch.sightings.first_us.min()), int(batch.sightings.last_us.max())]
    ports = [event.port for event in batch.events if event.port is not None]
    if ports and not 0 <= min(ports) <= max(ports) <= PORT_MAX:
        return f"ports from {min(ports)} to {max(ports)} are none"
    if all(TIME_MIN_US <= time_us <= TIME_MAX_US for time_us in times):
        return None
    return f"times from {min(times)} to {max(times)} µs lie outside 1970 to 2100"
