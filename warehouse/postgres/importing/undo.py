"""Taking back what a run made: movements by reversal, documents by cancelling, master data by removal when unused.

Stock that has moved on cannot be taken back: the undo is refused whole and says which rows. Master data that anything
else names by now stays, and is counted; what names it is asked of the database's own foreign keys, so that a table
added later counts too.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

from psycopg import sql

from warehouse.commands import Actor, CancelDocument, RetireBom
from warehouse.ledger import Circumstance, LineRole, NewMove, Place, Refused, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import post
from warehouse.postgres.clock import database_now
from warehouse.postgres.documents import boms, documents
from warehouse.postgres.importing.findings import Findings, Found
from warehouse.postgres.importing.outcome import Progress
from warehouse.postgres.naming import Refuse

MOVES_A_POSTING = 5_000
# Children before what they name.
_ORDER = ("tag", "handling_unit", "serial", "lot", "item", "location", "partner", "category")
_KEYS = {
    "tag": ("epc", "text"),
    "handling_unit": ("hu_id", "bigint"),
    "serial": ("serial_id", "bigint"),
    "lot": ("lot_id", "bigint"),
    "item": ("item_id", "bigint"),
    "location": ("location_id", "bigint"),
    "partner": ("code", "text"),
    "category": ("code", "text"),
}

# What names them without a foreign key: append-only evidence.
_ALSO = {
    "tag": [("move_tag", "epc"), ("tag_location", "epc"), ("passage_tag", "epc")],
    "location": [("location_history", "location_id")],
    "partner": [("document", "partner"), ("balance", "owner"), ("move", "owner")],
    "category": [("item", "category")],
}


def undo(conn: Conn, run_id: UUID, actor: Actor, reason: str, tell: Progress) -> tuple[Findings, dict[str, int]]:
    """In the caller's transaction, to be rolled back when there are findings. Counts of what was done, by what."""
    conn.execute("delete from import_total where run_id = %s", (run_id,))
    findings, counts = Findings(), {"reversed": 0, "cancelled": 0, "removed": 0, "kept": 0}
    counts["reversed"] = _reverse(conn, run_id, actor, reason, findings, tell)
    for document_id, row_no in conn.execute(
        "select key::bigint, row_no from import_effect where run_id = %s and entity = 'document' order by row_no",
        (run_id,),
    ).fetchall():
        counts["cancelled"] += _cancel(conn, document_id, row_no, actor, run_id, reason, findings)
    if findings.error_count == 0:
        counts["cancelled"] += _retire_bills(conn, run_id, actor)
        # A line that was entered in a unit keeps its factor; nothing else names one.
        counts["removed"] += conn.execute(
            """delete from item_unit u using import_effect e, item i
               where e.run_id = %s and e.entity = 'item_unit' and i.item_id = u.item_id
                 and e.key = i.code || '/' || u.unit""",
            (run_id,),
        ).rowcount
        for entity in _ORDER:
            removed, kept = _remove(conn, run_id, entity)
            counts["removed"] += removed
            counts["kept"] += kept
    return findings, counts


def _reverse(conn: Conn, run_id: UUID, actor: Actor, reason: str, findings: Findings, tell: Progress) -> int:
    row = conn.execute(
        """select split_part(key, '-', 1)::bigint, split_part(key, '-', 2)::bigint from import_effect
           where run_id = %s and entity = 'move'""",
        (run_id,),
    ).fetchone()
    if row is None:
        return 0
    at = database_now(conn)
    done = 0
    for batch in _movements(conn, run_id, *row):
        moves = [_reversal(line, run_id) for line in batch]
        posted = post(conn, moves, Circumstance(actor.name, at, actor.device, request_id=run_id, reason=reason))
        if isinstance(posted, Refused):
            _, item, location = batch[posted.index][:3]
            message = f"{item} at {location}: {posted.detail}"
            fix = "bring the stock back, or correct it by adjustments instead"
            findings.add(Found(0, "", posted.reason, message, fix, str(item)))
            return done
        done += len(moves)
        tell("reversing", done, 0)
    return done


def _movements(conn: Conn, run_id: UUID, first: int, last: int) -> Iterator[list[tuple[Any, ...]]]:
    """The run's movements that nobody has reversed yet, youngest first."""
    before = last + 1
    while True:
        batch = conn.execute(
            """select m.seq, i.code, l.code, m.item_id, m.quantity, m.lot_id, m.serial_id, m.owner, m.from_location_id,
                      m.from_hu_id, m.from_status, m.to_location_id, m.to_hu_id, m.to_status
               from move m join item i using (item_id) join location l on l.location_id = m.to_location_id
               where m.seq >= %s and m.seq < %s and m.request_id = %s and m.reverses is null
                 and not exists (select from move r where r.reverses = m.seq)
               order by m.seq desc limit %s""",
            (first, before, run_id, MOVES_A_POSTING),
        ).fetchall()
        if not batch:
            return
        before = batch[-1][0]
        yield batch


def _reversal(line: tuple[Any, ...], run_id: UUID) -> NewMove:
    seq, _, _, item_id, quantity, lot_id, serial_id, owner, *places = line
    return NewMove(
        uuid5(run_id, f"undo/{seq}"),
        "reversal",
        item_id,
        quantity,
        Place(places[3], places[4], StockStatus(places[5])),
        Place(places[0], places[1], StockStatus(places[2])),
        lot_id,
        serial_id,
        owner,
        None,
        LineRole.FULFIL,
        reverses=seq,
    )


def _cancel(
    conn: Conn, document_id: int, row_no: int, actor: Actor, run_id: UUID, reason: str, findings: Findings
) -> int:
    row = conn.execute("select kind, number, status from document where document_id = %s", (document_id,)).fetchone()
    if row is None or row[2] == "cancelled":
        return 0
    try:
        documents.cancel_document(conn, CancelDocument(row[0], row[1], reason), actor, run_id)
    except Refuse as refuse:
        findings.add(Found(row_no, "number", refuse.refusal.code, refuse.refusal.message, "", row[1]))
        return 0
    return 1


def _retire_bills(conn: Conn, run_id: UUID, actor: Actor) -> int:
    """Orders that use one go on with it; how many were retired."""
    retired = 0
    for (key,) in conn.execute(
        "select key from import_effect where run_id = %s and entity = 'bom'", (run_id,)
    ).fetchall():
        version, _, item = key.partition("/")
        try:
            boms.retire_bom(conn, RetireBom(item, version), actor, run_id)
            retired += 1
        except Refuse:
            continue  # somebody retired it before
    return retired


def _remove(conn: Conn, run_id: UUID, entity: str) -> tuple[int, int]:
    """How many were removed, and how many others name and so stay. Again and again while parents become free."""
    key, key_type = _KEYS[entity]
    unused = sql.SQL(" and ").join(
        sql.SQL("not exists (select from {} r where r.{} = t.{})").format(
            sql.Identifier(table), sql.Identifier(column), sql.Identifier(key)
        )
        for table, column in _references(conn, entity, key)
    )
    statement = sql.SQL(
        """delete from {table} t using import_effect e
           where e.run_id = %s and e.entity = %s and t.{key} = e.key::{key_type} and {unused}"""
    ).format(
        table=sql.Identifier(entity),
        key=sql.Identifier(key),
        key_type=sql.SQL(key_type),
        unused=unused,
    )
    removed = 0
    while gone := conn.execute(statement, (run_id, entity)).rowcount:
        removed += gone
    left = conn.execute(
        sql.SQL(
            "select count(*) from {} t join import_effect e on t.{} = e.key::{} where e.run_id = %s and e.entity = %s"
        ).format(sql.Identifier(entity), sql.Identifier(key), sql.SQL(key_type)),
        (run_id, entity),
    ).fetchone()
    return removed, left[0] if left else 0


def _references(conn: Conn, entity: str, key: str) -> list[tuple[str, str]]:
    """Every column anywhere that a foreign key points from at this one."""
    return _ALSO.get(entity, []) + [
        (table, column)
        for table, column in conn.execute(
            """select c.conrelid::regclass::text, a.attname
               from pg_constraint c
               cross join lateral unnest(c.conkey, c.confkey) as k (ours, theirs)
               join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.ours
               join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.theirs
               where c.contype = 'f' and c.confrelid = %s::regclass and b.attname = %s order by 1, 2""",
            (entity, key),
        )
    ]
