"""The work of a run: check, apply or undo its file, each in one transaction that ends with the run's new state.

A check does everything an apply does but for the ledger's postings, and takes it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO
from uuid import UUID

import psycopg
from psycopg import Rollback
from psycopg.types.json import Jsonb

from warehouse.commands import Actor
from warehouse.imports.table import FileUnreadable
from warehouse.imports.templates import OPENING_STOCK, TEMPLATES
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.database import files
from warehouse.postgres.importing import by_command, opening_stock
from warehouse.postgres.importing.findings import Findings, Found
from warehouse.postgres.importing.outcome import Outcome, Progress
from warehouse.postgres.importing.reading import clean_rows, open_table
from warehouse.postgres.importing.undo import undo
from warehouse.postgres.importing.ways import WAYS

# Fewer change no plan, and the database looks at its tables by itself every minute.
ANALYZED_FROM = 1_000
_FILLED_WITH = {"move": ("balance", "value_pool"), "document": ("document_line",), "bom": ("bom_line",)}


@dataclass(frozen=True, slots=True)
class Run:
    run_id: UUID
    template: str
    file_id: UUID | None
    file_name: str
    digest: str
    options: dict[str, Any]
    actor: str
    state: str


class RunGone(Exception):
    """The run, or its file, is no longer there, or its state no longer allows the work."""


def options_of(as_of: date | None, rows: int | None, quantity: Decimal | None) -> dict[str, Any]:
    """A run's options as they are stored: the day opening stock is dated, and the old system's control totals."""
    return {
        "as_of": as_of.isoformat() if as_of else None,
        "control_rows": rows,
        "control_quantity": str(quantity) if quantity is not None else None,
    }


def receive(
    conn: Conn,
    run_id: UUID,
    template: str,
    file_id: UUID,
    file_name: str,
    media_type: str,
    actor: Actor,
    options: Mapping[str, Any],
    content: BinaryIO,
) -> None:
    """A new run with its file, in the caller's transaction. ValueError when the file is too large."""
    _, digest = files.store(conn, file_id, file_name, media_type, actor.name, content)
    conn.execute(
        """insert into import_run (run_id, template, file_id, file_name, digest, options, actor)
           values (%s, %s, %s, %s, %s, %s, %s)""",
        (run_id, template, file_id, file_name, digest, Jsonb(dict(options)), actor.name),
    )


def look(conn: Conn, run_id: UUID) -> Run:
    """Locks the run to the end of the transaction. RunGone when there is none."""
    row = conn.execute(
        """select run_id, template, file_id, file_name, digest, options, actor, state from import_run
           where run_id = %s for update""",
        (run_id,),
    ).fetchone()
    if row is None:
        raise RunGone(f"no import {run_id}")
    return Run(*row)


def work_on_file(conn: Conn, run_id: UUID, actor: Actor, tell: Progress, *, applying: bool) -> dict[str, Any]:
    """Check or apply, in the caller's transaction; the run's new summary. Raises RunGone."""
    run = look(conn, run_id)
    if run.state not in ("received", "checked") or run.file_id is None:
        raise RunGone(f"the run is {run.state}" if run.file_id else "its file is no longer kept")
    outcome = Outcome()
    with conn.transaction():
        outcome = _examine(conn, run, actor, tell, applying=applying)
        _control(run, outcome)
        if applying and outcome.good:
            _settle(conn, run, outcome)
        if not applying or not outcome.good:
            raise Rollback
    summary = _summary(run, outcome)
    state = ("applied" if applying else "checked") if outcome.good else "refused"
    outcome.findings.write(conn, run_id)
    conn.execute(
        """update import_run set state = %s, rows = %s, problems = %s, warnings = %s, summary = %s,
                  applied_at = case when %s then now() end where run_id = %s""",
        (
            state,
            outcome.rows,
            outcome.findings.error_count,
            outcome.findings.warning_count,
            Jsonb(summary),
            state == "applied",
            run_id,
        ),
    )
    return {"state": state, **summary}


def _examine(conn: Conn, run: Run, actor: Actor, tell: Progress, *, applying: bool) -> Outcome:
    template = TEMPLATES[run.template]
    assert run.file_id is not None
    findings = Findings()
    if _is_in_already(conn, run):
        findings.add(_ALREADY)
        return Outcome(findings)
    with files.opened(conn, run.file_id) as content:
        try:
            table = open_table(content, template)
        except FileUnreadable as error:
            findings.add(Found(0, "", "unreadable", str(error), error.fix))
            return Outcome(findings)
        rows = clean_rows(table, template, findings)
        if template is OPENING_STOCK:
            given = run.options.get("as_of")
            as_of = datetime.combine(date.fromisoformat(given), time(12), UTC) if given else database_now(conn)
            reason = f"opening stock from {run.file_name}"
            outcome = opening_stock.run(conn, rows, actor, run.run_id, reason, as_of, findings, tell, posting=applying)
        else:
            outcome = by_command.run(conn, WAYS[template.name], rows, actor, run.run_id, findings, tell)
    if outcome.rows == 0 and findings.error_count == 0:
        findings.add(Found(0, "", "no_rows", "the file has a header and nothing below it", "fill it in"))
    return outcome


def _is_in_already(conn: Conn, run: Run) -> bool:
    row = conn.execute(
        "select 1 from import_run where template = %s and digest = %s and state in ('applied', 'signed_off')",
        (run.template, run.digest),
    ).fetchone()
    return row is not None


_ALREADY = Found(
    0,
    "",
    "already_imported",
    "this very file is in the books already, by another run",
    "undo that run first, if it was wrong",
)


def _control(run: Run, outcome: Outcome) -> None:
    rows, quantity = run.options.get("control_rows"), run.options.get("control_quantity")
    fix = "find what is missing or doubled before importing"
    if rows is not None and rows != outcome.rows:
        message = f"the file has {outcome.rows} good rows, the control total says {rows}"
        outcome.findings.add(Found(0, "", "control_rows", message, fix))
    if quantity is not None and Decimal(quantity) != outcome.quantity:
        message = f"quantities sum to {outcome.quantity}, the control total says {quantity}"
        outcome.findings.add(Found(0, "quantity", "control_quantity", message, fix))


def _settle(conn: Conn, run: Run, outcome: Outcome) -> None:
    """What makes an applied run one: its effects, its audit row, its message. A file that is in already is refused."""
    try:
        with conn.transaction():
            conn.execute("update import_run set state = 'applied' where run_id = %s", (run.run_id,))
    except psycopg.errors.UniqueViolation:
        outcome.findings.add(_ALREADY)  # by a run of the same moment
        return
    with conn.cursor() as cursor, cursor.copy("copy import_effect from stdin") as copy:
        for effect in outcome.effects:
            copy.write_row((run.run_id, effect.entity, effect.key, effect.row_no))
    if outcome.made >= ANALYZED_FROM:
        filled = {
            table for effect in outcome.effects for table in (effect.entity, *_FILLED_WITH.get(effect.entity, ()))
        }
        conn.execute("select analyze_imported(%s)", (sorted(filled | {"import_effect"}),))
    after = {"template": run.template, "file": run.file_name, "sha256": run.digest, **_counts(outcome)}
    _audit(conn, run, run.actor, "import.applied", after)


def _audit(conn: Conn, run: Run, actor: str, command: str, after: Mapping[str, Any]) -> None:
    conn.execute(
        "insert into audit_log (actor, command, request_id, outcome, after) values (%s, %s, %s, 'done', %s)",
        (actor, command, run.run_id, Jsonb(dict(after))),
    )
    outbox.add(conn, "import", str(run.run_id), {"run_id": str(run.run_id), "event": command, "actor": actor, **after})


def _counts(outcome: Outcome) -> dict[str, Any]:
    return {
        "rows": outcome.rows,
        "made": outcome.made,
        "unchanged": outcome.unchanged,
        "left_out": outcome.left_out,
    }


def _summary(run: Run, outcome: Outcome) -> dict[str, Any]:
    totals: dict[str, Any] = {"rows": outcome.rows}
    if run.template == OPENING_STOCK.name:
        totals["quantity"] = f"{outcome.quantity:f}"
    return {**_counts(outcome), "totals": totals, **outcome.findings.summary()}


def work_on_undo(conn: Conn, run_id: UUID, actor: Actor, reason: str, tell: Progress) -> dict[str, Any]:
    """Take an applied run back, in the caller's transaction, whole or not at all. Raises RunGone."""
    run = look(conn, run_id)
    if run.state != "applied":
        raise RunGone(f"the run is {run.state}")
    findings, counts = Findings(), {"reversed": 0}
    with conn.transaction():
        findings, counts = undo(conn, run_id, actor, reason, tell)
        if findings.error_count:
            raise Rollback
        conn.execute(
            "update import_run set state = 'undone', undone_at = now(), undone_by = %s where run_id = %s",
            (actor.name, run_id),
        )
        _audit(conn, run, actor.name, "import.undone", {"reason": reason, **counts})
    if findings.error_count:
        findings.write(conn, run_id)
        return {"state": "applied", "refused": [found.message for found in findings.errors[:20]]}
    return {"state": "undone", **counts}
