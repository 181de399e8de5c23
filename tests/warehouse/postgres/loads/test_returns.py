"""Returns through a door are held to what went on the line they answer to, as they are by hand and by scan."""

from decimal import Decimal as D

import pytest

from tests.warehouse.postgres.ledger_store import day
from tests.warehouse.postgres.store import Store, sgtin
from warehouse import commands as c
from warehouse.ledger import Tracking
from warehouse.postgres.loads.posting import Posting
from warehouse.site import Direction

KINDS = [
    ("delivery", "customer_return"),
    ("work_order_issue", "production_return"),
    ("purchase_receipt", "vendor_return"),
]


def way_of(kind: str) -> Direction:
    return Direction.IN if kind in ("purchase_receipt", "customer_return", "production_return") else Direction.OUT


def through(store: Store, kind: str, *epcs: str, minute: int = 0) -> Posting:
    return store.post(store.load(epcs, way_of(kind), minute=minute))


def answering(store: Store, kind: str, number: str, item: str, quantity: int, source: tuple[str, str]) -> None:
    line = c.LineSpec(item, D(quantity), source=c.LineName(*source, 1))
    store.do(c.CreateDocument(kind, number, (line,)))


def accept(store: Store) -> None:
    found = store.one("select discrepancy_id from discrepancy where state = 'open'")
    store.do(c.ResolveDiscrepancy(found, c.Resolution.POST))


@pytest.mark.parametrize(("out", "back"), KINDS)
def test_a_serial_that_went_on_another_line_is_held_and_accepted_without_the_line(
    store: Store, out: str, back: str
) -> None:
    store.items(1)
    tags = store.tags(1, 1, 3)
    if way_of(out) is Direction.OUT:
        store.document("other_receipt", "FIRST", {"I1": 3})
        through(store, "purchase_receipt", *tags)
    store.document(out, "A", {"I1": 2})
    through(store, out, *tags[:2], minute=1)
    store.document(out, "B", {"I1": 1})
    through(store, out, tags[2], minute=2)
    here = store.stock("I1")
    answering(store, back, "R", "I1", 2, (out, "A"))
    assert store.refused(c.ScanDocument(back, "R", (tags[0], tags[2]), "STAGE")) == ("wrong_goods", "epcs.1")
    through(store, back, tags[0], tags[2], minute=3)
    step = 1 if way_of(back) is Direction.IN else -1
    assert (store.stock("I1"), store.fulfilled("R"), store.findings()) == (here + step, [1], ["wrong_goods"])
    detail = store.one("select detail from discrepancy")
    assert detail == "it did not go on the line that R answers to, or is back: accepted, it is of no line"
    accept(store)
    assert (store.stock("I1"), store.fulfilled("R")) == (here + 2 * step, [1])
    through(store, back, tags[1], minute=4)
    assert (store.fulfilled("R"), store.one("select status from document where number = 'R'")) == ([2], "complete")


@pytest.mark.parametrize(("out", "back"), KINDS)
def test_no_more_of_a_lot_comes_back_than_went_though_the_line_has_room(store: Store, out: str, back: str) -> None:
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    tags = {}
    for n, lot in enumerate(("A", "B")):
        store.do(c.CreateLot("L", lot))
        tags[lot] = tuple(sgtin(90, 10 * n + i) for i in range(4))
        store.do(c.RegisterTags(tuple(c.TagSpec(epc, "L", lot=lot) for epc in tags[lot])))
        store.do(c.AdjustStock("L", D(10), "STAGE", "opening", lot=lot, effective_at=day(0)))
    store.document(out, "D", {"L": 5})
    for lot, quantity in (("A", 1), ("B", 4)):
        store.do(c.FulfilLine(out, "D", 1, D(quantity), "STAGE", lot=lot, effective_at=day(0)))
    answering(store, back, "R", "L", 5, (out, "D"))
    # Two of A in one load: by room both fit, by what went one.
    through(store, back, *tags["A"][:2], tags["B"][0], minute=1)
    assert (store.fulfilled("R"), store.findings()) == ([2], ["wrong_goods"])
    assert store.one("select detail from discrepancy").startswith("lot A did not go on the line that R answers to")
    assert store.refused(c.FulfilLine(back, "R", 1, D(1), "STAGE", lot="A")) == ("wrong_goods", "lot")
    before = store.stock("L")
    accept(store)
    step = 1 if way_of(back) is Direction.IN else -1
    assert (store.stock("L"), store.fulfilled("R")) == (before + step, [2])


def test_goods_choose_the_return_that_answers_to_where_they_went(store: Store) -> None:
    store.items(1)
    tags = store.tags(1, 1, 2)
    store.document("purchase_receipt", "PO", {"I1": 2})
    through(store, "purchase_receipt", *tags)
    for n, tag in enumerate(tags):
        store.document("delivery", f"D{n}", {"I1": 1})
        through(store, "delivery", tag, minute=1 + n)
        answering(store, "customer_return", f"R{n}", "I1", 1, ("delivery", f"D{n}"))
    through(store, "customer_return", tags[1], minute=4)
    assert (store.fulfilled("R0"), store.fulfilled("R1"), store.findings()) == ([0], [1], [])
    # What is back goes out and comes in once more: its return is full, the other one is of another serial.
    store.document("delivery", "D9", {"I1": 1})
    through(store, "delivery", tags[1], minute=5)
    through(store, "customer_return", tags[1], minute=6)
    assert (store.fulfilled("R0"), store.findings()) == ([0], ["wrong_goods"])


def test_what_was_held_before_its_delivery_was_known_is_accepted_on_its_line(store: Store) -> None:
    store.items(1)
    (tag,) = store.tags(1, 1, 1)
    other = store.tags(1, 2, 1)[0]
    store.document("purchase_receipt", "PO", {"I1": 2})
    through(store, "purchase_receipt", tag, other)
    store.document("delivery", "D", {"I1": 2})
    through(store, "delivery", other, minute=1)
    sold = store.do(c.FulfilLine("delivery", "D", 1, D(1), "STAGE", serial="1"))
    answering(store, "customer_return", "R", "I1", 1, ("delivery", "D"))
    store.do(c.ReverseMovement(sold["move_id"]))
    store.do(c.AdjustStock("I1", D(-1), "STAGE", "gone, nobody knows how", serial="1"))
    through(store, "customer_return", tag, minute=2)
    assert store.findings() == ["wrong_goods"]
    store.do(c.AdjustStock("I1", D(1), "STAGE", "found", serial="1"))
    store.do(c.FulfilLine("delivery", "D", 1, D(1), "STAGE", serial="1"))
    accept(store)
    assert (store.fulfilled("R"), store.stock("I1")) == ([1], 1)


def test_an_amended_load_does_not_undo_what_a_return_brought_back(store: Store) -> None:
    store.do(c.CreateItem("L", tracking=Tracking.LOT))
    store.do(c.CreateLot("L", "A"))
    tags = tuple(sgtin(90, n) for n in range(2))
    store.do(c.RegisterTags(tuple(c.TagSpec(epc, "L", lot="A") for epc in tags)))
    store.do(c.AdjustStock("L", D(10), "STAGE", "opening", lot="A", effective_at=day(0)))
    store.document("delivery", "D", {"L": 2})
    load = store.load(tags, Direction.OUT)
    store.post(load)
    answering(store, "customer_return", "R", "L", 2, ("delivery", "D"))
    store.do(c.FulfilLine("customer_return", "R", 1, D(2), "STAGE", lot="A"))
    amended = store.load(tags[:1], Direction.OUT, revision=1, passage=load.passage_id)
    assert store.post(amended).reversal_ids == ()
    assert store.stock("L") == 10
    detail = store.one("select detail from discrepancy where kind = 'refused'")
    assert "goods of it came back on customer_return R" in detail
