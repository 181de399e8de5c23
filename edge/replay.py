"""Replays: the edge batches that recorded bytes give, synchronously and as fast as they decode.

`replay_capture` cuts batches where the edge cut them, under the ids they had: replaying a recording twice, or into the
database that saw it live, posts nothing twice. `replay_frames` takes plain concatenated LLRP messages: it cuts by
reader time and names the epoch after the file's digest, so the same file always gives the same ids.

Both decode with the driver's own `ReportDecoder` and reduce with the edge's own `Reducer`. Device events come from the
record, where they were noted as the edge took them; the events a decoder finds again in the messages are left out.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np

from edge.batcher import device_event
from edge.capture import (
    CaptureReader,
    ClockRecord,
    CommandRecord,
    DisconnectedRecord,
    EventRecord,
    ExpectationRecord,
    FramesRecord,
    SealRecord,
    StartRecord,
)
from edge.reduce import Reducer
from readers.llrp.errors import FramingError
from readers.llrp.framing import Framer
from readers.llrp.report import ReportDecoder
from readers.model import ReadBatch
from stream.model import BatchId, DeviceEvent, EdgeBatch
from warehouse.loads import Expectation


@dataclass(frozen=True, slots=True)
class Command:
    """A recorded command; `body` is JSON."""

    at_us: int
    actor: str
    body: bytes


@dataclass(slots=True)
class ReplayCount:
    """What a replay has gone through so far; pass one in to watch progress.

    `unsealed_reads` were recorded but never sealed (the edge died); `missing_seals` are counters lost to damage, whose
    reads came out with the next seal; `problem` says why a file of plain messages ended early.
    """

    frames: int = 0
    reads: int = 0
    sightings: int = 0
    batches: int = 0
    unsealed_reads: int = 0
    missing_seals: int = 0
    problem: str = ""


LATENESS_US = 200_000
_CHUNK_BYTES = 1024 * 1024

Replayed: TypeAlias = EdgeBatch | Command | Expectation


def replay_capture(reader: CaptureReader, count: ReplayCount | None = None) -> Iterator[Replayed]:
    """Everything the edge sent and was told, in order. Damage is in `reader.problems` afterwards."""
    count = count if count is not None else ReplayCount()
    decoders: dict[str, ReportDecoder] = {}
    events: list[DeviceEvent] = []
    started: StartRecord | None = None
    reducer = Reducer(1)
    last = ("", 0)
    for record in reader:
        match record:
            case FramesRecord():
                decoder = decoders.get(record.reader)
                if decoder is None:
                    decoder = decoders[record.reader] = ReportDecoder(record.reader)
                for batch in decoded(decoder, record, count):
                    reducer.add(batch)
            case SealRecord() if started is not None:
                if last[0] == record.epoch:
                    count.missing_seals += max(0, record.counter - last[1] - 1)
                last = (record.epoch, record.counter)
                sightings = reducer.seal(None if record.final else record.watermark_us + 1)
                count.batches += 1
                count.sightings += len(sightings)
                yield EdgeBatch(
                    id=BatchId(started.agent, record.epoch, record.counter),
                    watermark_us=record.watermark_us,
                    sealed_us=record.sealed_us,
                    sightings=sightings,
                    events=tuple(events),
                )
                events.clear()
            case EventRecord():
                events.append(record.event())
            case ClockRecord():
                decoders.setdefault(record.reader, ReportDecoder(record.reader)).offset_us = record.offset_us
            case DisconnectedRecord():
                decoders.pop(record.reader, None)  # the next connection begins without offset and memory
            case StartRecord():
                if started != record:
                    count.unsealed_reads += reducer.pending_reads
                    started = record
                    reducer = Reducer(record.window_ms)
                    events.clear()
                    decoders.clear()
            case CommandRecord():
                yield Command(record.at_us, record.actor, record.body)
            case ExpectationRecord():
                yield record.expectation
            case _:
                pass  # a stop changes nothing: what follows begins with a start
    count.unsealed_reads += reducer.pending_reads


def replay_frames(
    path: Path,
    count: ReplayCount | None = None,
    *,
    reader: str = "replay",
    agent: str = "replay",
    window_ms: int = 250,
    tail_s: int = 60,
) -> Iterator[EdgeBatch]:
    """Edge batches from concatenated LLRP messages of one reader, cut by reader time.

    A batch is sealed when reader time has passed the end of a window by `LATENESS_US`; `sealed_us` is the watermark.
    Reads without any time have the newest before them. At the end time runs on for `tail_s` in empty batches, so that
    what is open downstream closes. Bytes that cannot be framed end the replay and are told in `count.problem`.
    """
    count = count if count is not None else ReplayCount()
    with path.open("rb") as file:
        epoch = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    window_us = window_ms * 1000
    reducer, decoder = Reducer(window_ms), ReportDecoder(reader)
    events: list[DeviceEvent] = []
    newest_us = watermark_us = 0

    def sealed(until_us: int | None) -> EdgeBatch:
        nonlocal events
        sightings, sent, events = reducer.seal(until_us), tuple(events), []
        count.batches += 1
        count.sightings += len(sightings)
        return EdgeBatch(BatchId(agent, epoch, count.batches), watermark_us, watermark_us, sightings, sent)

    for frame in _frames(path, count):
        count.frames += 1
        for item in decoder.feed(frame, newest_us):
            if isinstance(item, ReadBatch):
                count.reads += len(item)
                reducer.add(item)
                newest_us = max(newest_us, int(item.last_us.max()))
            elif (event := device_event(item)) is not None:
                events.append(event)
        bound_us = (newest_us - LATENESS_US) // window_us * window_us
        if bound_us > watermark_us + 1:
            watermark_us = bound_us - 1
            yield sealed(bound_us)
    watermark_us = max(watermark_us, newest_us)
    yield sealed(None)
    for _ in range(tail_s):
        watermark_us += 1_000_000
        yield sealed(None)


def _frames(path: Path, count: ReplayCount) -> Iterator[bytes]:
    framer = Framer()
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK_BYTES):
                yield from framer.feed(chunk)
        except FramingError as error:
            yield from error.frames
            count.problem = str(error)
            return
    if framer.pending_bytes:
        count.problem = f"the last {framer.pending_bytes} bytes are an unfinished message"


def decoded(decoder: ReportDecoder, record: FramesRecord, count: ReplayCount) -> Iterator[ReadBatch]:
    """The reads in recorded messages; `count` goes on."""
    lengths = np.frombuffer(record.lengths, "<u4").tolist()
    arrivals = np.frombuffer(record.arrivals_us, "<i8").tolist()
    data = record.data
    frames = [data[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]
    count.frames += len(frames)
    for item in decoder.feed_many(frames, arrivals):
        if isinstance(item, ReadBatch):
            count.reads += len(item)
            yield item
