"""The capture as the agent uses it: optional, and never in the way.

A recording is evidence, not the books: when its disk fails or space gets short, it ends with a reason and the edge goes
on. It is not resumed by itself, because a capture with a hole replays to something that never happened.
"""

from collections.abc import Callable, Sequence

import structlog

from edge.capture import CaptureWriter
from stream.model import DeviceEvent, EdgeBatch
from warehouse.loads import Expectation

_log = structlog.get_logger(__name__)


class Recorder:
    """Passes on to a CaptureWriter until it is stopped or fails."""

    def __init__(self, writer: CaptureWriter | None) -> None:
        self._writer = writer
        self.stopped_because = ""

    @property
    def is_recording(self) -> bool:
        return self._writer is not None

    def start(self, agent: str, window_ms: int, at_us: int) -> None:
        """The edge begins."""
        self._try(lambda writer: writer.start(agent, window_ms, at_us))

    def frames(self, reader: str, arrival_us: int, frames: Sequence[bytes]) -> None:
        """Messages as received."""

        def write(writer: CaptureWriter) -> None:
            for frame in frames:
                writer.frame(reader, arrival_us, frame)

        self._try(write)

    def clock(self, reader: str, arrival_us: int, offset_us: int) -> None:
        """A clock correction."""
        self._try(lambda writer: writer.clock(reader, arrival_us, offset_us))

    def disconnected(self, reader: str, at_us: int) -> None:
        """A reader's connection ended."""
        self._try(lambda writer: writer.disconnected(reader, at_us))

    def event(self, event: DeviceEvent) -> None:
        """A device event taken for the next batch."""
        self._try(lambda writer: writer.event(event))

    def sealed(self, batch: EdgeBatch, final: bool) -> None:
        """A batch was cut and stored."""
        name = batch.id
        self._try(lambda writer: writer.seal(name.epoch, name.counter, batch.watermark_us, batch.sealed_us, final))

    def command(self, at_us: int, actor: str, body: bytes) -> None:
        """A command; `body` is JSON."""
        self._try(lambda writer: writer.command(at_us, actor, body))

    def expectation(self, expectation: Expectation) -> None:
        """What a portal expects from now on."""
        self._try(lambda writer: writer.expectation(expectation))

    def stop(self, at_us: int, reason: str) -> None:
        """End the recording."""
        self._try(lambda writer: writer.close(at_us, reason))
        if self._writer is not None:
            self._writer, self.stopped_because = None, reason

    def _try(self, write: Callable[[CaptureWriter], None]) -> None:
        if self._writer is None:
            return
        try:
            write(self._writer)
        except OSError as error:
            self._writer.abandon()
            self._writer, self.stopped_because = None, f"writing failed: {error}"
            _log.error("capture stopped", reason=self.stopped_because)
