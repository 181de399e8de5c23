"""Nothing in the books is yet to come, whatever a device's clock says."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal as D
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.warehouse.postgres.store import Store
from tests.warehouse.postgres.task_store import open_task_store
from warehouse import commands as c
from warehouse.ledger import Circumstance, LedgerRefusal, NewMove, Place, Refused
from warehouse.loads import Load
from warehouse.postgres.books.ledger import post
from warehouse.postgres.clock import database_now
from warehouse.postgres.commands import KINDS, execute
from warehouse.postgres.dating import AHEAD_MAX
from warehouse.tasks import TaskStep
from warehouse.times import to_us

FAR = AHEAD_MAX + timedelta(minutes=1)
NEAR = AHEAD_MAX - timedelta(minutes=1)


def newest(store: Store) -> timedelta:
    """How far the newest movement is ahead of when it was recorded."""
    found: timedelta = store.one("select effective_at - recorded_at from move order by seq desc limit 1")
    return found


def test_every_command_with_a_time_is_refused_far_ahead_and_changes_nothing(store: Store) -> None:
    store.items(2)
    store.do(c.AdjustStock("I2", D(9), "STAGE", "opening"))
    pallet = store.pallet(1)
    unit = store.one("select code from handling_unit join tag using (hu_id) where epc = %s", (pallet,))
    store.do(c.MoveStock("I2", D(2), "STAGE", "STAGE", target_unit=unit))
    store.document("purchase_receipt", "PO", {"I2": 5})
    store.document("transfer", "T", {"I2": 5}, source="STAGE", target="BIN-1")
    store.do(c.StartCount("C", ("STAGE",)))
    at = database_now(store.conn) + FAR
    asked = [
        c.MoveStock("I2", D(1), "STAGE", "BIN-1", effective_at=at),
        c.MoveUnit(unit, "BIN-1", effective_at=at),
        c.AdjustStock("I2", D(1), "STAGE", "found", effective_at=at),
        c.ChangeOwner("", "", "agreed", "I2", D(1), "STAGE", effective_at=at),
        c.FulfilLine("purchase_receipt", "PO", 1, D(1), "STAGE", effective_at=at),
        c.ScanDocument("purchase_receipt", "PO", (pallet,), "STAGE", effective_at=at),
        c.AssignLots("purchase_receipt", "PO", effective_at=at),
        c.ShipTransfer("T", 1, D(1), "STAGE", effective_at=at),
        c.ReceiveTransfer("T", 1, D(1), "BIN-1", effective_at=at),
        c.SettleTransfer("T", c.TransitOutcome.LOST, "gone", effective_at=at),
        c.PostCount("C", effective_at=at),
        c.IssueKit("W", D(1), effective_at=at),
        c.OverIssue("W", 1, D(1), "STAGE", "torn", effective_at=at),
        c.ReportOutput("W", D(1), "STAGE", effective_at=at),
        c.SeeHere("STAGE", (pallet,), (), at),
    ]
    happened = {c.ReportTask, c.FinishTask, c.FailTask}
    timed = {kind for kind in KINDS.values() if {"effective_at", "seen_at"} & {f.name for f in fields(kind)}}
    assert {type(command) for command in asked} == timed - happened
    before = store.one("select count(*) from move")
    for command in asked:
        field = "seen_at" if isinstance(command, c.SeeHere) else "effective_at"
        assert store.refused(command) == ("dated_ahead", field), command
    assert (store.one("select count(*) from move"), store.stock("I2")) == (before, 9)


def test_a_clock_that_is_a_little_ahead_posts_now_and_what_follows_finds_the_goods(store: Store) -> None:
    store.items(2)
    at = database_now(store.conn) + NEAR
    store.do(c.AdjustStock("I2", D(9), "STAGE", "opening", effective_at=at))
    assert newest(store) <= timedelta(0)
    store.do(c.MoveStock("I2", D(9), "STAGE", "BIN-1"))
    said = store.one("select after -> 'command' ->> 'effective_at' from audit_log where command = 'AdjustStock'")
    assert datetime.fromisoformat(said) == at


def test_what_waited_its_turn_happens_after_what_it_waited_for(store: Store, database: str) -> None:
    """A transaction's now is when it began: what came meanwhile is there all the same, and may be taken."""
    store.items(2)
    store.do(c.AdjustStock("I2", D(9), "STAGE", "opening"))
    item = store.one("select item_id from item where code = 'I2'")
    bin_1, customer = (
        store.one("select location_id from location where code = %s", (code,)) for code in ("BIN-1", "CUSTOMER")
    )
    with psycopg.connect(database) as waiting:
        began = database_now(waiting)
        store.do(c.MoveStock("I2", D(9), "STAGE", "BIN-1"))
        place = Place(bin_1)
        move = NewMove(uuid4(), "test", item, D(4), place, Place(customer))
        posted = post(waiting, [move], Circumstance("late", began))
        assert not isinstance(posted, Refused), posted
        waiting.commit()
        dated = replace(move, move_id=uuid4(), quantity=D(1))
        earlier = post(waiting, [dated], Circumstance("earlier", began - timedelta(microseconds=1)))
        assert isinstance(earlier, Refused)
        assert earlier.reason is LedgerRefusal.NEGATIVE_LATER
    times = store.conn.execute("select effective_at from move order by seq desc limit 2").fetchall()
    assert times[0] == times[1]
    assert store.stock("I2", "BIN-1") == 5


def test_what_a_portal_saw_or_a_vehicle_did_is_dated_now_however_wrong_the_clock_is(database: str) -> None:
    yard = open_task_store(database)
    store = yard.store
    code, epcs = yard.pallet(1)
    store.document("purchase_receipt", "ASN", {"I2": 3}, epcs=epcs)
    load = store.load(epcs)
    ahead = database_now(store.conn) + timedelta(hours=3)
    store.post(Load(**{f.name: getattr(load, f.name) for f in fields(load)} | {"at_us": to_us(ahead)}))
    assert newest(store) <= timedelta(0)
    assert store.one("select device_at from move order by seq desc limit 1") == ahead
    task = UUID(yard.claim()["task_id"])
    yard.do(c.ReportTask(task, 1, TaskStep.PICKED, vehicle="agv-1", effective_at=ahead))
    yard.do(c.FinishTask(task, 1, effective_at=ahead))
    assert newest(store) <= timedelta(0)
    assert yard.at(code) == {"B1"}
    store.conn.close()


@pytest.mark.parametrize("minutes", [4, 6])
def test_what_is_done_again_has_the_time_and_the_answer_it_had(store: Store, minutes: int) -> None:
    store.items(2)
    then = database_now(store.conn) - timedelta(days=3)

    def again(command: c.Command, after_s: int) -> str:
        outcome = execute(
            store.conn, command, actor=c.Actor("kim", rights=c.ALL_RIGHTS), source="replay",
            client_event_id=str(uuid4()), done_at=then + timedelta(seconds=after_s),
        )  # fmt: skip
        return outcome.code if isinstance(outcome, c.Refusal) else "done"

    ahead = then + timedelta(minutes=minutes)
    assert again(c.AdjustStock("I2", D(5), "STAGE", "x", effective_at=ahead), 0) == (
        "done" if minutes == 4 else "dated_ahead"
    )
    assert again(c.AdjustStock("I2", D(5), "STAGE", "x"), 1) == "done"
    assert again(c.MoveStock("I2", D(5), "STAGE", "BIN-1"), 2) == "done"
    assert again(c.ReverseMovement(store.one("select move_id from move order by seq desc limit 1")), 3) == "done"
    assert again(c.MoveStock("I2", D(5), "STAGE", "BIN-1", effective_at=then + timedelta(seconds=4)), 5) == "done"
    assert store.one("select max(effective_at) from move") == then + timedelta(seconds=4)
