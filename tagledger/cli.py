"""The `tagledger` command. Each command imports what it runs when it runs, so that `--help` stays quick."""

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

# Sub-applications by name: the module whose `app` they are, and their line in the help.
_PARTS = {
    "llrp": ("tagledger.llrp", "Look into files of LLRP messages; record a reader's session."),
    "import": ("tagledger.imports", "Import items, locations, stock and documents from CSV and workbooks."),
    "devices": ("tagledger.devices", "Look at scales and other devices."),
    "dead-letters": ("tagledger.dead_letters", "Input that could not be processed: list it, give it again, drop it."),
    "bench": ("tagledger.bench", "A large warehouse to measure queries on."),
    "users": ("tagledger.users", "People who can sign in, and their roles."),
    "keys": ("tagledger.keys", "Keys of devices and systems."),
    "portal": ("tagledger.portal", "Measure and tune a door."),
}


class _Root(TyperGroup):
    """Lists sub-applications without importing them, and imports the one that is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_PARTS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in _PARTS:
            return TyperCommand(name=cmd_name, callback=None, help=_PARTS[cmd_name][1])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in _PARTS:
            part = import_module(_PARTS[args[0]][0]).app
            return args[0], typer.main.get_command(part), args[1:]
        return super().resolve_command(ctx, args)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"tagledger {version('tagledger')}")
        raise typer.Exit()


app = typer.Typer(
    cls=_Root,
    help="Tagledger: from RFID tag reads to a stock ledger.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"max_content_width": 120},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Tagledger: from RFID tag reads to a stock ledger."""


EYE_MARGIN_S = 0.5
ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", help="A field's column in the reads, as FIELD=HEADER or FIELD=NUMBER; again for each."),
]
PlaceOption = Annotated[
    list[str] | None, typer.Option("--place", help="Where an antenna is, as READER:PORT=PLACE; again for each.")
]
SideOption = Annotated[
    list[str] | None, typer.Option("--side", help="An antenna's side, as READER:PORT=inside; again for each.")
]
EyeOption = Annotated[
    list[str] | None, typer.Option("--eye", help="A photo-eye's side, as READER:GPI=outside; again for each.")
]
TruthColumnOption = Annotated[
    list[str] | None, typer.Option("--truth-column", help="FIELD=HEADER of the truth file; may be repeated.")
]
EventsOption = Annotated[
    Path | None, typer.Option("--events", help="Photo-eye events in a file of their own: time, gpi, state.")
]
EyeMarginOption = Annotated[
    float, typer.Option(min=0.0, help="Seconds by which photo-eye windows are widened, as far as loads stand apart.")
]
SiteOption = Annotated[Path, typer.Option("--site", help="The site file (TOML).", envvar="TAGLEDGER_SITE")]
RebuildOption = Annotated[
    bool, typer.Option("--rebuild", help="Make another version's operator state again from what the log still holds.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]


@app.command()
def up(site: SiteOption, rebuild: RebuildOption = False) -> None:
    """Run everything of a site in one process: edge, stream, database, API."""
    from tagledger.processes import run_up

    run_up(site, rebuild=rebuild)


@app.command()
def edge(site: SiteOption) -> None:
    """Run the edge agent alone; batches go to the stream over MQTT."""
    from tagledger.edge_process import run_edge

    run_edge(site)


@app.command()
def stream(site: SiteOption, rebuild: RebuildOption = False) -> None:
    """Run the stream alone; batches come from edge agents over MQTT."""
    from tagledger.stream_process import run_stream

    run_stream(site, rebuild=rebuild)


@app.command()
def bridge(site: SiteOption) -> None:
    """Carry edge batches from MQTT to Kafka; one forwards, another stands by."""
    from tagledger.bridge import run_bridge

    run_bridge(site)


@app.command()
def worker(site: SiteOption, rebuild: RebuildOption = False) -> None:
    """Run one worker of the stream on Kafka."""
    from tagledger.worker import run_worker

    run_worker(site, rebuild=rebuild)


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
    head: Annotated[
        str | None, typer.Option(help="A seal's head kept from before: are these still the same books? With --ledger.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check site file, database, schema and books; exit 1 when something is wrong."""
    from tagledger.doctor import run_doctor

    run_doctor(site, ledger=ledger or head is not None, head=head, as_json=json)


@app.command()
def discover(
    targets: Annotated[list[str], typer.Argument(metavar="CIDR|HOST...", help="Networks and addresses to look at.")],
    llrp_port: Annotated[list[int] | None, typer.Option(help="LLRP ports; again for each. 5084 without.")] = None,
    modbus_port: Annotated[list[int] | None, typer.Option(help="Modbus ports; again for each. 502 without.")] = None,
    units: Annotated[int, typer.Option(min=0, max=247, help="Ask Modbus units 1 to this; 0 asks none.")] = 1,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.05, help="Seconds to wait for an answer.")] = 1.0,
    out: Annotated[Path | None, typer.Option("--out", help="Site file to write; printed without.")] = None,
    json: JsonOption = False,
) -> None:
    """Find LLRP readers and Modbus scales; write a site file to start with."""
    from tagledger.discover import run_discover

    run_discover(targets, llrp_port or (5084,), modbus_port or (502,), units, timeout_s, out, as_json=json)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder for the backup.")],
    site: SiteOption,
    json: JsonOption = False,
) -> None:
    """Back the books up while everything runs, with a ledger check."""
    from tagledger.backup import run_backup

    run_backup(site, folder, as_json=json)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="The backup's folder.")],
    site: SiteOption,
    replace: Annotated[bool, typer.Option("--replace", help="Set aside what the database holds.")] = False,
    json: JsonOption = False,
) -> None:
    """Restore a backup into an empty database, with a ledger check; everything else stopped."""
    from tagledger.backup import run_restore

    run_restore(site, folder, replace=replace, as_json=json)


@app.command()
def demo(
    seed: Annotated[int, typer.Option(min=0, help="Decides the whole plant: loads, tags, radio, faults.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.01, help="Plant seconds per real second, at most: the plant waits for the edge.")
    ] = 4.0,
    duration: Annotated[float, typer.Option(min=60.0, help="Plant seconds to run.")] = 240.0,
    state_dir: Annotated[Path, typer.Option(help="Where database, spool and capture go; emptied first.")] = Path(
        ".state/demo"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The API's port; 0 takes a free one.")] = 8080,
    serve: Annotated[bool, typer.Option("--serve", help="Keep the API up after the plant has stopped.")] = False,
    json: JsonOption = False,
) -> None:
    """A seeded plant with three dock doors, from LLRP bytes to the books, scored against the truth."""
    from tagledger.demo import run_demo

    run_demo(seed, speed, duration, state_dir, port, serve=serve, as_json=json)


@app.command("demo-cluster")
def demo_cluster(
    seed: Annotated[int, typer.Option(min=0, help="Decides the whole plant: loads, tags, radio.")] = 1,
    speed: Annotated[float, typer.Option(min=0.01, help="Plant seconds per real second, at most.")] = 4.0,
    duration: Annotated[float, typer.Option(min=60.0, help="Plant seconds to run.")] = 240.0,
    state_dir: Annotated[Path, typer.Option(help="Where spools and logs go; emptied first.")] = Path(
        ".state/demo-cluster"
    ),
    compare: Annotated[bool, typer.Option("--compare", help="Run `tagledger demo` too: same score?")] = False,
    json: JsonOption = False,
) -> None:
    """The demo's plant through edges, Mosquitto, Kafka, two workers, TimescaleDB and two APIs (`make demo-cluster`)."""
    from tagledger.demo_cluster import run_demo_cluster

    run_demo_cluster(seed, speed, duration, state_dir, compare=compare, as_json=json)


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(min=0, help="Decides the whole plant.")] = 1,
    speed: Annotated[float, typer.Option(min=0.01, help="Plant seconds per real second.")] = 1.0,
    duration: Annotated[float, typer.Option(min=60.0, help="Plant seconds to run.")] = 3600.0,
    state_dir: Annotated[Path, typer.Option(help="Where site file and truth are written.")] = Path(".state/simulate"),
) -> None:
    """Run the simulated plant's LLRP readers alone, for any client; writes a site file and the truth."""
    from tagledger.simulate import run_simulate

    run_simulate(seed, speed, duration, state_dir)


@app.command()
def replay(
    capture: Annotated[Path, typer.Argument(help="A capture, plain concatenated LLRP frames, or reads as CSV.")],
    speed: Annotated[str, typer.Option(help="Times as fast as it was recorded, or `max`.")] = "max",
    site: Annotated[Path | None, typer.Option("--site", help="Use this site file instead of the capture's.")] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Where the replay's database is; without, one of the recording's own.")
    ] = None,
    column: ColumnOption = None,
    place: PlaceOption = None,
    side: SideOption = None,
    eye: EyeOption = None,
    events: EventsOption = None,
    eye_margin: EyeMarginOption = EYE_MARGIN_S,
    json: JsonOption = False,
) -> None:
    """Run recorded bytes through the same path; the same movements every time."""
    from tagledger.replay import run_replay
    from tagledger.replay_source import CsvOptions

    options = CsvOptions(
        tuple(column or ()), tuple(place or ()), tuple(side or ()), tuple(eye or ()), events, eye_margin
    )
    run_replay(capture, speed, site, state_dir, options, as_json=json)


@app.command()
def score(
    reads: Annotated[Path, typer.Argument(help="Recorded reads, CSV.")],
    truth: Annotated[Path, typer.Argument(help="What truly happened, JSON or CSV.")],
    site: Annotated[
        Path | None, typer.Option("--site", help="A site file; guessed from the recording without.")
    ] = None,
    column: ColumnOption = None,
    place: PlaceOption = None,
    side: SideOption = None,
    eye: EyeOption = None,
    truth_column: TruthColumnOption = None,
    windows: Annotated[
        Path | None, typer.Option(help="When, where and which way the truth's loads passed, a CSV by load.")
    ] = None,
    windows_known: Annotated[
        bool, typer.Option("--windows-known", help="Take when loads passed from the truth, as from a photo-eye.")
    ] = False,
    write_site: Annotated[Path | None, typer.Option(help="Write the site that was assumed, to edit.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw power over time per tag into this folder.")] = None,
    events: EventsOption = None,
    eye_margin: EyeMarginOption = EYE_MARGIN_S,
    json: JsonOption = False,
) -> None:
    """Score our decisions on anyone's recording: precision, recall, exact loads, direction, zones."""
    from tagledger.score import run_score

    run_score(
        reads,
        truth,
        site,
        column or (),
        place or (),
        side or (),
        eye or (),
        plots,
        json,
        truth_columns=truth_column or (),
        windows=windows,
        write_site=write_site,
        events=events,
        eye_margin_s=eye_margin,
        windows_known=windows_known,
    )


def main() -> None:
    """Entry point of the console script. A file or folder that cannot be used ends every command with one line."""
    # Said before NumPy is imported: its matrices are of a few hundred tags, and the threads that BLAS would start for
    # them spin while they wait for each other, on a busy machine for half of an edge's time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except OSError as error:
        from tagledger.terminal import EXIT_FAILED, complain

        complain(error)
        raise SystemExit(EXIT_FAILED) from None
