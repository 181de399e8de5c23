"""Balances in the database: locked in key order, reserved on under their conditions."""

# ruff: noqa: S608  (what is put into the statements here are the two constants below, never a value)

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from warehouse.ledger import BalanceKey

Conn = Connection[Any]

# The key columns as arrays, matched with nulls equal and by the index `balance_key`.
_KEYS = """unnest(%(item)s::bigint[], %(lot)s::bigint[], %(serial)s::bigint[], %(location)s::int[], %(hu)s::bigint[],
    %(owner)s::text[], %(status)s::text[]) with ordinality
    as k (item_id, lot_id, serial_id, location_id, hu_id, owner, status, n)"""
_MATCH = """b.item_id = k.item_id and b.location_id = k.location_id and b.owner = k.owner and b.status = k.status
    and coalesce(b.lot_id, 0) = coalesce(k.lot_id, 0) and coalesce(b.serial_id, 0) = coalesce(k.serial_id, 0)
    and coalesce(b.hu_id, 0) = coalesce(k.hu_id, 0)"""


class LedgerBroken(Exception):
    """The database did not do what the locked rows allow: a bug, never a user's error."""


def sort_key(key: BalanceKey) -> tuple[Any, ...]:
    """The order in which balances are locked: None before any id."""
    return (key.item_id, key.lot_id or 0, key.serial_id or 0, key.location_id, key.hu_id or 0, key.owner, key.status)


@dataclass(frozen=True, slots=True)
class Held:
    """A balance under lock."""

    balance_id: int
    on_hand: Decimal
    reserved: Decimal


def lock(conn: Conn, keys: list[BalanceKey]) -> dict[BalanceKey, Held]:
    """Lock the balances, given sorted by `sort_key`; those that exist."""
    if not keys:
        return {}
    rows = conn.execute(
        "select n, balance_id, on_hand, reserved from lock_balances(%s)", (Jsonb([key._asdict() for key in keys]),)
    )
    return {keys[n - 1]: Held(balance_id, on_hand, reserved) for n, balance_id, on_hand, reserved in rows}


def later_peaks(conn: Conn, keys: list[BalanceKey], effective_at: datetime) -> dict[BalanceKey, Decimal]:
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
        {**_columns(keys), "at": effective_at},
    )
    return {keys[n - 1]: peak for n, peak in rows}


def change_reserved(conn: Conn, changes: Sequence[tuple[Held, Decimal]]) -> None:
    """Add to what is reserved on balances the caller has locked and checked."""
    total: dict[int, Decimal] = {}
    for held, quantity in changes:
        total[held.balance_id] = total.get(held.balance_id, Decimal(0)) + quantity
    done = conn.execute(
        """update balance b set reserved = b.reserved + d.quantity
           from unnest(%s::bigint[], %s::numeric[]) as d (balance_id, quantity)
           where b.balance_id = d.balance_id and b.reserved + d.quantity between 0 and b.on_hand""",
        (list(total), list(total.values())),
    ).rowcount
    if done != len(total):
        raise LedgerBroken(f"{len(total)} balances were locked and checked, {done} could be reserved on")


def _columns(keys: Sequence[BalanceKey]) -> dict[str, list[Any]]:
    names = ("item", "lot", "serial", "location", "hu", "owner", "status")
    return {name: list(values) for name, values in zip(names, zip(*keys, strict=True), strict=True)}
