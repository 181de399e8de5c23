"""Edge batches for the tests of the spool and the uplinks."""

import numpy as np

from edge.reduce import Reducer
from stream.model import BatchId, DeviceEvent, DeviceEventKind, EdgeBatch

from .reads import random_reads

MINUTE_US = 60_000_000


def batch_named(name: BatchId, reads: int = 30) -> EdgeBatch:
    """A batch of that name whose contents derive from the counter."""
    reducer = Reducer(250)
    if reads:
        reducer.add(random_reads(name.counter, reads, 10, start_us=name.counter * MINUTE_US))
    event = DeviceEvent("dock-1", DeviceEventKind.GPI, name.counter, port=1, state=bool(name.counter % 2))
    at_us = (name.counter + 1) * MINUTE_US
    return EdgeBatch(name, at_us, at_us, reducer.seal(), (event,))


def noise(size: int) -> bytes:
    """Bytes that mean nothing, the same for the same size."""
    return np.random.default_rng(size).bytes(size)
