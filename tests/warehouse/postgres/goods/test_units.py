"""Handling units: nested ones keep what is theirs, packing lists and books change together, circles are refused."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import psycopg
import pytest

from tests.warehouse.postgres.store import Store, sscc
from warehouse import commands as c
from warehouse.commands import ContentSpec, NestUnit, Repack
from warehouse.fulfilment import Rules
from warehouse.site import Direction


@pytest.fixture
def store(store: Store) -> Store:
    store.items(1, 2)
    return store


def standing(store: Store) -> list[tuple[str, str | None, int]]:
    rows = store.conn.execute(
        """select l.code, h.code, sum(b.on_hand) from balance b join location l using (location_id)
           left join handling_unit h using (hu_id) group by 1, 2 order by 1, 2"""
    )
    return [(place, unit, int(quantity)) for place, unit, quantity in rows]


def listed(store: Store) -> list[tuple[str, int]]:
    rows = store.conn.execute(
        "select h.code, sum(quantity) from hu_content join handling_unit h using (hu_id) group by 1 order by 1"
    )
    return [(unit, int(quantity)) for unit, quantity in rows]


def code(store: Store, number: int) -> str:
    return str(store.one("select code from handling_unit join tag using (hu_id) where epc = %s", (sscc(number),)))


def cartons_on_a_pallet(store: Store) -> tuple[str, ...]:
    """Pallet 9 with loose goods of its own, and two cartons of two serials each on it."""
    epcs = store.tags(1, 1, 4)
    pallet = store.pallet(9, (), (("I2", 7),))
    for number, mine in ((1, epcs[:2]), (2, epcs[2:])):
        store.pallet(number, mine)
        store.do(NestUnit(code(store, number), code(store, 9)))
    return (pallet, sscc(1), sscc(2), *epcs)


@pytest.mark.parametrize("read", ["the pallet", "everything"])
def test_nested_units_keep_their_goods_in_and_out_through_a_door(store: Store, read: str) -> None:
    whole = cartons_on_a_pallet(store)
    epcs = whole if read == "everything" else whole[:1]
    store.document("purchase_receipt", "ASN", {"I1": 4, "I2": 7}, epcs=whole[:1])
    rules = None if read == "everything" else _all_inferred()
    store.post(store.load(epcs), rules)
    assert standing(store) == [("STAGE", code(store, 1), 2), ("STAGE", code(store, 2), 2), ("STAGE", code(store, 9), 7)]
    assert store.findings() == []
    # The pallet's own tag, and each carton's that was read, hang on a movement of their goods.
    units = store.one("select count(*) from move_tag join tag using (epc) where hu_id is not null")
    assert units == (3 if read == "everything" else 1)
    store.document("delivery", "DN", {"I1": 4, "I2": 7}, epcs=whole[:1])
    store.post(store.load(epcs, Direction.OUT, minute=5), rules)
    assert (standing(store), store.fulfilled("DN"), store.findings()) == ([], [4, 7], [])


def _all_inferred() -> Rules:
    return Rules(inferred_share_max=1.0)


def test_a_carton_taken_off_goes_its_own_way(store: Store) -> None:
    whole = cartons_on_a_pallet(store)
    store.document("purchase_receipt", "ASN", {"I1": 4, "I2": 7})
    store.post(store.load(whole))
    store.do(NestUnit(code(store, 2)))
    store.post(store.load((whole[2], *whole[5:]), minute=5, outside="STAGE", inside="BIN-1"))
    assert ("BIN-1", code(store, 2), 2) in standing(store)
    assert ("STAGE", code(store, 9), 7) in standing(store)
    back = NestUnit(code(store, 2), code(store, 9))
    assert store.refused(back) == ("wrong_state", "parent")


def test_units_in_a_circle_or_too_deep_are_refused(store: Store) -> None:
    for n in range(7):
        store.do(c.CreateHandlingUnit(f"U{n}"))
    assert store.refused(NestUnit("U0", "U0")) == ("invalid", "parent")
    for n in range(4):
        store.do(NestUnit(f"U{n}", f"U{n + 1}"))
    assert store.refused(NestUnit("U4", "U0")) == ("invalid", "parent")
    assert store.refused(NestUnit("U4", "U5")) == ("invalid", "parent")
    assert store.refused(NestUnit("X", "U5")) == ("not_found", "unit")


def test_two_nestings_at_once_make_no_circle(store: Store, database: str) -> None:
    for unit in ("A", "B"):
        store.do(c.CreateHandlingUnit(unit))

    def nest(unit: str, parent: str) -> c.Result | c.Refusal:
        with psycopg.connect(database, autocommit=True) as conn:
            return Store(conn).ask(NestUnit(unit, parent))

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(nest, ("A", "B"), ("B", "A")))
    assert sum(isinstance(outcome, c.Refusal) for outcome in outcomes) == 1


def test_packing_and_unpacking_change_list_and_books_together(store: Store) -> None:
    epcs = store.tags(1, 1, 2)
    store.document("purchase_receipt", "ASN", {"I1": 2, "I2": 10})
    store.post(store.load(epcs))
    store.do(c.FulfilLine("purchase_receipt", "ASN", 2, Decimal(10), "STAGE"))
    for unit in ("A", "B"):
        store.do(c.CreateHandlingUnit(unit))
    loose = ContentSpec(item="I2", quantity=Decimal(6))
    store.do(Repack("STAGE", (ContentSpec(epc=epcs[0]), loose), target_unit="A"))
    assert standing(store) == [("STAGE", "A", 7), ("STAGE", None, 5)]
    assert listed(store) == [("A", 7)]
    two = ContentSpec(item="I2", quantity=Decimal(2))
    store.do(Repack("STAGE", (ContentSpec(epc=epcs[0]), two), source_unit="A", target_unit="B"))
    assert standing(store) == [("STAGE", "A", 4), ("STAGE", "B", 3), ("STAGE", None, 5)]
    store.do(Repack("STAGE", (ContentSpec(epc=epcs[0]), two), source_unit="B"))
    assert (standing(store), listed(store)) == ([("STAGE", "A", 4), ("STAGE", None, 8)], [("A", 4)])


def test_what_cannot_be_repacked_is_refused_and_nothing_changes(store: Store) -> None:
    epcs = store.tags(1, 1, 2)
    store.document("purchase_receipt", "ASN", {"I1": 2})
    store.post(store.load(epcs[:1]))
    store.do(c.CreateHandlingUnit("A"))
    tagged, loose = ContentSpec(epc=epcs[0]), ContentSpec(item="I2", quantity=Decimal(1))
    assert store.refused(Repack("BIN-1", (tagged,), target_unit="A")) == ("invalid", "contents.0.epc")
    assert store.refused(Repack("STAGE", (tagged,), source_unit="A")) == ("invalid", "contents.0.epc")
    assert store.refused(Repack("STAGE", (loose,), target_unit="A")) == ("not_enough", "quantity")
    assert store.refused(Repack("STAGE", (loose,))) == ("invalid", "target_unit")
    assert store.refused(Repack("STAGE", (), target_unit="A")) == ("invalid", "contents")
    assert store.refused(Repack("STAGE", (ContentSpec(epc="E2FF"),), target_unit="A")) == (
        "not_found",
        "contents.0.epc",
    )
    assert listed(store) == []
    store.do(Repack("STAGE", (ContentSpec(epc=epcs[1]),), target_unit="A"))  # not received yet: only the list
    assert (listed(store), standing(store)) == ([("A", 1)], [("STAGE", None, 1)])
