"""`tagledger dead-letters list | show | replay | drop`: input that could not be processed, and what to do with it.

Works whatever runs the stream: giving again only marks a letter; the host, or the bridge and the worker it concerns,
take it within a second, and it is `replayed` or `open` again with the reason.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from stream.dead_letters import Answer, DeadLetter, DeadLetters, Status
from tagledger.terminal import EXIT_FAILED, EXIT_USAGE, complain, console, known_failures, print_json, site_or_exit
from warehouse.postgres.database.server import owner_of, running_dsn

app = typer.Typer(
    help="Input that could not be processed.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

SiteOption = Annotated[Path, typer.Option("--site", help="The site file (TOML).", envvar="TAGLEDGER_SITE")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as one JSON object.")]
LetterArgument = Annotated[list[str], typer.Argument(help="Letters by id, or `all` for all that are open.")]

_WHY = {
    Answer.UNKNOWN: "there is no such letter",
    Answer.NOT_REPLAYABLE: "the state of an operator is evidence only and cannot be given again. Fix: drop it",
    Answer.DECIDED_BEFORE: "it was decided before",
    Answer.NO_REASON: "say why. Fix: --reason",
}


@app.command("list")
def list_letters(
    site: SiteOption,
    status: Annotated[Status, typer.Option(help="Which.")] = Status.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    json: JsonOption = False,
) -> None:
    """The newest first."""
    with known_failures():
        letters = _letters(site).list(status, limit)
    if json:
        print_json({"letters": [_plain(letter) for letter in letters]})
        return
    for letter in letters:
        console.print(
            f"{letter.letter_id}  {letter.recorded_at:%Y-%m-%d %H:%M}  {letter.kind:<14} {letter.key}  {letter.reason}",
            soft_wrap=True,
            markup=False,
        )
    console.print(f"{len(letters)} {status}", markup=False)


@app.command()
def show(letter: Annotated[str, typer.Argument(help="The letter's id.")], site: SiteOption) -> None:
    """What it holds, exactly as it came: its bytes to standard output, the rest to standard error."""
    with known_failures():
        found = _letters(site).get(_id(letter))
    if found is None:
        complain(f"{letter}: {_WHY[Answer.UNKNOWN]}")
        raise typer.Exit(EXIT_FAILED)
    sys.stderr.write("".join(f"{key:<12} {value}\n" for key, value in _plain(found).items() if value))
    sys.stdout.buffer.write(found.body)


@app.command()
def replay(letters: LetterArgument, site: SiteOption, json: JsonOption = False) -> None:
    """Have the stream take them again."""
    _decide(letters, site, lambda store, letter: store.replay(letter, _actor()), "given again", as_json=json)


@app.command()
def drop(
    letters: LetterArgument,
    site: SiteOption,
    reason: Annotated[str, typer.Option(help="Why; kept with the letter.")] = "",
    json: JsonOption = False,
) -> None:
    """Leave them unprocessed for good; the letters themselves are kept."""
    _decide(letters, site, lambda store, letter: store.drop(letter, _actor(), reason), "dropped", as_json=json)


def _decide(
    letters: list[str], site: Path, decide: Callable[[DeadLetters, UUID], Answer], done: str, *, as_json: bool
) -> None:
    with known_failures():
        store = _letters(site)
        chosen = [each.letter_id for each in store.list()] if letters == ["all"] else [_id(each) for each in letters]
        answers = {str(letter): decide(store, letter) for letter in chosen}
    refused = {letter: _WHY[answer] for letter, answer in answers.items() if answer is not Answer.DONE}
    if as_json:
        print_json({"done": [letter for letter in answers if letter not in refused], "refused": refused})
    else:
        for letter, why in refused.items():
            complain(f"{letter}: {why}")
        console.print(f"{len(answers) - len(refused)} {done}", markup=False)
    if refused:
        raise typer.Exit(EXIT_FAILED)


def _letters(site_file: Path) -> DeadLetters:
    """Raises psycopg.OperationalError when used. Exits when the site has the embedded database and does not run."""
    site = site_or_exit(site_file)
    if site.database.dsn:
        return DeadLetters(site.database.dsn)
    if owner_of(site.state_dir) is None:
        complain(f"{site_file}: database.dsn: empty, and its embedded database is not running. Fix: tagledger up.")
        raise typer.Exit(EXIT_FAILED)
    return DeadLetters(running_dsn(site.state_dir))


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        complain(f"{text!r} is no letter's id. Fix: take one from `tagledger dead-letters list`")
        raise typer.Exit(EXIT_USAGE) from None


def _actor() -> str:
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or "command line"


def _plain(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": str(letter.letter_id),
        "kind": str(letter.kind),
        "source": letter.source,
        "key": letter.key,
        "reason": letter.reason,
        "status": str(letter.status),
        "note": letter.note,
        "actor": letter.actor,
        "recorded_at": letter.recorded_at.isoformat(),
        "body_bytes": len(letter.body),
    }
