"""Loads that pass portals, from tags to movements: once, explained, corrected by difference, never blocking."""

from dataclasses import replace
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import day
from tests.warehouse.postgres.store import CLERK, Store, sgtin, sscc
from warehouse.commands import (
    BlockLot,
    CloseDocument,
    ContentSpec,
    CreateHandlingUnit,
    CreateItem,
    CreateLot,
    MoveStock,
    RegisterTags,
    Resolution,
    ResolveDiscrepancy,
    TagSpec,
)
from warehouse.fulfilment import Flow, Rules
from warehouse.ledger import StockStatus, Tracking
from warehouse.postgres.loads.posting import post_load
from warehouse.site import Direction, Effect


def test_a_receipt_fulfils_its_document_and_every_movement_names_passage_line_and_tags(store: Store) -> None:
    store.items(1, 2)
    serials, pieces = store.tags(1, 1, 3), store.tags(2, 1, 4)
    store.document("purchase_receipt", "ASN-1", {"I1": 3, "I2": 4}, door="D1")
    posting = store.post(store.load(serials + pieces))
    assert (posting.flow, posting.tags_posted, posting.quantity_posted) == (Flow.IN, 7, 7)
    assert [(d.number, d.status, d.fulfilled) for d in posting.documents] == [("ASN-1", "complete", 7)]
    assert (store.stock("I1"), store.stock("I2"), store.findings()) == (3, 4, [])
    assert store.one("select count(*) from move") == 4  # one a serial, one for the four pieces
    assert store.one("select count(*) from move where line_id is null or passage_id is null or device <> 'D1'") == 0
    assert store.one("select count(*) from move_tag where not inferred and score > 0.9") == 7
    assert store.one("select code from location join move on to_location_id = location_id limit 1") == "STAGE"


def test_the_same_load_again_changes_nothing_and_gives_the_same_answer(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 3})
    load = store.load(store.tags(1, 1, 3))
    first, second = store.post(load), store.post(load)
    assert second.repeated
    assert not second.differs
    assert (first.move_ids, first.documents) == (second.move_ids, second.documents)
    assert store.stock("I1") == 3
    other = store.load((sgtin(1, 99),), passage=load.passage_id)
    assert store.post(other).differs
    assert store.one("select count(*) from move") == 3


def test_movement_ids_follow_from_the_passage_alone(store: Store, database: str) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 3})
    passage = UUID(int=7)
    rolled_back = store.load(store.tags(1, 1, 3), passage=passage)
    with store.conn.transaction(force_rollback=True):
        first = post_load(store.conn, rolled_back)
    assert store.stock("I1") == 0
    assert store.post(rolled_back).move_ids == first.move_ids


def test_a_tag_of_a_known_gtin_is_registered_when_it_first_comes_and_an_unknown_one_is_reported(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 2})
    store.post(store.load((sgtin(1, 5), sgtin(9, 1), "E28011606000020000000001")))
    assert store.stock("I1") == 1
    assert store.findings() == ["unknown_tag"]
    assert store.one("select cardinality(epcs) from discrepancy") == 2
    assert store.one("select s.code from serial s join tag using (serial_id)") == "5"


def test_a_read_pallet_stands_for_its_contents_within_the_share(store: Store) -> None:
    store.items(1, 2)
    epcs = store.tags(1, 1, 10)
    pallet = store.pallet(1, epcs, (("I2", 24),))
    store.document("purchase_receipt", "ASN-1", {"I1": 10, "I2": 24}, door="D1", epcs=(pallet,))
    posting = store.post(replace(store.load((pallet, *epcs[:8])), inferred_share_max=0.2))
    assert (store.stock("I1"), store.stock("I2"), store.findings()) == (10, 24, [])
    assert posting.documents[0].status == "complete"
    assert store.one("select count(*) from move_tag where inferred") == 2
    assert store.one("select count(*) from move_tag where epc = %s", (pallet,)) == 1
    assert store.one("select count(distinct hu_id) from balance") == 1


def test_contents_unread_beyond_the_share_are_short_not_posted(store: Store) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 10)
    pallet = store.pallet(1, epcs)
    store.document("purchase_receipt", "ASN-1", {"I1": 10}, epcs=(pallet,))
    store.post(store.load((pallet, *epcs[:7])), Rules(inferred_share_max=0.2))
    assert (store.stock("I1"), store.findings()) == (7, ["short"])
    assert store.one("select quantity from discrepancy") == 3


@pytest.mark.parametrize(("unread", "posted"), [(1, 20), (2, 18)])
def test_one_carton_in_twenty_is_taken_for_granted_and_no_more(store: Store, unread: int, posted: int) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 20)
    pallet = store.pallet(1, epcs)
    store.document("purchase_receipt", "ASN-1", {"I1": 20}, epcs=(pallet,))
    assert store.post(store.load((pallet, *epcs[unread:]))).quantity_posted == posted


def test_a_delivery_takes_stock_from_where_the_books_have_it(store: Store) -> None:
    store.items(1, 2)
    pallet = store.pallet(1, store.tags(1, 1, 5), (("I2", 6),))
    store.document("purchase_receipt", "ASN-1", {"I1": 5, "I2": 6}, epcs=(pallet,))
    store.post(store.load((pallet, *(sgtin(1, n) for n in range(1, 6)))))
    hu = store.one("select code from handling_unit")
    away = partial(MoveStock, source="STAGE", target="BIN-1", source_unit=hu, target_unit=hu, effective_at=day(0.01))
    for n in range(1, 6):  # put away by hand, seen by no portal
        store.do(away("I1", Decimal(1), serial=str(n)))
    store.do(away("I2", Decimal(6)))
    store.document("delivery", "DN-1", {"I1": 5, "I2": 6}, door="D1", epcs=(pallet,))
    posting = store.post(store.load((pallet, *(sgtin(1, n) for n in range(1, 6))), Direction.OUT, minute=60))
    assert posting.flow is Flow.OUT
    assert [(d.number, d.status) for d in posting.documents] == [("DN-1", "complete")]
    assert (store.stock("I1", "BIN-1"), store.stock("I2", "BIN-1"), store.findings()) == (0, 0, [])


def test_untracked_pieces_are_followed_by_their_tags(store: Store) -> None:
    store.items(2)
    epcs = store.tags(2, 1, 4)
    store.document("purchase_receipt", "ASN-1", {"I2": 8})
    store.post(store.load(epcs))
    store.post(store.load(epcs, minute=5))  # in again, nobody saw it leave
    assert (store.stock("I2"), store.findings()) == (4, ["already_in_stock"])
    store.document("delivery", "DN-1", {"I2": 4})
    store.post(store.load(epcs[:2], Direction.OUT, minute=10))
    assert store.stock("I2") == 2
    store.post(store.load(epcs[:2], minute=15))  # a return under the open receipt
    assert store.stock("I2") == 4


def test_inside_goods_just_move(store: Store) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 3)
    store.document("purchase_receipt", "ASN-1", {"I1": 3})
    store.post(store.load(epcs))
    posting = store.post(store.load(epcs, portal="P2", inside="BIN-1", outside="STAGE", minute=5))
    assert posting.flow is Flow.INTERNAL
    assert (store.stock("I1", "STAGE"), store.stock("I1", "BIN-1")) == (0, 3)
    again = store.post(store.load(epcs, portal="P2", inside="BIN-1", outside="STAGE", minute=6))
    assert (again.move_ids, again.discrepancy_ids) == ((), ())


def test_over_no_document_and_wrong_door(store: Store) -> None:
    store.items(1, 2)
    store.document("purchase_receipt", "ASN-1", {"I1": 2}, door="D1")
    store.document("purchase_receipt", "ASN-2", {"I2": 2}, door="D2")
    store.post(store.load(store.tags(1, 1, 3)))
    assert (store.stock("I1"), store.findings()) == (2, ["over"])
    store.post(store.load(store.tags(2, 1, 2)))  # expected at D2: came in all the same
    assert (store.stock("I2"), store.findings()) == (2, ["over", "wrong_door"])
    store.document("delivery", "DN-2", {"I1": 2}, door="D2")
    store.post(store.load((sgtin(1, 1), sgtin(1, 2)), Direction.OUT, minute=10))  # maybe the wrong lorry: held
    assert (store.stock("I1"), store.findings()[2:]) == (2, ["wrong_door"])
    store.post(store.load((sgtin(2, 1),), Direction.OUT, minute=11))
    assert store.findings()[3:] == ["no_document"]
    assert store.one("select count(*) from outbox where topic = 'alarm'") == 1


def test_a_tolerance_lets_a_receipt_run_over(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 10}, over_percent=Decimal(10))
    store.post(store.load(store.tags(1, 1, 12)))
    assert (store.stock("I1"), store.findings()) == (11, ["over"])


def test_what_is_held_can_be_posted_by_a_person_once(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 2}, door="D1")
    store.post(store.load(store.tags(1, 1, 3)))
    discrepancy = store.one("select discrepancy_id from discrepancy")
    store.do(ResolveDiscrepancy(discrepancy, Resolution.POST, "supplier sent one more"))
    assert (store.stock("I1"), store.findings(), store.fulfilled("ASN-1")) == (3, [], [3])
    assert store.one("select actor from move order by seq desc limit 1") == CLERK.name
    assert store.one("select count(*) from move where passage_id is null") == 0
    assert store.refused(ResolveDiscrepancy(discrepancy, Resolution.DISMISS)) == ("wrong_state", "discrepancy_id")


def test_unsure_tags_wait_for_a_person_and_an_unsure_direction_posts_nothing(store: Store) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 4)
    store.document("purchase_receipt", "ASN-1", {"I1": 4})
    store.post(store.load(epcs[:2], unsure=epcs[2:]))
    assert (store.stock("I1"), store.findings()) == (2, ["unsure"])
    store.do(ResolveDiscrepancy(store.one("select discrepancy_id from discrepancy"), Resolution.POST))
    assert store.stock("I1") == 4
    store.post(store.load(epcs, Direction.UNSURE, minute=9))
    assert (store.stock("I1"), store.findings()) == (4, ["unsure_direction"])


def test_what_nobody_announced_does_not_take_the_place_of_what_was(store: Store) -> None:
    store.items(1)
    epcs, stranger = store.tags(1, 1, 3), store.tags(1, 9, 1)
    store.document("purchase_receipt", "ASN-1", {"I1": 3}, door="D1", epcs=epcs)
    store.post(store.load(stranger))
    assert (store.stock("I1"), store.findings()) == (0, ["over"])
    store.post(store.load(epcs, minute=1))
    assert (store.stock("I1"), store.fulfilled("ASN-1")) == (3, [3])


def test_cartons_of_an_announced_pallet_are_announced_whether_or_not_its_own_tag_was_read(store: Store) -> None:
    pallet, cartons = sscc(1), tuple(sgtin(2, serial) for serial in range(10))
    store.items(2)
    store.do(RegisterTags(tuple(TagSpec(epc, "I2") for epc in cartons)))
    store.do(CreateHandlingUnit(epc=pallet, contents=tuple(ContentSpec(epc=epc) for epc in cartons)))
    store.document("purchase_receipt", "ASN", {"I2": 10}, epcs=(pallet,), door="D1")
    passage = uuid4()
    assert store.post(store.load(cartons[:8], passage=passage)).quantity_posted == 8
    assert store.findings() == []
    amended = store.post(store.load(cartons, passage=passage, revision=1))
    assert (amended.quantity_posted, store.findings(), store.fulfilled("ASN")) == (2, [], [10])


def test_a_pallet_that_came_in_by_its_tags_leaves_by_them_once(store: Store) -> None:
    store.items(2)
    epcs = store.tags(2, 1, 4)
    pallet = store.pallet(1, epcs, loose=(("I2", 2),))
    store.document("purchase_receipt", "ASN-1", {"I2": 6}, door="D1", epcs=(pallet,))
    store.post(store.load((pallet, *epcs)))
    assert (store.stock("I2"), store.findings()) == (6, [])
    store.document("delivery", "DN-1", {"I2": 6}, door="D1", epcs=(pallet,))
    store.post(store.load((pallet, *epcs), Direction.OUT, minute=1))
    assert (store.stock("I2"), store.fulfilled("DN-1"), store.findings()) == (0, [6], [])


def test_room_that_no_announced_tag_needs_is_for_anyone(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 3}, door="D1", epcs=store.tags(1, 1, 2))
    store.post(store.load(store.tags(1, 9, 1)))
    assert (store.stock("I1"), store.findings()) == (1, [])


def test_a_passage_without_a_certain_tag_and_direction_asks_nobody_anything(store: Store) -> None:
    store.items(1)
    store.post(store.load((), Direction.UNSURE, unsure=store.tags(1, 1, 2)))
    assert store.findings() == []


@pytest.mark.parametrize(("effect", "findings"), [(Effect.OBSERVE, []), (Effect.SUGGEST, ["suggestion"])])
def test_a_portal_that_may_not_post_does_not(store: Store, effect: Effect, findings: list[str]) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 2})
    posting = store.post(store.load(store.tags(1, 1, 2), effect=effect))
    assert (posting.move_ids, store.stock("I1"), store.findings()) == ((), 0, findings)
    if findings:
        store.do(ResolveDiscrepancy(store.one("select discrepancy_id from discrepancy"), Resolution.POST))
        assert (store.stock("I1"), store.fulfilled("ASN-1")) == (2, [2])


def test_goods_under_inspection_blocked_or_expired_do_not_leave(store: Store) -> None:
    store.do(CreateItem("L1", tracking=Tracking.LOT))
    store.do(CreateLot("L1", "B1"))
    store.do(RegisterTags(tuple(TagSpec(f"E200{n:04d}", "L1", "B1") for n in range(4))))
    epcs = tuple(f"E200{n:04d}" for n in range(4))
    store.document("purchase_receipt", "ASN-1", {"L1": 4})
    store.post(store.load(epcs))
    assert store.stock("L1") == 4
    store.document("delivery", "DN-1", {"L1": 4})
    recall = store.do(BlockLot("L1", "B1"))
    assert recall["in_stock"] == [{"item": "L1", "lot": "B1", "location": "STAGE", "quantity": "4"}]
    store.post(store.load(epcs, Direction.OUT, minute=5))
    assert (store.stock("L1"), store.findings()) == (4, ["blocked"])
    store.do(BlockLot("L1", "B1", blocked=False))
    store.do(ResolveDiscrepancy(store.one("select discrepancy_id from discrepancy"), Resolution.POST))
    assert store.stock("L1") == 0
    assert store.do(BlockLot("L1", "B1"))["delivered"] == [
        {"item": "L1", "lot": "B1", "kind": "delivery", "number": "DN-1", "partner": "", "quantity": "4"}
    ]


def test_an_amendment_posts_only_the_difference(store: Store) -> None:
    store.items(1, 2)
    serials, pieces = store.tags(1, 1, 4), store.tags(2, 1, 4)
    store.document("purchase_receipt", "ASN-1", {"I1": 4, "I2": 4})
    passage = uuid4()
    store.post(store.load(serials[:3] + pieces[:3], passage=passage))
    moves = store.one("select count(*) from move")
    amended = store.post(store.load(serials[1:] + pieces[:3], passage=passage, revision=1))
    assert (len(amended.reversal_ids), len(amended.move_ids)) == (1, 1)  # one serial out, one in; the pieces stay
    assert store.one("select count(*) from move") == moves + 2
    assert (store.stock("I1"), store.stock("I2"), store.fulfilled("ASN-1")) == (3, 3, [3, 3])
    again = store.post(store.load(serials[1:] + pieces[1:], passage=passage, revision=2))
    assert (len(again.reversal_ids), len(again.move_ids)) == (1, 1)  # the group of pieces as a whole, without the one
    assert (store.stock("I2"), store.findings()) == (3, [])
    older = store.post(store.load(serials, passage=passage, revision=1))
    assert older.repeated


def test_an_amended_direction_undoes_and_posts_anew(store: Store) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 3)
    store.document("purchase_receipt", "ASN-1", {"I1": 3})
    passage = uuid4()
    store.post(store.load(epcs, passage=passage))
    posting = store.post(store.load(epcs, Direction.OUT, passage=passage, revision=1))
    assert len(posting.reversal_ids) == 3
    assert (store.stock("I1"), store.fulfilled("ASN-1"), store.findings()) == (0, [0], ["not_in_stock"])
    assert store.one("select status from document") == "open"


def test_an_amendment_supersedes_the_discrepancies_before_it(store: Store) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 3)
    store.document("purchase_receipt", "ASN-1", {"I1": 2})
    passage = uuid4()
    store.post(store.load(epcs, passage=passage))
    assert store.findings() == ["over"]
    store.post(store.load(epcs[:2], passage=passage, revision=1))
    assert (store.findings(), store.findings("superseded"), store.stock("I1")) == ([], ["over"], 2)


def test_a_backlog_of_a_closed_period_is_posted_into_the_open_one(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 1})
    store.conn.execute("insert into period_close values ('2026-03-31', 'manager')")
    store.post(store.load(store.tags(1, 1, 1)))
    row = store.conn.execute("select effective_at::date::text, device_at::date::text from move").fetchone()
    assert row == ("2026-04-01", "2026-03-01")


def test_closing_a_document_reports_what_is_missing(store: Store) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 5})
    store.post(store.load(store.tags(1, 1, 3)))
    assert store.do(CloseDocument("purchase_receipt", "ASN-1"))["short"] == [
        {"line_no": 1, "item": "I1", "missing": "2"}
    ]
    assert store.findings() == ["short"]
    store.post(store.load((sgtin(1, 77),), minute=3))
    assert store.findings()[1:] == ["no_document"]


def test_items_that_need_inspection_are_received_into_it(store: Store) -> None:
    store.do(CreateItem("Q1", gtin="00000000000017", inspect=True))
    store.do(RegisterTags((TagSpec("E2AA", "Q1"),)))
    store.document("purchase_receipt", "ASN-1", {"Q1": 1})
    store.post(store.load(("E2AA",)))
    assert store.stock("Q1", status=StockStatus.INSPECTION) == 1
    store.document("delivery", "DN-1", {"Q1": 1})
    store.post(store.load(("E2AA",), Direction.OUT, minute=4))
    assert store.findings() == ["blocked"]


def test_a_load_of_two_hundred_takes_a_fixed_number_of_statements(store: Store) -> None:
    store.items(1)
    epcs = store.tags(1, 1, 200)
    store.document("purchase_receipt", "ASN-1", {"I1": 300})

    def statements(load_epcs: tuple[str, ...], minute: int) -> int:
        seen: list[object] = []
        execute = psycopg.Cursor.execute

        class Counting(psycopg.Cursor[tuple[object, ...]]):
            def execute(self, query, params=None, **options):  # type: ignore[no-untyped-def]
                seen.append(query)
                return execute(self, query, params, **options)

        store.conn.cursor_factory = Counting
        try:
            store.post(store.load(load_epcs, minute=minute))
        finally:
            store.conn.cursor_factory = psycopg.Cursor
        return len(seen)

    few, many = statements(epcs[:2], 1), statements(epcs[2:], 2)
    assert store.stock("I1") == 200
    assert many == few <= 40


def test_a_pallet_nobody_registered_is_unknown(store: Store) -> None:
    store.post(store.load((sscc(404),)))
    assert store.findings() == ["unknown_tag"]


def test_a_tag_at_two_doors_at_once_is_two_tags(store: Store) -> None:
    store.items(2)
    epcs = store.tags(2, 1, 3)
    store.document("purchase_receipt", "ASN-1", {"I2": 9}, over_percent=Decimal(100))
    store.post(store.load(epcs))
    assert store.findings() == []
    again = store.load(epcs[:1], portal="D2")
    store.post(replace(again, at_us=again.at_us + 4_000_000))
    assert "duplicate_tag" in store.findings()
    said = store.one("select detail || ' ' || epcs[1] from discrepancy where kind = 'duplicate_tag'")
    assert said == f"1 tags passed D1 and D2 within 10 s: are there two of each? {epcs[0]}"
    store.document("delivery", "DN-1", {"I2": 9})
    store.post(store.load(epcs[1:], Direction.OUT, portal="D2", minute=1))
    assert store.one("select count(*) from discrepancy where kind = 'duplicate_tag'") == 1
