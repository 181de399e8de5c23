"""Work orders: components from bills, kits, over-issue, substitutes, backorders, output with and without backflush."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import Store
from warehouse import commands as c
from warehouse.commands import ComponentSpec, SubstituteSpec
from warehouse.ledger import Tracking
from warehouse.site import Direction


@pytest.fixture
def store(store: Store) -> Store:
    store.items(1, 2, 4, 6)
    for code, tracking in (("PUMP", Tracking.NONE), ("KIT", Tracking.NONE), ("OIL", Tracking.NONE)):
        store.do(c.CreateItem(code, tracking=tracking, decimals=2 if code == "OIL" else 0))
    return store


def component(item: str, quantity: str, scrap: str = "0", **fields: Any) -> ComponentSpec:
    return ComponentSpec(item, Decimal(quantity), Decimal(scrap), **fields)


def bom(store: Store, item: str, version: str, *components: ComponentSpec, **fields: Any) -> None:
    store.do(c.CreateBom(item, version, components, **fields))


def stocked(store: Store, **quantities: int) -> None:
    for item, quantity in quantities.items():
        store.do(c.AdjustStock(item, Decimal(quantity), "STAGE", "opening", effective_at=DAY_0))


def order(store: Store, quantity: int = 10, number: str = "WO", **fields: Any) -> list[tuple[str, str]]:
    made = store.do(c.CreateWorkOrder(number, "PUMP", Decimal(quantity), **fields))
    return [(line["item"], line["quantity"]) for line in made["components"]]


def issued(store: Store, number: str = "WO") -> list[str]:
    rows = store.conn.execute(
        """select l.fulfilled from document_line l join document d using (document_id)
           where d.kind = 'work_order_issue' and d.number = %s order by line_no""",
        (number,),
    )
    return [f"{fulfilled.normalize():f}" for (fulfilled,) in rows]


# Bills


def test_the_bill_that_came_into_effect_last_counts(store: Store) -> None:
    bom(store, "PUMP", "1", component("I2", "1"))
    bom(store, "PUMP", "2", component("I2", "2"), effective_from=date(2027, 1, 1))
    bom(store, "PUMP", "3", component("I2", "3"), effective_from=date(2027, 3, 1), effective_to=date(2027, 3, 31))

    def taken(number: str, due: datetime | None, version: str | None = None) -> str:
        return order(store, 1, number, due_at=due, version=version)[0][1]

    assert taken("A", datetime(2026, 12, 31, tzinfo=UTC)) == "1"
    assert taken("B", datetime(2027, 1, 1, tzinfo=UTC)) == "2"
    assert taken("C", datetime(2027, 3, 15, tzinfo=UTC)) == "3"
    assert taken("D", datetime(2027, 4, 1, tzinfo=UTC)) == "2"
    assert taken("E", datetime(2027, 4, 1, tzinfo=UTC), "1") == "1"
    store.do(c.RetireBom("PUMP", "1"))
    gone = c.CreateWorkOrder("F", "PUMP", Decimal(1), "1")
    assert store.refused(gone) == ("not_found", "version")
    assert store.refused(c.CreateWorkOrder("F", "I6", Decimal(1))) == ("not_found", "item")


def test_phantoms_and_scrap_are_in_the_order(store: Store) -> None:
    bom(store, "KIT", "1", component("I4", "4"), component("OIL", "0.333"), phantom=True)
    bom(store, "PUMP", "1", component("I2", "2", "5"), component("KIT", "1"))
    assert order(store, 10) == [("I2", "21"), ("I4", "40"), ("OIL", "3.33")]


BAD_BILLS: list[tuple[c.CreateBom, tuple[str, str]]] = [
    (c.CreateBom("PUMP", "", (component("I2", "1"),)), ("invalid", "version")),
    (c.CreateBom("PUMP", "9", ()), ("invalid", "components")),
    (c.CreateBom("PUMP", "9", (component("I2", "0"),)), ("invalid", "components.0.quantity")),
    (c.CreateBom("PUMP", "9", (component("I2", "1", "-1"),)), ("invalid", "components.0.scrap_percent")),
    (c.CreateBom("PUMP", "9", (component("X", "1"),)), ("not_found", "components.0.item")),
    (c.CreateBom("PUMP", "9", (component("I2", "1"),) * 2), ("invalid", "components.1.item")),
    (c.CreateBom("PUMP", "1", (component("I2", "1"),)), ("exists", "version")),
    (c.CreateBom("PUMP", "9", (component("PUMP", "1"),)), ("invalid", "components")),
    (
        c.CreateBom("PUMP", "9", (component("I2", "1"),), output_quantity=Decimal("0.5")),
        ("invalid", "output_quantity"),
    ),
    (
        c.CreateBom("PUMP", "9", (component("I2", "1", substitutes=(SubstituteSpec("I2"),)),)),
        ("invalid", "components.0.substitutes.0.item"),
    ),
    (
        c.CreateBom(
            "PUMP", "9", (component("I2", "1"),), effective_from=date(2027, 2, 1), effective_to=date(2027, 1, 1)
        ),
        ("invalid", "effective_to"),
    ),
]  # fmt: skip


def test_what_is_no_bill_is_refused_by_field(store: Store) -> None:
    bom(store, "PUMP", "1", component("I2", "1"))
    assert [store.refused(command) for command, _ in BAD_BILLS] == [answer for _, answer in BAD_BILLS]
    assert store.one("select count(*) from bom") == 1


def test_a_circle_over_levels_and_substitutes_is_refused_with_its_way(store: Store) -> None:
    bom(store, "PUMP", "1", component("KIT", "1"))
    bom(store, "KIT", "1", component("I2", "1", substitutes=(SubstituteSpec("I4"),)))
    outcome = store.ask(c.CreateBom("I4", "1", (component("PUMP", "1"),)))
    assert isinstance(outcome, c.Refusal)
    assert outcome.message == "the bill would contain itself: I4 → PUMP → KIT → I4"
    store.do(c.RetireBom("PUMP", "1"))
    bom(store, "I4", "1", component("PUMP", "1"))


def test_two_bills_at_once_do_not_close_a_circle_between_them(store: Store, database: str) -> None:
    def make(whole: str, part: str) -> c.Result | c.Refusal:
        with psycopg.connect(database, autocommit=True) as conn:
            return Store(conn).ask(c.CreateBom(whole, "1", (component(part, "1"),)))

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(make, ("PUMP", "KIT"), ("KIT", "PUMP")))
    assert sum(isinstance(outcome, c.Refusal) for outcome in outcomes) == 1


# Issue


def plain(store: Store) -> None:
    bom(store, "PUMP", "1", component("I2", "2"), component("I4", "1"))


def test_a_kit_is_issued_whole_or_refused_with_what_is_missing(store: Store) -> None:
    plain(store)
    stocked(store, I2=20, I4=6)
    order(store)
    outcome = store.ask(c.IssueKit("WO", Decimal(10)))
    assert isinstance(outcome, c.Refusal)
    assert (outcome.code, outcome.message) == ("short", "missing for it: 4 I4")
    assert issued(store) == ["0", "0"]
    store.do(c.IssueKit("WO", Decimal(5)))
    assert issued(store) == ["10", "5"]
    partly = store.do(c.IssueKit("WO", Decimal(5), partial=True))
    assert partly["short"] == [{"line_no": 2, "item": "I4", "missing": "4"}]
    assert issued(store) == ["20", "6"]
    assert store.refused(c.IssueKit("WO", Decimal(11))) == ("invalid", "quantity")
    assert store.refused(c.IssueKit("NO", Decimal(1))) == ("not_found", "number")


def test_a_kit_uses_what_is_reserved_for_it_and_leaves_what_is_reserved_for_others(store: Store) -> None:
    plain(store)
    stocked(store, I2=4, I4=2)
    order(store, 2)
    order(store, 2, "OTHER")
    store.do(c.AllocateLine("work_order_issue", "WO", 1))
    assert store.refused(c.IssueKit("OTHER", Decimal(1))) == ("short", "quantity")
    store.do(c.IssueKit("WO", Decimal(2)))
    assert (issued(store), store.one("select state from reservation")) == (["4", "2"], "picked")


def test_what_is_not_issued_goes_on_a_backorder_that_belongs_to_the_order(store: Store) -> None:
    plain(store)
    stocked(store, I2=20, I4=10)
    epcs = store.tags(2, 1, 3)
    order(store, epcs=epcs)
    back = c.CreateBackorder("work_order_issue", "WO", "WO-2")
    assert store.refused(back) == ("wrong_state", "number")
    store.do(c.IssueKit("WO", Decimal(4)))
    store.do(back)
    assert store.one("select status from document where number = 'WO' and kind = 'work_order_issue'") == "closed"
    assert store.findings() == []
    lines = store.conn.execute(
        """select l.quantity, d.work_order_id is not null, (select count(*) from document_tag a
                  where a.document_id = d.document_id)
           from document_line l join document d using (document_id) where d.number = 'WO-2' order by line_no"""
    ).fetchall()
    assert lines == [(12, True, 3), (6, True, 3)]
    store.do(c.FulfilLine("work_order_issue", "WO-2", 1, Decimal(12), "STAGE"))
    assert issued(store, "WO-2") == ["12", "0"]
    assert store.refused(back) == ("wrong_state", "number")


def test_more_than_asked_is_issued_only_by_its_own_command_with_a_reason(store: Store) -> None:
    plain(store)
    stocked(store, I2=30, I4=10)
    order(store)
    store.do(c.IssueKit("WO", Decimal(10)))
    by_hand = c.FulfilLine("work_order_issue", "WO", 1, Decimal(1), "STAGE")
    assert store.refused(by_hand) == ("wrong_state", "number")
    more = c.OverIssue("WO", 1, Decimal(3), "STAGE", "broken at the press")
    assert c.OverIssue.NEEDS is c.Permission.OVER_ISSUE
    assert store.refused(c.OverIssue("WO", 1, Decimal(3), "STAGE", "")) == ("invalid", "reason")
    store.do(more)
    assert issued(store) == ["23", "10"]
    assert store.one("select reason from move order by seq desc limit 1") == "over-issue: broken at the press"
    assert store.refused(c.OverIssue("WO", 1, Decimal(8), "STAGE", "again")) == ("not_enough", "quantity")


def test_a_substitute_of_the_bill_stands_in_at_its_ratio(store: Store) -> None:
    substitute = SubstituteSpec("I6", Decimal(3), Decimal(2))
    bom(store, "PUMP", "1", component("I2", "2", substitutes=(substitute,)), component("I4", "1"))
    stocked(store, I2=5, I4=10, I6=30)
    order(store)
    store.do(c.IssueKit("WO", Decimal(10), partial=True))
    assert store.refused(c.SubstituteComponent("WO", 1, "I4")) == ("invalid", "item")
    assert store.refused(c.SubstituteComponent("WO", 1, "I6", Decimal(16))) == ("over", "quantity")
    made = store.do(c.SubstituteComponent("WO", 1, "I6"))
    assert (made["line_no"], made["quantity"]) == (3, "23")  # 15 × 3 / 2, rounded up
    store.do(c.IssueKit("WO", Decimal(10)))
    assert issued(store) == ["5", "10", "23"]
    assert store.one("select status from document where kind = 'work_order_issue'") == "complete"


def test_a_substitute_of_a_substitute_counts_by_the_bill_and_a_kit_is_whole_with_both(store: Store) -> None:
    others = (SubstituteSpec("I6", Decimal(3), Decimal(2)), SubstituteSpec("I4"))
    bom(store, "PUMP", "1", component("I2", "2", substitutes=others))
    stocked(store, I2=2, I4=4, I6=21)
    order(store)
    store.do(c.IssueKit("WO", Decimal(1)))  # of 10
    assert store.do(c.SubstituteComponent("WO", 1, "I6"))["quantity"] == "27"  # 18 × 3 / 2
    assert store.do(c.SubstituteComponent("WO", 2, "I4", Decimal(6)))["quantity"] == "4"  # 6 of it are 4 of the bill's
    store.do(c.IssueKit("WO", Decimal(2)))
    assert issued(store) == ["2", "6", "0"]  # two sets are 4 of the bill's, and 6 of what stands in
    store.do(c.IssueKit("WO", Decimal(9)))
    assert issued(store) == ["2", "21", "4"]


def test_a_component_nobody_has_touched_becomes_its_substitute(store: Store) -> None:
    bom(store, "PUMP", "1", component("I2", "2", substitutes=(SubstituteSpec("I6"),)))
    stocked(store, I6=20)
    order(store)
    store.do(c.SubstituteComponent("WO", 1, "I6"))
    store.do(c.IssueKit("WO", Decimal(10)))
    assert (issued(store), store.stock("I6")) == (["20"], 0)


def test_components_leave_through_a_door_by_scan_or_by_hand(store: Store) -> None:
    bom(store, "PUMP", "1", component("I1", "3"))
    epcs = store.tags(1, 1, 4)
    store.document("purchase_receipt", "ASN", {"I1": 4})
    store.post(store.load(epcs))
    order(store, 1, door="D1", epcs=epcs[:3])
    store.post(store.load(epcs[:1], Direction.OUT, minute=1))
    store.do(c.ScanDocument("work_order_issue", "WO", epcs[1:2], "STAGE"))
    assert store.refused(c.ScanDocument("work_order_issue", "WO", epcs[3:], "STAGE")) == ("wrong_goods", "epcs.0")
    store.do(c.FulfilLine("work_order_issue", "WO", 1, Decimal(1), "STAGE", serial="3"))
    rows = store.conn.execute(
        """select distinct l.code, m.from_status, m.quantity from move m
           join location l on l.location_id = m.to_location_id where m.line_id is not null and l.kind = 'production'"""
    ).fetchall()
    assert (rows, issued(store)) == ([("PRODUCTION", "available", 1)], ["3"])


# Output


def test_output_is_received_up_to_the_order_and_backflushed_with_it(store: Store) -> None:
    plain(store)
    stocked(store, I2=20, I4=9)
    order(store)
    store.do(c.ReportOutput("WO", Decimal(4), "BIN-1", backflush=True))
    assert (store.stock("PUMP", "BIN-1"), issued(store)) == (4, ["8", "4"])
    outcome = store.ask(c.ReportOutput("WO", Decimal(6), "BIN-1", backflush=True))
    assert isinstance(outcome, c.Refusal)
    assert (outcome.code, outcome.message) == ("short", "missing for it: 1 I4")
    store.do(c.ReportOutput("WO", Decimal(6), "BIN-1"))
    assert store.refused(c.ReportOutput("WO", Decimal(1), "BIN-1")) == ("wrong_state", "number")
    assert issued(store) == ["8", "4"]


def test_a_refused_output_takes_its_backflush_back(store: Store) -> None:
    plain(store)
    stocked(store, I2=20, I4=10)
    order(store)
    assert store.refused(c.ReportOutput("WO", Decimal(4), "NOWHERE", backflush=True)) == ("not_found", "location")
    assert issued(store) == ["0", "0"]


def test_unused_components_come_back_on_a_return_of_the_line(store: Store) -> None:
    plain(store)
    stocked(store, I2=20, I4=10)
    order(store)
    store.do(c.IssueKit("WO", Decimal(10)))
    source = c.LineName("work_order_issue", "WO", 1)
    store.do(c.CreateDocument("production_return", "R", (c.LineSpec("I2", Decimal(2), source=source),)))
    store.do(c.FulfilLine("production_return", "R", 1, Decimal(2), "STAGE"))
    assert store.stock("I2") == 2


def test_a_serial_is_made_once(store: Store) -> None:
    bom(store, "I1", "1", component("I4", "1"))
    stocked(store, I4=2)
    store.do(c.CreateWorkOrder("WO", "I1", Decimal(2)))
    store.do(c.RegisterTags((c.TagSpec("E2AA", "I1", serial="S1"),)))
    store.do(c.ReportOutput("WO", Decimal(1), "BIN-1", serial="S1"))
    assert store.refused(c.ReportOutput("WO", Decimal(1), "BIN-1", serial="S1")) == ("serial_in_stock", "serial")
    assert store.refused(c.CreateWorkOrder("WO", "I1", Decimal(1))) == ("exists", "number")
