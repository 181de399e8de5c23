"""Reads captures in constant memory, past damage.

A block that fails its checks is skipped: the reader looks for the next marker and reports the span it jumped. A block
that the end of its file cuts off is the tail of a killed edge: reported as such, and no damage.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edge.capture.format import (
    BLOCK_HEAD_BYTES,
    FILE_HEAD_BYTES,
    MARKER,
    CaptureHeader,
    Record,
    block_stored_size,
    decode_block,
    decode_file_header,
    file_head_size,
    version_of,
)
from edge.capture.writer import SUFFIX
from edge.errors import CaptureFormatError

_SEARCH_BYTES = 1024 * 1024
PROBLEMS_MAX = 1000
"""Problems kept in `CaptureReader.problems`; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class CaptureProblem:
    """A span of a file that could not be read; `truncated` when it is an unfinished block at the end."""

    path: Path
    offset: int
    length: int
    truncated: bool
    what: str


class CaptureReader:
    """All records of a capture: a folder of capture files, or one file. Iterate once; problems collect meanwhile.

    Raises `CaptureFormatError` on construction when there is no capture there, or it is of another version.
    """

    def __init__(self, path: Path) -> None:
        self._files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not self._files:
            raise CaptureFormatError(f"{path} holds no *{SUFFIX} files")
        self.problems: list[CaptureProblem] = []
        self.problem_count = 0
        self.bytes_read = 0
        self.bytes_total = sum(file.stat().st_size for file in self._files)
        self._version = 0
        with self._files[0].open("rb") as file:
            self.header, _ = _read_header(file, self._files[0])

    def __iter__(self) -> Iterator[Record]:
        for path in self._files:
            with path.open("rb") as file:
                _, self._version = _read_header(file, path)
                self.bytes_read += file.tell()
                yield from self._blocks(file, path)

    def _blocks(self, file: BinaryIO, path: Path) -> Iterator[Record]:
        while True:
            offset = file.tell()
            head = file.read(BLOCK_HEAD_BYTES)
            if not head:
                return
            records, what = self._block(file, head)
            if records is not None:
                self.bytes_read += file.tell() - offset
                yield from records
                continue
            after = _next_marker(file, offset + 1)
            end = file.seek(0, 2) if after is None else after
            self._note(CaptureProblem(path, offset, end - offset, after is None and what == "cut off", what))
            self.bytes_read += end - offset
            if after is None:
                return
            file.seek(after)

    def _block(self, file: BinaryIO, head: bytes) -> tuple[list[Record] | None, str]:
        if len(head) < BLOCK_HEAD_BYTES:
            return None, "cut off" if MARKER.startswith(head[: len(MARKER)]) else "no block begins here"
        size = block_stored_size(head)
        if size is None:
            return None, "no block begins here"
        stored = file.read(size)
        if len(stored) < size:
            return None, "cut off"
        try:
            return decode_block(head, stored, self._version), ""
        except CaptureFormatError as error:
            return None, str(error)

    def _note(self, problem: CaptureProblem) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


def _read_header(file: BinaryIO, path: Path) -> tuple[CaptureHeader, int]:
    """What a file's head says, and the file's version."""
    try:
        head = file.read(FILE_HEAD_BYTES)
        return decode_file_header(head, file.read(file_head_size(head))), version_of(head)
    except CaptureFormatError as error:
        raise CaptureFormatError(f"{path}: {error}") from error


def _next_marker(file: BinaryIO, start: int) -> int | None:
    """Offset of the next block marker at or after `start`."""
    while True:
        file.seek(start)
        chunk = file.read(_SEARCH_BYTES)
        found = chunk.find(MARKER)
        if found >= 0:
            return start + found
        if len(chunk) < _SEARCH_BYTES:
            return None
        start += len(chunk) - len(MARKER) + 1
