"""Commands: once each, refusals that name code and field, an audit row for all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.store import CLERK, Store, gtin, sgtin
from warehouse import commands as c
from warehouse.commands import Actor, Refusal, Result, Rights
from warehouse.ledger import StockStatus, Tracking
from warehouse.postgres.commands import execute


def test_a_command_repeated_gets_the_stored_answer_and_another_under_its_id_is_refused(store: Store) -> None:
    first = store.ask(c.CreateItem("A", gtin=gtin(1)), "click-1")
    again = store.ask(c.CreateItem("A", gtin=gtin(1)), "click-1")
    assert isinstance(first, Result)
    assert isinstance(again, Result)
    assert again.repeated
    assert (first.response, first.request_id) == (again.response, again.request_id)
    other = store.ask(c.CreateItem("B"), "click-1")
    assert isinstance(other, Refusal)
    assert (other.code, other.field) == ("request_id_reused", "client_event_id")
    refused = [store.ask(c.CreateItem("A"), "click-2") for _ in range(2)]
    assert refused[0] == refused[1] == Refusal("exists", "code", "an item with code 'A' exists")
    assert store.one("select count(*) from audit_log where command = 'CreateItem'") == 2
    assert store.one("select count(*) from audit_log where outcome = 'exists' and actor = %s", (CLERK.name,)) == 1


def test_sixteen_clicks_at_once_do_it_once(store: Store, database: str) -> None:  # K11
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(100), "STAGE", "found"))
    move = c.MoveStock("I2", Decimal(5), "STAGE", "BIN-1")
    barrier = threading.Barrier(16)

    def click(_: int) -> Result | Refusal:
        own = open_like(database)
        barrier.wait(30)
        try:
            return execute(own.conn, move, actor=CLERK, source="pda", client_event_id="one")
        finally:
            own.conn.close()

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(click, range(16)))
    assert all(isinstance(outcome, Result) for outcome in outcomes)
    assert sum(isinstance(outcome, Result) and not outcome.repeated for outcome in outcomes) == 1
    assert store.stock("I2", "BIN-1") == 5


def open_like(dsn: str) -> Store:
    import psycopg

    return Store(psycopg.connect(dsn, autocommit=True))


REFUSALS: list[tuple[str, c.Command, tuple[str, str]]] = [
    ("item without code", c.CreateItem(""), ("invalid", "code")),
    ("item with a wrong check digit", c.CreateItem("X", gtin="00614140000011"), ("invalid", "gtin")),
    ("item with a known GTIN", c.CreateItem("X", gtin=gtin(2)), ("exists", "gtin")),
    ("serials of half a piece", c.CreateItem("X", tracking=Tracking.SERIAL, decimals=1), ("invalid", "decimals")),
    ("lot of no item", c.CreateLot("nothing", "L"), ("not_found", "item")),
    ("place of no kind", c.CreateLocation("X", kind="cupboard"), ("invalid", "kind")),
    ("place of no level", c.CreateLocation("X", level="drawer"), ("invalid", "level")),
    ("place in no place", c.CreateLocation("X", parent="nowhere"), ("not_found", "parent")),
    ("known place", c.CreateLocation("STAGE"), ("exists", "code")),
    ("tag that is no EPC", c.RegisterTags((c.TagSpec("XYZ", "I2"),)), ("invalid", "tags.0.epc")),
    ("tag of no item", c.RegisterTags((c.TagSpec("E2", "I2"), c.TagSpec("E3", "no"))), ("not_found", "tags.1.item")),
    (
        "tag of half a piece",
        c.RegisterTags((c.TagSpec("E2", "I2", quantity=Decimal("0.5")),)),
        ("invalid", "tags.0.quantity"),
    ),
    ("tag bound to something else", c.RegisterTags((c.TagSpec(sgtin(1, 1), "I2"),)), ("exists", "tags.0.epc")),
    ("unit without a name", c.CreateHandlingUnit(), ("invalid", "code")),
    ("unit of no kind", c.CreateHandlingUnit("U", kind="bucket"), ("invalid", "kind")),
    (
        "unit with an unknown tag",
        c.CreateHandlingUnit("U", contents=(c.ContentSpec(epc="E2"),)),
        ("not_found", "contents.0.epc"),
    ),
    ("document of no kind", c.CreateDocument("letter", "1", (c.LineSpec("I2", Decimal(1)),)), ("invalid", "kind")),
    ("document without lines", c.CreateDocument("delivery", "1", ()), ("invalid", "lines")),
    (
        "document without a number",
        c.CreateDocument("delivery", "", (c.LineSpec("I2", Decimal(1)),)),
        ("invalid", "number"),
    ),
    (
        "line of nothing",
        c.CreateDocument("delivery", "1", (c.LineSpec("I2", Decimal(0)),)),
        ("invalid", "lines.0.quantity"),
    ),
    (
        "line of half a piece",
        c.CreateDocument("delivery", "1", (c.LineSpec("I2", Decimal("1.5")),)),
        ("invalid", "lines.0.quantity"),
    ),
    (
        "line twice",
        c.CreateDocument("delivery", "1", (c.LineSpec("I2", Decimal(1), line_no=1),) * 2),
        ("invalid", "lines.1.line_no"),
    ),
    (
        "unregistered EPC",
        c.CreateDocument("delivery", "1", (c.LineSpec("I2", Decimal(1)),), epcs=("E2",)),
        ("not_found", "epcs.0"),
    ),
    (
        "EPC of an item on no line",
        c.CreateDocument("delivery", "1", (c.LineSpec("I2", Decimal(1)),), epcs=(sgtin(1, 1),)),
        ("invalid", "epcs.0"),
    ),
    ("cancel of nothing", c.CancelDocument("delivery", "none"), ("not_found", "number")),
    (
        "fulfil a line that is not there",
        c.FulfilLine("purchase_receipt", "ASN", 9, Decimal(1), "STAGE"),
        ("not_found", "line_no"),
    ),
    (
        "receive more than ordered",
        c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(6), "STAGE"),
        ("over", "quantity"),
    ),
    ("move to the same place", c.MoveStock("I2", Decimal(1), "STAGE", "STAGE"), ("same_place", "target")),
    ("move more than there is", c.MoveStock("I2", Decimal(99), "STAGE", "BIN-1"), ("not_enough", "quantity")),  # K7
    ("move out of the house", c.MoveStock("I2", Decimal(1), "STAGE", "CUSTOMER"), ("invalid", "target")),
    ("move half a piece", c.MoveStock("I2", Decimal("0.5"), "STAGE", "BIN-1"), ("quantity_scale", "quantity")),
    ("move nothing", c.MoveStock("I2", Decimal(0), "STAGE", "BIN-1"), ("quantity_not_positive", "quantity")),
    ("adjust by nothing", c.AdjustStock("I2", Decimal(0), "STAGE", "why"), ("invalid", "difference")),
    ("adjust for no reason", c.AdjustStock("I2", Decimal(1), "STAGE", ""), ("invalid", "reason")),
    ("adjust below zero", c.AdjustStock("I2", Decimal(-99), "STAGE", "lost"), ("not_enough", "difference")),
    ("serial without its number", c.AdjustStock("I1", Decimal(1), "STAGE", "found"), ("serial_required", "serial")),
    ("reverse nothing", c.ReverseMovement(uuid4()), ("not_found", "move_id")),
    ("settle nothing", c.ResolveDiscrepancy(uuid4(), c.Resolution.POST), ("not_found", "discrepancy_id")),
    ("close the future", c.ClosePeriod(date(2999, 1, 1)), ("invalid", "through")),
    ("reserve too much", c.ReserveStock("I2", Decimal(99), "STAGE", "me"), ("not_enough", "quantity")),
    (
        "reserve for no line",
        c.ReserveStock("I2", Decimal(1), "STAGE", "me", document_kind="delivery", document_number="x", line_no=1),
        ("not_found", "document_number"),
    ),
    ("release nothing", c.ReleaseReservation(uuid4()), ("not_found", "reservation_id")),
    ("retire nothing", c.RetireTag("E2"), ("not_found", "epc")),
]


def test_every_refusal_names_its_code_and_field_and_changes_nothing(store: Store) -> None:
    store.items(1, 2)
    store.tags(1, 1, 1)
    store.do(c.AdjustStock("I2", Decimal(10), "STAGE", "opening", effective_at=DAY_0))
    store.document("purchase_receipt", "ASN", {"I2": 5})

    def world() -> list[int]:
        tables = ("item", "lot", "location", "tag", "handling_unit", "hu_content", "document", "document_line", "move")
        return [store.one(f"select count(*) from {t}") for t in (*tables, "reservation", "period_close")]  # noqa: S608

    before = world()
    got = {name: store.refused(command) for name, command, _ in REFUSALS}
    assert got == {name: answer for name, _, answer in REFUSALS}
    assert world() == before


def test_by_hand_the_same_posting_as_by_portal(store: Store) -> None:
    store.items(2)
    store.document("purchase_receipt", "ASN", {"I2": 5})
    store.do(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(2), "STAGE"))
    store.do(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(3), "STAGE"))
    assert store.refused(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(1), "STAGE")) == ("wrong_state", "number")
    store.document("delivery", "DN", {"I2": 4})
    store.do(c.FulfilLine("delivery", "DN", 1, Decimal(4), "STAGE"))
    assert (store.stock("I2"), store.fulfilled("ASN"), store.fulfilled("DN")) == (1, [5], [4])
    assert store.refused(c.CancelDocument("delivery", "DN")) == ("wrong_state", "number")


def test_a_reversal_opens_the_document_again_and_is_not_reversed_itself(store: Store) -> None:
    store.items(2)
    store.document("purchase_receipt", "ASN", {"I2": 5})
    done = store.do(c.FulfilLine("purchase_receipt", "ASN", 1, Decimal(5), "STAGE"))
    undone = store.do(c.ReverseMovement(done["move_id"], "wrong pallet"))
    assert (store.stock("I2"), store.fulfilled("ASN"), store.one("select status from document")) == (0, [0], "open")
    assert store.refused(c.ReverseMovement(undone["move_id"])) == ("wrong_state", "move_id")
    assert store.refused(c.ReverseMovement(done["move_id"]))[0] == "already_reversed"


def test_reservations_hold_stock_until_released_or_expired(store: Store) -> None:  # D11
    from warehouse.postgres.books import reservations

    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(100), "STAGE", "opening"))
    held = store.do(c.ReserveStock("I2", Decimal(50), "STAGE", "order 1"))
    store.document("delivery", "DN", {"I2": 100})
    out = c.FulfilLine("delivery", "DN", 1, Decimal(100), "STAGE")
    assert store.refused(out) == ("reserved", "quantity")
    assert store.refused(c.ReserveStock("I2", Decimal(51), "STAGE", "order 2")) == ("reserved", "quantity")
    store.do(c.ReleaseReservation(held["reservation_id"]))
    store.do(out)
    store.do(c.AdjustStock("I2", Decimal(5), "STAGE", "found"))
    store.do(c.ReserveStock("I2", Decimal(5), "STAGE", "order 3", expires_at=DAY_0))
    with store.conn.transaction():
        assert reservations.expire(store.conn, DAY_0 - timedelta(seconds=1)) == 0
        assert reservations.expire(store.conn, DAY_0) == 1
    assert store.one("select sum(reserved) from balance") == 0


def test_a_period_is_closed_only_when_nothing_in_it_is_undecided(store: Store) -> None:
    store.items(1)
    store.post(store.load(store.tags(1, 1, 1)))
    assert store.findings() == ["no_document"]
    assert store.refused(c.ClosePeriod(DAY_0.date())) == ("wrong_state", "through")
    store.do(c.ResolveDiscrepancy(store.one("select discrepancy_id from discrepancy"), c.Resolution.DISMISS))
    store.do(c.ClosePeriod(DAY_0.date()))
    assert store.refused(c.ClosePeriod(DAY_0.date())) == ("wrong_state", "through")
    late = c.AdjustStock("I1", Decimal(1), "STAGE", "found", serial="1", effective_at=DAY_0)
    assert store.refused(late) == ("period_closed", "effective_at")


def test_status_changes_are_movements(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", Decimal(10), "STAGE", "opening", status=StockStatus.INSPECTION))
    inspection, blocked = StockStatus.INSPECTION, StockStatus.BLOCKED
    available = StockStatus.AVAILABLE
    store.do(c.MoveStock("I2", Decimal(8), "STAGE", "BIN-1", status=inspection))
    store.do(c.MoveStock("I2", Decimal(2), "STAGE", "STAGE", status=inspection, to_status=blocked))
    # Only an inspector makes goods available, and what is blocked goes through another inspection.
    for status in (inspection, blocked):
        accept = c.MoveStock("I2", Decimal(1), "STAGE", "BIN-1", status=status, to_status=available)
        assert store.refused(accept) == ("not_accepted", "to_status")
    again = c.MoveStock("I2", Decimal(2), "STAGE", "STAGE", status=blocked, to_status=inspection)
    mover = Actor("mover", "", Rights(frozenset({c.Permission.MOVE})))
    outcome = execute(store.conn, again, actor=mover, source="test", client_event_id="again")
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.field) == ("forbidden", "to_status")
    store.do(again)
    store.do(c.MoveStock("I2", Decimal(2), "STAGE", "STAGE", status=inspection, to_status=blocked))
    store.do(c.DecideInspection("I2", Decimal(8), "BIN-1", c.Inspected.ACCEPT))
    assert (store.stock("I2", "BIN-1"), store.stock("I2", status="blocked")) == (8, 2)
    assert store.refused(c.ReserveStock("I2", Decimal(1), "STAGE", "me"))[0] == "not_enough"
