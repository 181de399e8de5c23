"""Moving loose goods for a task: so much of what stands in no handling unit, with the tags that are known to be on it.

What nobody reserved is moved, in the status it has by now. The tags that go along are those that who moved them read;
else all of a balance's when all of it goes; else those the task knows of, unless they are more than is moved: then
nobody knows which. In the caller's transaction, under the ledger's own locks.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class LooseGoods:
    """What loose goods are and where they stand. `key` names no serial: goods that have them are those `serial_ids`."""

    key: BalanceKey
    serial_ids: tuple[int, ...] = ()

    @staticmethod
    def of(key: BalanceKey) -> "LooseGoods":
        """The goods of one balance."""
        return LooseGoods(key._replace(serial_id=None), () if key.serial_id is None else (key.serial_id,))

    def only(self, serial_ids: Iterable[int]) -> "LooseGoods":
        """Those with these serial numbers."""
        return replace(self, serial_ids=tuple(serial_ids))


@dataclass(frozen=True, slots=True)
class ReadTag:
    """A tag that who moves the goods has read: on how much it is, and its status by the books, None where unknown."""

    epc: str
    quantity: Decimal
    serial_id: int | None = None
    status: StockStatus | None = None


def move_loose(
    conn: Conn,
    goods: LooseGoods,
    parts: Sequence[tuple[BalanceKey, Decimal]],
    quantity: Decimal,
    target_id: int,
    tags: Sequence[str],
    read: Sequence[ReadTag],
    circumstance: Circumstance,
    namespace: UUID,
    prefix: str,
) -> tuple[UUID, ...]:
    """Take a quantity from `parts`, the free stock by balance in the order in which it is taken; the movements' ids.

    `tags` are those the task knows of, `read` those on what is moved. None moves when it is there already. Raises
    `Refuse` with the ledger's codes when too little is free, or the ledger does.
    """
    if goods.key.location_id == target_id:
        return ()
    _refuse_missing(conn, goods, parts, quantity)
    moves: list[NewMove] = []
    for n, (key, part, mine) in enumerate(_shares(parts, quantity, read)):
        source = Place(key.location_id, None, StockStatus(key.status))
        there = replace(source, location_id=target_id)
        move = NewMove(uuid5(namespace, f"{prefix}/{n}"), "task", key.item_id, part, source, there, key.lot_id,
                       key.serial_id, key.owner)  # fmt: skip
        found = _its_tags(conn, move)
        if mine:
            found = (*(MovedTag(epc) for epc in mine), *(tag for tag in found if tag.epc not in mine))
        moves.append(replace(move, tags=found))
    if len(moves) == 1 and not moves[0].tags:
        moves = [replace(moves[0], tags=_known_tags(conn, moves[0], tags))]
    at = dated(conn, circumstance.effective_at, _came(conn, moves))
    outcome = post(conn, moves, replace(circumstance, effective_at=at, device_at=circumstance.effective_at))
    if isinstance(outcome, Refused):
        raise Refuse(outcome.reason, field_of(outcome.reason), outcome.detail)
    epcs = sorted({tag.epc for move in moves for tag in move.tags})
    tell_places(conn, epcs, target_id, at, circumstance, namespace, prefix)
    return tuple(move.move_id for move in moves)


def _shares(
    parts: Sequence[tuple[BalanceKey, Decimal]], quantity: Decimal, read: Sequence[ReadTag]
) -> list[tuple[BalanceKey, Decimal, list[str]]]:
    """How much is taken of each balance, and the read tags on it: first what those say, then in the given order."""
    taken: dict[BalanceKey, Decimal] = defaultdict(Decimal)
    epcs: dict[BalanceKey, list[str]] = defaultdict(list)
    unplaced = []
    for tag in read:
        fits = (key for key, free in parts if (key.serial_id, key.status) == (tag.serial_id, tag.status)
                and taken[key] + tag.quantity <= free)  # fmt: skip
        key = next(fits, None)
        if key is None:
            unplaced.append(tag.epc)
        else:
            taken[key] += tag.quantity
            epcs[key].append(tag.epc)
    left = quantity - sum(taken.values(), Decimal(0))
    for key, free in parts:
        more = max(Decimal(0), min(left, free - taken[key]))
        taken[key] += more
        left -= more
    shares = [(key, taken[key], epcs[key]) for key, _ in parts if taken[key] > 0]
    shares[0][2].extend(unplaced)
    return shares


def _refuse_missing(
    conn: Conn, goods: LooseGoods, parts: Sequence[tuple[BalanceKey, Decimal]], quantity: Decimal
) -> None:
    free = sum((part for _, part in parts), Decimal(0))
    if free >= quantity:
        return
    row = conn.execute(
        """select coalesce(sum(b.reserved), 0), l.code from location l left join balance b
               on b.location_id = l.location_id and b.item_id = %(item_id)s and b.hu_id is null
               and b.lot_id is not distinct from %(lot_id)s and b.owner = %(owner)s
               and case when %(serial_ids)s::bigint[] = '{}' then b.serial_id is null
                        else b.serial_id = any(%(serial_ids)s) end
           where l.location_id = %(location_id)s group by l.code""",
        {**goods.key._asdict(), "serial_ids": list(goods.serial_ids)},
    ).fetchone()
    assert row is not None
    reserved, place = row
    told = (
        f"{free.normalize():f} of {quantity.normalize():f} are free at {place}, {reserved.normalize():f} are reserved"
    )
    raise Refuse(LedgerRefusal.RESERVED if reserved else LedgerRefusal.NOT_ENOUGH, "task_id", told)


def _its_tags(conn: Conn, move: NewMove) -> tuple[MovedTag, ...]:
    """The tags of its stock if it takes all of a balance, unless they are on more than that."""
    found = with_its_tags(conn, move).tags
    row = conn.execute(
        "select coalesce(sum(quantity), 0) from tag where epc = any(%s)", ([tag.epc for tag in found],)
    ).fetchone()
    assert row is not None
    return tuple(found) if row[0] <= move.quantity else ()


def _known_tags(conn: Conn, move: NewMove, tags: Sequence[str]) -> tuple[MovedTag, ...]:
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
