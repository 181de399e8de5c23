"""Posting to the ledger: a fixed number of statements whatever the number of movements, in the caller's transaction.

Locks are taken in one order: document lines, reservations, serials, balances, each sorted by key. Two postings can then
only wait for each other, not deadlock, except where one creates a balance that another locks at that moment; PostgreSQL
breaks that with 40P01 and `warehouse.postgres.transaction` runs the whole transaction again.

The rules run in Python on the locked rows (`warehouse.ledger.plan`); the conditions are repeated in the UPDATE, and
under them stand the CHECK constraints and unique keys. A refusal writes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from warehouse.ledger import (
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
from warehouse.postgres.balances import Conn, change, lock, sort_key

_Uses = tuple[tuple[UUID, Decimal], ...]


def post(conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance) -> tuple[int, ...] | Refused:
    """Post all movements or none. Gives their sequence numbers in the order given, or the refusal.

    Raises psycopg errors for a broken world (deadlock and serialisation failures are for the caller to retry).
    """
    moves, used = _with_own_reservations(conn, moves)
    facts = _read_facts(conn, moves, circumstance.effective_at)
    changes = plan(moves, circumstance, facts)
    if isinstance(changes, Refused):
        return changes
    return _write(conn, moves, changes, circumstance, used)


def post_possible(
    conn: Conn, moves: Sequence[NewMove], circumstance: Circumstance
) -> tuple[tuple[tuple[NewMove, int], ...], tuple[tuple[NewMove, Refused], ...]]:
    """Post what the rules allow and give the rest back: (movement, seq) pairs and (movement, refusal) pairs.

    For what physically happened: one wrong pallet must not keep the other thirty off the books.
    """
    moves, used = _with_own_reservations(conn, moves)
    facts = _read_facts(conn, moves, circumstance.effective_at)
    wanted = list(moves)
    refused: list[tuple[NewMove, Refused]] = []
    while wanted:
        changes = plan(wanted, circumstance, facts)
        if not isinstance(changes, Refused):
            seqs = _write(conn, wanted, changes, circumstance, used)
            return tuple(zip(wanted, seqs, strict=True)), tuple(refused)
        refused.append((wanted.pop(changes.index), changes))
    return (), tuple(refused)


def _with_own_reservations(conn: Conn, moves: Sequence[NewMove]) -> tuple[Sequence[NewMove], dict[UUID, _Uses]]:
    """Let movements of a document line use what is reserved for that line; which reservations each uses."""
    lines = sorted({m.line_id for m in moves if m.line_id is not None})
    if not lines:
        return moves, {}
    conn.execute("select 1 from document_line where line_id = any(%s) order by line_id for update", (lines,))
    pending: dict[tuple[int, BalanceKey], list[tuple[UUID, Decimal]]] = {}
    for row in conn.execute(
        """select line_id, reservation_id, quantity, item_id, lot_id, serial_id, location_id, hu_id, owner, status
           from reservation where line_id = any(%s) and state = 'pending'
           order by created_at, reservation_id for update""",
        (lines,),
    ):
        pending.setdefault((row[0], BalanceKey(*row[3:])), []).append((row[1], row[2]))
    if not pending:
        return moves, {}
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
    conn: Conn,
    moves: Sequence[NewMove],
    changes: tuple[Change, ...],
    circumstance: Circumstance,
    used: Mapping[UUID, _Uses],
) -> tuple[int, ...]:
    seqs = _insert_moves(conn, moves, circumstance)
    _insert_tags(conn, moves, seqs)
    change(conn, changes, seqs, circumstance.effective_at)
    _fulfil_lines(conn, moves)
    _pick(conn, [use for move in moves for use in used.get(move.move_id, ())])
    return seqs


def closed_through(conn: Conn) -> date | None:
    """The last closed day, or None."""
    row = conn.execute("select max(closed_through) from period_close").fetchone()
    return row[0] if row is not None else None


def _read_facts(conn: Conn, moves: Sequence[NewMove], effective_at: datetime) -> Facts:
    def ids(*values: int | None) -> list[int]:
        return sorted({value for value in values if value is not None})

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


def _pick(conn: Conn, uses: Sequence[tuple[UUID, Decimal]]) -> None:
    """A reservation used up is picked; one used in part stays pending with the rest."""
    if uses:
        conn.execute(
            """update reservation r set
                   quantity = case when r.quantity = u.quantity then r.quantity else r.quantity - u.quantity end,
                   state = case when r.quantity = u.quantity then 'picked' else 'pending' end,
                   ended_at = case when r.quantity = u.quantity then now() end
               from (select id, sum(quantity) as quantity from unnest(%s::uuid[], %s::numeric[]) as u (id, quantity)
                     group by 1) u where r.reservation_id = u.id""",
            ([reservation_id for reservation_id, _ in uses], [quantity for _, quantity in uses]),
        )


def _insert_moves(conn: Conn, moves: Sequence[NewMove], c: Circumstance) -> tuple[int, ...]:
    rows = conn.execute(
        """insert into move (move_id, kind, line_id, item_id, lot_id, serial_id, quantity, from_location_id,
                             to_location_id, from_hu_id, to_hu_id, from_status, to_status, owner, reverses, line_role,
                             effective_at, actor, device, device_at, passage_id, request_id, reason)
           select m.*, %(effective_at)s, %(actor)s, %(device)s, %(device_at)s, %(passage_id)s, %(request_id)s,
                  %(reason)s
           from unnest(%(move_id)s::uuid[], %(kind)s::text[], %(line)s::bigint[], %(item)s::bigint[], %(lot)s::bigint[],
                       %(serial)s::bigint[], %(quantity)s::numeric[], %(from)s::int[], %(to)s::int[],
                       %(from_hu)s::bigint[], %(to_hu)s::bigint[], %(from_status)s::text[], %(to_status)s::text[],
                       %(owner)s::text[], %(reverses)s::bigint[], %(line_role)s::text[]) as m
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
            "line_role": [str(m.line_role) for m in moves],
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
    """A reversal takes back what its movement fulfilled or shipped."""
    done: dict[int, tuple[Decimal, Decimal]] = {}
    for m in moves:
        if m.line_id is not None:
            fulfilled, shipped = done.get(m.line_id, (Decimal(0), Decimal(0)))
            signed = m.quantity if m.reverses is None else -m.quantity
            if m.line_role is LineRole.SHIP:
                done[m.line_id] = (fulfilled, shipped + signed)
            else:
                done[m.line_id] = (fulfilled + signed, shipped)
    if done:
        conn.execute(
            """update document_line l set fulfilled = l.fulfilled + d.fulfilled, shipped = l.shipped + d.shipped
               from unnest(%s::bigint[], %s::numeric[], %s::numeric[]) as d (line_id, fulfilled, shipped)
               where l.line_id = d.line_id""",
            (list(done), [f for f, _ in done.values()], [s for _, s in done.values()]),
        )
