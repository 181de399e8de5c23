"""The value of stock, booked with the movements that change it, in their transaction.

Only movements across the edge of our own stock have a value: what is moved inside keeps its own, another owner's goods
have none. Pools are locked after balances, in the order of their keys. An item without valuation costs nothing here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from warehouse.ledger import ZERO, Circumstance, Facts, NewMove, Tracking
from warehouse.postgres.books.balances import Conn, LedgerBroken
from warehouse.valuation import Booked, Layer, Pool, Valuation, ValuationRefusal, gain, give, split


class PoolKey(NamedTuple):
    """An item, a lot of a lot-tracked one, a serial of a serial-tracked one."""

    item_id: int
    lot_id: int | None
    serial_id: int | None


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A movement into our stock or out of it."""

    move: NewMove
    seq: int
    gains: bool
    key: PoolKey


@dataclass(frozen=True, slots=True)
class _Costs:
    """What is known about what the goods of a posting cost."""

    method: Mapping[int, tuple[Valuation, Decimal | None]]
    of_line: Mapping[int, Decimal]
    of_reversed: Mapping[int, Decimal]


def book(conn: Conn, moves: Sequence[NewMove], seqs: Sequence[int], facts: Facts, at: Circumstance) -> None:
    """Value the movements just written. Raises LedgerBroken when a pool has less than the balances."""
    crossing = [
        _Crossing(m, seq, facts.locations[m.target.location_id].stocked, pool_key(m, facts.items[m.item_id].tracking))
        for m, seq in zip(moves, seqs, strict=True)
        if m.owner == ""
        and facts.locations[m.source.location_id].stocked != facts.locations[m.target.location_id].stocked
    ]
    if not crossing:
        return
    method = methods(conn, {c.key.item_id for c in crossing})
    crossing = [c for c in crossing if c.key.item_id in method]
    if not crossing:
        return
    pools = lock_pools(conn, {c.key for c in crossing})
    costs = _Costs(method, _line_costs(conn, crossing), _reversed_amounts(conn, crossing))
    converted = _converted(crossing, pools, costs)
    entries: list[tuple[_Crossing, Booked]] = []
    for c in crossing:
        booked = _book(c, pools[c.key], costs, converted.get(c.seq))
        if isinstance(booked, ValuationRefusal):
            raise LedgerBroken(f"pool {c.key} has {pools[c.key].quantity}, movement {c.seq} takes {c.move.quantity}")
        pools[c.key] = booked.pool
        entries.append((c, booked))
    save_pools(conn, pools)
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into value_entry (seq, kind, item_id, lot_id, serial_id, quantity, amount, difference, basis,
                                        effective_at, actor, note)
               values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            [
                (
                    c.seq,
                    "receipt" if c.gains else "issue",
                    *c.key,
                    c.move.quantity if c.gains else -c.move.quantity,
                    booked.amount,
                    booked.difference,
                    booked.basis,
                    at.effective_at,
                    at.actor,
                    at.reason,
                )
                for c, booked in entries
            ],
        )


def pool_key(move: NewMove, tracking: Tracking) -> PoolKey:
    match tracking:
        case Tracking.LOT:
            return PoolKey(move.item_id, move.lot_id, None)
        case Tracking.SERIAL:
            return PoolKey(move.item_id, None, move.serial_id)
        case _:
            return PoolKey(move.item_id, None, None)


def methods(conn: Conn, item_ids: Iterable[int]) -> dict[int, tuple[Valuation, Decimal | None]]:
    """How those of the items that are valued are valued, and their standard cost."""
    return {
        item_id: (Valuation(valuation), standard_cost)
        for item_id, valuation, standard_cost in conn.execute(
            "select item_id, valuation, standard_cost from item where item_id = any(%s) and valuation <> 'none'",
            (sorted(item_ids),),
        )
    }


def lock_pools(conn: Conn, keys: Iterable[PoolKey]) -> dict[PoolKey, Pool]:
    """Those that are missing are made empty."""
    ordered = sorted(keys, key=lambda key: (key.item_id, key.lot_id or 0, key.serial_id or 0))
    columns = [list(column) for column in zip(*ordered, strict=True)]
    conn.execute(
        """insert into value_pool (item_id, lot_id, serial_id)
           select * from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) on conflict do nothing""",
        columns,
    )
    rows = conn.execute(
        """select p.item_id, p.lot_id, p.serial_id, p.quantity, p.value, p.layers
           from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) with ordinality as k (item_id, lot_id, serial_id, n)
           cross join lateral (
               select * from value_pool v where v.item_id = k.item_id and v.lot_id is not distinct from k.lot_id
               and v.serial_id is not distinct from k.serial_id for update) p order by k.n""",
        columns,
    )
    return {
        PoolKey(*row[:3]): Pool(row[3], row[4], tuple(Layer(Decimal(q), Decimal(cost)) for q, cost in row[5]))
        for row in rows
    }


def save_pools(conn: Conn, pools: Mapping[PoolKey, Pool]) -> None:
    """An empty pool says nothing that its entries do not."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """update value_pool set quantity = %s, value = %s, layers = %s where item_id = %s
               and lot_id is not distinct from %s and serial_id is not distinct from %s""",
            [
                (
                    pool.quantity,
                    pool.value,
                    Jsonb([[str(layer.quantity), str(layer.unit_cost)] for layer in pool.layers]),
                    *key,
                )
                for key, pool in pools.items()
            ],
        )


def _book(c: _Crossing, pool: Pool, costs: _Costs, converted: Decimal | None) -> Booked | ValuationRefusal:
    valuation, standard_cost = costs.method[c.key.item_id]
    undone = costs.of_reversed.get(c.move.reverses) if c.move.reverses is not None else None
    if not c.gains:
        amount = undone if undone is not None and undone > 0 else None
        return give(pool, c.move.quantity, valuation, standard_cost=standard_cost, amount=amount)
    amount, basis = None, "document"
    if undone is not None:
        amount, basis = -undone, "reversal"
    elif converted is not None:
        amount, basis = converted, "conversion"
    unit_cost = c.move.unit_cost
    if unit_cost is not None:
        basis = "given"
    elif c.move.line_id is not None:
        unit_cost = costs.of_line.get(c.move.line_id)
    return gain(
        pool,
        c.move.quantity,
        valuation,
        unit_cost=unit_cost,
        amount=amount,
        standard_cost=standard_cost,
        basis=basis,
    )


def _converted(crossing: Sequence[_Crossing], pools: Mapping[PoolKey, Pool], costs: _Costs) -> dict[int, Decimal]:
    """What a conversion took out of stock is what it puts back is worth, shared by quantity."""
    taken = ZERO
    trial = dict(pools)
    for c in crossing:
        if c.move.kind == "conversion" and not c.gains and c.move.reverses is None:
            booked = _book(c, trial[c.key], costs, None)
            if isinstance(booked, Booked):
                trial[c.key] = booked.pool
                taken -= booked.amount
    made = [c for c in crossing if c.move.kind == "conversion" and c.gains and c.move.reverses is None]
    if not made:
        return {}
    return {c.seq: part for c, part in zip(made, split(taken, [c.move.quantity for c in made]), strict=True)}


def _line_costs(conn: Conn, crossing: Sequence[_Crossing]) -> dict[int, Decimal]:
    lines = sorted({c.move.line_id for c in crossing if c.gains and c.move.line_id is not None})
    if not lines:
        return {}
    rows: list[Any] = conn.execute(
        """select l.line_id, coalesce(l.unit_cost, s.unit_cost) from document_line l
           left join document_line s on s.line_id = l.source_line_id
           where l.line_id = any(%s) and coalesce(l.unit_cost, s.unit_cost) is not null""",
        (lines,),
    ).fetchall()
    return dict(rows)


def _reversed_amounts(conn: Conn, crossing: Sequence[_Crossing]) -> dict[int, Decimal]:
    """What the movements that are undone were worth: positive when goods came."""
    undone = sorted({c.move.reverses for c in crossing if c.move.reverses is not None})
    if not undone:
        return {}
    rows: list[Any] = conn.execute("select seq, amount from value_entry where seq = any(%s)", (undone,)).fetchall()
    return dict(rows)
