"""What is made by the set is judged as what is made one by one: the same answers, the same rows."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from warehouse.commands import (
    CreateHandlingUnit,
    CreateItem,
    CreateLocation,
    CreateLot,
    Refusal,
    SetItemUnit,
    TagSpec,
)
from warehouse.epc import encode_sgtin96
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.catalogue import set_item_units
from warehouse.postgres.goods.master_data import create_items, create_locations, create_lots
from warehouse.postgres.goods.nesting import generations
from warehouse.postgres.goods.tags import bind_tags, create_handling_units
from warehouse.valuation import Valuation

EPC = [encode_sgtin96("80614141123458", serial, 7) for serial in range(1, 9)]
CASES: dict[str, tuple[Callable[[Conn, Sequence[Any]], list[Any]], list[Any], str, list[str]]] = {
    "items": (
        create_items,
        [
            CreateItem("A", category="new"),
            CreateItem("OLD"),
            CreateItem(""),
            CreateItem("B", gtin="80614141123458"),
            CreateItem("C", gtin="80614141123458"),  # B's
            CreateItem("D", gtin="80614141123459"),  # its check digit is wrong
            CreateItem("E", decimals=10),
            CreateItem("F", tracking=Tracking.SERIAL, decimals=1),
            CreateItem("G", weight_kg=Decimal(-1)),
            CreateItem("H", valuation=Valuation.STANDARD),
            CreateItem("I", category="retired"),
            CreateItem("J", valuation=Valuation.STANDARD, standard_cost=Decimal("1.5"), dead_after_days=3),
        ],
        "select code, gtin, category, valuation, standard_cost, dead_after_days from item order by code",
        ["code", "code", "gtin", "gtin", "decimals", "decimals", "weight_kg", "standard_cost", "category"],
    ),
    "lots": (
        create_lots,
        [
            CreateLot("LOT", "L1", date(2030, 1, 1), "S"),
            CreateLot("LOT", "L1"),
            CreateLot("404", "L1"),
            CreateLot("LOT", ""),
            CreateLot("09506000134352", "L1"),  # the same item by its GTIN
            CreateLot("OLD", "L1"),
        ],
        "select i.code, l.code, l.expires_on, l.supplier_lot from lot l join item i using (item_id) order by 1, 2",
        ["code", "item", "code", "code"],
    ),
    "locations": (
        create_locations,
        [
            CreateLocation("Z", parent="W"),
            CreateLocation("W"),
            CreateLocation("B", level="bin", parent="Z"),
            CreateLocation("SEEN", "Seen before", parent="Z"),  # a place that was only seen so far
            CreateLocation("ADJUSTMENT"),
            CreateLocation("LOST", parent="404"),
            CreateLocation("ROUND", parent="ROUND"),
        ],
        """select l.code, l.name, l.kind, p.code from location l left join location p on p.location_id = l.parent_id
           order by 1""",
        ["code", "parent", "parent"],
    ),
    "units": (
        set_item_units,
        [
            SetItemUnit("OLD", "box", 12),
            SetItemUnit("OLD", "pallet", 0),
            SetItemUnit("OLD", "pc", 2),
            SetItemUnit("404", "box", 2),
        ],
        "select i.code, u.unit, factor_num, factor_den from item_unit u join item i using (item_id) order by 1, 2",
        ["factor_num", "unit", "item"],
    ),
    "tags": (
        bind_tags,
        [
            TagSpec(EPC[0].lower(), "OLD"),
            TagSpec(EPC[0], "OLD"),  # says the same
            TagSpec(EPC[0], "OLD", quantity=Decimal(2)),
            TagSpec("XYZ", "OLD"),
            TagSpec(EPC[1], "404"),
            TagSpec(EPC[1], "OLD", lot="404"),
            TagSpec(EPC[1], "OLD", quantity=Decimal("0.5")),
            TagSpec(EPC[1], "LOT"),
            TagSpec(EPC[2], "SERIAL"),
            TagSpec(EPC[3], "SERIAL", serial="3"),  # the serial that EPC[2] stands for
            TagSpec(EPC[4], "SERIAL", quantity=Decimal(2)),
            TagSpec(EPC[5], "SERIAL", serial="S-5"),
        ],
        "select epc, i.code, quantity, s.code from tag join item i using (item_id) left join serial s using (serial_id)"
        " order by 1",
        ["epc", "epc", "item", "lot", "quantity", "lot", "epc", "quantity"],
    ),
    "handling units": (
        create_handling_units,
        [
            CreateHandlingUnit("P-2", parent="P-1"),
            CreateHandlingUnit("P-1", EPC[6]),
            CreateHandlingUnit("P-1"),
            CreateHandlingUnit(""),
            CreateHandlingUnit("P-3", tare_kg=Decimal(-1)),
            CreateHandlingUnit("P-4", parent="404"),
            CreateHandlingUnit("P-5", EPC[6]),  # P-1's
            CreateHandlingUnit("", EPC[7]),
        ],
        "select u.code, kind, p.code from handling_unit u left join (select hu_id, code from handling_unit) p"
        " on p.hu_id = u.parent_id order by 1",
        ["code", "code", "tare_kg", "parent", "epc"],
    ),
}


@pytest.fixture
def conn(database: str) -> Iterator[Conn]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("insert into category (code, active) values ('retired', false)")
        connection.execute("insert into location (code, name, kind) values ('SEEN', '', 'outside')")
        given = (
            CreateItem("OLD"),
            CreateItem("LOT", gtin="09506000134352", tracking=Tracking.LOT),
            CreateItem("SERIAL", tracking=Tracking.SERIAL),
        )
        assert not any(isinstance(made, Refusal) for made in create_items(connection, given))
        yield connection


@pytest.mark.parametrize("name", CASES)
def test_a_set_is_judged_as_its_members_are(conn: Conn, name: str) -> None:
    make, given, rows, refused = CASES[name]
    one_by_one, at_once = [], []
    with conn.transaction(force_rollback=True):
        # A parent before what is in it, as whoever sends one at a time has to.
        order = generations([(getattr(c, "code", str(uuid4())), getattr(c, "parent", None)) for c in given], ())
        for n in [n for some in order[0] for n in some] + order[1]:
            one_by_one.append((n, make(conn, [given[n]])[0]))
        alone = conn.execute(rows.encode()).fetchall()
    with conn.transaction(force_rollback=True):
        at_once = make(conn, given)
        together = conn.execute(rows.encode()).fetchall()
    assert alone == together
    refusals = [made for made in at_once if isinstance(made, Refusal)]
    assert [refusal.field for refusal in refusals] == refused
    assert {n: made for n, made in one_by_one if isinstance(made, Refusal)} == {
        n: made for n, made in enumerate(at_once) if isinstance(made, Refusal)
    }


def test_an_empty_set_is_nothing(conn: Conn) -> None:
    assert [make(conn, []) for make, *_ in CASES.values()] == [[]] * len(CASES)


def test_what_contains_comes_before_what_it_contains() -> None:
    named = [("c", "b"), ("b", "a"), ("a", None), ("x", "x"), ("y", "known"), ("z", "nowhere")]
    assert generations(named, {"known"}) == ([[2, 4], [1], [0]], [3, 5])
