"""`tagledger replay`: recorded bytes through the same path as live ones, as fast as they go or at a given speed.

A capture carries its site, the ids its batches had and the commands that were given, each with how far the stream was
then; so the replay's movements are the recording's, ids included, and replaying twice posts nothing twice. Plain
concatenated LLRP messages get a site of one reader whose antennas are zones, unless a site file is given, and ids from
the file's digest. A replay drives nothing: no light, no vehicle.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psycopg
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from edge.capture import CaptureReader, CommandRecord
from edge.errors import CaptureFormatError
from edge.replay import ReplayCount, replay_capture, replay_frames
from stream.embedded import EmbeddedHost
from stream.model import BatchId, EdgeBatch
from stream.pipeline import Counts
from stream.store import Store
from tagledger.command_desk import CommandFormatError, RecordedCommand, decode_command
from tagledger.config import ConfigError, parse_site
from tagledger.database import open_database
from tagledger.terminal import EXIT_USAGE, complain, known_failures, print_summary, site_or_exit
from warehouse.postgres.commands import execute
from warehouse.site import Antenna, DatabaseSettings, Reader, Site, Zone

# LLRP numbers antennas from 1; golden files use up to this many.
PLAIN_ANTENNAS = 16
_CAPTURE_HEAD = b"TLCAPT"


@dataclass(slots=True)
class Outcome:
    """What a replay did."""

    count: ReplayCount
    commands: int = 0
    tags: set[str] = field(default_factory=set)


def run_replay(capture: Path, speed: str, site_file: Path | None, state_dir: Path, *, as_json: bool) -> None:
    """Replay and say what came of it; exit 2 when the file is no recording."""
    pace = _pace(speed)
    given = site_or_exit(site_file) if site_file is not None else None
    with known_failures():
        if not capture.exists():
            complain(f"{capture}: no such file or folder. Fix: name a capture.")
            raise typer.Exit(EXIT_USAGE)
        try:
            site, items, outcome = _opened(capture, given)
        except (CaptureFormatError, ConfigError, CommandFormatError) as error:
            complain(f"{capture}: {error}")
            raise typer.Exit(EXIT_USAGE) from None
        # A site's own database is for what happens, not for what is tried out, unless a site file names it.
        if given is None:
            site = replace(site, state_dir=str(state_dir), database=DatabaseSettings())
        with open_database(site) as dsn:
            print_summary("Replay", _replay(site, dsn, items, outcome, pace, quiet=as_json), as_json=as_json)


def _pace(speed: str) -> float | None:
    if speed == "max":
        return None
    try:
        pace = float(speed)
    except ValueError:
        pace = 0.0
    if not pace > 0:
        complain(f"--speed: {speed!r} is not a speed. Fix: give a number above 0, or max.")
        raise typer.Exit(EXIT_USAGE)
    return pace


Item = EdgeBatch | RecordedCommand


def _opened(path: Path, given: Site | None) -> tuple[Site, Iterator[Item], Outcome]:
    """The site, everything to replay in order, and the outcome that fills while it is iterated."""
    count = ReplayCount()
    outcome = Outcome(count)
    if path.is_file() and not _is_capture(path):
        return given or plain_site(), iter(replay_frames(path, count)), outcome
    reader = CaptureReader(path)
    site = given or parse_site(reader.header.site_text, f"{path} (the site in the capture)", {})
    commands = [decode_command(record.body) for record in CaptureReader(path) if isinstance(record, CommandRecord)]
    batches = (item for item in replay_capture(reader, count) if isinstance(item, EdgeBatch))
    return site, in_turn(batches, commands), outcome


def _is_capture(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_CAPTURE_HEAD)) == _CAPTURE_HEAD


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


def _covers(command: RecordedCommand, batch: BatchId) -> bool:
    """Whether that batch was committed before the command."""
    return any(
        at.agent == batch.agent and at.epoch == batch.epoch and batch.counter <= at.counter for at in command.after
    )


def plain_site(agent: str = "replay", reader: str = "replay") -> Site:
    """The site for messages that come without one: one reader, every antenna a zone of its own, nothing posted."""
    antennas = tuple(Antenna(port, f"antenna-{port}") for port in range(1, PLAIN_ANTENNAS + 1))
    return Site(
        name="replay",
        readers=(Reader(reader, "127.0.0.1", antennas=antennas, agent=agent),),
        zones=tuple(Zone(antenna.place) for antenna in antennas),
    )


def _replay(
    site: Site, dsn: str, items: Iterator[Item], outcome: Outcome, pace: float | None, *, quiet: bool
) -> dict[str, object]:
    before = _movements(dsn)
    host = EmbeddedHost(site, Store(dsn, site))
    started = time.monotonic()
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        progress = stack.enter_context(_progress(quiet))
        task = progress.add_task("replaying", total=None)

        def show(counts: Counts) -> None:
            rate = counts.reads / max(time.monotonic() - started, 1e-6)
            text = (
                f"{counts.reads:,} reads, {rate:,.0f} reads/s, {counts.passages:,} passages, {counts.postings:,} loads"
            )
            progress.update(task, description=text)

        counts = host.process_sync(_steps(items, connection, outcome, pace), show)
    elapsed_s = time.monotonic() - started
    found = {
        "reads": outcome.count.reads,
        "sightings": counts.sightings,
        "batches": counts.batches,
        "batches_known_already": counts.duplicates,
        "tags": len(outcome.tags),
        "passages": counts.passages,
        "location_updates": counts.locations,
        "commands": outcome.commands,
        "movements": _movements(dsn) - before,
        "seconds": round(elapsed_s, 2),
        "reads_per_second": round(outcome.count.reads / max(elapsed_s, 1e-6)),
    }
    problems = [outcome.count.problem] if outcome.count.problem else []
    if outcome.count.missing_seals:
        problems.append(f"{outcome.count.missing_seals} batches of the recording are damaged")
    return {**found, "problems": problems} if quiet else {**found, "problems": "; ".join(problems) or "none"}


def _steps(
    items: Iterator[Item], connection: psycopg.Connection, outcome: Outcome, pace: float | None
) -> Iterator[EdgeBatch | Callable[[], object]]:
    started_s = time.monotonic()
    first_us: int | None = None
    for item in items:
        if isinstance(item, RecordedCommand):
            outcome.commands += 1
            yield partial(_execute, connection, item)
            continue
        outcome.tags.update(item.sightings.tags)
        if pace is not None:
            first_us = item.watermark_us if first_us is None else first_us
            due_s = started_s + (item.watermark_us - first_us) / 1e6 / pace
            time.sleep(max(0.0, due_s - time.monotonic()))
        yield item


def _execute(connection: psycopg.Connection, given: RecordedCommand) -> None:
    execute(connection, given.command, actor=given.actor, source=given.source, client_event_id=given.client_event_id)


def _movements(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from move").fetchone()
    return int(row[0]) if row else 0


def _progress(quiet: bool) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True, disable=quiet)
