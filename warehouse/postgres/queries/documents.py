"""Documents and how far they are, and the discrepancies found on the way."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, Limit, contains, one, rows


@dataclass(frozen=True, slots=True)
class Document:
    """`quantity` and `fulfilled` are summed over the lines, `announced` counts EPCs and units it names."""

    document_id: int
    kind: str
    direction: str
    number: str
    partner: str
    door: str
    status: str
    over_percent: Decimal
    expected_at: datetime | None
    created_by: str
    created_at: datetime
    closed_at: datetime | None
    lines: int
    quantity: Decimal
    fulfilled: Decimal
    announced: int
    discrepancies: int


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """`quantity` in the item's own unit, and as it was entered; `shipped` of a transfer left its source."""

    line_no: int
    item: str
    item_name: str
    lot: str | None
    unit: str
    quantity: Decimal
    fulfilled: Decimal
    shipped: Decimal
    entered_quantity: Decimal
    entered_unit: str
    unit_cost: Decimal | None
    owner: str


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """`holds` is how many movements a person can still post."""

    seq: int
    discrepancy_id: UUID
    kind: str
    state: str
    portal: str
    passage_id: UUID | None
    revision: int | None
    document_kind: str | None
    document: str | None
    line_no: int | None
    item: str | None
    item_name: str | None
    epcs: list[str]
    quantity: Decimal | None
    detail: str
    holds: int
    at: datetime
    created_at: datetime
    resolved_by: str | None
    resolved_at: datetime | None
    note: str


_DOCUMENT = """
    select d.document_id, d.kind, k.direction, d.number, d.partner, d.door, d.status, d.over_percent, d.expected_at,
           d.created_by, d.created_at, d.closed_at, l.lines, l.quantity, l.fulfilled,
           (select count(*) from document_tag a where a.document_id = d.document_id) as announced,
           (select count(*) from discrepancy x
            where x.document_id = d.document_id and x.state = 'open') as discrepancies
    from document d join document_kind k using (kind)
    cross join lateral (select count(*) as lines, coalesce(sum(quantity), 0) as quantity,
                               coalesce(sum(fulfilled), 0) as fulfilled
                        from document_line x where x.document_id = d.document_id) l"""


async def documents(
    conn: AConn,
    before: int | None = None,
    limit: Limit = 100,
    *,
    kind: str | None = None,
    status: str | None = None,
    door: str | None = None,
    q: str | None = None,
    partner: str | None = None,
    direction: str | None = None,
) -> list[Document]:
    """Newest first; `before` is the document_id of the last row shown."""
    return await rows(
        conn,
        Document,
        _DOCUMENT
        + """ where (%(before)s::bigint is null or d.document_id < %(before)s)
               and (%(kind)s::text is null or d.kind = %(kind)s) and (%(status)s::text is null or d.status = %(status)s)
               and (%(door)s::text is null or d.door = %(door)s)
               and (%(q)s::text is null or d.number ilike %(q)s or d.partner ilike %(q)s)
               and (%(partner)s::text is null or d.partner = %(partner)s)
               and (%(direction)s::text is null or k.direction = %(direction)s)
             order by d.document_id desc limit %(limit)s""",
        {
            "before": before,
            "limit": limit,
            "kind": kind,
            "status": status,
            "door": door,
            "q": contains(q),
            "partner": partner,
            "direction": direction,
        },
    )


async def document(conn: AConn, kind: str, number: str) -> Document | None:
    query = _DOCUMENT + " where d.kind = %(kind)s and d.number = %(number)s"
    return await one(conn, Document, query, {"kind": kind, "number": number})


async def document_lines(conn: AConn, document_id: int) -> list[DocumentLine]:
    """By line number."""
    return await rows(
        conn,
        DocumentLine,
        """select x.line_no, i.code as item, i.name as item_name, lo.code as lot, i.unit, x.quantity, x.fulfilled,
                  x.shipped, coalesce(x.entered_quantity, x.quantity) as entered_quantity,
                  case when x.entered_unit = '' then i.unit else x.entered_unit end as entered_unit, x.unit_cost,
                  x.owner
           from document_line x join item i using (item_id) left join lot lo on lo.lot_id = x.lot_id
           where x.document_id = %(document_id)s order by x.line_no""",
        {"document_id": document_id},
    )


_DISCREPANCY = """
    select x.seq, x.discrepancy_id, x.kind, x.state, x.portal, x.passage_id, x.revision, d.kind as document_kind,
           d.number as document, l.line_no, i.code as item, i.name as item_name, x.epcs, x.quantity, x.detail,
           coalesce(jsonb_array_length(x.held), 0) as holds, x.at, x.created_at, x.resolved_by, x.resolved_at, x.note
    from discrepancy x left join document d on d.document_id = x.document_id
    left join document_line l on l.line_id = x.line_id left join item i on i.item_id = x.item_id"""


async def discrepancies(
    conn: AConn,
    before: int | None = None,
    limit: Limit = 100,
    *,
    state: str | None = None,
    kind: str | None = None,
    portal: str | None = None,
    passage_id: UUID | None = None,
    document: tuple[str, str] | None = None,
) -> list[Discrepancy]:
    """Newest first; `before` is the seq of the last row shown. `document` is (kind, number)."""
    return await rows(
        conn,
        Discrepancy,
        _DISCREPANCY
        + """ where (%(before)s::bigint is null or x.seq < %(before)s)
               and (%(state)s::text is null or x.state = %(state)s) and (%(kind)s::text is null or x.kind = %(kind)s)
               and (%(portal)s::text is null or x.portal = %(portal)s)
               and (%(passage_id)s::uuid is null or x.passage_id = %(passage_id)s)
               and (%(document)s::text is null or (d.kind = %(document_kind)s and d.number = %(document)s))
             order by x.seq desc limit %(limit)s""",
        {
            "before": before,
            "limit": limit,
            "state": state,
            "kind": kind,
            "portal": portal,
            "passage_id": passage_id,
            "document_kind": document[0] if document else None,
            "document": document[1] if document else None,
        },
    )


async def discrepancy(conn: AConn, discrepancy_id: UUID) -> Discrepancy | None:
    return await one(conn, Discrepancy, _DISCREPANCY + " where x.discrepancy_id = %(id)s", {"id": discrepancy_id})
