"""Posting to the ledger: a fixed number of statements whatever the number of movements, in the caller's transaction.

Locks are taken in one order everywhere: document lines, serials, balances, each sorted by key. Two postings can then
only wait for each other, not deadlock, except where one creates a balance that another locks at that moment; PostgreSQL
breaks that with 40P01 and `warehouse.postgres.transaction` runs the whole transaction again.

The rules run in Python on the locked rows (`warehouse.ledger.plan`); the conditions are repeated in the UPDATE, and
under them stand the CHECK constraints and unique keys. A refusal writes nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from warehouse.ledger import (
    BalanceKey,
    Change,
    Circumstance,
    Facts,
    Item,
    Location,
    Lot,
    NewMove,
    Refused,
    Serial,
    Tracking,
    plan,
)
from warehouse.postgres.balances import Conn, change, lock, sort_key


def post(conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance) -> tuple[int, ...] | Refused:
    """Post all movements or none. Gives their sequence numbers in the order given, or the refusal.

    Raises psycopg errors for a broken world (deadlock and serialisation failures are for the caller to retry).
    """
    facts = _read_facts(conn, moves, circumstance.effective_at)
    changes = plan(moves, circumstance, facts)
    if isinstance(changes, Refused):
        return changes
    return _write(conn, moves, changes, circumstance)


def post_possible(
    conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance
) -> tuple[tuple[tuple[NewMove, int], ...], tuple[tuple[NewMove, Refused], ...]]:
    """Post what the rules allow and give the rest back: (movement, seq) pairs and (movement, refusal) pairs.

    For what physically happened: one wrong pallet must not keep the other thirty off the books.
    """
    facts = _read_facts(conn, moves, circumstance.effective_at)
    wanted = list(moves)
    refused: list[tuple[NewMove, Refused]] = []
    while wanted:
        changes = plan(wanted, circumstance, facts)
        if not isinstance(changes, Refused):
            seqs = _write(conn, wanted, changes, circumstance)
            return tuple(zip(wanted, seqs, strict=True)), tuple(refused)
        refused.append((wanted.pop(changes.index), changes))
    return (), tuple(refused)


def _write(
    conn: Conn, moves: Sequence[NewMove], changes: tuple[Change, ...], circumstance: Circumstance
) -> tuple[int, ...]:
    seqs = _insert_moves(conn, moves, circumstance)
    _insert_tags(conn, moves, seqs)
    change(conn, changes, seqs, circumstance.effective_at)
    _fulfil_lines(conn, moves)
    return seqs


def closed_through(conn: Conn) -> date | None:
    """The last closed day, or None."""
    row = conn.execute("select max(closed_through) from period_close").fetchone()
    return row[0] if row is not None else None


def _read_facts(conn: Conn, moves: Sequence[NewMove], effective_at: datetime) -> Facts:
    def ids(*values: int | None) -> list[int]:
        return sorted({value for value in values if value is not None})

    lines = ids(*(m.line_id for m in moves))
    if lines:
        conn.execute("select 1 from document_line where line_id = any(%s) order by line_id for update", (lines,))
    serial_ids = ids(*(m.serial_id for m in moves))
    serials = _lock_serials(conn, serial_ids) if serial_ids else {}
    item_ids = ids(*(m.item_id for m in moves))
    lot_ids = ids(*(m.lot_id for m in moves))
    location_ids = ids(*(p.location_id for m in moves for p in (m.source, m.target)))
    items = {
        item_id: Item(Tracking(tracking), decimals)
        for item_id, tracking, decimals in conn.execute(
            "select item_id, tracking, decimals from item where item_id = any(%s)", (item_ids,)
        )
    }
    lots = {
        lot_id: Lot(item_id, expires_on, blocked)
        for lot_id, item_id, expires_on, blocked in conn.execute(
            "select lot_id, item_id, expires_on, blocked from lot where lot_id = any(%s)", (lot_ids,)
        )
    }
    locations = {
        location_id: Location(kind, closed)
        for location_id, kind, closed in conn.execute(
            "select location_id, kind, closed from location where location_id = any(%s)", (location_ids,)
        )
    }
    reverses = ids(*(m.reverses for m in moves))
    already = conn.execute("select reverses from move where reverses = any(%s)", (reverses,)) if reverses else ()
    wanted = {m.key_at(p) for m in moves for p in (m.source, m.target) if _stocked(locations, p.location_id)}
    return Facts(
        items,
        lots,
        serials,
        locations,
        lock(conn, sorted(wanted, key=sort_key), effective_at),
        frozenset(seq for (seq,) in already),
        closed_through(conn),
    )


def _stocked(locations: dict[int, Location], location_id: int) -> bool:
    found = locations.get(location_id)
    return found is not None and found.stocked


def _lock_serials(conn: Conn, serial_ids: list[int]) -> dict[int, Serial]:
    rows = conn.execute(
        "select serial_id, item_id, lot_id from serial where serial_id = any(%s) order by serial_id for update",
        (serial_ids,),
    ).fetchall()
    standing = {
        row[2]: BalanceKey(*row)
        for row in conn.execute(
            "select item_id, lot_id, serial_id, location_id, hu_id, owner, status from balance"
            " where serial_id = any(%s) and on_hand > 0",
            (serial_ids,),
        )
    }
    return {serial_id: Serial(item_id, lot_id, standing.get(serial_id)) for serial_id, item_id, lot_id in rows}


def _insert_moves(conn: Conn, moves: Sequence[NewMove], c: Circumstance) -> tuple[int, ...]:
    rows = conn.execute(
        """insert into move (move_id, kind, line_id, item_id, lot_id, serial_id, quantity, from_location_id,
                             to_location_id, from_hu_id, to_hu_id, from_status, to_status, owner, reverses,
                             effective_at, actor, device, device_at, passage_id, request_id, reason)
           select m.*, %(effective_at)s, %(actor)s, %(device)s, %(device_at)s, %(passage_id)s, %(request_id)s,
                  %(reason)s
           from unnest(%(move_id)s::uuid[], %(kind)s::text[], %(line)s::bigint[], %(item)s::bigint[], %(lot)s::bigint[],
                       %(serial)s::bigint[], %(quantity)s::numeric[], %(from)s::int[], %(to)s::int[],
                       %(from_hu)s::bigint[], %(to_hu)s::bigint[], %(from_status)s::text[], %(to_status)s::text[],
                       %(owner)s::text[], %(reverses)s::bigint[]) as m
           returning move_id, seq""",
        {
            "move_id": [m.move_id for m in moves],
            "kind": [m.kind for m in moves],
            "line": [m.line_id for m in moves],
            "item": [m.item_id for m in moves],
            "lot": [m.lot_id for m in moves],
            "serial": [m.serial_id for m in moves],
            "quantity": [m.quantity for m in moves],
            "from": [m.source.location_id for m in moves],
            "to": [m.target.location_id for m in moves],
            "from_hu": [m.source.hu_id for m in moves],
            "to_hu": [m.target.hu_id for m in moves],
            "from_status": [str(m.source.status) for m in moves],
            "to_status": [str(m.target.status) for m in moves],
            "owner": [m.owner for m in moves],
            "reverses": [m.reverses for m in moves],
            "effective_at": c.effective_at,
            "actor": c.actor,
            "device": c.device,
            "device_at": c.device_at,
            "passage_id": c.passage_id,
            "request_id": c.request_id,
            "reason": c.reason,
        },
    )
    seq_of = dict(rows.fetchall())
    return tuple(seq_of[m.move_id] for m in moves)


def _insert_tags(conn: Conn, moves: Sequence[NewMove], seqs: tuple[int, ...]) -> None:
    rows = [(seq, t.epc, t.inferred, t.score) for m, seq in zip(moves, seqs, strict=True) for t in m.tags]
    if rows:
        conn.execute(
            "insert into move_tag (seq, epc, inferred, score)"
            " select * from unnest(%s::bigint[], %s::text[], %s::boolean[], %s::real[])",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _fulfil_lines(conn: Conn, moves: Sequence[NewMove]) -> None:
    """A reversal takes back what its movement fulfilled."""
    done: dict[int, Decimal] = {}
    for m in moves:
        if m.line_id is not None:
            done[m.line_id] = done.get(m.line_id, Decimal(0)) + (m.quantity if m.reverses is None else -m.quantity)
    if done:
        conn.execute(
            """update document_line l set fulfilled = l.fulfilled + d.quantity
               from unnest(%s::bigint[], %s::numeric[]) as d (line_id, quantity) where l.line_id = d.line_id""",
            (list(done), list(done.values())),
        )
