"""Reservations: part of a balance promised to a holder, until picked, released or expired.

`balance.reserved` is the sum of the pending reservations on that balance, changed in the same transaction under the
same locks. Only available stock of a lot that is neither blocked nor expired can be reserved.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from warehouse.ledger import Balance, BalanceKey, Lot, Refused, Wanted
from warehouse.ledger_rules import absorb, plan_reservation
from warehouse.postgres.books import balances
from warehouse.postgres.books.balances import Conn


class State(StrEnum):
    """How a reservation ended, or that it has not."""

    PENDING = "pending"
    PICKED = "picked"
    RELEASED = "released"
    EXPIRED = "expired"


def reserve(conn: Conn, wanted: Sequence[Wanted], now: datetime) -> Refused | None:
    """Reserve all or nothing, in the caller's transaction; the refusal, or None when done."""
    keys = sorted({w.key for w in wanted}, key=balances.sort_key)
    locked = balances.lock(conn, keys)
    lots = _lots(conn, [key.lot_id for key in keys if key.lot_id is not None])
    standing = {key: Balance(b.on_hand, b.reserved, b.on_hand, now) for key, b in locked.items()}
    for n, w in enumerate(wanted):
        change = plan_reservation(w, n, now, standing.get(w.key), lots)
        if isinstance(change, Refused):
            return change
        absorb([change], standing)
    balances.change_reserved(conn, [(locked[w.key], w.quantity) for w in wanted])
    insert = """
        insert into reservation (reservation_id, line_id, holder, item_id, lot_id, serial_id, location_id, hu_id, owner,
                                 status, quantity, expires_at, created_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
    rows = [(w.reservation_id, w.line_id, w.holder, *w.key, w.quantity, w.expires_at, now) for w in wanted]
    if len(rows) == 1:  # `executemany` would open a pipeline, which costs more than the row
        conn.execute(insert, rows[0])
    else:
        with conn.cursor() as cursor:
            cursor.executemany(insert, rows)
    return None


def _lots(conn: Conn, lot_ids: list[int]) -> dict[int, Lot]:
    if not lot_ids:
        return {}
    rows = conn.execute("select lot_id, item_id, expires_on, blocked from lot where lot_id = any(%s)", (lot_ids,))
    return {lot_id: Lot(item_id, expires_on, blocked) for lot_id, item_id, expires_on, blocked in rows}


def end(conn: Conn, reservation_ids: Sequence[UUID], state: State, *, give_back: bool = True) -> int:
    """End pending reservations; how many were pending. `give_back` False when a movement released the quantity."""
    rows = conn.execute(
        """update reservation set state = %s, ended_at = now() where state = 'pending' and reservation_id in (
               select reservation_id from reservation where reservation_id = any(%s) and state = 'pending'
               order by reservation_id for update)
           returning item_id, lot_id, serial_id, location_id, hu_id, owner, status, quantity""",
        (state, list(reservation_ids)),
    ).fetchall()
    if give_back and rows:
        given = [(BalanceKey(*row[:7]), -row[7]) for row in rows]
        locked = balances.lock(conn, sorted({key for key, _ in given}, key=balances.sort_key))
        balances.change_reserved(conn, [(locked[key], quantity) for key, quantity in given])
    return len(rows)


def pick(conn: Conn, reservation_id: UUID, key: BalanceKey, quantity: Decimal, whole: bool) -> None:
    """Give back what is picked of a pending reservation, for a movement of it in this transaction."""
    if whole:
        end(conn, [reservation_id], State.PICKED)
        return
    conn.execute(
        "update reservation set quantity = quantity - %s where reservation_id = %s", (quantity, reservation_id)
    )
    balances.change_reserved(conn, [(balances.lock(conn, [key])[key], -quantity)])


def _lose(conn: Conn, reservation_id: UUID, held: balances.Held, quantity: Decimal) -> None:
    """A part of a reservation is given back. What a pick list asked for and lost is not asked for any more."""
    conn.execute(
        "update reservation set quantity = quantity - %s where reservation_id = %s", (quantity, reservation_id)
    )
    conn.execute("update pick_line set quantity = quantity - %s where reservation_id = %s", (quantity, reservation_id))
    balances.change_reserved(conn, [(held, -quantity)])


def give_way(conn: Conn, key: BalanceKey, quantity: Decimal) -> Decimal:
    """Make `quantity` of a balance free, as far as reservations hold it; how much they lost.

    The youngest lose first, in part where that is enough. For what cannot wait: stock found broken, or an issue
    somebody with the right forces.
    """
    pending = conn.execute(
        """select reservation_id, quantity from reservation
           where state = 'pending' and item_id = %s and lot_id is not distinct from %s
             and serial_id is not distinct from %s and location_id = %s and hu_id is not distinct from %s
             and owner = %s and status = %s
           order by created_at desc, reservation_id desc for update""",
        tuple(key),
    ).fetchall()
    held = balances.lock(conn, [key]).get(key)
    if held is None:
        return Decimal(0)
    need = missing = max(Decimal(0), quantity - (held.on_hand - held.reserved))
    for reservation_id, part in pending:
        if need <= 0:
            break
        if part <= need:
            end(conn, [reservation_id], State.RELEASED)
        else:
            _lose(conn, reservation_id, held, need)
        need -= min(part, need)
    return missing - need


def release_line(conn: Conn, line_ids: Sequence[int]) -> int:
    """Give back what is still reserved for lines that need nothing any more; how many reservations."""
    rows = conn.execute(
        "select reservation_id from reservation where line_id = any(%s) and state = 'pending'", (list(line_ids),)
    ).fetchall()
    return end(conn, [reservation_id for (reservation_id,) in rows], State.RELEASED) if rows else 0


def release_other_lots(conn: Conn, line_id: int, lot_id: int) -> None:
    """Give back what is reserved of other lots for a line that names this one by now."""
    rows = conn.execute(
        """select reservation_id from reservation
           where line_id = %s and state = 'pending' and lot_id is distinct from %s""",
        (line_id, lot_id),
    ).fetchall()
    if rows:
        end(conn, [reservation_id for (reservation_id,) in rows], State.RELEASED)


def cut_line(conn: Conn, line_id: int, needed: Decimal) -> None:
    """Give back what is reserved for a line beyond what it needs by now, the youngest first."""
    held = conn.execute(
        """select reservation_id, item_id, lot_id, serial_id, location_id, hu_id, owner, status, quantity
           from reservation where line_id = %s and state = 'pending'
           order by created_at desc, reservation_id desc for update""",
        (line_id,),
    ).fetchall()
    beyond = sum((row[-1] for row in held), Decimal(0)) - needed
    for reservation_id, *key, quantity in held:
        if beyond <= 0:
            return
        part = min(quantity, beyond)
        if part == quantity:
            end(conn, [reservation_id], State.RELEASED)
        else:
            balance = BalanceKey(*key)
            _lose(conn, reservation_id, balances.lock(conn, [balance])[balance], part)
        beyond -= part


def expire(conn: Conn, now: datetime) -> int:
    """End what is past its expiry; how many. At most 1,000 a call, oldest first."""
    due = conn.execute(
        """select reservation_id from reservation where state = 'pending' and expires_at <= %s
           order by expires_at limit 1000""",
        (now,),
    ).fetchall()
    return end(conn, [reservation_id for (reservation_id,) in due], State.EXPIRED) if due else 0
