"""Documents of other systems: upserted by version, set aside when unclear, repaired."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    AdjustStock,
    CanonicalLine,
    CodeField,
    CodeMapping,
    Command,
    CreateItem,
    CreateLocation,
    FulfilLine,
    LineName,
    Refusal,
    RegisterTags,
    RepairMessage,
    Result,
    ShipTransfer,
    TagSpec,
    TakeDocument,
    UpdateItem,
)
from warehouse.epc import encode_sgtin96, with_check_digit
from warehouse.postgres.commands import execute

ERP = Actor("erp", rights=ALL_RIGHTS)


def lines(*given: tuple[int, str, int]) -> tuple[CanonicalLine, ...]:
    return tuple(CanonicalLine(line_no, item, Decimal(quantity)) for line_no, item, quantity in given)


@dataclass(slots=True)
class Store:
    conn: Connection[Any]

    def do(self, command: Command) -> Result | Refusal:
        return execute(self.conn, command, actor=ERP, source="test", client_event_id=str(uuid4()))

    def take(self, version: int, *given: tuple[int, str, int], **more: Any) -> dict[str, Any]:
        message = TakeDocument("erp", "4711", version, "delivery", "D-1", lines(*given), **more)
        done = self.do(message)
        return done.response if isinstance(done, Result) else {"refused": done.code}

    def document(self) -> list[tuple[Any, ...]]:
        return self.conn.execute(
            """select l.line_no, i.code, l.quantity, l.fulfilled, d.status from document d
               join document_line l using (document_id) join item i using (item_id) order by 1"""
        ).fetchall()


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with psycopg.connect(database, autocommit=True) as conn:
        made = Store(conn)
        for command in (
            CreateItem("A"),
            CreateItem("B"),
            CreateLocation("B-1"),
            AdjustStock("A", Decimal(9), "B-1", "x"),
        ):
            assert isinstance(made.do(command), Result)
        yield made


def test_versions_make_change_and_cancel_one_document(store: Store) -> None:
    assert store.take(1, (10, "A", 5))["state"] == "applied"
    assert store.take(1, (10, "A", 5))["state"] == "applied"  # the same message again
    assert store.take(1, (10, "A", 6)) == {"refused": "exists"}
    assert store.take(3, (10, "A", 7), (20, "B", 1))["state"] == "applied"
    assert store.take(2, (10, "A", 1)) == {"refused": "older_version"}
    assert store.document() == [(10, "A", 7, 0, "open"), (20, "B", 1, 0, "open")]
    assert store.take(4, (10, "B", 2))["state"] == "applied"
    assert store.document() == [(10, "B", 2, 0, "open")]
    assert store.take(5, cancelled=True)["state"] == "applied"
    assert store.document()[0][4] == "cancelled"
    states = store.conn.execute("select version, state from inbox_message order by version").fetchall()
    assert states == [(1, "superseded"), (3, "superseded"), (4, "superseded"), (5, "applied")]


def test_what_has_moved_cannot_be_taken_back_by_a_message(store: Store) -> None:
    store.take(1, (10, "A", 5))
    assert isinstance(store.do(FulfilLine("delivery", "D-1", 10, Decimal(4), "B-1")), Result)
    answer = store.take(2, (10, "A", 3))
    assert (answer["state"], answer["problems"][0]["field"]) == ("quarantined", "lines.0.quantity")
    assert store.take(3, (20, "B", 3))["state"] == "quarantined"
    assert store.take(4, cancelled=True)["state"] == "quarantined"
    assert store.document() == [(10, "A", 5, 4, "open")]
    assert store.take(5, (10, "A", 4))["state"] == "applied"
    assert store.document() == [(10, "A", 4, 4, "complete")]


def test_unknown_codes_wait_in_quarantine_until_they_are_mapped_or_made(store: Store) -> None:
    store.take(1, (10, "A", 5))
    answer = store.take(2, (10, "MAT-1", 6), (20, "MAT-2", 1))
    assert [problem["field"] for problem in answer["problems"]] == ["lines.0.item", "lines.1.item"]
    assert store.document() == [(10, "A", 5, 0, "open")]  # the version before stays in force
    message_id = answer["message_id"]
    mapping = CodeMapping(CodeField.ITEM, "MAT-1", "A")
    half = store.do(RepairMessage(message_id, (mapping,)))
    assert isinstance(half, Result)
    assert (half.response["state"], len(half.response["problems"])) == ("quarantined", 1)
    store.do(CreateItem("MAT-2"))
    whole = store.do(RepairMessage(message_id))
    assert isinstance(whole, Result)
    assert whole.response["state"] == "applied"
    assert store.document() == [(10, "A", 6, 0, "open"), (20, "MAT-2", 1, 0, "open")]
    assert store.take(3, (10, "MAT-1", 8), (20, "MAT-2", 1))["state"] == "applied"  # the mapping stays
    again = store.do(RepairMessage(message_id))
    assert isinstance(again, Refusal)
    assert again.code == "wrong_state"


def test_a_quarantined_message_is_overtaken_by_its_successor(store: Store) -> None:
    first = store.take(1, (10, "MAT-1", 5))
    assert store.take(2, (10, "A", 5))["state"] == "applied"
    late = store.do(RepairMessage(first["message_id"], (CodeMapping(CodeField.ITEM, "MAT-1", "B"),)))
    assert isinstance(late, Refusal)
    assert store.document() == [(10, "A", 5, 0, "open")]


def test_a_newer_version_changes_all_that_a_document_says(store: Store) -> None:
    order = CanonicalLine(10, "A", Decimal(9), unit_cost=Decimal(2))
    store.do(TakeDocument("erp", "PO", 1, "purchase_order", "PO", (order,)))
    epcs = [encode_sgtin96(with_check_digit("0061414000001"), n, 6) for n in (1, 2, 3)]
    store.do(UpdateItem("A", gtin=with_check_digit("0061414000001")))
    store.do(RegisterTags(tuple(TagSpec(epc, "A") for epc in epcs)))
    answers = LineName("purchase_order", "PO", 10)

    def notice(version: int, *tags: str, **line: Any) -> list[Any]:
        said = CanonicalLine(1, "A", Decimal(3), **line)
        message = TakeDocument("erp", "ASN", version, "purchase_receipt", "ASN", (said,), epcs=tags)
        done = store.do(message)
        assert isinstance(done, Result)
        row = store.conn.execute(
            """select l.unit_cost, l.supplier_lot, l.expires_on::text, l.source_line_id is not null,
                      array(select epc from document_tag a where a.document_id = d.document_id order by epc)
               from document d join document_line l using (document_id) where d.kind = 'purchase_receipt'"""
        ).fetchone()
        assert row is not None
        return [done.response["state"], *row]

    assert notice(1, *epcs[:2]) == ["applied", None, "", None, False, epcs[:2]]
    cost = {"unit_cost": Decimal(4), "supplier_lot": "S-1", "expires_on": date(2030, 1, 1), "source": answers}
    assert notice(2, *epcs[1:], **cost) == ["applied", 4, "S-1", "2030-01-01", True, epcs[1:]]
    store.do(TakeDocument("erp", "PO", 2, "purchase_order", "PO", (replace(order, quantity=Decimal(2)),)))
    assert notice(3, source=answers)[0] == "quarantined"  # the order gives 2 now


def test_a_transfer_keeps_its_ends_once_it_has_shipped(store: Store) -> None:
    for place in ("B-2", "B-3"):
        store.do(CreateLocation(place))

    def version(number: int, target: str) -> str:
        message = TakeDocument(
            "erp", "T", number, "transfer", "T", lines((1, "A", 5)), from_location="B-1", to_location=target
        )
        done = store.do(message)
        assert isinstance(done, Result)
        return str(done.response["state"])

    assert (version(1, "B-2"), version(2, "B-3")) == ("applied", "applied")
    shipped = store.do(ShipTransfer("T", 1, Decimal(2)))
    assert isinstance(shipped, Result), shipped
    assert (version(3, "B-2"), version(4, "B-3")) == ("quarantined", "applied")
