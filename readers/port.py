"""The port every reader driver implements, whatever library or protocol is behind it.

A driver owns one connection at a time and reconnects for ever. It hands over what arrived in the order it arrived:
raw messages first (the recording needs them), then what they decode to. Decoding is `ReportDecoder`'s, the same object
that a replay feeds with recorded messages, so live and replayed reads are the same by construction.
"""

from collections.abc import Sequence
from typing import Protocol

from readers.model import ReadBatch, ReaderEvent


class ReaderSink(Protocol):
    """What the edge gives a driver to deliver into. Calls never block and never raise."""

    def on_frames(self, reader: str, arrival_us: int, frames: Sequence[bytes]) -> None:
        """Complete protocol messages that carry reads or events, as received together."""

    def on_clock(self, reader: str, arrival_us: int, offset_us: int) -> None:
        """From here on, `offset_us` is added to the reader's own timestamps."""

    def on_reads(self, batch: ReadBatch) -> None:
        """Decoded reads."""

    def on_event(self, event: ReaderEvent) -> None:
        """A decoded or connection event."""


class ReaderDriver(Protocol):
    """One reader, driven until cancelled."""

    async def run(self, sink: ReaderSink) -> None:
        """Connect, take inventory, deliver, reconnect with backoff; returns only when cancelled, closing cleanly."""

    async def write_gpo(self, port: int, state: bool) -> None:
        """Set one general purpose output. Raises `ReaderUnavailable` when there is no connection."""


class ReaderUnavailable(ConnectionError):
    """The reader is not connected now; the caller may try again."""
