"""Canonical documents in: one document a (source, external id), its newest version in force, what is unclear set aside.

An older version is refused, the same one again is a repeat, a newer one changes the document: freely while nothing of
it has moved, after that only quantities (not below what has moved) and new lines. A version that cannot be put in
force is kept in quarantine with every reason found, and the version before it stays.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from warehouse.commands import (
    Actor,
    Audit,
    CancelDocument,
    CodeField,
    CreateDocument,
    LineSpec,
    RefusalCode,
    RepairMessage,
    TakeDocument,
    encode,
)
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import measured
from warehouse.postgres.control import approval
from warehouse.postgres.documents import documents
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item

LINES_MAX = 2_000


def take_document(conn: Conn, c: TakeDocument, actor: Actor, request_id: UUID) -> Answer:
    if not c.source or not c.external_id:
        raise Refuse(RefusalCode.INVALID, "external_id", "a message names its source and its own id")
    if c.version < 0:
        raise Refuse(RefusalCode.INVALID, "version", "versions count from 0 upwards")
    if len(c.lines) > LINES_MAX:
        raise Refuse(RefusalCode.INVALID, "lines", f"at most {LINES_MAX} lines")
    numbers = [line.line_no for line in c.lines]
    if len(set(numbers)) != len(numbers) or any(number <= 0 for number in numbers):
        raise Refuse(RefusalCode.INVALID, "lines", "line numbers are above zero and each comes once")
    conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 10))", (f"{c.source}\n{c.external_id}",))
    body = encode(c)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    newest = conn.execute(
        """select version, digest, message_id, state, problems, document_id from inbox_message
           where source = %s and external_id = %s order by version desc limit 1""",
        (c.source, c.external_id),
    ).fetchone()
    if newest is not None and c.version == newest[0]:
        if digest != newest[1]:
            raise Refuse(RefusalCode.EXISTS, "version", f"version {c.version} came before with another content")
        return _answer(newest[2], newest[3], newest[4], newest[5]), Audit()
    if newest is not None and c.version < newest[0]:
        raise Refuse(RefusalCode.OLDER_VERSION, "version", f"version {newest[0]} came already")
    message_id = uuid5(request_id, "message")
    conn.execute(
        """insert into inbox_message (message_id, source, external_id, version, digest, body, state, actor)
           values (%s, %s, %s, %s, %s, %s, 'quarantined', %s)""",
        (message_id, c.source, c.external_id, c.version, digest, Jsonb(body), actor.name),
    )
    return _put_in_force(conn, message_id, c, actor, request_id)


def repair_message(conn: Conn, c: RepairMessage, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        "select source, external_id, version, state, body from inbox_message where message_id = %s for update",
        (c.message_id,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "message_id", f"no message {c.message_id}")
    source, external_id, version, state, body = row
    conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 10))", (f"{source}\n{external_id}",))
    if state != "quarantined":
        raise Refuse(RefusalCode.WRONG_STATE, "message_id", f"the message is {state}")
    newer = conn.execute(
        "select max(version) from inbox_message where source = %s and external_id = %s", (source, external_id)
    ).fetchone()
    if newer is not None and newer[0] > version:
        raise Refuse(RefusalCode.OLDER_VERSION, "message_id", f"version {newer[0]} has come since: repair that one")
    for mapping in c.codes:
        conn.execute(
            """insert into code_alias (source, field, theirs, ours, created_by) values (%s, %s, %s, %s, %s)
               on conflict (source, field, theirs) do update set ours = excluded.ours""",
            (source, mapping.field, mapping.theirs, mapping.ours, actor.name),
        )
    command = msgspec.convert(body, TakeDocument, strict=False)
    return _put_in_force(conn, c.message_id, command, actor, request_id)


def _put_in_force(conn: Conn, message_id: UUID, c: TakeDocument, actor: Actor, request_id: UUID) -> Answer:
    c = _in_our_words(conn, c)
    problems = _unknown(conn, c)
    document_id: int | None = None
    if not problems:
        try:
            with conn.transaction():
                document_id = _change(conn, c, actor, request_id)
        except Refuse as refuse:
            problems.append(_problem(refuse.refusal.field, refuse.refusal.message))
    state = "quarantined" if problems else "applied"
    if state == "applied":
        conn.execute(
            """update inbox_message set state = 'superseded'
               where source = %s and external_id = %s and version < %s and state <> 'superseded'""",
            (c.source, c.external_id, c.version),
        )
    conn.execute(
        "update inbox_message set state = %s, problems = %s, document_id = %s where message_id = %s",
        (state, Jsonb(problems), document_id, message_id),
    )
    answer = _answer(message_id, state, problems, document_id)
    return answer, Audit(after={"state": state, "external_id": c.external_id, "version": c.version})


def _answer(message_id: UUID, state: str, problems: list[Any], document_id: int | None) -> dict[str, Any]:
    return {"message_id": str(message_id), "state": state, "problems": problems, "document_id": document_id}


def _problem(field: str, message: str) -> dict[str, str]:
    return {"field": field, "message": message}


def _in_our_words(conn: Conn, c: TakeDocument) -> TakeDocument:
    """The message with our codes where this sender's are mapped."""
    ours: dict[tuple[str, str], str] = {
        (field, theirs): mine
        for field, theirs, mine in conn.execute(
            "select field, theirs, ours from code_alias where source = %s", (c.source,)
        )
    }
    if not ours:
        return c

    def word(field: CodeField, theirs: str | None) -> Any:
        return theirs if theirs is None else ours.get((field, theirs), theirs)

    lines = tuple(
        replace(
            line,
            item=word(CodeField.ITEM, line.item),
            lot=word(CodeField.LOT, line.lot),
            unit=word(CodeField.UNIT, line.unit),
        )
        for line in c.lines
    )
    return replace(
        c,
        lines=lines,
        partner=word(CodeField.PARTNER, c.partner),
        from_location=word(CodeField.LOCATION, c.from_location),
        to_location=word(CodeField.LOCATION, c.to_location),
    )


def _unknown(conn: Conn, c: TakeDocument) -> list[dict[str, str]]:
    """Every code that names nothing, all at once: whoever repairs it should not be sent back and forth."""
    problems: list[dict[str, str]] = []

    def look(field: str, what: Callable[[], object]) -> None:
        try:
            what()
        except Refuse as refuse:
            problems.append(_problem(field, refuse.refusal.message))

    for n, line in enumerate(c.lines):
        look(f"lines.{n}.item", lambda line=line: find_item(conn, line.item))  # type: ignore[misc]
        if line.lot is not None:
            known = conn.execute(
                "select 1 from lot join item using (item_id) where lot.code = %s and (item.code = %s or gtin = %s)",
                (line.lot, line.item, line.item),
            ).fetchone()
            if known is None:
                problems.append(_problem(f"lines.{n}.lot", f"item {line.item!r} has no lot {line.lot!r}"))
    for field, code in (("from_location", c.from_location), ("to_location", c.to_location)):
        if code is not None and conn.execute("select 1 from location where code = %s", (code,)).fetchone() is None:
            problems.append(_problem(field, f"no location {code!r}"))
    return problems


def _change(conn: Conn, c: TakeDocument, actor: Actor, request_id: UUID) -> int | None:
    """Make, change or cancel the document; its id, None for one that was cancelled before it was ever made."""
    row = conn.execute(
        """select document_id from inbox_message
           where source = %s and external_id = %s and document_id is not null order by version desc limit 1""",
        (c.source, c.external_id),
    ).fetchone()
    create = _as_create(c)
    if row is None:
        if c.cancelled:
            return None
        made, _ = documents.create_document(conn, create, actor, request_id)
        return int(made["document_id"])
    document_id = int(row[0])
    before = conn.execute(
        "select kind, number, status from document where document_id = %s for update", (document_id,)
    ).fetchone()
    assert before is not None
    kind, number, status = before
    if kind != c.kind:
        raise Refuse(RefusalCode.WRONG_STATE, "kind", f"it is a {kind}")
    if c.cancelled:
        if status != "cancelled":
            documents.cancel_document(conn, CancelDocument(kind, number, f"by {c.source}"), actor, request_id)
        return document_id
    if status not in ("draft", "approval", "open", "complete"):
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{number} is {status}")
    asked = _asks(conn, document_id)
    _amend(conn, document_id, create)
    if status in ("open", "complete") and _asks(conn, document_id) != asked:
        approval.hold(conn, document_id)
    return document_id


def _as_create(c: TakeDocument) -> CreateDocument:
    lines = tuple(
        LineSpec(line.item, line.quantity, line.lot, line.line_no, line.unit, line.unit_cost, owner=line.owner)
        for line in c.lines
    )
    return CreateDocument(
        c.kind,
        c.number,
        lines,
        c.partner,
        c.door,
        c.over_percent,
        c.expected_at,
        c.epcs,
        c.from_location,
        c.to_location,
    )


def _asks(conn: Conn, document_id: int) -> list[tuple[Any, ...]]:
    """What was approved of it, where it had to be: another version that asks for something else asks again."""
    return conn.execute(
        """select line_no, item_id, lot_id, owner, quantity, unit_cost from document_line where document_id = %s
           order by line_no""",
        (document_id,),
    ).fetchall()


def _amend(conn: Conn, document_id: int, c: CreateDocument) -> None:
    if not c.lines:
        raise Refuse(RefusalCode.INVALID, "lines", "a document needs a line; to end it, say that it is cancelled")
    try:
        conn.execute(
            """update document set number = %s, partner = %s, door = %s, over_percent = %s, expected_at = %s
               where document_id = %s""",
            (c.number, c.partner, c.door, c.over_percent, c.expected_at, document_id),
        )
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, "number", f"a {c.kind} {c.number!r} exists") from None
    standing = {
        line_no: (line_id, item_id, owner, moved)
        for line_no, line_id, item_id, owner, moved in conn.execute(
            """select line_no, line_id, item_id, owner, fulfilled + shipped from document_line where document_id = %s
               order by line_no for update""",
            (document_id,),
        )
    }
    given = {line.line_no: line for line in c.lines}
    new = [line for line in c.lines if line.line_no not in standing]
    for line_no, (line_id, item_id, owner, moved) in standing.items():
        line = given.get(line_no)
        at = f"lines.{c.lines.index(line)}" if line is not None else "lines"
        if line is None or (find_item(conn, line.item).item_id, line.owner) != (item_id, owner):
            if moved:
                raise Refuse(RefusalCode.WRONG_STATE, at, f"{moved} of line {line_no} have moved: it cannot go")
            _drop_line(conn, line_id, line_no, at)
            new += [line] if line is not None else []
        else:
            _amend_line(conn, line_id, moved, line, at)
    if new:
        documents.add_lines(conn, document_id, replace(c, lines=tuple(new)))
    conn.execute(
        """update document d set status = case when exists (select from document_line l
               where l.document_id = d.document_id and l.fulfilled < l.quantity) then 'open' else 'complete' end
           where d.document_id = %s and d.status in ('open', 'complete')""",
        (document_id,),
    )


def _amend_line(conn: Conn, line_id: int, moved: Any, line: LineSpec, at: str) -> None:
    item = find_item(conn, line.item, f"{at}.item")
    base = measured(conn, line, item, at)
    if base.quantity <= 0 or base.quantity != round(base.quantity, item.decimals):
        raise Refuse(RefusalCode.INVALID, f"{at}.quantity", f"{base.quantity} is no quantity of {item.code}")
    if base.quantity < moved:
        raise Refuse(
            RefusalCode.WRONG_STATE, f"{at}.quantity", f"{moved} have moved already, more than {base.quantity}"
        )
    conn.execute(
        """update document_line set quantity = %s, entered_quantity = %s, entered_unit = %s,
               lot_id = (select lot_id from lot where item_id = %s and code = %s)
           where line_id = %s""",
        (base.quantity, line.quantity, line.uom or item.unit, item.item_id, line.lot, line_id),
    )


def _drop_line(conn: Conn, line_id: int, line_no: int | None, at: str) -> None:
    try:
        with conn.transaction():
            conn.execute("delete from document_tag where line_id = %s", (line_id,))
            conn.execute("delete from document_line where line_id = %s", (line_id,))
    except psycopg.errors.ForeignKeyViolation:
        raise Refuse(RefusalCode.WRONG_STATE, at, f"line {line_no} is in work: it cannot go") from None


HANDLERS: Handlers = {TakeDocument: take_document, RepairMessage: repair_message}
