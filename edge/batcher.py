"""Cuts what readers deliver into edge batches: when to seal, with which watermark, which events.

A batch is sealed when a window of reader time is over (all its reads are here, `edge.watermark`) and something waits
for it, and at least every `heartbeat_ms` of wall time, empty if need be, so that time goes on downstream while nothing
happens. A batch's watermark is always the last microsecond of a window: sealing up to it and promising it are one act,
so a recorded watermark is all a replay needs to cut the same batch.

Bounds: `EVENTS_MAX` device events wait for one seal; more are dropped and counted in a `data_loss` event. Messages that
could not be read go along with their events up to `BODIES_BYTES_MAX` a seal; of the others only the events go.
"""

from dataclasses import replace

from edge.reduce import Reducer
from edge.watermark import ReaderTime
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from stream.model import BatchId, DeviceEvent, DeviceEventKind, EdgeBatch

EVENTS_MAX = 10_000
BODIES_BYTES_MAX = 16 * 1024 * 1024

_KINDS = {
    ReaderEventKind.CONNECTED: DeviceEventKind.READER_UP,
    ReaderEventKind.IDENTIFIED: DeviceEventKind.IDENTIFIED,
    ReaderEventKind.DISCONNECTED: DeviceEventKind.READER_DOWN,
    ReaderEventKind.ANTENNA_CONNECTED: DeviceEventKind.ANTENNA_UP,
    ReaderEventKind.ANTENNA_LOST: DeviceEventKind.ANTENNA_DOWN,
    ReaderEventKind.GPI: DeviceEventKind.GPI,
    ReaderEventKind.BUFFER_WARNING: DeviceEventKind.BUFFER_WARNING,
    ReaderEventKind.DATA_LOSS: DeviceEventKind.DATA_LOSS,
    ReaderEventKind.READER_EXCEPTION: DeviceEventKind.READER_EXCEPTION,
    ReaderEventKind.PROTOCOL_ERROR: DeviceEventKind.PROTOCOL_ERROR,
    ReaderEventKind.CLOCK_JUMP: DeviceEventKind.CLOCK_JUMP,
}


def device_event(event: ReaderEvent) -> DeviceEvent | None:
    """What the stream hears of a reader's event; None for what only the edge's health shows (inventory started)."""
    kind = _KINDS.get(event.kind)
    if kind is None:
        return None
    return DeviceEvent(event.reader, kind, event.at_us, event.port, event.state, None, event.detail, event.body)


class Batcher:
    """One edge's reads and events between seals. Pure: wall time and ids are arguments."""

    def __init__(self, agent: str, window_ms: int, flush_ms: int, heartbeat_ms: int, lateness_ms: int) -> None:
        self._agent = agent
        self._reducer = Reducer(window_ms)
        self._time = ReaderTime(lateness_ms)
        self._window_us = window_ms * 1000
        self._flush_us = max(window_ms, flush_ms - flush_ms % window_ms) * 1000
        self._heartbeat_us = heartbeat_ms * 1000
        self._events: list[DeviceEvent] = []
        self._body_bytes = 0
        self._dropped = 0
        self._down: set[str] = set()
        self._watermark_us = -1
        self._sealed_us: int | None = None

    @property
    def watermark_us(self) -> int:
        """Of the last seal; -1 before the first."""
        return self._watermark_us

    def expect_lateness(self, lateness_ms: int) -> None:
        """Reports come that late from now on. Time goes on when the new bound has been waited for."""
        self._time.lateness_ms = lateness_ms

    def add_reads(self, batch: ReadBatch, arrival_us: int) -> None:
        """Take decoded reads that arrived at `arrival_us`."""
        if len(batch):
            self._reducer.add(batch)
            self._time.arrived(batch.reader, int(batch.last_us.max()), arrival_us)

    def add_reader_event(self, event: ReaderEvent) -> DeviceEvent | None:
        """Take a reader's event; returns what the next batch will say of it, if anything."""
        if event.kind is ReaderEventKind.CONNECTED:
            self._time.connected(event.reader)
            self._down.discard(event.reader)
        elif event.kind is ReaderEventKind.DISCONNECTED:
            self._time.disconnected(event.reader)
            if event.reader in self._down:
                return None  # a driver says so after every attempt to connect
            self._down.add(event.reader)
        mapped = device_event(event)
        return self.add_event(mapped) if mapped is not None else None

    def add_event(self, event: DeviceEvent) -> DeviceEvent | None:
        """Take any device's event for the next batch; None when it was dropped at the bound."""
        if len(self._events) >= EVENTS_MAX:
            self._dropped += 1
            return None
        if event.body:
            if self._body_bytes + len(event.body) > BODIES_BYTES_MAX:
                event = replace(event, body=b"", detail=f"{event.detail} (too much at once: the message is not kept)")
            self._body_bytes += len(event.body)
        self._events.append(event)
        return event

    def is_due(self, wall_us: int) -> bool:
        """Whether to seal now."""
        if self._sealed_us is None or not 0 <= wall_us - self._sealed_us < self._heartbeat_us:
            return True
        bound_us = self._bound(wall_us)
        if bound_us < self._watermark_us + 1 + self._flush_us:
            return False
        oldest_us = self._reducer.oldest_us
        return bool(self._events) or (oldest_us is not None and oldest_us < bound_us)

    def seal(self, epoch: str, counter: int, wall_us: int, final: bool = False) -> EdgeBatch:
        """Everything up to the last window that is over, as the batch of that name; `final`: everything."""
        if self._dropped:
            lost = DeviceEvent(
                self._agent, DeviceEventKind.DATA_LOSS, wall_us, detail=f"{self._dropped} device events dropped"
            )
            self._events.append(lost)
            self._dropped = 0
        self._watermark_us = max(self._watermark_us, self._bound(wall_us) - 1)
        self._sealed_us = wall_us
        events, self._events, self._body_bytes = tuple(self._events), [], 0
        return EdgeBatch(
            id=BatchId(self._agent, epoch, counter),
            watermark_us=self._watermark_us,
            sealed_us=wall_us,
            sightings=self._reducer.seal(None if final else self._watermark_us + 1),
            events=events,
        )

    def _bound(self, wall_us: int) -> int:
        frontier_us = self._time.frontier_us(wall_us)
        return frontier_us - frontier_us % self._window_us
