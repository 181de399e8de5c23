"""A site as its owner runs it: `tagledger` processes over one folder, and a look into what they keep there."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from simulators.plant import Plant
from stream.batch_codec import decode_batch
from stream.model import EdgeBatch
from tagledger.plant_entry import document_commands, opening_commands
from tagledger.site_text import site_text
from warehouse.commands import ALL_RIGHTS, Actor, Result
from warehouse.postgres.commands import execute
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Effect, Site
from warehouse.site_settings import ApiSettings

# Bounds for a machine that is busy with other things; nothing waits this long when all is well.
WAIT_S = 90.0

BOOKS = {
    "movements": "select move_id, item_id, quantity, from_location_id, to_location_id, passage_id from move",
    "passages": "select passage_id, revision, portal, direction, opened_at, closed_at, belongs, unsure from passage",
    "discrepancies": "select discrepancy_id, kind, detail, epcs, quantity, state from discrepancy",
    "locations": "select update_id, epc, location_id, event, at from location_history",
    "balances": "select item_id, lot_id, location_id, hu_id, status, on_hand, reserved from balance where on_hand <> 0",
}
_T = TypeVar("_T")


def wait_for(look: Callable[[], _T], what: str, process: "subprocess.Popen[str] | None" = None) -> _T:
    """What `look` gives once that is true. Fails after WAIT_S, and at once when the process has ended."""
    until = time.monotonic() + WAIT_S
    while True:
        ended = process is not None and process.poll() is not None
        found = look()
        if found:
            return found
        assert not ended, f"the process ended while waiting for {what}"
        assert time.monotonic() < until, f"waited {WAIT_S:g} s for {what}"
        time.sleep(0.02)


async def eventually(look: Callable[[], object], what: str) -> None:
    """`wait_for` that lets the event loop go on."""
    until = time.monotonic() + WAIT_S
    while not await asyncio.to_thread(look):
        assert time.monotonic() < until, f"waited {WAIT_S:g} s for {what}"
        await asyncio.sleep(0.05)


@dataclass(slots=True)
class Running:
    """One `tagledger` process; what it writes to standard error is its log."""

    process: "subprocess.Popen[str]"
    log: Path
    out: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def said(self, event: str) -> dict[str, Any] | None:
        """The first log line of that event."""
        return next((line for line in self.lines if line["event"] == event), None)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_S)

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)


@dataclass(slots=True)
class Folder:
    """The folder that everything of one site is in. `start` runs commands; those still running end with `end`."""

    path: Path
    started: list[Running] = field(default_factory=list)

    @property
    def site_file(self) -> Path:
        return self.path / "site.toml"

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def capture(self) -> Path:
        return self.path / "capture"

    def write(self, site: Site) -> Site:
        """Write the site file: of this folder, posting, recording, on a free port."""
        site = replace(
            site,
            portals=tuple(replace(portal, effect=Effect.POST) for portal in site.portals),
            state_dir=str(self.state),
            edge=replace(site.edge, capture=str(self.capture)),
            api=ApiSettings(port=0),
        )
        self.site_file.write_text(site_text(site))
        return site

    def start(self, *arguments: object, **environment: str) -> Running:
        name = f"{len(self.started)}-{arguments[0]}"
        log, out = self.path / f"{name}.log", self.path / f"{name}.out"
        with log.open("w") as errors, out.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tagledger", *map(str, arguments)],
                stdout=output,
                stderr=errors,
                text=True,
                env={**os.environ, "TAGLEDGER_LOG_FORMAT": "json", **environment},
            )
        self.started.append(running := Running(process, log, out))
        return running

    def run(self, *arguments: object, **environment: str) -> tuple[int, str, str]:
        """A command that ends by itself: exit code, output, errors."""
        running = self.start(*arguments, **environment)
        code = running.process.wait(WAIT_S)
        return code, running.out.read_text(), running.log.read_text()

    def end(self) -> None:
        for running in self.started:
            if running.process.poll() is None:
                running.kill()

    def spooled(self) -> list[EdgeBatch]:
        """Every batch the spool has stored, oldest first; only while no edge runs."""
        with sqlite3.connect(self.state / "spool.sqlite") as spool:
            return [decode_batch(body) for (body,) in spool.execute("select body from batch order by seq")]

    def server_pid(self) -> int:
        """Of the embedded database server as it runs."""
        return int((self.state / "postgres/data/postmaster.pid").read_text().split("\n")[0])

    def dsn(self) -> str:
        """Of the embedded server that a running process has started."""
        port = (self.state / "postgres/data/postmaster.pid").read_text().split("\n")[3]
        password = (self.state / "postgres/password").read_text().strip()
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """The site's books while nothing of it runs."""
        with EmbeddedServer(self.state) as server, psycopg.connect(server.dsn, autocommit=True) as connection:
            yield connection


TESTER = Actor("test", rights=ALL_RIGHTS)


def enter_paper(state: Path, plant: Plant) -> None:
    """The plant's items, pallets and documents, all before the day begins; the same ids whenever it is done."""
    commands = list(opening_commands(plant))
    known = {standing.unit.sscc for standing in plant.opening}
    for document in plant.documents:
        commands += document_commands(document, known)
    with EmbeddedServer(state) as server:
        migrate(server.dsn)
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            ensure_places(connection, plant.site)
            for number, command in enumerate(commands):
                done = execute(
                    connection,
                    command,
                    actor=TESTER,
                    source="test",
                    client_event_id=f"{plant.seed}-{number}",
                )
                assert isinstance(done, Result), done


def books(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """What was decided and posted, in an order of its own."""
    return {
        name: sorted(connection.execute(query).fetchall(), key=repr)  # type: ignore[call-overload]
        for name, query in BOOKS.items()
    }


def is_alive(pid: int) -> bool:
    """Whether that process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
