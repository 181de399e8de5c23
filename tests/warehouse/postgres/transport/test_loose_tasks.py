"""Tasks for goods that stand in no handling unit: made by rules about such goods, cut to what is there, done once."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.task_store import TaskStore, open_task_store
from warehouse.commands import (
    CreateItem,
    CreateLot,
    CreateTask,
    DecideInspection,
    FailTask,
    FinishTask,
    FulfilLine,
    Inspected,
    LapseTask,
    MoveStock,
    ReleaseTask,
    ReportTask,
    ReserveStock,
    ScanDocument,
    SetPutawayRule,
)
from warehouse.ledger import StockStatus, Tracking
from warehouse.loads import Load
from warehouse.postgres.books.integrity import check
from warehouse.postgres.queries.tasks import OPEN, SHORT, read, taking
from warehouse.site import Direction
from warehouse.tasks import LoadWhere, TaskLoad, TaskStep


@pytest.fixture
def yard(database: str) -> Iterator[TaskStore]:
    found = open_task_store(database, bins=0)
    found.bins("S1", "S2", capacity=Decimal(10))
    found.store.do(SetPutawayRule("loose", "RACK", unit_kind="loose", priority=5))
    yield found
    assert check(found.store.conn) == []
    found.store.conn.close()


def receive(yard: TaskStore, count: int, first: int = 1, **fields: Any) -> Load:
    """Tagged cartons of I2, on no pallet, through the door D1 into STAGE."""
    epcs = yard.store.tags(2, first, count)
    yard.store.document("purchase_receipt", f"ASN-{first}", {"I2": count + 5}, epcs=epcs)
    load = yard.store.load(epcs, **fields)
    yard.store.post(load)
    return load


def by_hand(yard: TaskStore, quantity: int, number: str = "PR-1", **fields: Any) -> None:
    yard.store.document("purchase_receipt", number, {"I2": quantity})
    yard.store.do(FulfilLine("purchase_receipt", number, 1, Decimal(quantity), "STAGE", **fields))


def tasks(yard: TaskStore, *states: str) -> list[tuple[str, int, str | None]]:
    """State, quantity and target, in the order they were made."""
    rows = yard.store.conn.execute(
        """select t.state, t.quantity::int, l.code from task t left join location l on l.location_id = t.target_id
           where cardinality(%(states)s::text[]) = 0 or t.state = any(%(states)s) order by t.seq""",
        {"states": list(states)},
    )
    return rows.fetchall()


def claim(yard: TaskStore, owner: str = "anna") -> dict[str, Any]:
    return yard.claim(owner, takes=(TaskLoad.GOODS,))


def short(yard: TaskStore) -> list[tuple[UUID, int]]:
    return [(task.task_id, task.beat) for task in read(yard.store.conn, SHORT, limit=10)]


def test_loose_cartons_are_put_away_and_the_door_knows_where_they_are(yard: TaskStore) -> None:
    load = receive(yard, 3)
    task = claim(yard, "cart-1")
    told = (task["unit"], task["item"], task["quantity"], task["pickup"], task["source"], task["target"])
    assert told == (None, "I2", "3", "D1", "STAGE", "S1")
    task_id = UUID(task["task_id"])
    yard.do(ReportTask(task_id, 1, TaskStep.PICKED, vehicle="cart-1", effective_at=DAY_0 + timedelta(minutes=1)))
    assert (yard.store.stock("I2"), yard.store.stock("I2", "cart-1")) == (0, 3)
    finish = FinishTask(task_id, 1, effective_at=DAY_0 + timedelta(minutes=2))
    assert len(yard.do(finish)["moves"]) == 1
    assert yard.do(finish)["moves"] == []
    assert yard.store.stock("I2", "S1") == 3
    assert {yard.seen_at(tag.epc) for tag in load.tags} == {"S1"}
    epcs = tuple(tag.epc for tag in load.tags)
    yard.store.document("delivery", "DN-1", {"I2": 3}, epcs=epcs)
    yard.store.post(yard.store.load(epcs, Direction.OUT, minute=3))
    assert (yard.store.fulfilled("DN-1"), yard.store.findings(), yard.store.stock("I2", "S1")) == ([3], [], 0)


def test_without_a_rule_about_loose_goods_there_is_no_task(yard: TaskStore) -> None:
    yard.store.do(SetPutawayRule("loose", "RACK"))
    receive(yard, 3)
    assert tasks(yard) == []
    code, _ = yard.receive(9)
    assert yard.tasks() == [(code, "open", "S1")]


def test_a_handling_unit_gets_none_by_a_rule_about_loose_goods(yard: TaskStore) -> None:
    yard.store.conn.execute("delete from putaway_rule where name = 'pallets'")
    yard.receive(1)
    assert tasks(yard) == []


def test_what_one_place_does_not_take_is_spread_and_the_rest_waits(yard: TaskStore) -> None:
    by_hand(yard, 24)
    assert tasks(yard) == [("open", 10, "S1"), ("open", 10, "S2"), ("failed", 4, None)]
    detail = yard.store.one("select payload ->> 'detail' from outbox where topic = 'alarm'")
    assert detail == "no place of rule loose takes 4 pc of I2"
    waiting = UUID(str(yard.store.one("select task_id from task where state = 'failed'")))
    assert yard.refused(ReleaseTask(waiting)) == ("no_room", "task_id")
    yard.bins("S3")
    assert yard.do(ReleaseTask(waiting))["target"] == "S3"


def test_a_lot_a_serial_and_a_status_have_tasks_of_their_own(yard: TaskStore) -> None:
    yard.store.do(CreateItem("L", tracking=Tracking.LOT, inspect=True))
    for lot in ("A", "B"):
        yard.store.do(CreateLot("L", lot, expires_on=date(2090, 1, 1)))
    yard.store.document("purchase_receipt", "PR-1", {"L": 3, "I1": 2, "I2": 2})
    receipts: tuple[dict[str, Any], ...] = (
        {"line_no": 1, "quantity": Decimal(2), "lot": "A"},
        {"line_no": 1, "quantity": Decimal(1), "lot": "B"},
        {"line_no": 2, "quantity": Decimal(1), "serial": "7"},
        {"line_no": 2, "quantity": Decimal(1), "serial": "8"},
        {"line_no": 3, "quantity": Decimal(1), "status": StockStatus.BLOCKED},
        {"line_no": 3, "quantity": Decimal(1)},
    )
    for fields in receipts:
        yard.store.do(FulfilLine("purchase_receipt", "PR-1", location="STAGE", **fields))
    claimed = [claim(yard) for _ in receipts]
    assert [(t["item"], t["lot"] or t["serial"], t["quantity"], t["stock_status"]) for t in claimed] == [
        ("L", "A", "2", "inspection"),
        ("L", "B", "1", "inspection"),
        ("I1", "7", "1", "available"),
        ("I1", "8", "1", "available"),
        ("I2", None, "1", "blocked"),
        ("I2", None, "1", "available"),
    ]
    for task in claimed:
        yard.do(FinishTask(UUID(task["task_id"]), 1))
    assert yard.store.one("select count(*) from balance join location l using (location_id) where code = 'STAGE'"
                          " and on_hand > 0") == 0  # fmt: skip


def test_an_inspection_decided_meanwhile_does_not_make_them_other_goods(yard: TaskStore) -> None:
    yard.store.do(CreateItem("Q", inspect=True))
    yard.store.document("purchase_receipt", "PR-1", {"Q": 5})
    yard.store.do(FulfilLine("purchase_receipt", "PR-1", 1, Decimal(5), "STAGE"))
    task = claim(yard)
    for quantity, decision in ((3, Inspected.ACCEPT), (1, Inspected.REJECT)):
        yard.store.do(DecideInspection("Q", Decimal(quantity), "STAGE", decision))
    assert len(yard.do(FinishTask(UUID(task["task_id"]), 1))["moves"]) == 3
    assert [yard.store.stock("Q", "S1", status) for status in ("available", "blocked", "inspection")] == [3, 1, 1]


def test_who_takes_handling_units_is_not_given_loose_goods(yard: TaskStore) -> None:
    by_hand(yard, 3)
    code, _ = yard.receive(9)
    assert yard.claim()["unit"] == code
    assert yard.claim() is None
    assert [task.item for task in read(yard.store.conn, OPEN, limit=9, **taking(TaskLoad.GOODS))] == ["I2"]
    assert read(yard.store.conn, OPEN, limit=9, **taking(TaskLoad.UNIT)) == []
    assert claim(yard)["item"] == "I2"
    assert claim(yard) is None


def test_what_left_before_anybody_came_is_no_task_any_more(yard: TaskStore) -> None:
    by_hand(yard, 4)
    by_hand(yard, 2, "PR-2")
    yard.store.do(MoveStock("I2", Decimal(3), "STAGE", "BIN-1"))
    assert claim(yard)["quantity"] == "3"
    assert claim(yard) is None
    assert tasks(yard) == [("assigned", 3, "S1"), ("cancelled", 2, "S2")]
    assert yard.store.one("select reason from task where state = 'cancelled'") == "goods_left"


def test_the_service_cuts_what_nobody_claims_the_last_made_first(yard: TaskStore) -> None:
    by_hand(yard, 4)
    by_hand(yard, 2, "PR-2")
    assert short(yard) == []
    yard.store.do(MoveStock("I2", Decimal(3), "STAGE", "BIN-1"))
    rounds = 0
    while found := short(yard):
        rounds += 1
        for task_id, beat in found:
            yard.do(LapseTask(task_id, beat))
    assert rounds == 2
    assert tasks(yard) == [("open", 3, "S1"), ("cancelled", 2, "S2")]
    assert yard.store.one("select weight_kg from task where state = 'open'") == 0


def test_goods_that_are_gone_or_promised_when_the_driver_is_there_are_refused_with_the_reason(yard: TaskStore) -> None:
    by_hand(yard, 4)
    task_id = UUID(claim(yard)["task_id"])
    yard.store.do(MoveStock("I2", Decimal(1), "STAGE", "BIN-1"))
    assert yard.refused(FinishTask(task_id, 1)) == ("not_enough", "task_id")
    yard.store.do(ReserveStock("I2", Decimal(2), "STAGE", holder="picker"))
    assert yard.refused(FinishTask(task_id, 1)) == ("reserved", "task_id")
    assert yard.do(FailTask(task_id, 1, "goods_missing", LoadWhere.SOURCE))["state"] == "open"
    task = claim(yard)
    assert (task["quantity"], task["attempt"]) == ("1", 2)
    yard.do(FinishTask(task_id, 2))
    assert (yard.store.stock("I2", "S1"), yard.store.stock("I2")) == (1, 2)


def test_a_late_carton_gets_its_task_and_one_taken_back_loses_its_share(yard: TaskStore) -> None:
    load = receive(yard, 3)
    epcs = tuple(tag.epc for tag in load.tags)
    late = yard.store.tags(2, 500, 1)
    amended: dict[str, Any] = {"passage": load.passage_id, "revision": 1}
    yard.store.post(yard.store.load((*epcs, *late), **amended))
    yard.store.post(yard.store.load((*epcs, *late), **amended))
    assert tasks(yard) == [("open", 3, "S1"), ("open", 1, "S2")]
    yard.store.post(yard.store.load(epcs[:2], passage=load.passage_id, revision=2))
    while found := short(yard):
        for task_id, beat in found:
            yard.do(LapseTask(task_id, beat))
    assert tasks(yard, "open") == [("open", 2, "S1")]
    yard.do(FinishTask(UUID(claim(yard)["task_id"]), 1))
    assert {yard.seen_at(epc) for epc in epcs[:2]} == {"S1"}


def test_receipt_by_scan_makes_it_too(yard: TaskStore) -> None:
    epcs = yard.store.tags(2, 1, 2)
    yard.store.document("purchase_receipt", "PR-1", {"I2": 2})
    yard.store.do(ScanDocument("purchase_receipt", "PR-1", epcs, "STAGE"))
    assert tasks(yard) == [("open", 2, "S1")]
    yard.do(FinishTask(UUID(claim(yard)["task_id"]), 1))
    assert {yard.seen_at(epc) for epc in epcs} == {"S1"}


def test_somebody_asks_for_loose_goods(yard: TaskStore) -> None:
    yard.store.do(SetPutawayRule("loose", "RACK", unit_kind="loose", enabled=False))
    by_hand(yard, 6)
    assert tasks(yard) == []
    ask: dict[str, Any] = {"item": "I2", "source": "STAGE"}
    assert yard.do(CreateTask(**ask, target="BIN-1", quantity=Decimal(4)))["quantity"] == "4"
    assert yard.refused(CreateTask(**ask)) == ("not_found", "target")
    assert yard.refused(CreateTask(**ask, target="BIN-1", quantity=Decimal(3))) == ("not_enough", "quantity")
    assert yard.refused(CreateTask(**ask, target="BIN-1", quantity=Decimal(0))) == ("invalid", "quantity")
    assert yard.refused(CreateTask(**ask, target="BIN-1", quantity=Decimal("0.5"))) == ("invalid", "quantity")
    assert yard.refused(CreateTask(**ask, target="STAGE")) == ("invalid", "target")
    assert yard.refused(CreateTask(item="I2", target="BIN-1")) == ("invalid", "source")
    assert yard.refused(CreateTask(target="BIN-1")) == ("invalid", "item")
    assert yard.refused(CreateTask("U", **ask)) == ("invalid", "item")
    yard.store.do(SetPutawayRule("loose", "RACK", unit_kind="loose"))
    assert yard.do(CreateTask(**ask))["target"] == "S1"
    assert yard.refused(CreateTask(**ask)) == ("not_enough", "item")


def test_serial_numbers_that_came_together_are_one_task_and_parted_by_their_tags(yard: TaskStore) -> None:
    epcs = yard.store.tags(1, 1, 4)
    yard.store.document("purchase_receipt", "ASN-1", {"I1": 4}, epcs=epcs)
    yard.store.post(yard.store.load(epcs))
    task = claim(yard, "cart-1")
    assert (task["quantity"], len(task["serials"]), task["serial"]) == ("4", 4, None)
    task_id = UUID(task["task_id"])
    serial = yard.store.one("select s.code from serial s join tag using (serial_id) where epc = %s", (epcs[0],))
    picked = ReportTask(task_id, 1, TaskStep.PICKED, "cart-1", serials=(serial,), epcs=epcs[1:3])
    rest = yard.do(picked)["rest"]
    assert (rest["state"], rest["quantity"], rest["rest_of"], rest["target"]) == ("open", "1", str(task_id), "S1")
    assert (yard.store.stock("I1", "cart-1"), yard.store.stock("I1")) == (3, 1)
    assert yard.refused(FinishTask(task_id, 1, quantity=Decimal(2))) == ("invalid", "serials")
    assert yard.refused(FinishTask(task_id, 1, serials=("nobody's",))) == ("wrong_goods", "serials.0")
    assert yard.refused(FinishTask(task_id, 1, epcs=epcs[3:])) == ("wrong_goods", "epcs.0")
    yard.do(FinishTask(task_id, 1, quantity=Decimal(3), epcs=epcs[:3]))
    yard.do(FinishTask(UUID(claim(yard)["task_id"]), 1))
    assert {yard.seen_at(epc) for epc in epcs} == {"S1"}
    assert short(yard) == []


def test_a_serial_number_that_left_is_no_part_of_its_task_any_more(yard: TaskStore) -> None:
    yard.store.document("purchase_receipt", "PR-1", {"I1": 3})
    for serial in ("7", "8", "9"):
        yard.store.do(FulfilLine("purchase_receipt", "PR-1", 1, Decimal(1), "STAGE", serial=serial))
    ask: dict[str, Any] = {"item": "I1", "source": "STAGE"}
    assert yard.refused(CreateTask(**ask)) == ("not_enough", "item")
    yard.store.conn.execute("update task set state = 'cancelled', ended_at = now()")
    task = yard.do(CreateTask(**ask))
    assert (task["serials"], task["target"]) == (["7", "8", "9"], "S1")
    yard.store.do(MoveStock("I1", Decimal(1), "STAGE", "BIN-1", serial="8"))
    ((task_id, beat),) = short(yard)
    yard.do(LapseTask(task_id, beat))
    assert short(yard) == []
    assert claim(yard)["serials"] == ["7", "9"]


def test_what_a_full_place_does_not_take_stays_with_its_driver_for_another(yard: TaskStore) -> None:
    load = receive(yard, 5)
    epcs = [tag.epc for tag in load.tags]
    task_id = UUID(claim(yard, "cart-1")["task_id"])
    yard.do(ReportTask(task_id, 1, TaskStep.PICKED, vehicle="cart-1"))
    again = FinishTask(task_id, 1, epcs=tuple(epcs[:2]))
    done = yard.do(again, event="once")
    assert (done["state"], done["quantity"], done["target"]) == ("done", "2", "S1")
    rest = done["rest"]
    assert (rest["state"], rest["step"], rest["owner"], rest["target"]) == ("in_progress", "picked", "cart-1", "S2")
    assert yard.do(again, event="once") == done
    assert [yard.seen_at(epc) for epc in epcs] == ["S1"] * 2 + ["cart-1"] * 3
    assert (yard.store.stock("I2", "S1"), yard.store.stock("I2", "cart-1")) == (2, 3)
    assert yard.refused(FinishTask(UUID(rest["task_id"]), 1, epcs=tuple(epcs[:1]))) == ("wrong_goods", "epcs.0")
    last = yard.do(FinishTask(UUID(rest["task_id"]), 1, quantity=Decimal(1)))["rest"]
    assert (last["state"], last["step"], last["target"]) == ("in_progress", "picked", "S1")
    yard.do(FinishTask(UUID(last["task_id"]), 1, target="STAGE"))
    assert [yard.store.stock("I2", place) for place in ("S1", "S2", "STAGE", "cart-1")] == [2, 1, 2, 0]
    # Which of three went where nobody said: their tags stay where they were last known to be.
    assert [yard.seen_at(epc) for epc in epcs[2:]] == ["cart-1"] * 3


def test_a_rest_that_no_other_place_takes_waits_and_can_still_be_set_down(yard: TaskStore) -> None:
    yard.store.conn.execute("delete from storage_place p using location l where l.location_id = p.location_id"
                            " and code = 'S2'")  # fmt: skip
    by_hand(yard, 4)
    task_id = UUID(claim(yard, "cart-1")["task_id"])
    yard.do(ReportTask(task_id, 1, TaskStep.PICKED, vehicle="cart-1"))
    rest = yard.do(FinishTask(task_id, 1, quantity=Decimal(3)))["rest"]
    assert (rest["state"], rest["target"]) == ("failed", None)
    assert yard.refused(FinishTask(UUID(rest["task_id"]), 1)) == ("invalid", "target")
    yard.do(FinishTask(UUID(rest["task_id"]), 1, target="BIN-1"))
    assert [yard.store.stock("I2", place) for place in ("S1", "BIN-1", "cart-1")] == [3, 1, 0]


def test_a_part_put_away_without_a_vehicle_leaves_the_rest_in_the_queue(yard: TaskStore) -> None:
    by_hand(yard, 9)
    task_id = UUID(claim(yard)["task_id"])
    for wrong, field in (({"quantity": Decimal(10)}, "quantity"), ({"quantity": Decimal(0)}, "quantity"),
                         ({"quantity": Decimal("1.5")}, "quantity"), ({"epcs": ("30FF",)}, "epcs.0")):  # fmt: skip
        assert yard.refused(FinishTask(task_id, 1, **wrong))[1] == field
    assert yard.refused(ReportTask(task_id, 1, TaskStep.ACCEPTED, quantity=Decimal(1))) == ("invalid", "quantity")
    yard.do(FinishTask(task_id, 1, quantity=Decimal(4)))
    assert tasks(yard) == [("done", 4, "S1"), ("open", 5, "S1")]
    assert (yard.store.stock("I2", "S1"), yard.store.stock("I2")) == (4, 5)
    assert yard.store.one("select detail from task_event where event = 'done'") == "4 of 9"
    left = claim(yard)
    assert (left["rest_of"], left["attempt"]) == (str(task_id), 1)
    yard.do(FinishTask(UUID(left["task_id"]), 1))
    assert yard.store.stock("I2", "S1") == 9


def test_tags_follow_when_goods_are_spread_as_soon_as_their_driver_reads_some(yard: TaskStore) -> None:
    load = receive(yard, 16)
    epcs = tuple(tag.epc for tag in load.tags)
    first, second = claim(yard), claim(yard, "bert")
    assert (first["quantity"], second["quantity"]) == ("10", "6")
    yard.do(FinishTask(UUID(second["task_id"]), 1, epcs=epcs[10:]))
    yard.do(FinishTask(UUID(first["task_id"]), 1))
    assert [yard.seen_at(epc) for epc in epcs] == ["S1"] * 10 + ["S2"] * 6


def test_tags_of_goods_that_were_spread_unread_are_not_all_said_to_be_where_the_last_went(yard: TaskStore) -> None:
    receive(yard, 16)
    for _ in range(2):
        yard.do(FinishTask(UUID(claim(yard)["task_id"]), 1))
    assert yard.store.one("select count(*) from tag_location") == 0
    assert [yard.store.stock("I2", place) for place in ("S1", "S2", "STAGE")] == [10, 6, 0]


def test_a_handling_unit_is_not_brought_in_parts(yard: TaskStore) -> None:
    yard.receive(9)
    task_id = UUID(yard.claim()["task_id"])
    assert yard.refused(FinishTask(task_id, 1, quantity=Decimal(1))) == ("invalid", "quantity")
    assert yard.refused(ReportTask(task_id, 1, TaskStep.PICKED, epcs=("30FF",))) == ("invalid", "epcs")
