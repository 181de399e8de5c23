"""Labels queued, printed and read back: a tag stands for something only after its label was read.

A job is leased, sent to its printer and then marked; a sender that died in between sends it again when the lease is
over, so a label can be printed twice, never lost. Its EPC is read back once: the second label with it is refused. A
printer that does not answer is tried again, later each time, TRIES_MAX times; then the job has failed and an alarm says
so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from warehouse.commands import (
    Actor,
    Audit,
    CancelPrintJob,
    CreateHandlingUnit,
    HandlingUnitKind,
    LabelSpec,
    PoolScheme,
    PrintLabels,
    RefusalCode,
    RegisterTags,
    RetryPrintJob,
    SetLabelTemplate,
    SetPrinter,
    TagSpec,
    VerifyLabels,
    VoidLabel,
)
from warehouse.epc import decode
from warehouse.labels import LabelError, check_template, render
from warehouse.ledger import Tracking
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.number_pools import take_epcs
from warehouse.postgres.goods.tag_events import add_event
from warehouse.postgres.goods.tags import create_handling_unit, register_tags
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item, find_lot

LABELS_MAX = 5_000
TRIES_MAX = 10
LEASE = timedelta(seconds=60)
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 300.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A job leased to be sent: all its labels as one stream of bytes."""

    job_id: UUID
    host: str
    port: int
    data: bytes


def set_printer(conn: Conn, c: SetPrinter, actor: Actor, request_id: UUID) -> Answer:
    if not c.name or not c.host:
        raise Refuse(RefusalCode.INVALID, "host" if c.name else "name", "a printer has a name and an address")
    if not 1 <= c.port <= 65535:
        raise Refuse(RefusalCode.INVALID, "port", "a port is 1 to 65535")
    conn.execute(
        """insert into printer (name, host, port, active) values (%s, %s, %s, %s)
           on conflict (name) do update set host = excluded.host, port = excluded.port, active = excluded.active""",
        (c.name, c.host, c.port, c.active),
    )
    return {"name": c.name}, Audit(after={"name": c.name, "host": c.host, "port": c.port, "active": c.active})


def set_label_template(conn: Conn, c: SetLabelTemplate, actor: Actor, request_id: UUID) -> Answer:
    if not c.name:
        raise Refuse(RefusalCode.INVALID, "name", "a template needs a name")
    try:
        check_template(c.zpl)
    except LabelError as error:
        raise Refuse(RefusalCode.INVALID, "zpl", str(error)) from None
    conn.execute(
        "insert into label_template (name, zpl) values (%s, %s) on conflict (name) do update set zpl = excluded.zpl",
        (c.name, c.zpl),
    )
    return {"name": c.name}, Audit(after={"name": c.name})


def print_labels(conn: Conn, c: PrintLabels, actor: Actor, request_id: UUID) -> Answer:
    printer = conn.execute("select active from printer where name = %s", (c.printer,)).fetchone()
    if printer is None or not printer[0]:
        raise Refuse(RefusalCode.NOT_FOUND, "printer", f"no active printer {c.printer!r}")
    if conn.execute("select 1 from label_template where name = %s", (c.template,)).fetchone() is None:
        raise Refuse(RefusalCode.NOT_FOUND, "template", f"no label template {c.template!r}")
    total = sum(spec.count for spec in c.labels)
    if not c.labels or any(spec.count < 1 for spec in c.labels) or total > LABELS_MAX:
        raise Refuse(RefusalCode.INVALID, "labels", f"a job has 1 to {LABELS_MAX} labels")
    conn.execute(
        "insert into print_job (job_id, printer, template, created_by) values (%s, %s, %s, %s)",
        (request_id, c.printer, c.template, actor.name),
    )
    rows: list[tuple[Any, ...]] = []
    for n, spec in enumerate(c.labels):
        rows += [(request_id, len(rows) + m + 1, *row) for m, row in enumerate(_labels(conn, spec, f"labels.{n}"))]
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into label (job_id, line_no, epc, item_id, lot_id, quantity, hu_code, hu_kind, fields)
               values (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            rows,
        )
    epcs = [row[2] for row in rows]
    return {"job_id": str(request_id), "epcs": epcs}, Audit(after={"labels": len(epcs), "epcs": epcs[:50]})


def _labels(conn: Conn, spec: LabelSpec, at: str) -> list[tuple[Any, ...]]:
    """(epc, item, lot, quantity, unit code, unit kind, fields) of each label."""
    scheme, body, given = take_epcs(conn, spec.pool, spec.count, at)
    if scheme is PoolScheme.SSCC:
        if spec.item is not None or spec.unit_kind not in tuple(HandlingUnitKind):
            raise Refuse(
                RefusalCode.INVALID, f"{at}.unit_kind", f"pool {spec.pool} is for {', '.join(HandlingUnitKind)}"
            )
        return [
            (epc, None, None, 1, sscc, spec.unit_kind, Jsonb({**_said(epc), "unit": spec.unit_kind}))
            for epc, sscc in given
        ]
    if spec.item is None or spec.unit_kind is not None:
        raise Refuse(RefusalCode.INVALID, f"{at}.item", f"pool {spec.pool} is for an item")
    item = find_item(conn, spec.item, f"{at}.item")
    lot_id = find_lot(conn, item, spec.lot, f"{at}.lot")
    row = conn.execute(
        """select i.name, i.gtin, lo.expires_on::text from item i left join lot lo on lo.lot_id = %s
           where i.item_id = %s""",
        (lot_id, item.item_id),
    ).fetchone()
    assert row is not None
    name, gtin, expires = row
    if gtin != body:
        raise Refuse(RefusalCode.INVALID, f"{at}.item", f"pool {spec.pool} is of GTIN {body}, {item.code} has {gtin}")
    if item.tracking == Tracking.LOT and lot_id is None:
        raise Refuse(RefusalCode.INVALID, f"{at}.lot", f"item {item.code} is lot-tracked: name the lot")
    if spec.quantity <= 0 or (item.tracking == Tracking.SERIAL and spec.quantity != 1):
        raise Refuse(RefusalCode.INVALID, f"{at}.quantity", f"{spec.quantity} is no quantity of one tag")
    fields = {"item": item.code, "name": name, "gtin": gtin, "lot": spec.lot or "", "expires": expires or "",
              "quantity": f"{spec.quantity.normalize():f}", "unit": item.unit}  # fmt: skip
    return [(epc, item.item_id, lot_id, spec.quantity, None, None, Jsonb({**_said(epc), **fields})) for epc, _ in given]


def _said(epc: str) -> dict[str, str]:
    decoded = decode(epc)
    return {"epc": epc, "uri": decoded.uri, "key": decoded.key or "", "serial": decoded.serial}


def verify_labels(conn: Conn, c: VerifyLabels, actor: Actor, request_id: UUID) -> Answer:
    """All or none."""
    if not c.epcs:
        raise Refuse(RefusalCode.INVALID, "epcs", "nothing was read")
    for n, text in enumerate(c.epcs):
        epc, at = text.upper(), f"epcs.{n}"
        row = conn.execute(
            """select l.state, i.code, lo.code, l.quantity, l.hu_code, l.hu_kind from label l
               left join item i using (item_id) left join lot lo on lo.lot_id = l.lot_id
               where l.epc = %s for update of l""",
            (epc,),
        ).fetchone()
        if row is None:
            raise Refuse(RefusalCode.NOT_FOUND, at, f"no label was printed with {epc}")
        state, item, lot, quantity, unit, kind = row
        if state == "verified":
            message = f"{epc} was read back before: there are two labels with it, or it was read twice"
            raise Refuse(RefusalCode.EXISTS, at, message)
        if state == "void":
            raise Refuse(RefusalCode.WRONG_STATE, at, f"the label of {epc} is void")
        if unit is not None:
            create_handling_unit(conn, CreateHandlingUnit(unit, epc, kind), actor, request_id)
        else:
            register_tags(conn, RegisterTags((TagSpec(epc, item, lot, quantity=quantity),)), actor, request_id)
        conn.execute("update label set state = 'verified', verified_at = now() where epc = %s", (epc,))
        add_event(conn, epc, "verified", actor, request_id)
    return {"verified": len(c.epcs)}, Audit(after={"epcs": list(c.epcs[:50])})


def void_label(conn: Conn, c: VoidLabel, actor: Actor, request_id: UUID) -> Answer:
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "a spoilt label has its reason")
    row = conn.execute(
        "update label set state = 'void' where epc = %s and state = 'printed' returning epc", (c.epc.upper(),)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "epc", f"no label with {c.epc} waits to be read back")
    add_event(conn, row[0], "void", actor, request_id, c.reason)
    return {"epc": row[0], "state": "void"}, Audit({"state": "printed"}, {"state": "void", "reason": c.reason})


def retry_print_job(conn: Conn, c: RetryPrintJob, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        """select j.state, exists (select from label l where l.job_id = j.job_id and l.state = 'verified')
           from print_job j where j.job_id = %s for update of j""",
        (c.job_id,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "job_id", f"no print job {c.job_id}")
    if row[0] not in ("sent", "failed") or row[1]:
        why = "labels of it were read back: print new ones" if row[1] else f"it is {row[0]}"
        raise Refuse(RefusalCode.WRONG_STATE, "job_id", why)
    conn.execute(
        "update print_job set state = 'queued', tries = 0, error = '', next_try_at = now() where job_id = %s",
        (c.job_id,),
    )
    return {"job_id": str(c.job_id), "state": "queued"}, Audit({"state": row[0]}, {"state": "queued"})


def cancel_print_job(conn: Conn, c: CancelPrintJob, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        """update print_job set state = 'cancelled' where job_id = %s and state in ('queued', 'failed')
           returning job_id""",
        (c.job_id,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "job_id", f"no print job {c.job_id} is queued or failed")
    void = conn.execute("update label set state = 'void' where job_id = %s and state = 'printed'", (c.job_id,))
    return {"job_id": str(c.job_id), "state": "cancelled"}, Audit(after={"state": "cancelled", "void": void.rowcount})


def lease(conn: Conn, now: datetime) -> Outgoing | None:
    """The job that waited longest, for LEASE; None when none is due. In the caller's transaction."""
    row = conn.execute(
        """update print_job j set tries = tries + 1, next_try_at = %(until)s from printer p, label_template t
           where p.name = j.printer and t.name = j.template and j.job_id = (
               select job_id from print_job x join printer y on y.name = x.printer
               where x.state = 'queued' and x.next_try_at <= %(now)s and y.active
               order by x.next_try_at, x.seq limit 1 for update of x skip locked)
           returning j.job_id, p.host, p.port, t.zpl""",
        {"now": now, "until": now + LEASE},
    ).fetchone()
    if row is None:
        return None
    job_id, host, port, zpl = row
    labels = conn.execute(
        "select fields from label where job_id = %s and state = 'printed' order by line_no", (job_id,)
    ).fetchall()
    return Outgoing(job_id, host, port, b"".join(render(zpl, fields) for (fields,) in labels))


def settle(conn: Conn, job_id: UUID, now: datetime, error: str = "") -> str:
    """After sending: the job's state now. In the caller's transaction."""
    row = conn.execute(
        "select tries, printer, created_by from print_job where job_id = %s and state = 'queued' for update", (job_id,)
    ).fetchone()
    if row is None:  # cancelled meanwhile, or sent by another after our lease
        return "cancelled"
    tries, printer, created_by = row
    if not error:
        conn.execute("update print_job set state = 'sent', sent_at = %s, error = '' where job_id = %s", (now, job_id))
        conn.execute(
            """insert into tag_event (epc, event, actor, device, request_id)
               select epc, 'printed', %s, %s, job_id from label where job_id = %s and state = 'printed'
               order by line_no""",
            (created_by, printer, job_id),
        )
        return "sent"
    if tries >= TRIES_MAX:
        conn.execute("update print_job set state = 'failed', error = %s where job_id = %s", (error, job_id))
        detail = f"printer {printer} did not take a job in {tries} tries: {error}"
        outbox.add(conn, "alarm", str(job_id), {"kind": "print_failed", "portal": "", "detail": detail})
        return "failed"
    wait = timedelta(seconds=min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (tries - 1)))
    conn.execute("update print_job set error = %s, next_try_at = %s where job_id = %s", (error, now + wait, job_id))
    return "queued"


HANDLERS: Handlers = {
    SetPrinter: set_printer,
    SetLabelTemplate: set_label_template,
    PrintLabels: print_labels,
    VerifyLabels: verify_labels,
    VoidLabel: void_label,
    RetryPrintJob: retry_print_job,
    CancelPrintJob: cancel_print_job,
}
