"""Balances in the database: locked in key order, changed under their conditions, empty ones removed."""

# ruff: noqa: S608  (what is put into the statements here are the two constants below, never a value)

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection

from warehouse.ledger import Balance, BalanceKey, Change

Conn = Connection[Any]

# The key columns as arrays, matched with nulls equal.
_KEYS = """unnest(%(item)s::bigint[], %(lot)s::bigint[], %(serial)s::bigint[], %(location)s::int[], %(hu)s::bigint[],
    %(owner)s::text[], %(status)s::text[]) with ordinality
    as k (item_id, lot_id, serial_id, location_id, hu_id, owner, status, n)"""
_MATCH = """b.item_id = k.item_id and b.location_id = k.location_id and b.owner = k.owner and b.status = k.status
    and b.lot_id is not distinct from k.lot_id and b.serial_id is not distinct from k.serial_id
    and b.hu_id is not distinct from k.hu_id"""


class LedgerBroken(Exception):
    """The database did not do what the locked rows allow: a bug, never a user's error."""


def columns(keys: Sequence[BalanceKey]) -> dict[str, list[Any]]:
    """Balance keys as the arrays the statements here take."""
    names = ("item", "lot", "serial", "location", "hu", "owner", "status")
    transposed = list(zip(*keys, strict=True)) if keys else [()] * len(names)
    return {name: list(values) for name, values in zip(names, transposed, strict=True)}


def sort_key(key: BalanceKey) -> tuple[Any, ...]:
    """The order in which balances are locked: None before any id."""
    return (key.item_id, key.lot_id or 0, key.serial_id or 0, key.location_id, key.hu_id or 0, key.owner, key.status)


def lock(conn: Conn, keys: list[BalanceKey], effective_at: datetime | None) -> dict[BalanceKey, Balance]:
    """Lock the balances, given sorted by `sort_key`. With an effective time, `spare` looks at all later points."""
    if not keys:
        return {}
    rows = conn.execute(
        f"""select k.n, b.on_hand, b.reserved, b.first_in_at, b.last_effective_at
            from {_KEYS} join balance b on {_MATCH} order by k.n for update of b""",
        columns(keys),
    ).fetchall()
    peaks: dict[BalanceKey, Decimal] = {}
    if effective_at is not None:
        earlier = [keys[n - 1] for n, _, _, _, last in rows if last > effective_at]
        peaks = _later_peaks(conn, earlier, effective_at)
    return {
        keys[n - 1]: Balance(on_hand, reserved, on_hand - peaks.get(keys[n - 1], Decimal(0)), first_in_at)
        for n, on_hand, reserved, first_in_at, _ in rows
    }


def _later_peaks(conn: Conn, keys: list[BalanceKey], effective_at: datetime) -> dict[BalanceKey, Decimal]:
    """Per balance: how far it was below today's at its lowest point at or after `effective_at`; at least 0.

    Going back from now, a balance at a past point is today's less everything that happened after that point.
    """
    if not keys:
        return {}
    rows = conn.execute(
        f"""with k as materialized (select * from {_KEYS}), later as (
                select k.n, b.effective_at, b.quantity as delta from k join lateral (
                    select m.item_id, m.lot_id, m.serial_id, m.to_location_id as location_id, m.to_hu_id as hu_id,
                           m.owner, m.to_status as status, m.effective_at, m.quantity
                    from move m where m.to_location_id = k.location_id and m.item_id = k.item_id
                                      and m.effective_at > %(at)s) b on {_MATCH}
                union all
                select k.n, b.effective_at, -b.quantity from k join lateral (
                    select m.item_id, m.lot_id, m.serial_id, m.from_location_id as location_id, m.from_hu_id as hu_id,
                           m.owner, m.from_status as status, m.effective_at, m.quantity
                    from move m where m.from_location_id = k.location_id and m.item_id = k.item_id
                                      and m.effective_at > %(at)s) b on {_MATCH}),
            going_back as (
                select n, sum(delta) over (partition by n order by effective_at desc range unbounded preceding) as after
                from later)
            select n, greatest(max(after), 0) from going_back group by n""",
        {**columns(keys), "at": effective_at},
    )
    return {keys[n - 1]: peak for n, peak in rows}


def change(conn: Conn, changes: tuple[Change, ...], seqs: tuple[int, ...], effective_at: datetime) -> None:
    """Takings first, so that a serial has left its place before it stands in the next."""
    ordered = sorted((c for c in changes if c.on_hand or c.reserved), key=lambda c: sort_key(c.key))
    takings = [c for c in ordered if c.on_hand < 0 or c.reserved < 0]
    givings = [c for c in ordered if c.on_hand >= 0 and c.reserved >= 0]
    if takings:
        done = conn.execute(
            f"""update balance b set on_hand = b.on_hand + d.on_hand, reserved = b.reserved + d.reserved,
                    last_seq = greatest(b.last_seq, d.seq),
                    last_effective_at = greatest(b.last_effective_at, %(at)s)
                from {_KEYS}, unnest(%(on_hand)s::numeric[], %(reserved)s::numeric[], %(seq)s::bigint[])
                    with ordinality as d (on_hand, reserved, seq, n)
                where d.n = k.n and {_MATCH} and b.on_hand + d.on_hand >= b.reserved + d.reserved""",
            _change_columns(takings, seqs, effective_at),
        ).rowcount
        if done != len(takings):
            raise LedgerBroken(f"{len(takings)} balances were locked with enough stock, {done} gave it")
    if givings:
        conn.execute(
            f"""insert into balance as b (item_id, lot_id, serial_id, location_id, hu_id, owner, status,
                                          on_hand, reserved, last_seq, last_effective_at, first_in_at)
                select k.item_id, k.lot_id, k.serial_id, k.location_id, k.hu_id, k.owner, k.status,
                       d.on_hand, d.reserved, d.seq, %(at)s, d.first_in_at
                from {_KEYS}, unnest(%(on_hand)s::numeric[], %(reserved)s::numeric[], %(seq)s::bigint[],
                                     %(first_in_at)s::timestamptz[])
                    with ordinality as d (on_hand, reserved, seq, first_in_at, n)
                where d.n = k.n order by k.n
                on conflict (item_id, lot_id, serial_id, location_id, hu_id, owner, status) do update set
                    on_hand = b.on_hand + excluded.on_hand, reserved = b.reserved + excluded.reserved,
                    last_seq = greatest(b.last_seq, excluded.last_seq),
                    last_effective_at = greatest(b.last_effective_at, excluded.last_effective_at),
                    first_in_at = least(b.first_in_at, excluded.first_in_at)""",
            _change_columns(givings, seqs, effective_at),
        )
    if takings:
        # An empty balance says nothing the ledger does not, and a serial would leave one wherever it was.
        conn.execute(
            f"delete from balance b using {_KEYS} where {_MATCH} and b.on_hand = 0 and b.reserved = 0",
            columns([c.key for c in takings]),
        )


def change_reserved(conn: Conn, changes: Sequence[tuple[BalanceKey, Decimal]]) -> None:
    """Add to what is reserved on balances the caller has locked and checked."""
    total: dict[BalanceKey, Decimal] = {}
    for key, quantity in changes:
        total[key] = total.get(key, Decimal(0)) + quantity
    done = conn.execute(
        f"""update balance b set reserved = b.reserved + d.quantity
            from {_KEYS}, unnest(%(quantity)s::numeric[]) with ordinality as d (quantity, n)
            where d.n = k.n and {_MATCH} and b.reserved + d.quantity between 0 and b.on_hand""",
        {**columns(list(total)), "quantity": list(total.values())},
    ).rowcount
    if done != len(total):
        raise LedgerBroken(f"{len(total)} balances were locked and checked, {done} could be reserved on")


def _change_columns(changes: list[Change], seqs: tuple[int, ...], effective_at: datetime) -> dict[str, Any]:
    return {
        **columns([c.key for c in changes]),
        "on_hand": [c.on_hand for c in changes],
        "reserved": [c.reserved for c in changes],
        "seq": [seqs[c.index] for c in changes],
        "first_in_at": [c.first_in_at for c in changes],
        "at": effective_at,
    }
