"""What can be replayed, opened: its site, and its batches and commands in the order they count.

A capture carries its site, the ids its batches had and the commands that were given. Plain concatenated LLRP messages
get a site of one reader whose antennas are zones; reads as CSV get one guessed from the recording and the options. Both
have ids from the file's digest, so that replaying a file twice posts nothing twice, and two files never share an id.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.capture import CaptureReader, CommandRecord
from edge.errors import CaptureFormatError
from edge.replay import ReplayCount, replay_capture, replay_frames
from readers.llrp.errors import FramingError
from readers.llrp.framing import Framer
from stream.model import BatchId, EdgeBatch
from stream.recorded import read_csv
from stream.recorded_table import mapped
from tagledger.command_desk import RecordedCommand, decode_command
from tagledger.config import parse_site
from tagledger.decide import batches as cut
from tagledger.decide import reduce_reads
from tagledger.recorded_imports import ImportNote, decode_note
from tagledger.recorded_site import assumptions, site_of, with_margins
from warehouse.site import Antenna, Reader, Site, Zone

# LLRP numbers antennas from 1; golden files use up to this many.
PLAIN_ANTENNAS = 16
CSV_ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")
_CAPTURE_HEAD = b"TLCAPT"
_NAMING_BYTES = 1 << 20
_MESSAGE_HEAD_BYTES = 10

Item = EdgeBatch | RecordedCommand


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How to read a CSV of reads, as given on the command line (`stream.recorded`, `tagledger.recorded_site`)."""

    columns: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    eyes: tuple[str, ...] = ()
    events: Path | None = None
    eye_margin_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What a replay did, filled while its items are taken."""

    count: ReplayCount
    commands: int = 0
    tags: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Source:
    """An opened recording; `items` is to be iterated once."""

    site: Site
    items: Iterator[Item]
    outcome: Outcome
    capture: CaptureReader | None = None
    imports: tuple[ImportNote, ...] = ()
    assumed: tuple[str, ...] = ()
    """How reads as CSV were understood, and what was taken for granted about their site."""

    def damage(self) -> list[str]:
        """What of the recording could not be read, once `items` are through; whatever it held is missing."""
        count, found = self.outcome.count, []
        if count.problem:
            found.append(count.problem)
        spans = [span for span in self.capture.problems if not span.truncated] if self.capture else []
        if spans:
            first = spans[0]
            found.append(
                f"{len(spans)} damaged places, {sum(span.length for span in spans):,} bytes,"
                f" the first at offset {first.offset} of {first.path.name}: {first.what}"
            )
        if count.missing_seals:
            found.append(f"{count.missing_seals} batches are missing")
        return found

    def unfinished(self) -> list[str]:
        """What an edge that was killed leaves unfinished at the end of a recording; no damage."""
        cut_off = [span for span in self.capture.problems if span.truncated] if self.capture else []
        found = [f"{span.path.name} ends in an unfinished block of {span.length:,} bytes" for span in cut_off]
        if self.outcome.count.unsealed_reads:
            found.append(f"{self.outcome.count.unsealed_reads:,} reads were recorded and never sealed")
        return found


def open_source(path: Path, given: Site | None, options: CsvOptions) -> Source:
    """Open a capture (a file or a folder), a file of reads by its name (`CSV_ENDINGS`), or a file of LLRP messages.

    Raises CaptureFormatError, CommandFormatError, RecordedError, ConfigError, OSError.
    """
    outcome = Outcome(ReplayCount())
    if path.is_file() and path.name.lower().removesuffix(".gz").endswith(CSV_ENDINGS):
        return _csv(path, given, options, outcome)
    if path.is_file() and not _is_capture(path):
        _check_messages(path)
        return Source(given or plain_site(), iter(replay_frames(path, outcome.count)), outcome)
    reader = CaptureReader(path)
    site = given or parse_site(reader.header.site_text, f"{path} (the site in the capture)", {})
    commands, imports = [], []
    for record in CaptureReader(path):
        if isinstance(record, CommandRecord):
            note = decode_note(record.body)
            if note is not None:
                imports.append(note)
            else:
                commands.append(decode_command(record.body))
    batches = (item for item in replay_capture(reader, outcome.count) if isinstance(item, EdgeBatch))
    return Source(site, in_turn(batches, commands), outcome, reader, tuple(imports))


def recording_id(path: Path) -> str:
    """A name for a recording that tells it from others: the digest of its beginning. Raises OSError."""
    first = min(path.iterdir()) if path.is_dir() else path
    with first.open("rb") as file:
        return hashlib.sha256(file.read(_NAMING_BYTES)).hexdigest()[:12]


def in_turn(batches: Iterator[EdgeBatch], commands: list[RecordedCommand]) -> Iterator[Item]:
    """Batches in order, each command after the last batch that was committed before it."""
    waiting = iter(commands)
    due = next(waiting, None)
    for batch in batches:
        while due is not None and not _covers(due, batch.id):
            yield due
            due = next(waiting, None)
        yield batch
    while due is not None:
        yield due
        due = next(waiting, None)


def plain_site(agent: str = "replay", reader: str = "replay") -> Site:
    """The site for messages that come without one: one reader, every antenna a zone of its own, nothing posted."""
    antennas = tuple(Antenna(port, f"antenna-{port}") for port in range(1, PLAIN_ANTENNAS + 1))
    return Site(
        name="replay",
        readers=(Reader(reader, "127.0.0.1", antennas=antennas, agent=agent),),
        zones=tuple(Zone(antenna.place) for antenna in antennas),
    )


def _csv(path: Path, given: Site | None, options: CsvOptions, outcome: Outcome) -> Source:
    reads = read_csv(path, mapped(options.columns, "--column"), events=options.events)
    site = given or site_of(reads, None, options.places, options.sides, options.eyes)
    reads, widened = with_margins(site, reads, options.eye_margin_s)
    assumed = [] if given else assumptions(site, reads, None, (*options.places, *options.sides))
    epoch = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    seen = reduce_reads(reads, site.edge.window_ms)
    outcome.count.reads = len(reads)
    items = (
        replace(batch, id=BatchId(batch.id.agent, epoch, batch.id.counter))
        for batch in cut(seen, reads.events, site.edge.window_ms)
    )
    return Source(site, items, outcome, assumed=(*reads.notes, *assumed, *widened))


def _check_messages(path: Path) -> None:
    """Raises CaptureFormatError when the file does not begin as LLRP messages do."""
    with path.open("rb") as file:
        head = file.read(_MESSAGE_HEAD_BYTES)
    if len(head) < _MESSAGE_HEAD_BYTES:
        raise CaptureFormatError(f"{len(head)} bytes are neither a capture nor LLRP messages")
    try:
        Framer().feed(head)
    except FramingError as error:
        raise CaptureFormatError(f"neither a capture nor LLRP messages: {error}") from None


def _is_capture(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_CAPTURE_HEAD)) == _CAPTURE_HEAD


def _covers(command: RecordedCommand, batch: BatchId) -> bool:
    """Whether that batch was committed before the command."""
    return any(
        at.agent == batch.agent and at.epoch == batch.epoch and batch.counter <= at.counter for at in command.after
    )
