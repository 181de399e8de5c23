"""Posting to the ledger: two calls whatever the number of movements, one for the facts and one to write.

Several postings can share the calls (`group_posting`).

Locks are taken in one order: document lines, reservations, serials, balances, value pools, each sorted by key. Two
postings can then only wait for each other, not deadlock, except where one creates a balance that another locks at that
moment; PostgreSQL breaks that with 40P01 and `warehouse.postgres.transaction` runs the whole transaction again.

The rules run in Python on the locked rows (`warehouse.ledger_rules`); the conditions are repeated in the UPDATE, and
under them stand the CHECK constraints and unique keys. A refusal writes nothing. Everything happens in the caller's
transaction; the two functions are in `migrations/0044_shelf_life_requests.sql` and `0062_group_facts.sql`, and find all
they are about by key (`0064_posting_by_key.sql`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from msgspec.json import encode as dumps
from psycopg.types.json import Jsonb

from warehouse.ledger import (
    ZERO,
    Balance,
    BalanceKey,
    Change,
    Circumstance,
    Facts,
    Item,
    LineLife,
    LineRole,
    Location,
    Lot,
    NewMove,
    Refused,
    Serial,
    Tracking,
    Wanted,
)
from warehouse.ledger_rules import plan
from warehouse.postgres.books import value_pools
from warehouse.postgres.books.balances import Conn, LedgerBroken, later_peaks, sort_key
from warehouse.postgres.clock import NOW

_Uses = tuple[tuple[UUID, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What the rules need to know, read under lock, and when what is posted on it happens.

    `balances` and `serials` are those of `facts`, to be brought up to date between postings that share it.
    """

    at: datetime
    facts: Facts
    balances: dict[BalanceKey, Balance]
    serials: dict[int, Serial]
    balance_ids: Mapping[BalanceKey, int]


def post(conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance) -> tuple[int, ...] | Refused:
    """Post all movements or none. Gives their sequence numbers in the order given, or the refusal.

    Raises psycopg errors for a broken world (deadlock and serialisation failures are for the caller to retry).
    """
    moves, used, read = _read(conn, moves, circumstance.effective_at)
    circumstance = replace(circumstance, effective_at=read.at)
    changes = plan(moves, circumstance, read.facts)
    if isinstance(changes, Refused):
        return changes
    return write(conn, [(move, circumstance) for move in moves], changes, read, used)


def post_possible(
    conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance
) -> tuple[tuple[tuple[NewMove, int], ...], tuple[tuple[NewMove, Refused], ...]]:
    """Post what the rules allow and give the rest back: (movement, seq) pairs and (movement, refusal) pairs.

    For what physically happened: one wrong pallet must not keep the other thirty off the books.
    """
    moves, used, read = _read(conn, moves, circumstance.effective_at)
    circumstance = replace(circumstance, effective_at=read.at)
    wanted = list(moves)
    refused: list[tuple[NewMove, Refused]] = []
    while wanted:
        changes = plan(wanted, circumstance, read.facts)
        if not isinstance(changes, Refused):
            seqs = write(conn, [(move, circumstance) for move in wanted], changes, read, used)
            return tuple(zip(wanted, seqs, strict=True)), tuple(refused)
        refused.append((wanted.pop(changes.index), changes))
    return (), tuple(refused)


def closed_through(conn: Conn) -> date | None:
    """The last closed day, or None."""
    row = conn.execute("select max(closed_through) from period_close").fetchone()
    return row[0] if row is not None else None


def _read(
    conn: Conn, moves: Sequence[NewMove], effective_at: datetime
) -> tuple[Sequence[NewMove], Mapping[UUID, _Uses], Read]:
    """The movements as they use what is reserved for their lines, which reservations each uses, and the facts."""
    keys = sorted({m.key_at(p) for m in moves for p in (m.source, m.target)}, key=sort_key)
    asked = {
        "lines": _ids(m.line_id for m in moves),
        "serials": _ids(m.serial_id for m in moves),
        "items": _ids(m.item_id for m in moves),
        "lots": _ids(key.lot_id for key in keys),
        "locations": _ids(p.location_id for m in moves for p in (m.source, m.target)),
        "reverses": _ids(m.reverses for m in moves),
        "keys": [key._asdict() for key in keys],
    }
    row = conn.execute("select posting_facts(%s)", (Jsonb(asked, dumps=dumps),)).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    moves, used = _with_own_reservations(moves, found.get("reservations") or ())
    rows = [(keys[n - 1], *row) for n, *row in found["balances"] or ()]
    at = _in_turn(conn, effective_at, latest_of(rows, effective_at))
    balances, balance_ids = balances_of(conn, rows, at)
    standing = {row[2]: BalanceKey(*row) for row in found.get("standing") or ()}
    serials = {
        serial_id: Serial(item_id, lot_id, standing.get(serial_id))
        for serial_id, item_id, lot_id in found.get("serials") or ()
    }
    closed = found["closed_through"]
    facts = Facts(
        {item_id: Item(Tracking(tracking), decimals) for item_id, tracking, decimals in found["items"] or ()},
        {
            lot_id: Lot(item_id, date.fromisoformat(expires_on) if expires_on else None, blocked)
            for lot_id, item_id, expires_on, blocked in found["lots"] or ()
        },
        serials,
        {location_id: Location(kind, shut) for location_id, kind, shut in found["locations"] or ()},
        balances,
        frozenset(found["reversed"] or ()),
        date.fromisoformat(closed) if closed else None,
        {line_id: LineLife(insisted, ruled) for line_id, insisted, ruled in found.get("lives") or ()},
    )
    return moves, used, Read(at, facts, balances, serials, balance_ids)


def _in_turn(conn: Conn, effective_at: datetime, latest: datetime) -> datetime:
    """When a posting happens. What happens now happens after what was posted, the `latest`, while it waited for locks.

    Its "now" is when its transaction began: left there it would take goods before they came, and be refused. What is
    dated ahead of the clock draws nothing after it.
    """
    if latest <= effective_at:
        return effective_at
    row = conn.execute(f"select {NOW}, clock_timestamp()".encode()).fetchone()
    assert row is not None
    began, clock = row
    return in_turn(effective_at, latest, clock) if began <= effective_at else effective_at


def in_turn(now: datetime, latest: datetime, clock: datetime) -> datetime:
    """When it happens that was asked for at `now` and had its turn at `clock`, the `latest` posted before it."""
    return max(now, latest) if latest <= clock else now


def _ids(values: Iterable[int | None]) -> list[int]:
    return sorted({value for value in values if value is not None})


def latest_of(rows: Sequence[Sequence[Any]], otherwise: datetime) -> datetime:
    """When the last movement of any of the balances happened."""
    return max((datetime.fromisoformat(row[5]) for row in rows), default=otherwise)


def balances_of(
    conn: Conn, rows: Sequence[Sequence[Any]], effective_at: datetime
) -> tuple[dict[BalanceKey, Balance], dict[BalanceKey, int]]:
    """Balances and their ids from rows of key, id, on hand, reserved, first in and last moved, read under lock.

    `spare` looks at all later points, which only a movement dated back has.
    """
    earlier = [row[0] for row in rows if datetime.fromisoformat(row[5]) > effective_at]
    peaks = later_peaks(conn, earlier, effective_at) if earlier else {}
    balances: dict[BalanceKey, Balance] = {}
    ids: dict[BalanceKey, int] = {}
    for key, balance_id, on_hand_text, reserved, first_in_at, _ in rows:
        on_hand = Decimal(on_hand_text)
        spare = on_hand - peaks.get(key, ZERO)
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


def write(
    conn: Conn,
    posted: Sequence[tuple[NewMove, Circumstance]],
    changes: Sequence[Change],
    read: Read,
    used: Mapping[UUID, _Uses],
    made: Sequence[Wanted] = (),
    answers: Jsonb | None = None,
) -> tuple[int, ...]:
    """Write movements with what they are posted under, reservations made, what all of them change, and answers."""
    moves = [move for move, _ in posted]
    touched = (c for c in changes if c.on_hand or c.reserved or c.key in read.balance_ids)
    ordered = sorted(touched, key=lambda c: sort_key(c.key))
    held = [_held(c, read.balance_ids[c.key]) for c in ordered if c.key in read.balance_ids]
    written: dict[str, Any] = {
        "effective_at": read.at,
        "moves": [_move(move, under) for move, under in posted],
        "held": held,
    }
    tags = [
        {"move": n, "epc": t.epc, "inferred": t.inferred, "score": t.score} for n, m in enumerate(moves) for t in m.tags
    ]
    picked = [
        {"reservation_id": reservation_id, "quantity": quantity}
        for m in moves
        for reservation_id, quantity in used.get(m.move_id, ())
    ]
    parts = {
        "tags": tags,
        "new": [_new(c) for c in ordered if c.key not in read.balance_ids],
        "reservations": [_reservation(wanted) for wanted in made],
        "lines": _fulfilled(moves),
        "picked": picked,
    }
    written |= {name: rows for name, rows in parts.items() if rows}
    values = Jsonb(written, dumps=dumps)
    if answers is None:
        row = conn.execute("select seqs, taken from posting_write(%s)", (values,)).fetchone()
    else:
        both = "select seqs, taken, answers_write(%s)::text from posting_write(%s)"
        row = conn.execute(both, (answers, values)).fetchone()
    assert row is not None
    seqs, taken = row[:2]
    if taken != len(held):
        raise LedgerBroken(f"{len(held)} balances were locked with enough stock, {taken} gave it")
    for under, group in groupby(zip(posted, seqs, strict=True), key=lambda each: each[0][1]):
        together = list(group)
        value_pools.book(conn, [each[0][0] for each in together], [each[1] for each in together], read.facts, under)
    return tuple(seqs)


def _held(change: Change, balance_id: int) -> dict[str, Any]:
    return {
        "balance_id": balance_id,
        "on_hand": change.on_hand,
        "reserved": change.reserved,
        "first_in_at": change.first_in_at,
        "move": change.index,
    }


def _new(change: Change) -> dict[str, Any]:
    return change.key._asdict() | {
        "on_hand": change.on_hand,
        "reserved": change.reserved,
        "first_in_at": change.first_in_at,
        "move": change.index,
    }


def _reservation(wanted: Wanted) -> dict[str, Any]:
    return wanted.key._asdict() | {
        "reservation_id": wanted.reservation_id,
        "line_id": wanted.line_id,
        "holder": wanted.holder,
        "quantity": wanted.quantity,
        "expires_at": wanted.expires_at,
    }


def _move(m: NewMove, under: Circumstance) -> dict[str, Any]:
    return {
        "move_id": m.move_id,
        "kind": m.kind,
        "line_id": m.line_id,
        "item_id": m.item_id,
        "lot_id": m.lot_id,
        "serial_id": m.serial_id,
        "quantity": m.quantity,
        "from_location": m.source.location_id,
        "to_location": m.target.location_id,
        "from_hu": m.source.hu_id,
        "to_hu": m.target.hu_id,
        "from_status": m.source.status,
        "to_status": m.target.status,
        "owner": m.owner,
        "reverses": m.reverses,
        "line_role": m.line_role,
        "actor": under.actor,
        "device": under.device,
        "device_at": under.device_at,
        "passage_id": under.passage_id,
        "request_id": under.request_id,
        "reason": under.reason,
    }


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
        {"line_id": line_id, "fulfilled": fulfilled, "shipped": shipped}
        for line_id, (fulfilled, shipped) in done.items()
    ]
