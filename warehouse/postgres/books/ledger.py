"""Posting to the ledger: two calls whatever the number of movements, one for the facts and one to write.

Locks are taken in one order: document lines, reservations, serials, balances, value pools, each sorted by key. Two
postings can then only wait for each other, not deadlock, except where one creates a balance that another locks at that
moment; PostgreSQL breaks that with 40P01 and `warehouse.postgres.transaction` runs the whole transaction again.

The rules run in Python on the locked rows (`warehouse.ledger.plan`); the conditions are repeated in the UPDATE, and
under them stand the CHECK constraints and unique keys. A refusal writes nothing. Everything happens in the caller's
transaction; the two functions are in `migrations/0015_posting_functions.sql`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from warehouse.ledger import (
    Balance,
    BalanceKey,
    Change,
    Circumstance,
    Facts,
    Item,
    LineRole,
    Location,
    Lot,
    NewMove,
    Refused,
    Serial,
    Tracking,
    plan,
)
from warehouse.postgres.books import value_pools
from warehouse.postgres.books.balances import Conn, LedgerBroken, later_peaks, sort_key

_Uses = tuple[tuple[UUID, Decimal], ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What `posting_facts` gave: movements that use what is reserved for their lines, and what the rules need."""

    moves: Sequence[NewMove]
    used: Mapping[UUID, _Uses]
    facts: Facts
    balance_ids: Mapping[BalanceKey, int]


def post(conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance) -> tuple[int, ...] | Refused:
    """Post all movements or none. Gives their sequence numbers in the order given, or the refusal.

    Raises psycopg errors for a broken world (deadlock and serialisation failures are for the caller to retry).
    """
    read = _read(conn, moves, circumstance.effective_at)
    changes = plan(read.moves, circumstance, read.facts)
    if isinstance(changes, Refused):
        return changes
    return _write(conn, read.moves, changes, circumstance, read)


def post_possible(
    conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance
) -> tuple[tuple[tuple[NewMove, int], ...], tuple[tuple[NewMove, Refused], ...]]:
    """Post what the rules allow and give the rest back: (movement, seq) pairs and (movement, refusal) pairs.

    For what physically happened: one wrong pallet must not keep the other thirty off the books.
    """
    read = _read(conn, moves, circumstance.effective_at)
    wanted = list(read.moves)
    refused: list[tuple[NewMove, Refused]] = []
    while wanted:
        changes = plan(wanted, circumstance, read.facts)
        if not isinstance(changes, Refused):
            seqs = _write(conn, wanted, changes, circumstance, read)
            return tuple(zip(wanted, seqs, strict=True)), tuple(refused)
        refused.append((wanted.pop(changes.index), changes))
    return (), tuple(refused)


def closed_through(conn: Conn) -> date | None:
    """The last closed day, or None."""
    row = conn.execute("select max(closed_through) from period_close").fetchone()
    return row[0] if row is not None else None


def _read(conn: Conn, moves: Sequence[NewMove], effective_at: datetime) -> _Read:
    keys = sorted({m.key_at(p) for m in moves for p in (m.source, m.target)}, key=sort_key)
    asked = {
        "lines": _ids(m.line_id for m in moves),
        "serials": _ids(m.serial_id for m in moves),
        "items": _ids(m.item_id for m in moves),
        "lots": _ids(m.lot_id for m in moves),
        "locations": _ids(p.location_id for m in moves for p in (m.source, m.target)),
        "reverses": _ids(m.reverses for m in moves),
        "keys": [key._asdict() for key in keys],
    }
    row = conn.execute("select posting_facts(%s)", (Jsonb(asked),)).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    moves, used = _with_own_reservations(moves, found.get("reservations") or ())
    balances, balance_ids = _balances(conn, keys, found["balances"] or (), effective_at)
    standing = {row[2]: BalanceKey(*row) for row in found.get("standing") or ()}
    closed = found["closed_through"]
    facts = Facts(
        {item_id: Item(Tracking(tracking), decimals) for item_id, tracking, decimals in found["items"] or ()},
        {
            lot_id: Lot(item_id, date.fromisoformat(expires_on) if expires_on else None, blocked)
            for lot_id, item_id, expires_on, blocked in found["lots"] or ()
        },
        {
            serial_id: Serial(item_id, lot_id, standing.get(serial_id))
            for serial_id, item_id, lot_id in found.get("serials") or ()
        },
        {location_id: Location(kind, shut) for location_id, kind, shut in found["locations"] or ()},
        balances,
        frozenset(found["reversed"] or ()),
        date.fromisoformat(closed) if closed else None,
    )
    return _Read(moves, used, facts, balance_ids)


def _ids(values: Iterable[int | None]) -> list[int]:
    return sorted({value for value in values if value is not None})


def _balances(
    conn: Conn, keys: list[BalanceKey], rows: Sequence[Any], effective_at: datetime
) -> tuple[dict[BalanceKey, Balance], dict[BalanceKey, int]]:
    """Locked balances and their ids. `spare` looks at all later points, which only a movement dated back has."""
    earlier = [keys[row[0] - 1] for row in rows if datetime.fromisoformat(row[5]) > effective_at]
    peaks = later_peaks(conn, earlier, effective_at) if earlier else {}
    balances: dict[BalanceKey, Balance] = {}
    ids: dict[BalanceKey, int] = {}
    for n, balance_id, on_hand_text, reserved, first_in_at, _ in rows:
        key, on_hand = keys[n - 1], Decimal(on_hand_text)
        spare = on_hand - peaks.get(key, Decimal(0))
        balances[key] = Balance(on_hand, Decimal(reserved), spare, datetime.fromisoformat(first_in_at))
        ids[key] = balance_id
    return balances, ids


def _with_own_reservations(
    moves: Sequence[NewMove], rows: Sequence[dict[str, Any]]
) -> tuple[Sequence[NewMove], dict[UUID, _Uses]]:
    """Let movements of a document line use what is reserved for that line; which reservations each uses."""
    if not rows:
        return moves, {}
    pending: dict[tuple[int, BalanceKey], list[tuple[UUID, Decimal]]] = {}
    for row in rows:
        key = BalanceKey(*(row[name] for name in BalanceKey._fields))
        pending.setdefault((row["line_id"], key), []).append((UUID(row["reservation_id"]), Decimal(row["quantity"])))
    result: list[NewMove] = []
    used: dict[UUID, _Uses] = {}
    for move in moves:
        own: list[tuple[UUID, Decimal]] = []
        if move.line_id is not None and move.reverses is None:
            own = pending.get((move.line_id, move.key_at(move.source)), [])
        need = move.quantity
        uses: list[tuple[UUID, Decimal]] = []
        while own and need > 0:
            reservation_id, quantity = own.pop(0)
            part = min(quantity, need)
            uses.append((reservation_id, part))
            need -= part
            if part < quantity:
                own.insert(0, (reservation_id, quantity - part))
        used[move.move_id] = tuple(uses)
        result.append(replace(move, releases=move.quantity - need) if uses else move)
    return result, used


def _write(
    conn: Conn, moves: Sequence[NewMove], changes: tuple[Change, ...], circumstance: Circumstance, read: _Read
) -> tuple[int, ...]:
    ordered = sorted((c for c in changes if c.on_hand or c.reserved), key=lambda c: sort_key(c.key))
    takings = [_taking(c, read) for c in ordered if c.on_hand < 0 or c.reserved < 0]
    written: dict[str, Any] = {
        "effective_at": circumstance.effective_at.isoformat(),
        "actor": circumstance.actor,
        "device": circumstance.device,
        "device_at": circumstance.device_at.isoformat() if circumstance.device_at is not None else None,
        "passage_id": _text(circumstance.passage_id),
        "request_id": _text(circumstance.request_id),
        "reason": circumstance.reason,
        "moves": [_move(m) for m in moves],
        "takings": takings,
        "givings": [_giving(c) for c in ordered if c.on_hand >= 0 and c.reserved >= 0],
    }
    tags = [
        {"move": n, "epc": t.epc, "inferred": t.inferred, "score": t.score} for n, m in enumerate(moves) for t in m.tags
    ]
    lines = _fulfilled(moves)
    picked = [
        {"reservation_id": str(reservation_id), "quantity": str(quantity)}
        for m in moves
        for reservation_id, quantity in read.used.get(m.move_id, ())
    ]
    written |= {name: rows for name, rows in (("tags", tags), ("lines", lines), ("picked", picked)) if rows}
    row = conn.execute("select seqs, taken from posting_write(%s)", (Jsonb(written),)).fetchone()
    assert row is not None
    seqs, taken = row
    if taken != len(takings):
        raise LedgerBroken(f"{len(takings)} balances were locked with enough stock, {taken} gave it")
    value_pools.book(conn, moves, seqs, read.facts, circumstance)
    return tuple(seqs)


def _taking(change: Change, read: _Read) -> dict[str, Any]:
    return {
        "balance_id": read.balance_ids[change.key],
        "on_hand": str(change.on_hand),
        "reserved": str(change.reserved),
        "move": change.index,
    }


def _giving(change: Change) -> dict[str, Any]:
    return change.key._asdict() | {
        "on_hand": str(change.on_hand),
        "reserved": str(change.reserved),
        "first_in_at": change.first_in_at.isoformat(),
        "move": change.index,
    }


def _move(m: NewMove) -> dict[str, Any]:
    return {
        "move_id": str(m.move_id),
        "kind": m.kind,
        "line_id": m.line_id,
        "item_id": m.item_id,
        "lot_id": m.lot_id,
        "serial_id": m.serial_id,
        "quantity": str(m.quantity),
        "from_location": m.source.location_id,
        "to_location": m.target.location_id,
        "from_hu": m.source.hu_id,
        "to_hu": m.target.hu_id,
        "from_status": m.source.status,
        "to_status": m.target.status,
        "owner": m.owner,
        "reverses": m.reverses,
        "line_role": m.line_role,
    }


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None


def _fulfilled(moves: Sequence[NewMove]) -> list[dict[str, Any]]:
    """What the movements do to their document lines; a reversal takes back what its movement fulfilled or shipped."""
    done: dict[int, tuple[Decimal, Decimal]] = {}
    for m in moves:
        if m.line_id is not None:
            fulfilled, shipped = done.get(m.line_id, (Decimal(0), Decimal(0)))
            signed = m.quantity if m.reverses is None else -m.quantity
            if m.line_role is LineRole.SHIP:
                done[m.line_id] = (fulfilled, shipped + signed)
            else:
                done[m.line_id] = (fulfilled + signed, shipped)
    return [
        {"line_id": line_id, "fulfilled": str(fulfilled), "shipped": str(shipped)}
        for line_id, (fulfilled, shipped) in done.items()
    ]
