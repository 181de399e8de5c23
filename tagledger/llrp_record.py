"""`tagledger llrp record HOST`: take inventory from a reader and keep every message it sends, as a file of frames.

The file is what `tagledger llrp check`, `tagledger llrp dump` and `tagledger replay` read, and what a new reader's
session is added to the golden files with. Only whole messages are written; bytes of an unfinished one are left out.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from readers.llrp.client import NativeDriver
from readers.llrp.codec import layouts
from readers.llrp.errors import FramingError
from readers.llrp.framing import Framer
from readers.llrp.wire import Message
from readers.model import ReadBatch, ReaderEvent, ReaderEventKind
from tagledger.terminal import EXIT_FAILED, complaints, known_failures, print_summary
from warehouse.site import Antenna, Inventory, Reader

_NAMES = {cls.TYPE: cls.__name__ for cls in layouts() if issubclass(cls, Message)} | {1023: "CustomMessage"}


@dataclass(slots=True)
class Recording:
    """A session being written: the frames to `file`, what they were to the counters."""

    file: BinaryIO
    both: bool
    messages: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    tags: set[bytes] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    bytes_written: int = 0
    _framer: Framer = field(default_factory=Framer)

    def tap(self, data: bytes, sent: bool) -> None:
        """Bytes on the wire; what we send is whole messages already."""
        if sent:
            if self.both:
                self._write(data)
            return
        try:
            frames = self._framer.feed(data)
        except FramingError as error:
            frames, self._framer = error.frames, Framer()
        for frame in frames:
            self._write(frame)

    def _write(self, frame: bytes) -> None:
        kind = int.from_bytes(frame[:2], "big") & 0x3FF
        self.messages[_NAMES.get(kind, f"type {kind}")] += 1
        self.bytes_written += self.file.write(frame)

    # ReaderSink

    def on_frames(self, reader: str, arrival_us: int, frames: Sequence[bytes]) -> None:
        """Already written by `tap`."""

    def on_clock(self, reader: str, arrival_us: int, offset_us: int) -> None:
        """Not part of a file of frames."""

    def on_reads(self, batch: ReadBatch) -> None:
        self.reads += int(batch.count.sum())
        self.tags.update(epc.tobytes() for epc in batch.epc)

    def on_event(self, event: ReaderEvent) -> None:
        if event.kind in (ReaderEventKind.DISCONNECTED, ReaderEventKind.PROTOCOL_ERROR, ReaderEventKind.DATA_LOSS):
            self.problems.append(f"{event.kind}: {event.detail}")


async def record_session(reader: Reader, recording: Recording, seconds: float) -> str:
    """Take inventory for `seconds`, then close cleanly; the reader's description, empty if it never came to run."""
    driver = NativeDriver(reader, tap=recording.tap)
    task = asyncio.create_task(driver.run(recording))
    await asyncio.wait((task,), timeout=seconds)
    about = str(driver.facts) if driver.facts is not None else ""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return about


def record(
    host: Annotated[str, typer.Argument(help="The reader's address.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; named after host and time if left out.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="5084, or 5085 with --tls.")] = None,
    seconds: Annotated[float, typer.Option(help="How long to take inventory.")] = 10.0,
    antennas: Annotated[str, typer.Option(help="Ports, as in 1,2,4; all of them if left out.")] = "",
    power_dbm: Annotated[float | None, typer.Option(help="Transmit power; the highest if left out.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Connect with TLS.")] = False,
    extensions: Annotated[bool, typer.Option("--impinj", help="Ask an Impinj reader for phase and Doppler.")] = False,
    both: Annotated[bool, typer.Option("--both", help="Also write what we send.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Take inventory from a reader and write its messages to a file."""
    try:
        ports = [int(text) for text in antennas.split(",") if text.strip()]
    except ValueError:
        raise typer.BadParameter("antennas are port numbers, as in 1,2,4") from None
    reader = Reader(
        name=host,
        host=host,
        port=port or (5085 if tls else 5084),
        tls=tls,
        antennas=tuple(Antenna(one, "", power_dbm=power_dbm) for one in ports),
        inventory=Inventory(impinj_extensions=extensions),
    )
    path = out or Path(f"{host}-{time.strftime('%Y%m%d-%H%M%S')}.llrp")
    with known_failures(), path.open("wb") as file:
        recording = Recording(file, both)
        about = asyncio.run(record_session(reader, recording, seconds))
    summary: dict[str, object] = {
        "file": str(path),
        "reader": about,
        "messages": sum(recording.messages.values()),
        "bytes": recording.bytes_written,
        "reads": recording.reads,
        "tags": len(recording.tags),
        **dict(recording.messages.most_common()),
    }
    print_summary(f"Recorded {path}", summary, as_json=json)
    for problem in recording.problems:
        complaints.print(f"[yellow]{problem}[/yellow]", soft_wrap=True)
    if not about:
        raise typer.Exit(EXIT_FAILED)
