"""`tagledger up` killed without notice again and again while loads pass, and how it starts, refuses and stops."""

import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from edge.capture import CaptureReader
from edge.replay import ReplayCount, replay_capture
from simulators.plant import Plant
from stream.batch_codec import encode_batch
from stream.embedded import EmbeddedHost
from stream.model import EdgeBatch
from stream.store import Store
from tagledger.config import load_site
from tests.e2e.sites import Folder, Running, books, enter_paper, is_alive, wait_for
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.site import Site

SEED = 7
DAY_S = 60.0
KILLS = 5


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.end()


@pytest.fixture
def idle(folder: Folder) -> Folder:
    """A site whose readers are not there."""
    folder.write(Plant(SEED, DAY_S).site)
    return folder


def batches_committed(dsn: str) -> int:
    try:
        with psycopg.connect(dsn) as connection:
            row = connection.execute("select count(*) from stream_log where kind = 1").fetchone()
    except psycopg.OperationalError:
        return 0
    return int(row[0]) if row else 0


def started(folder: Folder) -> Running:
    up = folder.start("up", "--site", folder.site_file)
    wait_for(lambda: up.said("up"), "up to say so", up.process)
    return up


@pytest.mark.timeout(600)
def test_killed_again_and_again_while_loads_pass_the_books_are_those_of_an_undisturbed_stream(folder: Folder) -> None:
    rng = random.Random(SEED)
    plant = Plant(SEED, DAY_S)
    simulate = folder.start("simulate", "--seed", SEED, "--duration", DAY_S, "--state-dir", folder.path / "plant")
    simulated = folder.path / "plant/site.toml"
    wait_for(lambda: simulated.exists() and simulated.read_text(), "the plant's site file", simulate.process)
    site = folder.write(load_site(simulated, {}))
    enter_paper(folder.state, plant)

    for _ in range(KILLS):
        up = folder.start("up", "--site", folder.site_file)
        if rng.random() < 0.8:
            wait_for(lambda up=up: up.said("up"), "up to say so", up.process)  # type: ignore[misc]
            dsn = folder.dsn()
            enough = batches_committed(dsn) + rng.randrange(40)
            wait_for(
                lambda dsn=dsn, enough=enough: batches_committed(dsn) >= enough,  # type: ignore[misc]
                "batches",
                up.process,
            )
        else:
            log = up.log
            wait_for(lambda log=log: log.stat().st_size, "a first word", up.process)  # type: ignore[misc]
        up.kill()
    up = started(folder)
    simulate.process.wait(DAY_S + 60)
    server = folder.server_pid()
    assert up.terminate() == 0, up.log.read_text()
    assert not is_alive(server)

    spooled = folder.spooled()
    assert [batch.id.counter for batch in spooled] == list(range(1, len(spooled) + 1))
    assert len({batch.id.epoch for batch in spooled}) == 1
    with folder.database() as connection:
        taken = connection.execute("select epoch, counter from stream_log where kind = 1 order by seq").fetchall()
        gaps = connection.execute("select count(*) from data_gap").fetchone()
        live = books(connection)
    # Nothing the spool stored is lost, nothing is taken twice, the order is kept. What the edge sealed while it went
    # down waits in the spool for the next start.
    known = [(batch.id.epoch, batch.id.counter) for batch in spooled]
    assert taken == known[: len(taken)]
    assert len(known) - len(taken) <= 2
    assert gaps == (0,)
    assert live["movements"]
    code, out, errors = folder.run("doctor", "--site", folder.site_file, "--ledger", "--json")
    assert code == 0, out + errors
    assert json.loads(out)["good"] is True
    assert books_of(spooled[: len(taken)], site, plant, folder.path / "again") == live
    check_captures(folder, spooled)


def books_of(batches: list[EdgeBatch], site: Site, plant: Plant, state: Path) -> dict[str, list[object]]:
    """The books after the same paper and the same batches in one go."""
    enter_paper(state, plant)
    with EmbeddedServer(state) as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        EmbeddedHost(site, Store(server.dsn, site)).process_sync(batches)
        return books(connection)


def check_captures(folder: Folder, spooled: list[EdgeBatch]) -> None:
    """One folder holds a file for every life; what it sealed replays to the very batches that were spooled.

    A kill between the spool's append and the capture's write leaves the newest batch of that life out of the recording;
    the replay counts it and cannot give it.
    """
    count = ReplayCount()
    replayed = [item for item in replay_capture(CaptureReader(folder.capture), count) if isinstance(item, EdgeBatch)]
    known = {(batch.id.epoch, batch.id.counter): encode_batch(batch) for batch in spooled}
    assert all(encode_batch(batch) == known[batch.id.epoch, batch.id.counter] for batch in replayed)
    assert len(spooled) - len(replayed) <= KILLS
    assert count.missing_seals <= len(spooled) - len(replayed)


@pytest.mark.timeout(240)
def test_a_stop_leaves_no_process_and_a_second_start_over_the_same_state_is_refused_in_one_line(idle: Folder) -> None:
    up = started(idle)
    server = idle.server_pid()
    code, out, errors = idle.run("up", "--site", idle.site_file)
    assert (code, out) == (1, "")
    assert errors.startswith("error ")
    assert errors.count("\n") == 1
    assert str(idle.state) in errors
    assert str(up.process.pid) in errors
    assert up.process.poll() is None
    assert up.terminate() == 0
    assert not is_alive(server)
    assert "Traceback" not in up.log.read_text()
    # And it starts again over what it left.
    assert started(idle).terminate() == 0


@pytest.mark.timeout(240)
def test_a_taken_port_ends_the_start_with_one_line(idle: Folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, errors = idle.run("up", "--site", idle.site_file, TAGLEDGER_API__PORT=str(port))
    assert code == 1
    (said,) = [line for line in errors.splitlines() if not line.startswith("{")]
    assert f"127.0.0.1:{port}" in said
    assert "in use" in said


@pytest.mark.timeout(240)
def test_a_database_that_does_not_answer_ends_the_start_with_one_line(idle: Folder) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, not listening: refused
        dsn = f"postgresql://nobody:not-to-be-shown@127.0.0.1:{nobody.getsockname()[1]}/none"
        code, out, errors = idle.run("up", "--site", idle.site_file, TAGLEDGER_DATABASE__DSN=dsn)
    assert (code, out) == (1, "")
    (said,) = [line for line in errors.splitlines() if not line.startswith("{")]
    assert "127.0.0.1" in said
    assert "not-to-be-shown" not in errors
