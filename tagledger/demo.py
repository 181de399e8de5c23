"""`tagledger demo`: a plant with three dock doors, from LLRP bytes to the books, and how right the books are.

Everything is real but the radio: readers speak LLRP over TCP and scales Modbus, the edge drives them as it would drive
any, the stream decides, PostgreSQL keeps the books, the API serves them. Documents are entered as their time comes. At
the end the auditor, who knows what truly happened and none of the rules, compares.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import typer
from rich.markup import escape

from simulators.auditor import Score
from simulators.auditor_table import score_table
from simulators.broker import available as broker_available
from simulators.plant import Plant
from stream.embedded import EmbeddedHost
from stream.live import Posted
from stream.model import Colour, Passage, Signal, TagVerdict
from tagledger.audit import score_of
from tagledger.database import open_database
from tagledger.first_start import FirstStart, first_start, tell
from tagledger.lifecycle import run_until_signalled
from tagledger.logs import configure_logs
from tagledger.plant_day import live_a_day
from tagledger.plant_process import PlantTime, running_plant
from tagledger.plant_tasks import Tell, all_put_away, tell_tasks
from tagledger.running import RunningSite, running_site
from tagledger.site_text import site_text
from tagledger.stream_parts import watched
from tagledger.terminal import EXIT_FAILED, complain, console, known_failures, print_json
from warehouse.commands import ALL_RIGHTS, Actor
from warehouse.postgres.database.server import owner_of
from warehouse.postgres.loads.posting import Posting
from warehouse.postgres.loads.weighings import Weighed
from warehouse.site import Effect, Site
from warehouse.site_settings import ApiSettings
from warehouse.times import from_us
from warehouse.weighing import WeighOutcome

VEHICLES = 4
# Batches the stream may be behind before plant time waits for it: well within what is waited for at the end.
BACKLOG_MAX = 64
_LIGHTS = {Colour.GREEN: "[green]●[/green]", Colour.AMBER: "[yellow]●[/yellow]", Colour.RED: "[red]●[/red]"}


def run_demo(
    seed: int, speed: float, duration_s: float, state_dir: Path, port: int, *, serve: bool, as_json: bool
) -> None:
    """Run it; exit 1 when the books and the truth differ."""
    configure_logs()
    if state_dir.exists() and any(state_dir.iterdir()) and not (state_dir / "site.toml").exists():
        complain(f"{state_dir} holds something that no demo made. Fix: name another --state-dir.")
        raise typer.Exit(2)
    owner = owner_of(state_dir)
    if owner is not None:
        complain(f"{state_dir} is in use by process {owner}. Fix: stop it or name another --state-dir.")
        raise typer.Exit(EXIT_FAILED)
    with known_failures():
        shutil.rmtree(state_dir, ignore_errors=True)
        state_dir.mkdir(parents=True)

    def report(score: Score) -> None:
        if as_json:
            print_json({"seed": seed, "duration_s": duration_s, **score.as_json()})
            return
        console.print()
        console.print(score_table(score))
        console.print(
            f"\nThe same again from the recording: [bold]tagledger replay {state_dir}/capture[/bold]", soft_wrap=True
        )

    plant = Plant(seed, duration_s, vehicles=VEHICLES if broker_available() else 0, annex=True)
    with known_failures():
        score = run_until_signalled(
            _demo(plant, duration_s, speed, state_dir, port, report, serve=serve, quiet=as_json)
        )
    if score is None:
        complain("ended before the day was over: there is no score")
        raise typer.Exit(EXIT_FAILED)
    if not score.books_agree:
        raise typer.Exit(EXIT_FAILED)


async def _demo(
    plant: Plant,
    duration_s: float,
    speed: float,
    state_dir: Path,
    port: int,
    report: Callable[[Score], None],
    *,
    serve: bool,
    quiet: bool,
) -> Score:
    """The day, its score reported; with `serve` the site goes on until it is cancelled."""

    async def judged() -> Score:
        standing = await running.standing() if plant.site.fleet.vehicles else None
        return await asyncio.to_thread(score_of, dsn, plant.truth, plant.weighings, standing)

    with open_database(replace(plant.site, state_dir=str(state_dir))) as dsn:
        made = first_start(dsn)
        with running_plant(plant, duration_s, speed) as running:
            site = demo_site(running.site, state_dir, port)
            (state_dir / "site.toml").write_text(site_text(site), encoding="utf-8")
            clock = PlantTime(running.clock)
            capture = state_dir / "capture"
            async with running_site(site, dsn, clock, capture=capture) as up:
                if not quiet:
                    _welcome(up, made, plant, speed, capture)
                telling = [
                    asyncio.create_task(_tell(up.host, quiet)),
                    asyncio.create_task(tell_tasks(dsn, _told(quiet))),
                ]

                def paced() -> "asyncio.Task[None]":
                    return asyncio.create_task(
                        running.keep_pace(lambda: up.agent.health().spool.unacked > BACKLOG_MAX), name="plant"
                    )

                pace = paced()
                try:
                    with watched(pace):
                        await live_a_day(
                            plant,
                            running,
                            lambda command, who, name: up.desk.submit(
                                command, Actor(who, rights=ALL_RIGHTS), "demo", name
                            ),
                            _told(quiet),
                        )
                        await all_put_away(dsn, running)
                    if serve:
                        await up.agent.drained()
                        pace.cancel()
                        await asyncio.gather(pace, return_exceptions=True)
                        report(score := await judged())
                        if not quiet:
                            console.print(f"\nThe plant has stopped; the API stays at {up.url} until Ctrl-C.")
                        pace = paced()
                        with suppress(asyncio.CancelledError), watched(pace):
                            await asyncio.Event().wait()
                        return score
                finally:
                    pace.cancel()
                    for task in telling:
                        task.cancel()
            # Counted while the day ran, judged when everything is committed.
            report(score := await judged())
            return score


def demo_site(site: Site, state_dir: Path, port: int) -> Site:
    """The plant's site as the demo runs it: its doors post, its API listens at `port`."""
    return replace(
        site,
        portals=tuple(replace(portal, effect=Effect.POST) for portal in site.portals),
        state_dir=str(state_dir),
        edge=replace(site.edge, agent="dock"),
        api=ApiSettings(port=port),
    )


def _welcome(up: RunningSite, made: FirstStart, plant: Plant, speed: float, capture: Path) -> None:
    console.print(
        f"Plant of seed {plant.seed}: {len(plant.site.portals)} dock doors, {len(plant.truth.loads)} loads,"
        f" {len(plant.documents)} documents, at {speed:g} × real time."
    )
    console.print(f"API        {up.url}/docs    live feed {up.url}/v1/feed", soft_wrap=True)
    console.print(f"API key    {made.key}")
    tell(made, with_key=False)
    if not plant.site.fleet.vehicles:
        console.print("vehicles   none: their broker is not installed (pip install amqtt)")
    console.print(f"recording  {capture}\n", soft_wrap=True)


async def _tell(host: EmbeddedHost, quiet: bool) -> None:
    """Say what happens as it happens: what the doors show, loads that passed, what they meant for the books."""
    passages: dict[str, Passage] = {}
    shown: dict[str, Colour] = {}
    async for item in host.subscribe():
        if quiet:
            continue
        if isinstance(item, Signal):
            changed = shown.get(item.portal) is not item.colour
            shown[item.portal] = item.colour
            if not changed or item.colour not in _LIGHTS:
                continue
            text = f"{_LIGHTS[item.colour]} {item.portal:<7} {item.colour:<6} {escape(item.reason)}"
            console.print(f"{_time(item.at_us)} {text}", soft_wrap=True)
        elif isinstance(item, Passage) and item.final and any(tag.verdict is not TagVerdict.STRAY for tag in item.tags):
            passages[str(item.passage_id)] = item
        elif isinstance(item, Posted) and isinstance(item.posting, Posting):
            passage = passages.pop(str(item.posting.passage_id), None)
            if passage is not None:
                console.print(_posted(passage, item.posting), soft_wrap=True)
        elif isinstance(item, Posted) and isinstance(item.posting, Weighed):
            console.print(_weighed(item.posting), soft_wrap=True)


def _told(quiet: bool) -> Tell:
    """What vehicles have done, as a line."""

    def tell(at: datetime, who: str, what: str) -> None:
        if not quiet:
            console.print(f"{at:%H:%M:%S}   {who:<7} {escape(what)}", soft_wrap=True)

    return tell


def _posted(passage: Passage, posting: Posting) -> str:
    count = {verdict: sum(tag.verdict is verdict for tag in passage.tags) for verdict in TagVerdict}
    tags = f"{count[TagVerdict.BELONGS]} tags"
    if count[TagVerdict.STRAY]:
        tags += f", {count[TagVerdict.STRAY]} strays left out"
    if count[TagVerdict.UNSURE]:
        tags += f", {count[TagVerdict.UNSURE]} unsure"
    progress = ", ".join(f"{at.number} {at.fulfilled:f}/{at.quantity:f}" for at in posting.documents) or "no document"
    amended = f" (revision {passage.revision})" if passage.is_amendment else ""
    found = f", [yellow]{len(posting.discrepancy_ids)} discrepancies[/yellow]" if posting.discrepancy_ids else ""
    return (
        f"{_time(passage.closed_us)}   {passage.portal:<7} {passage.direction.upper():<6} {tags} → "
        f"{posting.quantity_posted:f} posted, {escape(progress)}{found}{amended}"
    )


def _weighed(weighed: Weighed) -> str:
    said = weighed.weighing
    verdict = weighed.verdict
    mismatch = verdict.outcome is WeighOutcome.MISMATCH
    words = f"[yellow]{escape(verdict.detail)}[/yellow]" if mismatch else f"{said.weight_kg:f} kg, {verdict.outcome}"
    return f"{_time(said.at_us)}   {said.scale:<7} {weighed.unit or 'nobody knows what'}: {words}"


def _time(us: int) -> str:
    return f"{from_us(us):%H:%M:%S}"
