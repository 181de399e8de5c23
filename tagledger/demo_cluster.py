"""`tagledger demo-cluster`: the demo's plant through a distributed site, every part a process of its own.

    readers ─LLRP→ edges ─MQTT→ bridge ─Kafka→ workers ─commit→ TimescaleDB ←→ APIs

Mosquitto, Kafka and database are given (`make demo-cluster` brings them up and down); plant, edges, bridge, workers and
APIs are started here and ended with it. Plant time is the wall's when it begins, so that signals are valid when
they are decided, and waits for whoever is behind, so that the score is of the decisions and not of the machine.
Vehicles live in plant time, so their master does too: here, not in an API, whose time is the wall's. Loads, paper and
truth are those of `tagledger demo` for the same seed, and so should the score be; `--compare` runs that too.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
import typer
from psycopg_pool import ConnectionPool
from rich.markup import escape

from simulators.auditor import Score
from simulators.auditor_table import score_table
from simulators.broker import available as broker_available
from simulators.plant import Plant
from tagledger.audit import score_of
from tagledger.child_processes import Children
from tagledger.command_desk import DirectBus
from tagledger.config import load_site
from tagledger.database import open_database
from tagledger.demo import VEHICLES
from tagledger.demo_edge import DRAIN, DRAINED, run_demo_edge
from tagledger.first_start import first_start
from tagledger.fleet import fleet_of
from tagledger.logs import configure_logs
from tagledger.plant_day import live_a_day
from tagledger.plant_process import PlantTime, RunningPlant, running_plant
from tagledger.plant_tasks import Tell, all_put_away, tell_tasks
from tagledger.plant_time import edge_party
from tagledger.running import write_pool
from tagledger.site_text import site_text
from tagledger.task_parts import run_task_parts
from tagledger.terminal import EXIT_FAILED, EXIT_USAGE, complain, console, known_failures, print_json
from warehouse.commands import ALL_RIGHTS, Actor, Command, Refusal, Result
from warehouse.roads import FleetSettings
from warehouse.site import Effect, Site
from warehouse.site_settings import EdgeSettings

PARTITIONS = 4
WORKERS = 2
APIS = 2
START_S = 120.0
DRAIN_S = 180.0
TELL_EVERY_S = 5.0


def run_demo_cluster(
    seed: int, speed: float, duration_s: float, state_dir: Path, *, compare: bool, as_json: bool
) -> None:
    """Run it; exit 1 when the books and the truth differ, or (with `compare`) the two scores."""
    configure_logs()
    if state_dir.exists() and any(state_dir.iterdir()) and not (state_dir / "site.toml").exists():
        complain(f"{state_dir} holds something that no demo made. Fix: name another --state-dir.")
        raise typer.Exit(EXIT_USAGE)
    shutil.rmtree(state_dir, ignore_errors=True)
    state_dir.mkdir(parents=True)
    # So that the plant's clock, which is faster than ours, is never ahead of it.
    ahead_s = duration_s * max(0.0, 1 - 1 / speed)
    start_us = round(time.time() - ahead_s) * 1_000_000
    plant = Plant(seed, duration_s, start_us=start_us, vehicles=VEHICLES if broker_available() else 0, annex=True)
    with known_failures():
        score = asyncio.run(_demo(plant, duration_s, speed, state_dir, as_json))
        ours = {"seed": seed, "duration_s": duration_s, **score.as_json()}
        if not as_json:
            console.print()
            console.print(score_table(score))
        if not compare:
            if as_json:
                print_json(ours)
            if not score.books_agree:
                raise typer.Exit(EXIT_FAILED)
            return
        alone = _alone(seed, duration_s, speed, state_dir)
    different = _differences(ours, alone)
    if as_json:
        print_json({"cluster": ours, "one_process": alone, "different": different})
    else:
        same = ", ".join(different) or "nothing"
        console.print(
            f"\nThe same plant in one process (tagledger demo), different in the score: {same}.", soft_wrap=True
        )
    if not score.books_agree or different:
        raise typer.Exit(EXIT_FAILED)


def _differences(ours: dict[str, Any], alone: dict[str, Any]) -> list[str]:
    """Figures that are not the same in both scores: `NAME: OURS, in one process THEIRS`.

    Not findings: they name ids, which differ with the names of the edges.
    """
    found = []
    for name, theirs in alone.items():
        mine = json.loads(json.dumps(ours[name]))
        if isinstance(theirs, dict) and isinstance(mine, dict):
            found += [f"{name}.{line}" for line in _differences(mine, theirs)]
        elif mine != theirs and name != "findings":
            found.append(f"{name}: {mine}, in one process {theirs}")
    return found


def _alone(seed: int, duration_s: float, speed: float, state_dir: Path) -> dict[str, Any]:
    """The same plant through `tagledger demo`."""
    options = ["--seed", seed, "--duration", duration_s, "--speed", speed, "--port", 0, "--json"]
    command = [sys.executable, "-m", "tagledger", "demo", *map(str, options)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TAGLEDGER_")}
    done = subprocess.run(
        [*command, "--state-dir", str(state_dir / "one-process")],
        capture_output=True,
        text=True,
        check=False,
        env=clean,
    )
    if not done.stdout:
        raise OSError(f"tagledger demo failed: {done.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _demo(plant: Plant, duration_s: float, speed: float, state_dir: Path, quiet: bool) -> Score:
    readers = len(plant.site.readers)
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(running_plant(plant, duration_s, speed, edges=readers))
        site = _site(running.site, state_dir)
        dsn = stack.enter_context(open_database(site))
        key = first_start(dsn).key
        children = stack.enter_context(Children(state_dir / "logs"))
        urls = _start_services(children, state_dir / "site.toml")
        for number in range(readers):
            running.edges.append(stack.enter_context(_edge(site, plant, speed, number, running)))
        await _until_they_answer(children, urls)
        if not quiet:
            _welcome(plant, speed, children, readers, urls, key)
        pool = stack.enter_context(write_pool(site, dsn))
        bus = DirectBus(pool)

        async def enter(command: Command, who: str, name: str) -> Result | Refusal:
            return await bus.submit(command, Actor(who, rights=ALL_RIGHTS), "demo", name)

        async def lived() -> None:
            await live_a_day(plant, running, enter, _told(quiet))
            await all_put_away(dsn, running)
            await _drained(running.edges)

        started_s = time.monotonic()
        fleet = fleet_of(running.site, dsn, bus.submit, pool, PlantTime(running.clock))
        beside = [
            asyncio.create_task(_watch(children, plant, running, pool, quiet), name="watch"),
            asyncio.create_task(run_task_parts(running.site, fleet, bus.submit, pool), name="tasks"),
            asyncio.create_task(tell_tasks(dsn, _told(quiet)), name="tasks told"),
        ]
        living = asyncio.create_task(lived())
        try:
            ended, _ = await asyncio.wait({*beside, living}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()  # what ended beside the day says why
        finally:
            for task in (*beside, living):
                task.cancel()
            await asyncio.gather(*beside, living, return_exceptions=True)
        if not quiet:
            console.print(f"\nThe day took {time.monotonic() - started_s:.0f} s.")
        answers = [await asyncio.to_thread(_get, url, "/v1/stock", key) for url in urls]
        if len(set(answers)) != 1:
            raise OSError("the API processes do not agree about the stock")
        standing = await running.standing() if plant.site.fleet.vehicles else None
        return await asyncio.to_thread(score_of, dsn, plant.truth, plant.weighings, standing)


def _told(quiet: bool) -> Tell:
    """What people and vehicles have done, as a line."""

    def tell(at: datetime, who: str, what: str) -> None:
        if not quiet:
            console.print(f"         {who:<7} {escape(what)}", soft_wrap=True)

    return tell


def _site(site: Site, state_dir: Path) -> Site:
    """The plant's site as a cluster runs it; servers come from the environment (`TAGLEDGER_DATABASE__DSN`, …)."""
    readers = tuple(replace(reader, agent=f"edge-{n}") for n, reader in enumerate(site.readers, 1))
    agents = {antenna.place: reader.agent for reader in readers for antenna in reader.antennas}
    site = replace(
        site,
        readers=readers,
        portals=tuple(replace(portal, effect=Effect.POST) for portal in site.portals),
        scales=tuple(replace(scale, agent=agents[scale.place]) for scale in site.scales),
        state_dir=str(state_dir),
        uplink=replace(site.uplink, kind="mqtt"),
        fleet=FleetSettings(),  # their master is beside the plant, in its time
        # Plant time may stand while somebody catches up; nobody is silent because of that.
        stream=replace(site.stream, source_silent_s=600.0),
        kafka=replace(site.kafka, partitions=PARTITIONS),
    )
    path = state_dir / "site.toml"
    path.write_text(site_text(site), encoding="utf-8")
    made = load_site(path, os.environ)
    if not made.database.dsn:
        complain(
            "demo-cluster needs servers. Fix: run `make demo-cluster`, or name them in TAGLEDGER_DATABASE__DSN,"
            " TAGLEDGER_KAFKA__BOOTSTRAP, TAGLEDGER_UPLINK__HOST and TAGLEDGER_UPLINK__PORT."
        )
        raise typer.Exit(EXIT_USAGE)
    with psycopg.connect(made.database.dsn) as connection:
        known = connection.execute("select to_regclass('move')").fetchone()
        if known is not None and known[0] is not None:
            complain("the database holds a site already. Fix: give demo-cluster an empty one.")
            raise typer.Exit(EXIT_USAGE)
    return made


def _start_services(children: Children, site_file: Path) -> list[str]:
    """Bridge, workers and APIs; the APIs' addresses."""
    site = ("--site", site_file)
    children.start("bridge", "bridge", *site)
    for number in range(1, WORKERS + 1):
        children.start(f"worker-{number}", "worker", *site)
    urls = []
    for number in range(1, APIS + 1):
        port = _free_port()
        children.start(f"api-{number}", "api", *site, environment={"TAGLEDGER_API__PORT": str(port)})
        urls.append(f"http://127.0.0.1:{port}")
    return urls


@contextlib.contextmanager
def _edge(site: Site, plant: Plant, speed: float, number: int, running: RunningPlant) -> Iterator[Connection]:
    """One edge in a process of its own, with a folder and a name of its own; the pipe to it."""
    readers = len(site.readers)
    own = replace(site, state_dir=f"{site.state_dir}/edge-{number + 1}", edge=EdgeSettings(agent=f"edge-{number + 1}"))
    Path(own.state_dir).mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=run_demo_edge,
        args=(own, plant.start_us, speed, edge_party(number, readers), running.promises, theirs),
        name=own.edge.agent,
        daemon=True,
    )
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(timeout=10.0)
        if process.is_alive():
            process.kill()
            process.join()


async def _until_they_answer(children: Children, urls: Sequence[str]) -> None:
    """Every API is ready and the workers hold all partitions."""
    async with asyncio.timeout(START_S):
        for url in urls:
            while await asyncio.to_thread(_get, url, "/readyz", None) is None:
                children.check()
                await asyncio.sleep(0.2)


async def _watch(children: Children, plant: Plant, running: RunningPlant, pool: ConnectionPool, quiet: bool) -> None:
    """Say how far everything is; ends, with its reason, when a process has ended."""
    tell_at_s = time.monotonic() + TELL_EVERY_S
    while True:
        children.check()
        if running.child.poll():
            raise OSError("the plant's process ended, see above")
        if not quiet and time.monotonic() >= tell_at_s:
            tell_at_s = time.monotonic() + TELL_EVERY_S
            now_us = running.clock.now_us()
            gone = sum(load.load.end_us <= now_us for load in plant.truth.loads)
            passages, movements, held = await asyncio.to_thread(_progress, pool)
            console.print(
                f"{(now_us - plant.start_us) / 1e6:6.0f} s of plant time: {gone} loads went by, {passages} passages,"
                f" {movements} movements in the books, {held} partitions at work",
                soft_wrap=True,
            )
        await asyncio.sleep(0.2)


def _progress(pool: ConnectionPool) -> tuple[int, int, int]:
    with pool.connection() as connection:
        row = connection.execute(
            "select (select count(*) from passage_latest), (select count(*) from move where passage_id is not null),"
            " (select count(*) from stream_position)"
        ).fetchone()
    return row or (0, 0, 0)


async def _drained(edges: Sequence[Connection]) -> None:
    """Everything that was spooled is in the books."""
    async with asyncio.timeout(DRAIN_S):
        for edge in edges:
            edge.send(DRAIN)
        for edge in edges:
            while not edge.poll():  # noqa: ASYNC110 - a pipe
                await asyncio.sleep(0.05)
            if edge.recv() != DRAINED:
                raise OSError("an edge did not drain")


def _welcome(plant: Plant, speed: float, children: Children, edges: int, urls: Sequence[str], key: str | None) -> None:
    console.print(
        f"Plant of seed {plant.seed}: {len(plant.site.portals)} dock doors, {len(plant.truth.loads)} loads,"
        f" {len(plant.documents)} documents, at {speed:g} × real time at most."
    )
    console.print(
        f"processes  {edges} edges, a plant of {edges} readers, {', '.join(children.names)}; their logs are in"
        f" {children.folder}",
        soft_wrap=True,
    )
    for url in urls:
        console.print(f"API        {url}/docs", soft_wrap=True)
    console.print(f"API key    {key}\n")


def _get(url: str, path: str, key: str | None) -> str | None:
    """The body, or None when there is no good answer."""
    request = urllib.request.Request(url + path, headers={"X-API-Key": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
