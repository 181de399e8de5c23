"""Writes captures: buffers records of one seal, appends them as a block, begins new files, drops the oldest.

Bounds: a block is written at each seal, or earlier at `_BLOCK_TARGET_BYTES`; a file ends after the block that passes
`file_max_mb`; all files of the folder together take `total_max_mb`, beyond which the oldest are deleted. Only `seal`
and `close` (and a call that fills a block) touch the disk; they raise OSError when that fails, and the writer is then
done.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np

from edge.capture.format import (
    CaptureHeader,
    ClockRecord,
    CommandRecord,
    DisconnectedRecord,
    EventRecord,
    ExpectationRecord,
    FramesRecord,
    Record,
    SealRecord,
    StartRecord,
    StopRecord,
    encode_block,
    encode_file_head,
)
from stream.model import DeviceEvent
from warehouse.loads import Expectation

SUFFIX = ".tlcap"
_BLOCK_TARGET_BYTES = 4 * 1024 * 1024


class _Run:
    """Messages of one reader that lie together."""

    __slots__ = ("arrivals_us", "frames")

    def __init__(self) -> None:
        self.arrivals_us: list[int] = []
        self.frames: list[bytes] = []


class CaptureWriter:
    """One edge's recording into one folder."""

    def __init__(
        self,
        folder: Path,
        header: CaptureHeader,
        *,
        compress: bool = False,
        file_max_mb: int = 256,
        total_max_mb: int = 16_384,
    ) -> None:
        self._folder = folder
        self._header = header
        self._compress = compress
        self._file_max_bytes = file_max_mb * 1024 * 1024
        self._total_max_bytes = total_max_mb * 1024 * 1024
        self._start: StartRecord | None = None
        self._offsets: dict[str, ClockRecord] = {}
        self._records: list[Record] = []
        self._runs: dict[str, _Run] = {}
        self._buffered_bytes = 0
        self._part = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._open()

    @property
    def path(self) -> Path:
        """The file being written."""
        return self._path

    def start(self, agent: str, window_ms: int, at_us: int) -> None:
        """The edge begins."""
        self._start = StartRecord(agent, window_ms, at_us)
        self._append(self._start)

    def frame(self, reader: str, arrival_us: int, frame: bytes) -> None:
        """One message as received."""
        run = self._runs.get(reader)
        if run is None:
            run = self._runs[reader] = _Run()
        run.arrivals_us.append(arrival_us)
        run.frames.append(frame)
        self._buffered_bytes += len(frame)
        if self._buffered_bytes >= _BLOCK_TARGET_BYTES:
            self._write()

    def clock(self, reader: str, arrival_us: int, offset_us: int) -> None:
        """A clock correction."""
        self._end_run(reader)
        self._offsets[reader] = ClockRecord(reader, arrival_us, offset_us)
        self._append(self._offsets[reader])

    def disconnected(self, reader: str, at_us: int) -> None:
        """A reader's connection ended."""
        self._end_run(reader)
        self._offsets.pop(reader, None)
        self._append(DisconnectedRecord(reader, at_us))

    def event(self, event: DeviceEvent) -> None:
        """A device event taken for the next seal."""
        self._append(EventRecord.of(event))

    def command(self, at_us: int, actor: str, body: bytes) -> None:
        """A command; `body` is JSON."""
        self._append(CommandRecord(at_us, actor, body))

    def expectation(self, expectation: Expectation) -> None:
        """What a portal expects from here on."""
        self._append(ExpectationRecord(expectation))

    def seal(self, epoch: str, counter: int, watermark_us: int, sealed_us: int, final: bool = False) -> None:
        """The edge sealed: ends the block, and the file when it is long enough. Raises OSError."""
        self._end_runs()
        self._append(SealRecord(epoch, counter, watermark_us, sealed_us, final))
        self._write()
        if self._file.tell() >= self._file_max_bytes:
            self._file.close()
            self._open()
            self._records[:0] = [*([self._start] if self._start else []), *self._offsets.values()]

    def close(self, at_us: int, reason: str) -> None:
        """Write what is buffered and why recording ends. Raises OSError."""
        try:
            self._end_runs()
            self._append(StopRecord(at_us, reason))
            self._write()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close after a failed write; what is still buffered is given up."""
        with suppress(OSError):
            self._file.close()

    def _append(self, record: Record) -> None:
        self._records.append(record)

    def _end_run(self, reader: str) -> None:
        run = self._runs.pop(reader, None)
        if run is not None:
            lengths = np.fromiter(map(len, run.frames), "<u4", len(run.frames))
            arrivals = np.array(run.arrivals_us, "<i8")
            self._append(FramesRecord(reader, arrivals.tobytes(), lengths.tobytes(), b"".join(run.frames)))

    def _end_runs(self) -> None:
        for reader in list(self._runs):
            self._end_run(reader)

    def _write(self) -> None:
        self._end_runs()
        records, self._records, self._buffered_bytes = self._records, [], 0
        if records:
            self._file.write(encode_block(records, self._compress))
            self._file.flush()

    def _open(self) -> None:
        while True:
            self._path = self._folder / f"{self._header.created_us:020d}-{self._part:06d}{SUFFIX}"
            self._part += 1
            if not self._path.exists():
                break
        self._file = self._path.open("xb")
        self._file.write(encode_file_head(self._header))
        self._file.flush()
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        files = sorted(self._folder.glob(f"*{SUFFIX}"))
        total = sum(file.stat().st_size for file in files)
        for file in files:
            if total <= self._total_max_bytes - self._file_max_bytes or file == self._path:
                return
            total -= file.stat().st_size
            file.unlink()
