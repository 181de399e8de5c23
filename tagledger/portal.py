"""`tagledger portal`: measure and tune a door."""

from pathlib import Path
from typing import Annotated

import typer

from tagledger.cli import ColumnOption, JsonOption, PlaceOption, SiteOption, TruthColumnOption
from tagledger.labels import run_labels
from tagledger.survey import run_survey

app = typer.Typer(help="Measure and tune a door.", no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.command()
def survey(
    reads: Annotated[Path, typer.Argument(help="Reads recorded while somebody walked a tagged load through, CSV.")],
    truth: Annotated[Path | None, typer.Option(help="Which tags went through, JSON or CSV.")] = None,
    site: Annotated[
        Path | None, typer.Option("--site", help="A site file; guessed from the recording without.")
    ] = None,
    column: ColumnOption = None,
    place: PlaceOption = None,
    truth_column: TruthColumnOption = None,
    json: JsonOption = False,
) -> None:
    """What each antenna sees, what stands there all the time, suggested thresholds and power."""
    run_survey(reads, truth, site, column or (), place or (), json, truth_column or ())


@app.command()
def labels(
    site: SiteOption,
    out: Annotated[Path | None, typer.Option(help="Write here; standard output without.")] = None,
    since: Annotated[str | None, typer.Option(help="Only answers given since this date.")] = None,
) -> None:
    """What people answered to unsure tags, as labels for the next fit (python -m bench.fit_passages --labels FILE)."""
    run_labels(site, out, since)
