"""A reader that pushes: implements `ReaderDriver`, and takes what HTTP or MQTT brings.

The times are the reader's own: it has to keep its clock by NTP. It counts as connected from its first message; that it
falls silent cannot be told from a door without tags, so nobody is told. A message that was taken already (a webhook
repeated because its answer was lost) is known by its bytes among the last `KNOWN_MAX`, and changes nothing. One that
cannot be read goes with its event to the dead letters, cut off at `BODY_BYTES_MAX`, and may be given again.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from readers.llrp.report import ReportDecoder
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from readers.port import ReaderSink, ReaderUnavailable
from readers.push import impinj, zebra
from readers.push.pushed_tag import BODY_BYTES_MAX, PushedTag, PushFormatError, frame_of
from warehouse.site import Reader

KNOWN_MAX = 256
FORMATS: dict[str, Callable[[bytes], list[PushedTag]]] = {impinj.NAME: impinj.tags_of, zebra.NAME: zebra.tags_of}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a message."""

    reads: int
    repeated: bool = False


class PushDriver:
    """One reader that pushes. KeyError for a driver name that is no push format."""

    def __init__(self, reader: Reader, now_us: Callable[[], int]) -> None:
        self.reader = reader
        self._tags_of = FORMATS[reader.driver]
        self._now_us = now_us
        self._sink: ReaderSink | None = None
        self._decoder = ReportDecoder(reader.name)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._message_id = 0
        self._heard = False

    async def run(self, sink: ReaderSink) -> None:
        """Take messages until cancelled."""
        self._sink = sink
        try:
            await asyncio.Event().wait()
        finally:
            self._sink = None

    async def write_gpo(self, port: int, state: bool) -> None:
        """Raises `ReaderUnavailable`: nothing is said to a reader that pushes."""
        raise ReaderUnavailable(f"{self.reader.name} pushes its reads: its outputs cannot be set from here")

    def take(self, body: bytes) -> Pushed:
        """One message, all of it or nothing. Raises `PushFormatError`, and `ReaderUnavailable` while not running."""
        sink = self._sink
        if sink is None:
            raise ReaderUnavailable(f"{self.reader.name} is not taken from now")
        now_us = self._now_us()
        digest = hashlib.sha256(body).digest()
        if digest in self._known:
            self._known.move_to_end(digest)
            return Pushed(0, repeated=True)
        try:
            tags = self._tags_of(body)
        except PushFormatError as error:
            wrong = self._event(ReaderEventKind.PROTOCOL_ERROR, now_us, str(error))
            sink.on_event(replace(wrong, body=body[:BODY_BYTES_MAX]))
            raise
        if not self._heard:
            self._heard = True
            sink.on_event(self._event(ReaderEventKind.CONNECTED, now_us, f"{self.reader.driver} message"))
        self._known[digest] = None
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        if tags:
            self._message_id = self._message_id % 0xFFFFFFFF + 1
            frame = frame_of(tags, now_us, self._message_id)
            sink.on_frames(self.reader.name, now_us, [frame])
            for item in self._decoder.feed(frame, now_us):
                if isinstance(item, ReadBatch):
                    sink.on_reads(item)
                else:
                    sink.on_event(item)
        return Pushed(len(tags))

    def _event(self, kind: ReaderEventKind, at_us: int, detail: str) -> ReaderEvent:
        return ReaderEvent(self.reader.name, kind, at_us, detail=detail[:500])
