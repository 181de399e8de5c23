"""`tagledger bench`: a large warehouse to measure queries on."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from tagledger.bench_api import asked_api
from tagledger.bench_load import LoadSize, NotEmptyError, load, loaded
from tagledger.bench_queries import Measured, measure
from tagledger.cli import JsonOption
from tagledger.terminal import EXIT_FAILED, complain, console, known_failures, print_json
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer

# A bulk load needs no fsync, and what is measured should be in memory as it would be on a server.
_SETTINGS = {"fsync": "off", "shared_buffers": "1GB", "max_wal_size": "8GB"}

app = typer.Typer(
    help="A large warehouse to measure queries on.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.callback()
def bench() -> None:
    """Keeps `load` a command of its own while it is the only one."""


@app.command(name="load")
def load_command(
    state_dir: Annotated[
        Path, typer.Option(help="Where the database is; one that was loaded is measured again.")
    ] = Path(".state/bench"),
    dsn: Annotated[str | None, typer.Option(help="An empty database of a superuser's instead of an own one.")] = None,
    items: Annotated[int, typer.Option(min=10, help="Items.")] = 100_000,
    units: Annotated[int, typer.Option(min=100, help="Handling units; five movements each.")] = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Decides all of it.")] = 1,
    times: Annotated[int, typer.Option(min=1, help="How often each question is asked.")] = 20,
    plans: Annotated[bool, typer.Option("--plans", help="Print the plan of each question's slowest time.")] = False,
    json: JsonOption = False,
) -> None:
    """100,000 items, 1 million handling units and 5 million movements; then how long questions about stock take."""

    def told(step: str, spent_s: float) -> None:
        if step and not json:
            console.print(f"{spent_s:8.1f} s  {step}", soft_wrap=True)

    def asked(found: Measured) -> None:
        if json:
            return
        figures = (found.median_ms, found.p99_ms, found.first_ms, found.busy_ms, found.api_median_ms, found.api_p99_ms)
        shown = "".join(f"{'-' if figure is None else f'{figure:.2f}':>10}" for figure in figures)
        console.print(f"{shown} ms {found.rows:5} rows  {found.question}", soft_wrap=True)
        if plans:
            for line in found.plan:
                console.print(f"{'':34}{line}", soft_wrap=True, markup=False)

    with known_failures(), ExitStack() as held:
        where = dsn or held.enter_context(EmbeddedServer(state_dir, _SETTINGS)).dsn
        migrate(where)
        with psycopg.connect(where, autocommit=True) as conn:
            try:
                there = loaded(conn)
            except NotEmptyError as error:
                complain(error)
                raise typer.Exit(EXIT_FAILED) from None
        if not there:
            load(where, LoadSize(items, units, seed=seed), told)
        if not json:
            console.print(
                "".join(f"{name:>10}" for name in ("p50", "p99", "p50 first", "worked", "HTTP p50", "HTTP p99"))
            )
        found = asyncio.run(_measured(where, times, seed, asked))
    if json:
        print_json({"bench": "load", "items": items, "units": units, "questions": [asdict(one) for one in found]})


async def _measured(dsn: str, times: int, seed: int, asked: Callable[[Measured], None]) -> list[Measured]:
    async with asked_api(dsn) as get:
        return await measure(dsn, times, seed, asked, get=get)
