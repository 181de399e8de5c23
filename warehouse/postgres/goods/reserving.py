"""Commands on reservations: reserve stock, for a line of a document or for whoever holds it, and release it."""

from decimal import Decimal
from uuid import UUID, uuid5

from warehouse.commands import Actor, Audit, RefusalCode, ReleaseReservation, ReserveStock
from warehouse.ledger import ZERO, BalanceKey, Circumstance, LedgerRefusal, StockStatus, Wanted
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.group_posting import Posting
from warehouse.postgres.books.measures import measured
from warehouse.postgres.goods.stock import Asks, refusal_of
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, StockNames, find_id, find_stock


def reserve_stock(conn: Conn, c: ReserveStock, actor: Actor, request_id: UUID) -> Answer:
    named = find_stock(conn, c.item, c.lot, c.serial, {"location": c.location}, {"unit": c.unit})
    c = measured(conn, c, named.item)
    line_id = None
    if c.document_kind is not None or c.document_number is not None or c.line_no is not None:
        line_id = find_id(
            conn,
            """select l.line_id from document_line l join document d using (document_id)
               where d.kind = %s and d.number = %s and l.line_no = %s and d.status = 'open'""",
            (c.document_kind, c.document_number, c.line_no),
            "document_number",
            c.document_number or "",
        )
        _check_line(conn, line_id, _reserved_key(c, named), c.quantity)
    asks = prepare_reservation(c, named, actor, request_id, line_id)
    assert asks.posting.wanted is not None
    refused = reservations.reserve(conn, [asks.posting.wanted], named.now)
    if refused is not None:
        refusal = refusal_of(refused)
        raise Refuse(refusal.code, refusal.field, refusal.message)
    return asks.response, asks.audit


def prepare_reservation(
    c: ReserveStock, named: StockNames, actor: Actor, request_id: UUID, line_id: int | None = None
) -> Asks:
    """Of a command whose quantity is in the item's own unit. Raises Refuse."""
    if c.quantity != round(c.quantity, named.item.decimals):
        message = f"{c.quantity} {named.item.unit} has more than {named.item.decimals} decimals"
        raise Refuse(LedgerRefusal.QUANTITY_SCALE, "quantity", message)
    key = _reserved_key(c, named)
    wanted = Wanted(uuid5(request_id, "reservation"), key, c.quantity, c.holder, line_id, c.expires_at)
    under = Circumstance(actor.name, named.now, actor.device, request_id=request_id)
    audit = Audit(after={"quantity": str(c.quantity)})
    return Asks(Posting(under, wanted=wanted), {"reservation_id": str(wanted.reservation_id)}, audit)


def _reserved_key(c: ReserveStock, named: StockNames) -> BalanceKey:
    return BalanceKey(
        named.item.item_id,
        named.lot_id,
        named.serial_id,
        named.locations["location"],
        named.units["unit"],
        c.owner,
        StockStatus.AVAILABLE,
    )


def _check_line(conn: Conn, line_id: int, key: BalanceKey, quantity: Decimal) -> None:
    """What is reserved for a line is what the line asks for, and no more than it still needs."""
    row = conn.execute(
        """select l.item_id, l.lot_id, l.owner, k.direction,
                  l.quantity - case k.direction when 'internal' then l.shipped else l.fulfilled end
                  - coalesce((select sum(r.quantity) from reservation r
                              where r.line_id = l.line_id and r.state = 'pending'), 0)
           from document_line l join document d using (document_id) join document_kind k on k.kind = d.kind
           where l.line_id = %s for update of l""",
        (line_id,),
    ).fetchone()
    assert row is not None
    if row[3] not in ("out", "internal"):
        raise Refuse(RefusalCode.INVALID, "document_kind", "nothing is reserved for a document that brings goods")
    if row[0] != key.item_id:
        raise Refuse(RefusalCode.INVALID, "item", "the line is of another item")
    if row[1] not in (None, key.lot_id):
        raise Refuse(RefusalCode.INVALID, "lot", "the line names another lot")
    if row[2] != key.owner:
        raise Refuse(RefusalCode.INVALID, "owner", f"the line takes goods of {row[2] or 'our own'}")
    if quantity > row[4]:
        raise Refuse(RefusalCode.OVER, "quantity", f"the line needs {max(row[4], ZERO):f} more")


def release_reservation(conn: Conn, c: ReleaseReservation, actor: Actor, request_id: UUID) -> Answer:
    ended = reservations.end(conn, [c.reservation_id], reservations.State.RELEASED)
    if not ended:
        raise Refuse(RefusalCode.NOT_FOUND, "reservation_id", f"no pending reservation {c.reservation_id}")
    return {"reservation_id": str(c.reservation_id), "state": "released"}, Audit(
        {"state": "pending"}, {"state": "released"}
    )


HANDLERS: Handlers = {
    ReserveStock: reserve_stock,
    ReleaseReservation: release_reservation,
}
