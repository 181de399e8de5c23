"""Rows as the commands a person would have sent, judged by the commands' own handlers, a few thousand at a time.

A row whose thing exists already is fine when the books say the same in every column the file fills, and names the
first column that differs when they do not. Nothing here updates what exists. What comes in masses is made by the set:
the same code that makes one, with one statement a table for all of them.
"""

# ruff: noqa: S608  (what is put into the statements here are names of this module, never a value)

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from warehouse import commands as c
from warehouse.commands import Actor, Command, Refusal, RefusalCode
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.importing.findings import Findings, Found
from warehouse.postgres.importing.outcome import Effect, Outcome, Progress
from warehouse.postgres.importing.reading import Row
from warehouse.postgres.naming import Refuse

ROWS_AT_ONCE = 5_000

Given = Mapping[str, Any]
Group = list[Row]


@dataclass(frozen=True, slots=True)
class ByCommand:
    """How one template's rows become commands: each handled by `one`, or all together made by `many`.

    `effects_of` the answer and the command is what was made. `standing` is what the books say of things by their
    `keys` (a table `given` of the keys and n), by column, with n first.
    """

    command_of: Callable[[Group], Command]
    effects_of: Callable[[Any, Any], Iterable[tuple[str, object]]]
    one: Callable[[Conn, Any, Actor, UUID], tuple[dict[str, Any], c.Audit]] | None = None
    many: Callable[[Conn, list[Any]], Sequence[Any]] | None = None
    keys: tuple[str, ...] = ()
    standing: str = ""
    columns: Mapping[str, str] | None = None
    grouped_by: tuple[str, ...] = ()
    parent_first: bool = False


def run(
    conn: Conn,
    how: ByCommand,
    rows: Iterable[Row],
    actor: Actor,
    run_id: UUID,
    findings: Findings,
    tell: Progress,
) -> Outcome:
    """Execute every row in the caller's transaction; what was refused is among the findings, and all of it is then
    to be rolled back.
    """
    outcome = Outcome(findings)
    groups = _groups(how, rows)
    while some := list(islice(groups, ROWS_AT_ONCE)):
        outcome.rows += sum(map(len, some))
        new = _new(conn, how, some, outcome)
        for group, command, made in _made(conn, how, new, actor, run_id):
            if isinstance(made, Refusal):
                _refused(how, group, made, outcome)
            else:
                outcome.made += 1
                first = group[0].row_no
                outcome.effects += [Effect(entity, str(key), first) for entity, key in how.effects_of(made, command)]
        tell("rows", outcome.rows, 0)
    return outcome


def _new(conn: Conn, how: ByCommand, groups: list[Group], outcome: Outcome) -> list[Group]:
    """Those whose things are not there yet; the others are unchanged, or a finding.

    Looked up first, not after a refusal: what a handler accepts again (a tag) was not made by this run.
    """
    known = _standing(conn, how, [group[0] for group in groups]) if how.standing else {}
    new: list[Group] = []
    for n, group in enumerate(groups, start=1):
        if n not in known:
            new.append(group)
            continue
        first = group[0]
        differs = _difference(first, known[n])
        if differs is None:
            outcome.unchanged += len(group)
        else:
            column, now = differs
            message = f"it exists, and there {column} is {now!r}"
            fix = "correct the row, or remove it; an import changes nothing that exists"
            value = first.text(column) or ""
            outcome.findings.add(Found(first.row_no, column, "exists_differently", message, fix, value))
    return new


def _made(
    conn: Conn, how: ByCommand, groups: list[Group], actor: Actor, run_id: UUID
) -> Iterator[tuple[Group, Command | None, Any]]:
    """Each with its command and what came of it."""
    commands: list[tuple[Group, Command]] = []
    for group in groups:
        try:
            command = how.command_of(group)
            if how.one is not None:
                yield group, command, how.one(conn, command, actor, run_id)[0]
                continue
        except Refuse as refuse:
            yield group, None, refuse.refusal
        else:
            commands.append((group, command))
    if how.many is not None and commands:
        answers = how.many(conn, [command for _, command in commands])
        for (group, command), answer in zip(commands, answers, strict=True):
            yield group, command, answer


def _refused(how: ByCommand, group: Group, refusal: Refusal, outcome: Outcome) -> None:
    row, column = _place(how, group, refusal.field)
    code = "exists" if refusal.code == RefusalCode.EXISTS else refusal.code
    value = row.text(column) or ""
    outcome.findings.add(Found(row.row_no, column, code, refusal.message, _FIXES.get(code, ""), value))


_FIXES = {
    "not_found": "correct the code, or import what it names first",
    "exists": "remove the row, or give it another code",
    "invalid": "correct the cell",
}


def _standing(conn: Conn, how: ByCommand, rows: list[Row]) -> dict[int, dict[str, Any]]:
    """By the row's place, counted from 1: what the books say of its thing, where it is there."""
    arrays = ", ".join(f"%({key})s::text[]" for key in how.keys)
    given = f"with given as (select * from unnest({arrays}) with ordinality as g ({', '.join(how.keys)}, n)) "
    cursor = conn.execute((given + how.standing).encode(), {key: [row.text(key) for row in rows] for key in how.keys})
    names = [column.name for column in cursor.description or ()][1:]
    known: dict[int, dict[str, Any]] = {}
    for n, *values in cursor:
        known.setdefault(n, dict(zip(names, values, strict=True)))
    return known


def _difference(row: Row, known: Given) -> tuple[str, object] | None:
    for column, given in row.values.items():
        if given is not None and column in known and known[column] != given:
            return column, known[column]
    return None


def _place(how: ByCommand, group: Group, field: str) -> tuple[Row, str]:
    """The row and column a refusal's field is about: `lines.2.item` is the third row's item."""
    parts = field.split(".")
    names = how.columns or {}
    row = group[0]
    if len(parts) > 2 and parts[1].isdigit() and int(parts[1]) < len(group):
        row = group[int(parts[1])]
    name = parts[-1]
    return row, names.get(f"{parts[0]}.{name}", names.get(name, name))


def _groups(how: ByCommand, rows: Iterable[Row]) -> Iterator[Group]:
    if how.grouped_by:
        groups: dict[tuple[object, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(row.values[name] for name in how.grouped_by), []).append(row)
        yield from groups.values()
    elif how.parent_first:
        yield from ([row] for row in _parents_first(list(rows)))
    else:
        for row in rows:
            yield [row]


def _parents_first(rows: list[Row]) -> Iterator[Row]:
    """Each row after the one its `parent` names, when that is in the file. A cycle comes as it is and is refused."""
    by_code = {row.text("code"): row for row in rows}
    given: set[str | None] = set()
    for row in rows:
        line: list[Row] = []
        at: Row | None = row
        while at is not None and at.text("code") not in given:
            given.add(at.text("code"))
            line.append(at)
            parent = at.text("parent")
            at = by_code.get(parent) if parent is not None else None
        yield from reversed(line)
