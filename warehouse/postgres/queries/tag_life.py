"""Print jobs, their labels, and what happened to tags."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, Limit, one, rows


@dataclass(frozen=True, slots=True)
class PrintJob:
    """`verified` of its `labels` were read back, `void` ones were spoilt."""

    seq: int
    job_id: UUID
    printer: str
    template: str
    state: str
    tries: int
    error: str
    labels: int
    verified: int
    void: int
    created_by: str
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Label:
    """One label: what its EPC stands for once it is verified."""

    line_no: int
    epc: str
    state: str
    item: str | None
    item_name: str | None
    lot: str | None
    quantity: Decimal
    unit: str | None
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class TagEvent:
    """Something that happened to a tag, by whom and with what."""

    seq: int
    event: str
    at: datetime
    actor: str
    device: str
    request_id: UUID | None
    detail: str


_JOB = """
    select j.seq, j.job_id, j.printer, j.template, j.state, j.tries, j.error, x.labels, x.verified, x.void,
           j.created_by, j.created_at, j.sent_at
    from print_job j
    cross join lateral (select count(*) as labels, count(*) filter (where l.state = 'verified') as verified,
                               count(*) filter (where l.state = 'void') as void
                        from label l where l.job_id = j.job_id) x"""


async def print_jobs(
    conn: AConn, before: int | None = None, limit: Limit = 100, *, state: str | None = None, printer: str | None = None
) -> list[PrintJob]:
    """Newest first; `before` is the seq of the last row shown."""
    return await rows(
        conn,
        PrintJob,
        _JOB
        + """ where (%(before)s::bigint is null or j.seq < %(before)s)
               and (%(state)s::text is null or j.state = %(state)s)
               and (%(printer)s::text is null or j.printer = %(printer)s)
             order by j.seq desc limit %(limit)s""",
        {"before": before, "limit": limit, "state": state, "printer": printer},
    )


async def print_job(conn: AConn, job_id: UUID) -> PrintJob | None:
    return await one(conn, PrintJob, _JOB + " where j.job_id = %(job_id)s", {"job_id": job_id})


async def labels(conn: AConn, job_id: UUID, after: int = 0, limit: Limit = 100) -> list[Label]:
    """In the order they are printed; `after` is the line_no of the last row shown."""
    return await rows(
        conn,
        Label,
        """select l.line_no, l.epc, l.state, i.code as item, i.name as item_name,
                  lo.code as lot, l.quantity, l.hu_code as unit,
                  l.verified_at
           from label l left join item i using (item_id) left join lot lo on lo.lot_id = l.lot_id
           where l.job_id = %(job_id)s and l.line_no > %(after)s order by l.line_no limit %(limit)s""",
        {"job_id": job_id, "after": after, "limit": limit},
    )


async def tag_events(conn: AConn, epc: str, before: int | None = None, limit: Limit = 100) -> list[TagEvent]:
    """Newest first; `before` is the seq of the last row shown."""
    return await rows(
        conn,
        TagEvent,
        """select seq, event, at, actor, device, request_id, detail from tag_event
           where epc = %(epc)s and (%(before)s::bigint is null or seq < %(before)s)
           order by seq desc limit %(limit)s""",
        {"epc": epc.upper(), "before": before, "limit": limit},
    )
