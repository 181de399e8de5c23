"""Tasks on a real database: made by receipts, claimed once, done once, and back in the queue when they fail."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0
from tests.warehouse.postgres.task_store import FLEET, TaskStore, open_task_store
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    CancelTask,
    ClaimTask,
    CreateTask,
    FailTask,
    FinishTask,
    FulfilLine,
    LapseTask,
    ReassignTask,
    Refusal,
    ReleaseTask,
    ReportTask,
    ReserveStock,
    Resolution,
    ResolveDiscrepancy,
    Result,
)
from warehouse.postgres.books.integrity import check
from warehouse.postgres.commands import execute
from warehouse.site import Direction
from warehouse.tasks import FAILURES_MAX, LoadWhere, TaskStep


@pytest.fixture
def yard(database: str) -> Iterator[TaskStore]:
    found = open_task_store(database)
    yield found
    assert check(found.store.conn) == []
    found.store.conn.close()


def test_a_received_pallet_is_put_away_with_everything_on_it(yard: TaskStore) -> None:
    code, load = yard.receive(1)
    assert yard.tasks() == [(code, "open", "B1")]
    task = yard.claim("agv-1")
    task_id = UUID(task["task_id"])
    yard.do(ReportTask(task_id, 1, TaskStep.ACCEPTED))
    assert yard.at(code) == {"STAGE"}
    yard.do(ReportTask(task_id, 1, TaskStep.PICKED, vehicle="agv-1", effective_at=DAY_0 + timedelta(minutes=1)))
    assert yard.at(code) == {"agv-1"}
    assert {yard.seen_at(tag.epc) for tag in load.tags} == {"agv-1"}
    done = yard.do(FinishTask(task_id, 1, effective_at=DAY_0 + timedelta(minutes=2)))
    assert (done["state"], done["target"]) == ("done", "B1")
    assert yard.at(code) == {"B1"}
    assert {yard.seen_at(tag.epc) for tag in load.tags} == {"B1"}
    assert yard.store.stock("I2", "B1") == 3
    assert yard.events(code) == ["created", "claimed", "accepted", "picked", "done"]
    yard.store.document("delivery", "DN-1", {"I2": 3}, epcs=tuple(tag.epc for tag in load.tags))
    yard.store.post(yard.store.load(tuple(tag.epc for tag in load.tags), Direction.OUT, minute=3))
    assert yard.at(code) == set()
    assert yard.store.fulfilled("DN-1") == [3]


def test_each_pallet_gets_a_bin_of_its_own_until_none_is_left(yard: TaskStore) -> None:
    units = [yard.receive(number)[0] for number in range(1, 6)]
    assert yard.tasks() == [(unit, "open", f"B{n}") for n, unit in enumerate(units[:4], 1)] + [
        (units[4], "failed", None)
    ]
    alarm = yard.store.one("select payload ->> 'kind' from outbox where topic = 'alarm'")
    assert alarm == "no_room"
    first = UUID(str(yard.store.one("select task_id from task where seq = (select min(seq) from task)")))
    last = UUID(str(yard.store.one("select task_id from task where seq = (select max(seq) from task)")))
    assert yard.refused(ReleaseTask(last)) == ("no_room", "task_id")
    yard.do(CancelTask(first, "kept at the dock"))
    yard.do(ReleaseTask(last))
    assert yard.tasks("open")[-1] == (units[4], "open", "B1")


def test_receiving_by_hand_makes_the_task_and_the_next_line_only_renews_it(yard: TaskStore) -> None:
    code, _ = yard.pallet(1)
    yard.store.document("purchase_receipt", "ASN-1", {"I2": 3, "I4": 2})
    for line, item in ((1, 3), (2, 2)):
        yard.store.do(FulfilLine("purchase_receipt", "ASN-1", line, item, "STAGE", unit=code))
    assert yard.tasks() == [(code, "open", "B1")]
    assert yard.store.one("select quantity from task") == 5
    yard.put_away()
    assert (yard.store.stock("I2", "B1"), yard.store.stock("I4", "B1")) == (3, 2)


def test_a_posting_twice_makes_one_task(yard: TaskStore) -> None:
    code, load = yard.receive(1)
    yard.store.post(load)
    assert yard.tasks() == [(code, "open", "B1")]


def test_sixteen_who_ask_at_once_get_different_tasks(yard: TaskStore, database: str) -> None:
    yard.bins(*(f"C{n}" for n in range(12)), units_max=1)
    units = {yard.receive(number)[0] for number in range(1, 13)}
    taken: list[str] = []

    def worker(number: int) -> None:
        with psycopg.connect(database, autocommit=True) as conn:
            for _ in range(3):
                actor = Actor(f"w{number}", rights=ALL_RIGHTS)
                outcome = execute(conn, ClaimTask(), actor=actor, source="w", client_event_id=str(uuid4()))
                assert isinstance(outcome, Result)
                if outcome.response["task"] is not None:
                    taken.append(outcome.response["task"]["unit"])

    threads = [threading.Thread(target=worker, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 12
    assert set(taken) == units


def test_claiming_again_is_the_same_claim_and_another_s_is_refused(yard: TaskStore) -> None:
    yard.receive(1)
    task = yard.claim("agv-1")
    task_id = UUID(task["task_id"])
    again = yard.do(ClaimTask(task_id, "agv-1"))["task"]
    assert again["attempt"] == 1
    assert yard.refused(ClaimTask(task_id, "agv-2")) == ("overtaken", "task_id")
    assert yard.do(ClaimTask())["task"] is None
    stranger = Actor("somebody", rights=ALL_RIGHTS)
    assert yard.refused(FinishTask(task_id, 1), stranger) == ("not_yours", "task_id")
    assert yard.refused(FinishTask(task_id, 2)) == ("wrong_state", "task_id")


def test_done_twice_is_done_once(yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    done = yard.put_away()
    task_id = UUID(done["task_id"])
    moves = yard.store.one("select count(*) from move")
    again = yard.do(FinishTask(task_id, 1))
    assert (again["state"], again["moves"]) == ("done", [])
    assert yard.store.one("select count(*) from move") == moves
    assert yard.events(code).count("done") == 1


def test_a_failure_at_the_source_comes_back_and_too_many_wait_for_a_person(yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    for attempt in range(1, FAILURES_MAX + 1):
        task = yard.claim(f"agv-{attempt}")
        assert task["attempt"] == attempt
        failed = yard.do(FailTask(UUID(task["task_id"]), attempt, "action_failed", LoadWhere.SOURCE, "fork is stuck"))
        assert failed["state"] == ("open" if attempt < FAILURES_MAX else "failed")
    assert yard.claim() is None
    assert yard.at(code) == {"STAGE"}
    yard.do(ReleaseTask(UUID(task["task_id"])))
    assert yard.put_away()["state"] == "done"


def test_a_load_lost_on_a_vehicle_waits_for_a_person_who_says_where_it_is(yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    task = yard.claim()
    task_id = UUID(task["task_id"])
    yard.do(ReportTask(task_id, 1, TaskStep.PICKED, vehicle="agv-1"))
    yard.do(FailTask(task_id, 1, "vehicle_error", LoadWhere.VEHICLE, "drive fault"))
    assert yard.tasks() == [(code, "failed", "B1")]
    assert yard.at(code) == {"agv-1"}
    assert yard.refused(ReleaseTask(task_id)) == ("invalid", "location")
    yard.do(ReleaseTask(task_id, location="BIN-1"))
    assert yard.at(code) == {"BIN-1"}
    yard.put_away("agv-2")
    assert yard.at(code) == {"B1"}


def test_a_silent_claim_lapses_once_and_what_it_says_later_is_believed_until_another_follows(yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    task = yard.claim("agv-1")
    task_id = UUID(task["task_id"])
    yard.do(ReportTask(task_id, 1, TaskStep.ACCEPTED))
    yard.do(LapseTask(task_id, 1))  # something was heard after that
    assert yard.tasks() == [(code, "in_progress", "B1")]
    yard.do(LapseTask(task_id, 2))
    yard.do(LapseTask(task_id, 2))
    assert yard.tasks() == [(code, "open", "B1")]
    yard.do(ReportTask(task_id, 1, TaskStep.PICKED, vehicle="agv-1"))
    assert yard.tasks() == [(code, "in_progress", "B1")]
    yard.do(LapseTask(task_id, 4))
    assert yard.tasks() == [(code, "failed", "B1")]
    yard.do(FinishTask(task_id, 1))
    assert yard.at(code) == {"B1"}
    assert yard.tasks() == [(code, "done", "B1")]


def test_who_was_overtaken_changes_nothing(yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    task = yard.claim("agv-1")
    task_id = UUID(task["task_id"])
    yard.do(LapseTask(task_id, 1))
    assert yard.claim("agv-2")["attempt"] == 2
    for command in (
        ReportTask(task_id, 1, TaskStep.PICKED, vehicle="agv-1"),
        FinishTask(task_id, 1),
        FailTask(task_id, 1, "late", LoadWhere.SOURCE),
    ):
        assert yard.refused(command) == ("overtaken", "attempt")
    assert yard.at(code) == {"STAGE"}


def test_a_task_that_was_taken_away_is_not_gone_on_with(yard: TaskStore) -> None:
    yard.receive(1)
    task_id = UUID(yard.claim()["task_id"])
    yard.do(ReleaseTask(task_id))
    assert yard.refused(ReportTask(task_id, 1, TaskStep.PICKED)) == ("wrong_state", "task_id")
    assert yard.refused(FinishTask(task_id, 1)) == ("wrong_state", "task_id")
    assert yard.do(FailTask(task_id, 1, "late", LoadWhere.SOURCE))["state"] == "open"
    yard.claim()
    yard.do(CancelTask(task_id))
    assert yard.refused(ReportTask(task_id, 2, TaskStep.ACCEPTED)) == ("wrong_state", "task_id")


def test_given_to_somebody_else(yard: TaskStore) -> None:
    yard.receive(1)
    task_id = UUID(yard.claim("agv-1")["task_id"])
    yard.do(ReassignTask(task_id, "anna"))
    assert yard.refused(ReportTask(task_id, 1, TaskStep.PICKED)) == ("overtaken", "attempt")
    anna = Actor("anna", "pda-3", ALL_RIGHTS)
    yard.do(ReportTask(task_id, 2, TaskStep.PICKED), anna)
    assert yard.refused(ReassignTask(task_id, "bert")) == ("wrong_state", "task_id")
    assert yard.do(FinishTask(task_id, 2, target="B3"), anna)["target"] == "B3"


def test_a_pallet_that_leaves_needs_nobody_to_fetch_it(yard: TaskStore) -> None:
    code, load = yard.receive(1)
    task_id = UUID(yard.claim()["task_id"])
    epcs = tuple(tag.epc for tag in load.tags)
    yard.store.document("delivery", "DN-1", {"I2": 3}, epcs=epcs)
    yard.store.post(yard.store.load(epcs, Direction.OUT, minute=5))
    assert yard.tasks() == [(code, "cancelled", "B1")]
    assert yard.refused(FinishTask(task_id, 1))[0] == "wrong_state"


def test_what_is_reserved_stays_reserved_where_the_pallet_goes(yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    yard.store.do(ReserveStock("I2", 2, "STAGE", "order 7", unit=code))
    yard.put_away()
    found = yard.store.conn.execute(
        "select l.code, r.quantity from reservation r join location l using (location_id) where r.state = 'pending'"
    ).fetchall()
    assert [(code, int(quantity)) for code, quantity in found] == [("B1", 2)]


def test_tags_that_are_read_late_follow_their_pallet(yard: TaskStore) -> None:
    code, epcs = yard.pallet(1, cartons=4)
    yard.store.document("purchase_receipt", "ASN-1", {"I2": 4}, epcs=epcs)
    passage = uuid4()
    yard.store.post(yard.store.load(epcs[:3], passage=passage))
    assert yard.store.findings() == ["short"]
    yard.put_away()
    yard.store.post(yard.store.load(epcs, passage=passage, revision=1))
    assert yard.at(code) == {"B1"}
    assert yard.store.stock("I2", "B1") == 4


def test_held_goods_that_a_person_accepts_follow_their_pallet(yard: TaskStore) -> None:
    code, epcs = yard.pallet(1)
    yard.store.post(yard.store.load(epcs))
    assert yard.tasks() == []
    held = yard.store.one("select discrepancy_id from discrepancy where kind = 'no_document'")
    yard.store.do(ResolveDiscrepancy(held, Resolution.POST))
    assert yard.tasks() == [(code, "open", "B1")]


def test_a_task_that_somebody_asks_for(yard: TaskStore) -> None:
    code, _ = yard.receive(1)
    assert yard.refused(CreateTask(code, "B2")) == ("exists", "unit")
    yard.put_away()
    assert yard.refused(CreateTask(code, "B1")) == ("invalid", "target")
    assert yard.refused(CreateTask(code, "SUPPLIER")) == ("invalid", "target")
    assert yard.do(CreateTask(code, "BIN-1", priority=3))["kind"] == "move"
    yard.put_away()
    assert yard.at(code) == {"BIN-1"}
    assert yard.do(CreateTask(code))["target"] == "B1"


def test_priority_then_deadline_then_age(yard: TaskStore) -> None:
    units = [yard.receive(number)[0] for number in (1, 2, 3, 4)]
    for _ in units:
        yard.put_away()
    late, soon = DAY_0 + timedelta(days=900), DAY_0 + timedelta(days=800)
    for unit, priority, deadline in zip(units, (0, 0, 5, 0), (None, late, None, soon), strict=True):
        yard.do(CreateTask(unit, "BIN-1", priority, deadline))
    order = [yard.claim(f"agv-{n}")["unit"] for n in range(4)]
    assert order == [units[2], units[3], units[1], units[0]]


def test_the_history_of_a_task_cannot_be_changed(yard: TaskStore) -> None:
    yard.receive(1)
    for statement in ("delete from task_event", "update task_event set actor = 'x'", "truncate task_event"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            yard.store.conn.execute(statement.encode())


def test_commands_under_one_id_act_once(yard: TaskStore) -> None:
    yard.receive(1)
    yard.receive(2)
    first, second = (yard.ask(ClaimTask(), FLEET, "click") for _ in range(2))
    assert isinstance(first, Result)
    assert isinstance(second, Result)
    assert second.repeated
    assert first.response == second.response
    assert len(yard.tasks("assigned")) == 1
    assert isinstance(yard.ask(ClaimTask(lease_s=-1)), Refusal)
