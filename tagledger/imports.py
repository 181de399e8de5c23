"""`tagledger import`: templates, files into the books and out again, on the command line.

Every template is a command of its own: `tagledger import items FILE`. A check shows what an import would do; problems
and changes are told by row and column, and written to a file with `--problems`.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal, InvalidOperation
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import psycopg
import typer
from rich.progress import Progress as Bar
from rich.progress import TextColumn, TimeElapsedColumn

from tagledger.cli import JsonOption, SiteOption
from tagledger.database import open_database
from tagledger.terminal import (
    EXIT_FAILED,
    EXIT_USAGE,
    complain,
    complaints,
    console,
    known_failures,
    print_json,
    print_summary,
    site_or_exit,
)
from warehouse.commands import ALL_RIGHTS, Actor, Refusal, SignOffImport
from warehouse.imports.template import Template
from warehouse.imports.template_file import as_csv, as_workbook
from warehouse.imports.templates import TEMPLATES
from warehouse.postgres.commands import execute
from warehouse.postgres.importing import work
from warehouse.postgres.importing.listing import changes_csv, problems_csv, reconciliation, shown_problems
from warehouse.postgres.importing.outcome import Progress

PROBLEMS_SHOWN = 20

app = typer.Typer(
    help="Import items, locations, stock and documents from CSV and workbooks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

FileArgument = Annotated[Path, typer.Argument(help="CSV (UTF-8 or GB18030) or .xlsx.", exists=True, dir_okay=False)]
AsOption = Annotated[str | None, typer.Option("--as", help="Who imports, for the books; you when not given.")]
RunArgument = Annotated[UUID, typer.Argument(help="The run's id.")]


@app.command("template")
def template_command(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(TEMPLATES)}.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write it here; .xlsx makes a workbook.")] = None,
) -> None:
    """Write the empty table of a template, CSV on standard output or into a file."""
    template = TEMPLATES.get(name)
    if template is None:
        complain(f"no template {name!r}. Fix: one of {', '.join(TEMPLATES)}")
        raise typer.Exit(EXIT_USAGE)
    if out is None:
        sys.stdout.buffer.write(as_csv(template))
    elif out.suffix.lower() == ".xlsx":
        with out.open("wb") as file:
            as_workbook(template, file)
    else:
        out.write_bytes(as_csv(template))


def _import(
    template: Template,
    file: Path,
    site_file: Path,
    dry_run: bool,
    actor: str | None,
    as_of: datetime | None,
    control_rows: int | None,
    control_quantity: str | None,
    problems: Path | None,
    changes: Path | None,
    as_json: bool,
) -> None:
    try:
        quantity = Decimal(control_quantity) if control_quantity is not None else None
    except InvalidOperation:
        complain(f"--control-quantity {control_quantity!r} is no number")
        raise typer.Exit(EXIT_USAGE) from None
    run_id = uuid4()
    who = Actor(actor or getuser(), os.uname().nodename)
    with _books(site_file) as connection, _bar(as_json) as tell:
        with connection.transaction(), file.open("rb") as content:
            options = work.options_of(as_of.date() if as_of else None, control_rows, quantity)
            media_type = "application/octet-stream"
            work.receive(connection, run_id, template.name, uuid4(), file.name, media_type, who, options, content)
        with connection.transaction():
            result = work.work_on_file(connection, run_id, who, tell, applying=not dry_run)
        _files(connection, run_id, problems, changes)
        shown = shown_problems(connection, run_id, PROBLEMS_SHOWN)
    if as_json:
        print_json({"run_id": run_id, **result, "first_problems": shown})
    else:
        _print(template, run_id, result, shown)
    if result["state"] == "refused":
        raise typer.Exit(EXIT_FAILED)


def _print(template: Template, run_id: UUID, result: dict[str, Any], shown: list[dict[str, Any]]) -> None:
    rows: dict[str, object] = {"state": result["state"], "run": str(run_id)}
    rows |= {name: result[name] for name in ("rows", "made", "unchanged", "left_out")}
    for name, value in result["totals"].items():
        if name != "rows":
            rows[f"total_{name}"] = value
    for change in result["changes"]:
        rows[f"changed_in_{change['column']}"] = f"{change['kind'].replace('_', ' ')}: {change['count']:,}"
    print_summary(f"Import of {template.name}", rows, as_json=False)
    for found in shown:
        where = f"row {found['row']}" if found["row"] else "file"
        where += f", {found['column']}" if found["column"] else ""
        fix = f" Fix: {found['fix']}." if found["fix"] else ""
        complaints.print(f"{found['severity']}: {where}: {found['message']}.{fix}", soft_wrap=True, markup=False)
    more = sum(entry["count"] for entry in result["problems"]) - len(shown)
    if more > 0:
        complaints.print(f"and {more:,} more: write them to a file with --problems FILE", markup=False)


def _files(connection: psycopg.Connection[Any], run_id: UUID, problems: Path | None, changes: Path | None) -> None:
    for path, lines in ((problems, problems_csv), (changes, changes_csv)):
        if path is not None:
            with path.open("wb") as file:
                for line in lines(connection, run_id):
                    file.write(line)


@app.command("undo")
def undo_command(
    run: RunArgument,
    site: SiteOption,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the books.")],
    actor: AsOption = None,
    json: JsonOption = False,
) -> None:
    """Take a run back: movements are reversed, documents cancelled, unused master data removed."""
    with _books(site) as connection, _bar(json) as tell:
        try:
            with connection.transaction():
                result = work.work_on_undo(connection, run, Actor(actor or getuser()), reason, tell)
        except work.RunGone as error:
            complain(error)
            raise typer.Exit(EXIT_FAILED) from None
    refused = result.pop("refused", [])
    if json:
        print_json({"run_id": run, **result, "refused": refused})
    else:
        print_summary("Undo", result, as_json=False)
        for message in refused:
            complain(message)
    if refused:
        raise typer.Exit(EXIT_FAILED)


@app.command("sign-off")
def sign_off_command(
    run: RunArgument,
    site: SiteOption,
    rows: Annotated[int, typer.Option("--rows", help="Rows, by the old system.")],
    actor: Annotated[str, typer.Option("--as", help="Who signs: not who imported.")],
    quantity: Annotated[str | None, typer.Option("--quantity", help="Total quantity, by the old system.")] = None,
    note: Annotated[str, typer.Option("--note")] = "",
    json: JsonOption = False,
) -> None:
    """Sign a run off against the old system's totals; it cannot be undone afterwards."""
    command = SignOffImport(run, Decimal(rows), Decimal(quantity) if quantity is not None else None, note)
    with _books(site) as connection:
        done = execute(
            connection, command, actor=Actor(actor, rights=ALL_RIGHTS), source="cli", client_event_id=str(uuid4())
        )
    if isinstance(done, Refusal):
        complain(f"{done.field}: {done.message}")
        raise typer.Exit(EXIT_FAILED)
    print_summary("Sign-off", done.response, as_json=json)


@app.command("reconcile")
def reconcile_command(run: RunArgument, site: SiteOption, json: JsonOption = False) -> None:
    """Per item what the file says beside what the ledger says; exit 1 when they differ."""
    with _books(site) as connection:
        lines = list(reconciliation(connection, run))
    differ = [line for line in lines if line["difference"]]
    if json:
        print_json({"items": len(lines), "differ": len(differ), "differences": differ[:1_000]})
    else:
        print_summary("Reconciliation", {"items": len(lines), "differ": len(differ)}, as_json=False)
        for line in differ[:PROBLEMS_SHOWN]:
            console.print(f"{line['item']}: file {line['in_file']}, ledger {line['in_ledger']}", markup=False)
    if differ:
        raise typer.Exit(EXIT_FAILED)


@contextmanager
def _books(site_file: Path) -> Iterator[psycopg.Connection[Any]]:
    site = site_or_exit(site_file)
    with known_failures(), open_database(site, beside=True) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@contextmanager
def _bar(as_json: bool) -> Iterator[Progress]:
    """Progress on standard error, where it is a terminal."""
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    with Bar(*columns, console=complaints, transient=True, disable=as_json or not complaints.is_terminal) as bar:
        task = bar.add_task("reading")

        def tell(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total or None)

        yield tell


def _command_of(template: Template) -> None:
    def run(
        file: FileArgument,
        site: SiteOption,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all of it, and change nothing.")] = False,
        actor: AsOption = None,
        as_of: Annotated[
            datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The day undated stock is dated.")
        ] = None,
        control_rows: Annotated[int | None, typer.Option(help="Rows the old system counts; refused if not.")] = None,
        control_quantity: Annotated[str | None, typer.Option(help="Quantity the old system sums; likewise.")] = None,
        problems: Annotated[Path | None, typer.Option(help="Write every problem to this CSV.")] = None,
        changes: Annotated[Path | None, typer.Option(help="Write every change of a cell to this CSV.")] = None,
        json: JsonOption = False,
    ) -> None:
        _import(template, file, site, dry_run, actor, as_of, control_rows, control_quantity, problems, changes, json)

    app.command(template.name, help=template.meaning)(run)


for _template in TEMPLATES.values():
    _command_of(_template)
