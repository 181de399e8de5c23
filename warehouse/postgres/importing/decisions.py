"""Commands on import runs: apply, undo, sign off. The first two only queue the job that does it."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import Actor, ApplyImport, Audit, RefusalCode, SignOffImport, UndoImport
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.exchange import jobs
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse

# The kinds of job that imports make.
CHECK, APPLY, UNDO = "import_check", "import_apply", "import_undo"


def apply_import(conn: Conn, c: ApplyImport, actor: Actor, request_id: UUID) -> Answer:
    run = _lock(conn, c.run_id)
    if run["state"] not in ("received", "checked"):
        raise Refuse(RefusalCode.WRONG_STATE, "run_id", f"the run is {run['state']}")
    if run["file_id"] is None:
        raise Refuse(RefusalCode.WRONG_STATE, "run_id", "its file is no longer kept: send it again")
    return _queue(conn, c.run_id, APPLY, actor, request_id, {})


def undo_import(conn: Conn, c: UndoImport, actor: Actor, request_id: UUID) -> Answer:
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "an undo needs a reason")
    run = _lock(conn, c.run_id)
    if run["state"] != "applied":
        raise Refuse(RefusalCode.WRONG_STATE, "run_id", f"the run is {run['state'].replace('_', ' ')}")
    return _queue(conn, c.run_id, UNDO, actor, request_id, {"reason": c.reason})


def _queue(conn: Conn, run_id: UUID, kind: str, actor: Actor, request_id: UUID, request: dict[str, Any]) -> Answer:
    waiting = conn.execute(
        """select j.kind from import_run r join job j using (job_id)
           where r.run_id = %s and j.state in ('queued', 'running')""",
        (run_id,),
    ).fetchone()
    if waiting is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "run_id", f"its job ({waiting[0]}) has not ended")
    job_id = uuid5(request_id, "job")
    try:
        jobs.enqueue(conn, job_id, kind, str(run_id), actor.name, request)
    except jobs.QueueFull as full:
        raise Refuse(RefusalCode.WRONG_STATE, "run_id", str(full)) from None
    conn.execute("update import_run set job_id = %s where run_id = %s", (job_id, run_id))
    return {"run_id": str(run_id), "job_id": str(job_id)}, Audit(after={"job": kind})


def sign_off_import(conn: Conn, c: SignOffImport, actor: Actor, request_id: UUID) -> Answer:
    run = _lock(conn, c.run_id)
    if run["state"] != "applied":
        raise Refuse(RefusalCode.WRONG_STATE, "run_id", f"the run is {run['state'].replace('_', ' ')}")
    if run["actor"] == actor.name:
        raise Refuse(RefusalCode.OWN_REQUEST, "run_id", f"{actor.name} imported it: another has to sign it off")
    totals = run["summary"].get("totals", {})
    if c.rows != totals.get("rows"):
        raise Refuse(RefusalCode.INVALID, "rows", f"the run has {totals.get('rows')} rows, not {c.rows}")
    if "quantity" in totals:
        if c.quantity is None:
            raise Refuse(RefusalCode.INVALID, "quantity", "state the old system's total quantity")
        if c.quantity != Decimal(totals["quantity"]):
            message = f"the run's quantities sum to {totals['quantity']}, not {c.quantity}"
            raise Refuse(RefusalCode.INVALID, "quantity", message)
    conn.execute(
        "update import_run set state = 'signed_off', signed_off_by = %s, signed_off_at = now() where run_id = %s",
        (actor.name, c.run_id),
    )
    return {"run_id": str(c.run_id), "state": "signed_off"}, Audit(
        {"state": "applied"}, {"state": "signed_off", "totals": totals, "note": c.note}
    )


def _lock(conn: Conn, run_id: UUID) -> dict[str, Any]:
    row = conn.execute(
        "select state, actor, file_id, summary from import_run where run_id = %s for update", (run_id,)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "run_id", f"no import {run_id}")
    return dict(zip(("state", "actor", "file_id", "summary"), row, strict=True))


HANDLERS: Handlers = {
    ApplyImport: apply_import,
    UndoImport: undo_import,
    SignOffImport: sign_off_import,
}
