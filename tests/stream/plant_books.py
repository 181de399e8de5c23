"""The books behind `tests.stream.traffic`: what the loads may fulfil, and the results in a comparable form."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql

from stream.topology import gtin_of
from tests.postgres import with_database
from tests.stream.traffic import epc
from warehouse.commands import ALL_RIGHTS, Actor, Command, CreateDocument, CreateItem, CreateLocation, LineSpec, Result
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute

_ACTOR = Actor("test", rights=ALL_RIGHTS)


@contextmanager
def another_database(postgres_dsn: str, template: str) -> Iterator[str]:
    """A database beside the test's own, dropped afterwards."""
    name = sql.Identifier(f"tagledger_test_{uuid4().hex[:12]}")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(template)))
        try:
            yield with_database(postgres_dsn, name.as_string().strip('"'))
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(name))


def prepare(dsn: str) -> None:
    """The item all tags are of, the places, and a receipt for each door."""
    commands: list[Command] = [CreateItem("BOLT", gtin=gtin_of(epc(1)))]
    commands += [CreateLocation(code) for code in ("hall", "shelf", "rack")]
    commands += [CreateLocation("yard", kind="outside")]
    commands += [
        CreateDocument("purchase_receipt", f"ASN-{door}", (LineSpec("BOLT", Decimal(24)),), door=door)
        for door in ("dock1", "dock2")
    ]
    with psycopg.connect(dsn, autocommit=True) as connection:
        for n, command in enumerate(commands):
            outcome = execute(connection, command, actor=_ACTOR, source="test", client_event_id=str(n))
            assert isinstance(outcome, Result), outcome


_RESULTS: dict[str, LiteralString] = {
    "passages": "select passage_id, revision, portal, opened_at, closed_at, direction, direction_score, belongs,"
    " unsure, strays, evidence from passage order by 1, 2",
    "tags": "select passage_id, revision, epc, verdict, score, first_at, last_at, reads, features from passage_tag"
    " order by 1, 2, 3",
    "history": "select h.at, h.update_id, h.epc, h.event, h.evidence, l.code from location_history h"
    " join location l using (location_id) order by 1, 2",
    "tag locations": "select t.epc, t.event, t.at, t.update_id, l.code from tag_location t"
    " join location l using (location_id) order by 1",
    "movements": "select m.move_id, m.kind, i.code, m.quantity, a.code, b.code, m.effective_at, m.passage_id, m.device,"
    " (select array_agg(epc order by epc) from move_tag t where t.seq = m.seq)"
    " from move m join item i using (item_id) join location a on a.location_id = m.from_location_id"
    " join location b on b.location_id = m.to_location_id order by 1",
    "discrepancies": "select discrepancy_id, kind, passage_id, revision, portal, epcs, detail, state from discrepancy"
    " order by 1",
    "postings": "select passage_id, revision, digest from posting order by 1, 2",
    "documents": "select d.number, d.status, l.fulfilled from document d join document_line l using (document_id)"
    " order by 1",
}


def results(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything the stream and the warehouse decided, ids included, without what only says when it was recorded."""
    with psycopg.connect(dsn) as connection:
        assert check(connection) == []
        return {name: connection.execute(query).fetchall() for name, query in _RESULTS.items()}


def query(dsn: str, statement: LiteralString, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Rows of one statement."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement, values).fetchall()
