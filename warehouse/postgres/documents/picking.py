"""Pick lists: what is reserved for documents, in the order of the places, each line confirmed by what was scanned.

A line is a reservation. It is picked when that is used up, by whom and whatever: a handheld here, or a portal that the
goods left through. So a list never says other than the books. What was scanned must be what is reserved: another lot,
serial, unit, place or tag is refused with the reason. Stock that is not there is short: the rest is given back and
reported, so that somebody counts the place.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import psycopg

from warehouse.commands import Actor, Audit, CancelPickList, ConfirmPick, CreatePickList, RefusalCode
from warehouse.ledger import BalanceKey, Circumstance, MovedTag, NewMove, Place, StockStatus, Wanted
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.posting import settle_lines
from warehouse.postgres.naming import Refuse, find_location

# A list somebody walks; more documents at once are more lists.
LINES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a list with its reservation, and the codes of what it names."""

    key: BalanceKey
    pick_list_id: int
    stage_id: int | None
    reservation_id: UUID
    state: str
    quantity: Decimal
    line_id: int
    holder: str
    expires_at: Any
    kind: str
    document: str
    counterpart_id: int
    item: str
    decimals: int
    location: str
    lot: str | None
    serial: str | None
    unit: str | None


def create_pick_list(conn: Conn, c: CreatePickList, actor: Actor, request_id: UUID) -> Answer:
    if not c.documents:
        raise Refuse(RefusalCode.INVALID, "documents", "a pick list is for a document")
    ids = []
    for n, name in enumerate(c.documents):
        row = conn.execute(
            """select d.document_id, d.status, k.direction from document d join document_kind k using (kind)
               where d.kind = %s and d.number = %s for update of d""",
            (name.kind, name.number),
        ).fetchone()
        if row is None:
            raise Refuse(RefusalCode.NOT_FOUND, f"documents.{n}.number", f"no {name.kind} {name.number!r}")
        if row[1] != "open" or row[2] != "out":
            message = f"{name.number} is {row[1]} and goes {row[2]}"
            raise Refuse(RefusalCode.WRONG_STATE, f"documents.{n}.number", message)
        ids.append(row[0])
    stage_id = find_location(conn, c.stage, "stage") if c.stage is not None else None
    try:
        with conn.transaction():
            made = conn.execute(
                """insert into pick_list (number, assignee, stage_id, created_by) values (%s, %s, %s, %s)
                   returning pick_list_id""",
                (c.number, c.assignee, stage_id, actor.name),
            ).fetchone()
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "number", f"a pick list {c.number!r} exists") from None
    except psycopg.errors.CheckViolation:
        raise Refuse(RefusalCode.INVALID, "number", "a pick list needs a number") from None
    assert made is not None
    count = conn.execute(
        """insert into pick_line (pick_list_id, line_no, reservation_id, quantity)
           select %s, row_number() over (order by l.code, i.code, lo.code, s.code, r.created_at, r.reservation_id),
                  r.reservation_id, r.quantity
           from reservation r join document_line x using (line_id) join location l using (location_id)
           join item i on i.item_id = r.item_id left join lot lo on lo.lot_id = r.lot_id
           left join serial s on s.serial_id = r.serial_id
           where x.document_id = any(%s) and r.state = 'pending'
             and not exists (select from pick_line p where p.reservation_id = r.reservation_id)
           limit %s""",
        (made[0], ids, LINES_MAX),
    ).rowcount
    if not count:
        raise Refuse(RefusalCode.INVALID, "documents", "nothing of them is reserved and on no list: allocate first")
    return {"number": c.number, "lines": count}, Audit(after={"number": c.number, "lines": count})


def confirm_pick(conn: Conn, c: ConfirmPick, actor: Actor, request_id: UUID) -> Answer:
    line = _lock_line(conn, c)
    tags = _check_scans(conn, c, line)
    if c.quantity < 0 or c.quantity != round(c.quantity, line.decimals):
        raise Refuse(RefusalCode.INVALID, "quantity", f"{c.quantity} is no quantity of {line.item}")
    if c.quantity > line.quantity:
        raise Refuse(RefusalCode.OVER, "quantity", f"the line asks for {line.quantity.normalize():f} more")
    if c.quantity == 0 and not c.short:
        raise Refuse(RefusalCode.INVALID, "quantity", "picked nothing: say that it is short")
    moves = _move(conn, c, line, tags, actor, request_id) if c.quantity > 0 else []
    missing = line.quantity - c.quantity if c.short else Decimal(0)
    if missing > 0:
        _report_short(conn, c, line, missing, request_id)
    response = {
        "number": c.number,
        "line_no": c.line_no,
        "moves": [str(move_id) for move_id in moves],
        "open": "0" if c.short else str(line.quantity - c.quantity),
        "short": str(missing),
    }
    return response, Audit(after={"quantity": str(c.quantity), "short": str(missing), "reason": c.reason})


def _lock_line(conn: Conn, c: ConfirmPick) -> _Line:
    row = conn.execute(
        """select p.pick_list_id, p.stage_id, r.reservation_id, r.state, r.quantity, r.line_id, r.holder, r.expires_at,
                  d.kind, d.number, k.location_id, i.code, i.decimals, l.code, lo.code, s.code, h.code, p.cancelled_at,
                  d.status, r.item_id, r.lot_id, r.serial_id, r.location_id, r.hu_id, r.owner, r.status
           from pick_list p join pick_line x using (pick_list_id) join reservation r using (reservation_id)
           join document_line dl on dl.line_id = r.line_id join document d using (document_id)
           join document_kind dk on dk.kind = d.kind join location k on k.code = dk.counterpart
           join item i on i.item_id = r.item_id join location l on l.location_id = r.location_id
           left join lot lo on lo.lot_id = r.lot_id left join serial s on s.serial_id = r.serial_id
           left join handling_unit h on h.hu_id = r.hu_id
           where p.number = %s and x.line_no = %s for update of x, r""",
        (c.number, c.line_no),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "line_no", f"no pick list {c.number!r} with a line {c.line_no}")
    line = _Line(BalanceKey(*row[19:]), *row[:17])
    if row[18] == "approval":  # changed since it was allocated; one that is over has nothing reserved
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{line.document} waits for approval: pick it when it is open")
    if row[17] is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} was cancelled")
    if line.state != reservations.State.PENDING:
        raise Refuse(RefusalCode.WRONG_STATE, "line_no", f"the line is {line.state}")
    return line


def _check_scans(conn: Conn, c: ConfirmPick, line: _Line) -> tuple[MovedTag, ...]:
    """Refuses what is not what the line names, and a line that nobody looked at."""
    if c.epc is not None:
        _check_tag(conn, c.epc.upper(), line)
    for field, scanned, named in (
        ("location", c.location, line.location),
        ("lot", c.lot, line.lot),
        ("serial", c.serial, line.serial),
        ("unit", c.unit, line.unit),
    ):
        if scanned is not None and scanned != named:
            what = f"{field} {named}" if named is not None else f"no {field}"
            message = f"this is {field} {scanned}, the line names {what} ({line.item} at {line.location})"
            raise Refuse(RefusalCode.WRONG_GOODS, field, message)
        if scanned is None and named is not None and c.epc is None:
            raise Refuse(RefusalCode.INVALID, field, f"scan the {field}, or a tag")
    return (MovedTag(c.epc.upper()),) if c.epc is not None else ()


def _check_tag(conn: Conn, epc: str, line: _Line) -> None:
    row = conn.execute(
        """select t.item_id, t.lot_id, t.serial_id, t.hu_id, t.retired_at is not null, c.hu_id, i.code, lo.code, s.code,
                  h.code
           from tag t left join hu_content c using (epc) left join item i on i.item_id = t.item_id
           left join lot lo on lo.lot_id = t.lot_id left join serial s on s.serial_id = t.serial_id
           left join handling_unit h on h.hu_id = t.hu_id where t.epc = %s""",
        (epc,),
    ).fetchone()

    def wrong(why: str) -> Refuse:
        return Refuse(RefusalCode.WRONG_GOODS, "epc", f"{epc}: {why}")

    if row is None:
        raise wrong("nobody registered this tag")
    item_id, lot_id, serial_id, hu_id, retired, in_hu, item, lot, serial, unit = row
    if retired:
        raise wrong("this tag was retired")
    if hu_id is not None:
        if hu_id != line.key.hu_id:
            raise wrong(f"this is unit {unit}, the line names {line.unit or 'no unit'}")
        return
    if item_id != line.key.item_id:
        raise wrong(f"this is {item}, the line names {line.item}")
    if line.key.lot_id is not None and lot_id != line.key.lot_id:
        raise wrong(f"this is of lot {lot or 'none'}, the line names lot {line.lot}")
    if line.key.serial_id is not None and serial_id != line.key.serial_id:
        raise wrong(f"this is serial {serial}, the line names serial {line.serial}")
    if in_hu is not None and line.key.hu_id is not None and in_hu != line.key.hu_id:
        raise wrong(f"this is packed in another unit than {line.unit}")


def _move(
    conn: Conn, c: ConfirmPick, line: _Line, tags: tuple[MovedTag, ...], actor: Actor, request_id: UUID
) -> list[UUID]:
    key = line.key
    source = Place(key.location_id, key.hu_id, StockStatus(key.status))
    at = database_now(conn)
    circumstance = Circumstance(
        actor.name, at, actor.device, request_id=request_id, reason=f"pick {c.number}/{c.line_no}"
    )
    move_id = uuid5(request_id, "0")
    if line.stage_id is None or line.stage_id == key.location_id:
        move = NewMove(
            move_id, line.kind, key.item_id, c.quantity, source, Place(line.counterpart_id), key.lot_id, key.serial_id,
            key.owner, line.line_id, tags=tags,
        )  # fmt: skip
        post_or_refuse(conn, [move], circumstance)
        settle_lines(conn, [line.line_id], at)
        return [move_id]
    unit = key.hu_id if key.hu_id is not None and _is_all_of_unit(conn, key.hu_id, c.quantity) else None
    target = Place(line.stage_id, unit)
    reservations.pick(conn, line.reservation_id, key, c.quantity, c.quantity == line.quantity)
    move = NewMove(
        move_id, "pick", key.item_id, c.quantity, source, target, key.lot_id, key.serial_id, key.owner, tags=tags
    )
    post_or_refuse(conn, [move], circumstance)
    staged = Wanted(
        uuid5(request_id, "staged"), move.key_at(target), c.quantity, line.holder, line.line_id, line.expires_at
    )
    refused = reservations.reserve(conn, [staged], at)
    if refused is not None:
        raise Refuse(refused.reason, "quantity", refused.detail)
    return [move_id]


def _is_all_of_unit(conn: Conn, hu_id: int, quantity: Decimal) -> bool:
    """Whether the unit holds that and nothing else: then it goes along, otherwise goods are taken out of it."""
    row = conn.execute("select sum(on_hand) from balance where hu_id = %s", (hu_id,)).fetchone()
    return row is not None and row[0] == quantity


def _report_short(conn: Conn, c: ConfirmPick, line: _Line, missing: Decimal, request_id: UUID) -> None:
    reservations.end(conn, [line.reservation_id], reservations.State.RELEASED)
    conn.execute(
        "update pick_line set short = %s, reason = %s where pick_list_id = %s and line_no = %s",
        (missing, c.reason, line.pick_list_id, c.line_no),
    )
    conn.execute(
        """insert into discrepancy (discrepancy_id, kind, document_id, line_id, item_id, quantity, detail, at)
           select %s, 'short_pick', document_id, line_id, item_id, %s, %s, now() from document_line
           where line_id = %s""",
        (
            uuid5(request_id, "short"),
            missing,
            f"{c.number} line {c.line_no}: {missing.normalize():f} of {line.item} not found at {line.location}"
            + (f": {c.reason}" if c.reason else ""),
            line.line_id,
        ),
    )


def cancel_pick_list(conn: Conn, c: CancelPickList, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        "update pick_list set cancelled_at = now() where number = %s and cancelled_at is null returning pick_list_id",
        (c.number,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no live pick list {c.number!r}")
    freed = conn.execute(
        """delete from pick_line p using reservation r where p.pick_list_id = %s
             and r.reservation_id = p.reservation_id and r.state = 'pending'""",
        (row[0],),
    ).rowcount
    return {"number": c.number, "freed": freed}, Audit(after={"freed": freed, "reason": c.reason})


HANDLERS: Handlers = {
    CreatePickList: create_pick_list,
    ConfirmPick: confirm_pick,
    CancelPickList: cancel_pick_list,
}
