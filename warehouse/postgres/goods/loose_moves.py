"""Moving loose goods for a task: so much of what stands in no handling unit, with the tags that are known to be on it.

What nobody reserved is moved, in the status it has by now. In the caller's transaction, under the ledger's own locks.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from warehouse.ledger import BalanceKey, Circumstance, LedgerRefusal, MovedTag, NewMove, Place, Refused, StockStatus
from warehouse.postgres.books import balances
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import post
from warehouse.postgres.goods.tags_of_stock import with_its_tags
from warehouse.postgres.goods.unit_moves import dated, field_of, tell_places
from warehouse.postgres.naming import Refuse


def move_loose(
    conn: Conn,
    key: BalanceKey,
    parts: Sequence[tuple[StockStatus, Decimal]],
    quantity: Decimal,
    target_id: int,
    tags: Sequence[str],
    circumstance: Circumstance,
    namespace: UUID,
    prefix: str,
) -> tuple[UUID, ...]:
    """Take a quantity from `parts`, the free stock by status in the order in which it is taken; the movements' ids.

    None when it is there already. Raises `Refuse` with the ledger's codes when too little is free, or the ledger does.
    """
    if key.location_id == target_id:
        return ()
    _refuse_missing(conn, key, parts, quantity)
    moves: list[NewMove] = []
    left = quantity
    for n, (status, free) in enumerate(parts):
        part = min(left, free)
        if part <= 0:
            break
        left -= part
        source = Place(key.location_id, None, status)
        there = replace(source, location_id=target_id)
        move = NewMove(uuid5(namespace, f"{prefix}/{n}"), "task", key.item_id, part, source, there, key.lot_id,
                       key.serial_id, key.owner)  # fmt: skip
        moves.append(with_its_tags(conn, move))
    if len(moves) == 1 and not moves[0].tags:
        moves = [replace(moves[0], tags=_named_tags(conn, moves[0], tags))]
    at = dated(conn, circumstance.effective_at, _came(conn, moves))
    outcome = post(conn, moves, replace(circumstance, effective_at=at, device_at=circumstance.effective_at))
    if isinstance(outcome, Refused):
        raise Refuse(outcome.reason, field_of(outcome.reason), outcome.detail)
    epcs = sorted({tag.epc for move in moves for tag in move.tags})
    tell_places(conn, epcs, target_id, at, circumstance, namespace, prefix)
    return tuple(move.move_id for move in moves)


def _refuse_missing(
    conn: Conn, key: BalanceKey, parts: Sequence[tuple[StockStatus, Decimal]], quantity: Decimal
) -> None:
    free = sum((part for _, part in parts), Decimal(0))
    if free >= quantity:
        return
    row = conn.execute(
        """select coalesce(sum(b.reserved), 0), l.code from location l left join balance b
               on b.location_id = l.location_id and b.item_id = %(item_id)s and b.hu_id is null
               and b.lot_id is not distinct from %(lot_id)s and b.serial_id is not distinct from %(serial_id)s
               and b.owner = %(owner)s
           where l.location_id = %(location_id)s group by l.code""",
        key._asdict(),
    ).fetchone()
    assert row is not None
    reserved, place = row
    told = (
        f"{free.normalize():f} of {quantity.normalize():f} are free at {place}, {reserved.normalize():f} are reserved"
    )
    raise Refuse(LedgerRefusal.RESERVED if reserved else LedgerRefusal.NOT_ENOUGH, "task_id", told)


def _named_tags(conn: Conn, move: NewMove, tags: Sequence[str]) -> tuple[MovedTag, ...]:
    """Those of `tags` that still stand there, unless they are more than is moved: then nobody knows which go."""
    rows = conn.execute(
        """select c.epc, t.quantity from unnest(%(tags)s::text[]) as c (epc) join tag t using (epc)
           cross join lateral (select seq from move_tag x where x.epc = c.epc order by seq desc limit 1) last
           join move m using (seq)
           where m.item_id = %(item_id)s and m.to_location_id = %(location_id)s and m.to_hu_id is null
             and m.lot_id is not distinct from %(lot_id)s and m.serial_id is not distinct from %(serial_id)s
             and m.owner = %(owner)s and m.to_status = %(status)s order by 1""",
        {**move.key_at(move.source)._asdict(), "tags": list(tags)},
    ).fetchall()
    if sum((quantity for _, quantity in rows), Decimal(0)) > move.quantity:
        return ()
    return tuple(MovedTag(epc, inferred=True) for epc, _ in rows)


def _came(conn: Conn, moves: Sequence[NewMove]) -> list[datetime]:
    """When the stock last changed that they take from."""
    keys = sorted((move.key_at(move.source) for move in moves), key=balances.sort_key)
    ids = [held.balance_id for held in balances.lock(conn, keys).values()]
    rows = conn.execute("select last_effective_at from balance where balance_id = any(%s)", (ids,))
    return [at for (at,) in rows]
