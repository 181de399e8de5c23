"""The `tagledger` command. Each command imports what it runs when it runs, so that `--help` stays quick."""

from pathlib import Path
from typing import Annotated

import typer

from tagledger import llrp

app = typer.Typer(
    help="Tagledger: from RFID tag reads to a stock ledger.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(llrp.app, name="llrp")

SiteOption = Annotated[Path, typer.Option("--site", help="The site file (TOML).", envvar="TAGLEDGER_SITE")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]


@app.command()
def up(site: SiteOption) -> None:
    """Run everything of a site in one process: edge, stream, database, API."""
    from tagledger.processes import run_up

    run_up(site)


@app.command()
def edge(site: SiteOption) -> None:
    """Run the edge agent alone; batches go to the stream over MQTT."""
    from tagledger.processes import run_edge

    run_edge(site)


@app.command()
def stream(site: SiteOption) -> None:
    """Run the stream alone; batches come from edge agents over MQTT."""
    from tagledger.processes import run_stream

    run_stream(site)


@app.command()
def api(site: SiteOption) -> None:
    """Run the API alone, over the site's database."""
    from tagledger.processes import run_api

    run_api(site)


@app.command()
def migrate(site: SiteOption, json: JsonOption = False) -> None:
    """Bring the database's schema up to this version."""
    from tagledger.doctor import run_migrate

    run_migrate(site, as_json=json)


@app.command()
def doctor(
    site: SiteOption,
    ledger: Annotated[bool, typer.Option("--ledger", help="Also recompute every invariant of the books.")] = False,
    json: JsonOption = False,
) -> None:
    """Check site file, database, schema and books; exit 1 when something is wrong."""
    from tagledger.doctor import run_doctor

    run_doctor(site, ledger=ledger, as_json=json)


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="Decides the whole plant: loads, tags, radio, faults.")] = 1,
    speed: Annotated[float, typer.Option(help="Plant seconds per real second.")] = 4.0,
    duration: Annotated[float, typer.Option(help="Plant seconds to run.")] = 240.0,
    state_dir: Annotated[Path, typer.Option(help="Where database, spool and capture go; emptied first.")] = Path(
        ".state/demo"
    ),
    port: Annotated[int, typer.Option(help="The API's port; 0 takes a free one.")] = 8080,
    serve: Annotated[bool, typer.Option("--serve", help="Keep the API up after the plant has stopped.")] = False,
    json: JsonOption = False,
) -> None:
    """A seeded plant with three dock doors, from LLRP bytes to the books, scored against the truth."""
    from tagledger.demo import run_demo

    run_demo(seed, speed, duration, state_dir, port, serve=serve, as_json=json)


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(help="Decides the whole plant.")] = 1,
    speed: Annotated[float, typer.Option(help="Plant seconds per real second.")] = 1.0,
    duration: Annotated[float, typer.Option(help="Plant seconds to run.")] = 3600.0,
    state_dir: Annotated[Path, typer.Option(help="Where site file and truth are written.")] = Path(".state/simulate"),
) -> None:
    """Run the simulated plant's LLRP readers alone, for any client; writes a site file and the truth."""
    from tagledger.simulate import run_simulate

    run_simulate(seed, speed, duration, state_dir)


@app.command()
def replay(
    capture: Annotated[Path, typer.Argument(help="A capture, or plain concatenated LLRP frames.")],
    speed: Annotated[str, typer.Option(help="Times as fast as it was recorded, or `max`.")] = "max",
    site: Annotated[Path | None, typer.Option("--site", help="Use this site file instead of the capture's.")] = None,
    state_dir: Annotated[Path, typer.Option(help="Where the replay's database is.")] = Path(".state/replay"),
    json: JsonOption = False,
) -> None:
    """Run recorded bytes through the same path; the same movements every time."""
    from tagledger.replay import run_replay

    run_replay(capture, speed, site, state_dir, as_json=json)


def main() -> None:
    """Entry point of the console script."""
    app()
