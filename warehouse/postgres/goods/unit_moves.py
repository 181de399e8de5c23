"""Moving a handling unit: everything in it, nested units too, as stock, as tags, and what is reserved of it.

All of it in the caller's transaction. Units are locked first, then what the ledger locks, in its order: reservations,
serials, balances.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from warehouse.ledger import BalanceKey, Circumstance, LedgerRefusal, MovedTag, NewMove, Place, Refused, StockStatus
from warehouse.loads import LocationEvent, LocationUpdate
from warehouse.postgres.books import balances
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import closed_through, post
from warehouse.postgres.loads import locations
from warehouse.postgres.naming import Refuse
from warehouse.times import to_us

# A carton on a pallet on a pallet is 3; the bound ends a circle made by hand.
_NESTED_MAX = 5


@dataclass(frozen=True, slots=True)
class Holding:
    """One balance in a handling unit."""

    key: BalanceKey
    on_hand: Decimal
    reserved: Decimal
    last_effective_at: datetime


def unit_tree(conn: Conn, hu_id: int) -> list[int]:
    """A unit and the units in it."""
    rows = conn.execute(
        """with recursive n (hu_id, depth) as (
               select %s::bigint, 0
               union all select h.hu_id, n.depth + 1 from handling_unit h join n on h.parent_id = n.hu_id
               where n.depth < %s)
           select distinct hu_id from n order by 1""",
        (hu_id, _NESTED_MAX),
    )
    return [found for (found,) in rows]


def lock_units(conn: Conn, hu_ids: Sequence[int]) -> None:
    """Nobody else moves these units, or what is in them by a unit, until the transaction ends."""
    conn.execute(
        "select from handling_unit where hu_id = any(%s) order by hu_id for no key update", (sorted(set(hu_ids)),)
    )


def lock_units_of_tags(conn: Conn, epcs: Sequence[str]) -> None:
    """The same for the units that these tags are on, or in: where they stand is then known until they have moved."""
    conn.execute(
        """select from handling_unit where hu_id in (
               select hu_id from tag where epc = any(%(epcs)s)
               union select hu_id from hu_content where epc = any(%(epcs)s))
           order by hu_id for no key update""",
        {"epcs": list(epcs)},
    )


def outermost_units(conn: Conn, hu_ids: Sequence[int]) -> dict[int, int]:
    """The unit that each is in, directly or not, that is itself in none."""
    rows = conn.execute(
        """with recursive up (hu_id, top, parent_id, depth) as (
               select hu_id, hu_id, parent_id, 0 from handling_unit where hu_id = any(%s)
               union all select u.hu_id, h.hu_id, h.parent_id, u.depth + 1 from handling_unit h
               join up u on h.hu_id = u.parent_id where u.depth < %s)
           select distinct on (hu_id) hu_id, top from up order by hu_id, depth desc""",
        (list(hu_ids), _NESTED_MAX),
    )
    return dict(rows.fetchall())


def holdings(conn: Conn, tree: Sequence[int]) -> list[Holding]:
    """What the units hold in stocked places, locked until the transaction ends."""
    conn.execute(
        "select from reservation where hu_id = any(%s) and state = 'pending' order by created_at, reservation_id"
        " for update",
        (list(tree),),
    )
    conn.execute(
        """select from serial where serial_id in (select serial_id from balance where hu_id = any(%s))
           order by serial_id for update""",
        (list(tree),),
    )
    rows: list[tuple[Any, ...]] = conn.execute(
        """select item_id, lot_id, serial_id, location_id, hu_id, owner, status, on_hand, reserved, last_effective_at
           from balance where hu_id = any(%s) and on_hand > 0
           order by item_id, coalesce(lot_id, 0), coalesce(serial_id, 0), location_id, hu_id, owner, status
           for update""",
        (list(tree),),
    ).fetchall()
    return [Holding(BalanceKey(*row[:7]), *row[7:]) for row in rows]


def place_of_unit(conn: Conn, hu_id: int) -> int | None:
    """The location its stock is at (the most of it, should it be in several); None when none is in stock."""
    row = conn.execute(
        """select location_id from balance where hu_id = any(%s) and on_hand > 0
           group by 1 order by sum(on_hand) desc, 1 limit 1""",
        (unit_tree(conn, hu_id),),
    ).fetchone()
    return None if row is None else int(row[0])


def move_unit(
    conn: Conn, hu_id: int, target_id: int, circumstance: Circumstance, namespace: UUID, prefix: str
) -> tuple[UUID, ...]:
    """Bring a unit to a place; the ids of the movements, none when it holds no stock or is there already.

    Dated when it happened, but not before the goods came where they are taken from, nor in a closed period. Raises
    `Refuse` when the ledger does.
    """
    tree = unit_tree(conn, hu_id)
    lock_units(conn, tree)
    held = [holding for holding in holdings(conn, tree) if holding.key.location_id != target_id]
    at = dated(conn, circumstance.effective_at, [holding.last_effective_at for holding in held])
    tags, unit_tags = tags_in(conn, tree), _unit_tags(conn, tree)
    moves = []
    for n, holding in enumerate(held):
        key = holding.key
        source = Place(key.location_id, key.hu_id, StockStatus(key.status))
        moved = [*tags.get(key, ()), *unit_tags.pop(key.hu_id, ())]
        moves.append(
            NewMove(
                uuid5(namespace, f"{prefix}/{n}"),
                "task",
                key.item_id,
                holding.on_hand,
                source,
                replace(source, location_id=target_id),
                key.lot_id,
                key.serial_id,
                key.owner,
                releases=holding.reserved,
                tags=tuple(MovedTag(epc, inferred=True) for epc in moved),
            )
        )
    if moves:
        outcome = post(conn, moves, replace(circumstance, effective_at=at, device_at=circumstance.effective_at))
        if isinstance(outcome, Refused):
            raise Refuse(outcome.reason, field_of(outcome.reason), outcome.detail)
        _carry_reservations(conn, held, target_id)
    epcs = sorted({tag.epc for move in moves for tag in move.tags} | {e for found in unit_tags.values() for e in found})
    tell_places(conn, epcs, target_id, at, circumstance, namespace, prefix)
    return tuple(move.move_id for move in moves)


def dated(conn: Conn, wanted: datetime, came: Sequence[datetime]) -> datetime:
    """When it happened, but not before the goods `came` where they are taken from, nor in a closed period."""
    at = max([wanted, *came])
    closed = closed_through(conn)
    if closed is not None and at.astimezone(UTC).date() <= closed:
        at = datetime.combine(closed + timedelta(days=1), time(), UTC)
    return at


def tags_in(conn: Conn, tree: Sequence[int]) -> dict[BalanceKey, list[str]]:
    """Tags of the contents by the balance they were last posted to."""
    by_balance: dict[BalanceKey, list[str]] = {}
    for epc, *key in conn.execute(
        """select c.epc, m.item_id, m.lot_id, m.serial_id, m.to_location_id, m.to_hu_id, m.owner, m.to_status
           from hu_content c
           cross join lateral (select seq from move_tag x where x.epc = c.epc order by seq desc limit 1) last
           join move m using (seq)
           where c.hu_id = any(%(tree)s) and m.to_hu_id = any(%(tree)s) and m.item_id = c.item_id order by c.epc""",
        {"tree": list(tree)},
    ):
        by_balance.setdefault(BalanceKey(*key), []).append(epc)
    return by_balance


def _unit_tags(conn: Conn, tree: Sequence[int]) -> dict[int | None, list[str]]:
    own: dict[int | None, list[str]] = {}
    for hu_id, epc in conn.execute(
        "select hu_id, epc from tag where hu_id = any(%s) and retired_at is null order by epc", (list(tree),)
    ):
        own.setdefault(hu_id, []).append(epc)
    return own


def _carry_reservations(conn: Conn, held: Sequence[Holding], target_id: int) -> None:
    """What was reserved stays reserved, at the new place."""
    reserved = [holding for holding in held if holding.reserved > 0]
    if not reserved:
        return
    for holding in reserved:
        conn.execute(
            """update reservation set location_id = %s
               where state = 'pending' and item_id = %s and lot_id is not distinct from %s
                 and serial_id is not distinct from %s and location_id = %s and hu_id is not distinct from %s
                 and owner = %s and status = %s""",
            (target_id, *holding.key),
        )
    moved = [(holding.key._replace(location_id=target_id), holding.reserved) for holding in reserved]
    held_there = balances.lock(conn, sorted({key for key, _ in moved}, key=balances.sort_key))
    balances.change_reserved(conn, [(held_there[key], quantity) for key, quantity in moved])


def tell_places(
    conn: Conn, epcs: Sequence[str], target_id: int, at: datetime, c: Circumstance, namespace: UUID, prefix: str
) -> None:
    """The tags are seen to be where their goods were brought."""
    if not epcs:
        return
    row = conn.execute("select code from location where location_id = %s", (target_id,)).fetchone()
    assert row is not None
    locations.apply(
        conn,
        [
            LocationUpdate(uuid5(namespace, f"{prefix}/{epc}"), epc, LocationEvent.MOVED, row[0], to_us(at), c.reason)
            for epc in epcs
        ],
    )


def field_of(reason: LedgerRefusal) -> str:
    """The field of a command to a place that a refusal by the ledger is about."""
    return {LedgerRefusal.LOCATION_CLOSED: "target", LedgerRefusal.PERIOD_CLOSED: "effective_at"}.get(reason, "")
