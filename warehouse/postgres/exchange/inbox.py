"""Canonical documents in: one document a (source, external id), its newest version in force, what is unclear set aside.

An older version is refused, the same one again is a repeat, a newer one changes the document (see
`documents.amending`). A version that cannot be put in
force is kept in quarantine with every reason found, and the version before it stays.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import msgspec
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
    digest,
    encode,
)
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.control import approval
from warehouse.postgres.documents import documents
from warehouse.postgres.documents.amending import amend
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
    newest = conn.execute(
        """select version, body, message_id, state, problems, document_id from inbox_message
           where source = %s and external_id = %s order by version desc limit 1""",
        (c.source, c.external_id),
    ).fetchone()
    if newest is not None and c.version == newest[0]:
        # Read as what it says: a field that we learnt since, and it left out, makes it no other message.
        if digest(_command(newest[1])) != digest(c):
            raise Refuse(RefusalCode.EXISTS, "version", f"version {c.version} came before with another content")
        return _answer(newest[2], newest[3], newest[4], newest[5]), Audit()
    if newest is not None and c.version < newest[0]:
        raise Refuse(RefusalCode.OLDER_VERSION, "version", f"version {newest[0]} came already")
    message_id = uuid5(request_id, "message")
    conn.execute(
        """insert into inbox_message (message_id, source, external_id, version, digest, body, state, actor)
           values (%s, %s, %s, %s, %s, %s, 'quarantined', %s)""",
        (message_id, c.source, c.external_id, c.version, digest(c), Jsonb(body), actor.name),
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
    return _put_in_force(conn, c.message_id, _command(body), actor, request_id)


def _command(body: Any) -> TakeDocument:
    return msgspec.convert(body, TakeDocument, strict=False)


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
    if amend(conn, document_id, create):
        approval.changed(conn, document_id, actor.name)
    return document_id


def _as_create(c: TakeDocument) -> CreateDocument:
    lines = tuple(
        LineSpec(
            line.item,
            line.quantity,
            line.lot,
            line.line_no,
            line.unit,
            line.unit_cost,
            line.source,
            line.supplier_lot,
            line.expires_on,
            line.owner,
        )
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


HANDLERS: Handlers = {TakeDocument: take_document, RepairMessage: repair_message}
