"""`tagledger portal`: measure and tune a door."""

from pathlib import Path
from typing import Annotated

import typer

from tagledger.cli import ColumnOption, JsonOption, PlaceOption
from tagledger.survey import run_survey

app = typer.Typer(help="Measure and tune a door.", no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def portal() -> None:
    """Keeps `survey` a command of its own while it is the only one."""


@app.command()
def survey(
    reads: Annotated[Path, typer.Argument(help="Reads recorded while somebody walked a tagged load through, CSV.")],
    truth: Annotated[Path | None, typer.Option(help="Which tags went through, JSON or CSV.")] = None,
    site: Annotated[
        Path | None, typer.Option("--site", help="A site file; guessed from the recording without.")
    ] = None,
    column: ColumnOption = None,
    place: PlaceOption = None,
    json: JsonOption = False,
) -> None:
    """What each antenna sees, what stands there all the time, suggested thresholds and power."""
    run_survey(reads, truth, site, column or (), place or (), json)
