"""`tagledger replay`: recorded bytes through the same path as live ones, as fast as they go or at a given speed.

The movements are the recording's, ids included, and replaying twice posts nothing twice: each recorded command is given
when the stream is as far as it was then. Files that were imported meanwhile are not in a recording; a replay says which
its database is missing, and fails. A replay drives nothing: no light, no vehicle. At full speed nobody sees verdicts of
loads that are still in the door, and none are made; what is final is the same.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from edge.errors import CaptureFormatError
from stream.embedded import EmbeddedHost
from stream.model import EdgeBatch
from stream.pipeline import Counts
from stream.recorded import RecordedError
from stream.store import Store
from stream.topology import OperatorParams, operators_of
from tagledger.command_desk import CommandFormatError, RecordedCommand
from tagledger.config import ConfigError
from tagledger.database import open_database
from tagledger.recorded_imports import missing
from tagledger.replay_source import CsvOptions, Source, open_source, recording_id
from tagledger.terminal import EXIT_FAILED, EXIT_USAGE, complain, console, known_failures, print_summary, site_or_exit
from warehouse.postgres.commands import execute
from warehouse.site_settings import DatabaseSettings
from warehouse.times import from_us

REPLAYS = Path(".state/replay")


def run_replay(
    recording: Path, speed: str, site_file: Path | None, state_dir: Path | None, options: CsvOptions, *, as_json: bool
) -> None:
    """Replay and say what came of it; exit 2 when the file is no recording, 1 when parts of it are damaged."""
    pace = _pace(speed)
    given = site_or_exit(site_file) if site_file is not None else None
    with known_failures():
        if not recording.exists():
            complain(f"{recording}: no such file or folder. Fix: name a capture.")
            raise typer.Exit(EXIT_USAGE)
        try:
            source = open_source(recording, given, options)
        except (CaptureFormatError, ConfigError, CommandFormatError, RecordedError) as error:
            # Those that know the file name it themselves.
            complain(error if str(error).startswith(str(recording)) else f"{recording}: {error}")
            raise typer.Exit(EXIT_USAGE) from None
        if not as_json:
            for note in source.assumed:
                console.print(note, soft_wrap=True, highlight=False)
        # A site's own database is for what happens, not for what is tried out, unless a site file names it.
        if given is None:
            # And each recording has its own: what another one left behind would change what this one means.
            own = state_dir or REPLAYS / recording_id(recording)
            source = replace(source, site=replace(source.site, state_dir=str(own), database=DatabaseSettings()))
        with open_database(source.site) as dsn:
            # Before, as whoever reads the books while they are replayed should know.
            with psycopg.connect(dsn) as connection:
                files = missing(connection, source.imports)
            for line in files:
                complain(line)
            print_summary("Replay", _replay(source, dsn, pace, files, quiet=as_json), as_json=as_json)
        if source.damage() or files:
            raise typer.Exit(EXIT_FAILED)


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


def _replay(source: Source, dsn: str, pace: float | None, files: list[str], *, quiet: bool) -> dict[str, object]:
    site, outcome = source.site, source.outcome
    before = _movements(dsn)
    # At a given speed somebody may be watching the doors.
    operators = operators_of(site, OperatorParams(is_recording=pace is None))
    host = EmbeddedHost(site, Store(dsn, site), operators)
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

        counts = host.process_sync(_steps(source, connection, pace), show, is_whole=True)
    elapsed_s = time.monotonic() - started
    found = {
        "kept_in": "the site's database" if site.database.dsn else site.state_dir,
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
    problems = source.damage() + source.unfinished() + files
    return (
        {**found, "assumed": list(source.assumed), "problems": problems}
        if quiet
        else {**found, "problems": "; ".join(problems) or "none"}
    )


def _steps(
    source: Source, connection: psycopg.Connection, pace: float | None
) -> Iterator[EdgeBatch | Callable[[], object]]:
    started_s = time.monotonic()
    first_us: int | None = None
    for item in source.items:
        if isinstance(item, RecordedCommand):
            source.outcome.commands += 1
            yield partial(_execute, connection, item)
            continue
        source.outcome.tags.update(item.sightings.tags)
        if pace is not None:
            first_us = item.watermark_us if first_us is None else first_us
            due_s = started_s + (item.watermark_us - first_us) / 1e6 / pace
            time.sleep(max(0.0, due_s - time.monotonic()))
        yield item


def _execute(connection: psycopg.Connection, given: RecordedCommand) -> None:
    execute(
        connection,
        given.command,
        actor=given.actor,
        source=given.source,
        client_event_id=given.client_event_id,
        done_at=from_us(given.at_us) if given.at_us is not None else None,
    )


def _movements(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select count(*) from move").fetchone()
    return int(row[0]) if row else 0


def _progress(quiet: bool) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True, disable=quiet)
