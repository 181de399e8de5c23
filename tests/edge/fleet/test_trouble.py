"""What vehicles say when something is wrong: every task is done, back in the queue, or a person's, with the reason."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from edge.fleet.tasks import Failure, FailureReason, FleetTask, LoadWhere, TaskStep
from readers.vda5050.connection import Connection
from readers.vda5050.header import Header, VehicleId, Version
from readers.vda5050.order import InstantActions, Order
from readers.vda5050.state import (
    ActionStatus,
    EmergencyStop,
    Error,
    OperatingMode,
    Position,
    Reference,
    SafetyState,
    State,
)
from simulators.vda5050.floor import Floor

from .shift import Shift
from .test_master import assert_truth_agrees, shift
from .yard import MemoryBook, settings, yard

ME = VehicleId("acme", "r-0")


def one(silent_s: float = 30.0, base_nodes: int = 3) -> Shift:
    """One pallet to bring a long way, and nobody but agv-0 to do it until the others come back."""
    book = MemoryBook([FleetTask("t-0", "dock-2", "rack-7", "pallet-0")])
    floor = Floor({"at-dock-2": ["pallet-0"]})
    run = Shift(yard(), settings(silent_s=silent_s, base_nodes=base_nodes), book, floor)
    for name in ("agv-1", "agv-2", "agv-3"):
        run.cut_off(name)
    return run


def until(run: Shift, condition: Callable[[], bool], seconds: float = 400.0) -> None:
    end_us = run.now_us + int(seconds * 1e6)
    while not condition():
        assert run.now_us < end_us, (run.book.entries["t-0"], run.vehicles["agv-0"].state())
        run.step()


def telling(run: Shift, change: Callable[[State], State]) -> None:
    run.telling = lambda name, state: change(state) if name == "agv-0" else state
    run.vehicles["agv-0"].changed = True


def running(run: Shift) -> None:
    until(run, lambda: run.book.entries["t-0"].step is TaskStep.ACCEPTED)


def picked(run: Shift) -> None:
    until(run, lambda: run.book.entries["t-0"].step is TaskStep.PICKED)


def failure(run: Shift) -> Failure:
    (found,) = [what for _, what in run.book.entries["t-0"].history if isinstance(what, Failure)]
    return found


def orders(run: Shift) -> list[Order]:
    return [s.message for s in run.sent if isinstance(s.message, Order) and s.vehicle == "agv-0"]


def about(order: Order, kind: str, **references: str) -> Error:
    told = {"orderId": order.order_id, **references}
    return Error(
        error_type=kind,
        error_level="WARNING",
        error_references=tuple(Reference(reference_key=key, reference_value=value) for key, value in told.items()),
        error_description="says the vehicle",
    )


@pytest.mark.parametrize("kind", ["validationError", "noRouteError", "VALIDATION_FAILURE"])
def test_a_rejected_order_is_back_in_the_queue_with_what_the_vehicle_said(kind: str) -> None:
    run = one()
    run.deaf = {"agv-0"}
    until(run, lambda: bool(orders(run)))
    error = about(orders(run)[0], kind)
    telling(run, lambda state: replace(state, errors=(error,)))
    until(run, lambda: run.book.entries["t-0"].state == "open")
    assert failure(run) == Failure(FailureReason.REJECTED, LoadWhere.SOURCE, f"{kind}: says the vehicle")
    # The error stands until the next order: that is another one, and is taken.
    run.deaf = set()
    assert run.until_settled(600)
    assert run.book.states() == {"t-0": "done"}
    assert_truth_agrees(run)


def test_an_order_that_is_never_taken_comes_back_with_what_the_vehicle_complains_of() -> None:
    run = one()
    run.deaf = {"agv-0"}
    error = Error(error_type="mapError", error_level="WARNING", error_description="no map")
    telling(run, lambda state: replace(state, errors=(error,)))
    until(run, lambda: run.book.entries["t-0"].history != [])
    assert failure(run) == Failure(
        FailureReason.NOT_TAKEN, LoadWhere.SOURCE, "sent 3 times; it says mapError: no map"
    )  # fmt: skip


def test_a_copy_that_was_refused_is_no_refusal_of_the_next_update() -> None:
    run = one()
    running(run)
    until(run, lambda: orders(run)[-1].order_update_id > 0)
    error = about(orders(run)[0], "orderUpdateError")
    telling(run, lambda state: replace(state, errors=(error,)))
    until(run, lambda: orders(run)[-1].order_update_id > 1)
    run.deaf = {"agv-0"}
    until(run, lambda: len(orders(run)) > 3 and orders(run)[-1] == orders(run)[-2])
    run.deaf = set()
    assert run.until_settled(600)
    assert run.book.states() == {"t-0": "done"}


def test_an_update_that_is_refused_by_its_number_gives_the_task_back() -> None:
    run = one(base_nodes=2)
    running(run)
    known = len(orders(run))
    run.deaf = {"agv-0"}
    until(run, lambda: len(orders(run)) > known)
    last = orders(run)[-1]
    error = about(last, "orderUpdateError", orderUpdateId=str(last.order_update_id))
    telling(run, lambda state: replace(state, errors=(error,)))
    until(run, lambda: run.master.vehicles["agv-0"].job.reason is not None)  # type: ignore[union-attr]
    run.deaf = set()
    until(run, lambda: run.book.entries["t-0"].state == "open")
    assert failure(run).reason is FailureReason.REJECTED
    assert_truth_agrees(run)


def test_a_fatal_error_with_the_load_on_board_is_a_persons_though_the_vehicle_never_stops() -> None:
    run = one()
    picked(run)
    run.deaf = {"agv-0"}
    fatal = Error(error_type="motor", error_level="FATAL", error_description="left wheel")
    telling(run, lambda state: replace(state, errors=(fatal,)))
    until(run, lambda: run.book.entries["t-0"].state == "failed")
    assert failure(run) == Failure(
        FailureReason.VEHICLE_ERROR, LoadWhere.VEHICLE, "motor: left wheel; it did not stop"
    )  # fmt: skip
    run.deaf = set()
    telling(run, lambda state: state)
    until(run, lambda: run.vehicles["agv-0"].is_idle)
    assert run.floor.drops_of("pallet-0") == 0


def test_a_vehicle_that_may_still_pick_does_not_give_its_task_to_another() -> None:
    run = one()
    until(run, lambda: run.master.vehicles["agv-0"].job is not None
          and bool(orders(run)) and run.master.vehicles["agv-0"].job.pick_is_released())  # type: ignore[union-attr]  # fmt: skip
    run.deaf = {"agv-0"}
    waits = run.vehicles["agv-0"].state()
    fatal = Error(error_type="motor", error_level="FATAL")
    telling(run, lambda state: replace(waits, errors=(fatal,)))
    for name in ("agv-1", "agv-2", "agv-3"):
        run.come_back(name)
    until(run, lambda: run.book.entries["t-0"].state == "failed")
    assert failure(run).load is LoadWhere.UNKNOWN


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: replace(s, operating_mode=OperatingMode.MANUAL), "operating mode MANUAL"),
        (lambda s: replace(s, operating_mode=OperatingMode.INTERVENED), "operating mode INTERVENED"),
        (lambda s: replace(s, paused=True), "paused"),
        (
            lambda s: replace(s, safety_state=SafetyState(active_emergency_stop="MANUAL", field_violation=False)),
            f"emergency stop {EmergencyStop.MANUAL}",
        ),
        (
            lambda s: replace(s, mobile_robot_position=Position(x=0, y=0, theta=0, map_id="", localized=False)),
            "it does not know where it is",
        ),
    ],
)
def test_who_cannot_drive_before_its_pick_gives_the_task_to_others(
    change: Callable[[State], State], words: str
) -> None:
    run = one(base_nodes=2)
    running(run)
    for name in ("agv-1", "agv-2", "agv-3"):
        run.come_back(name)
    telling(run, change)
    sent = len(orders(run))
    assert run.until_settled(600)
    assert failure(run) == Failure(FailureReason.BLOCKED, LoadWhere.SOURCE, f"cannot drive: {words}")
    assert (run.book.states(), run.book.entries["t-0"].attempt) == ({"t-0": "done"}, 2)
    assert len(orders(run)) == sent
    assert_truth_agrees(run)


def test_who_is_held_up_with_the_load_goes_on_with_it() -> None:
    run = one()
    picked(run)
    telling(run, lambda s: replace(s, operating_mode=OperatingMode.MANUAL))
    run.until(200)
    assert run.book.entries["t-0"].state == "claimed"
    telling(run, lambda s: replace(s, operating_mode=OperatingMode.SEMIAUTOMATIC))
    assert run.until_settled(600)
    assert run.book.entries["t-0"].history == [(1, TaskStep.ACCEPTED), (1, TaskStep.PICKED), (1, "done")]


def test_a_warning_stops_nothing() -> None:
    run = one()
    warning = Error(error_type="battery", error_level="URGENT")
    telling(run, lambda s: replace(s, errors=(warning,)))
    assert run.until_settled(600)
    assert run.book.states() == {"t-0": "done"}


def test_a_load_taken_off_by_hand_on_the_way_is_a_persons() -> None:
    run = one()
    picked(run)
    vehicle = run.vehicles["agv-0"]
    until(run, lambda: vehicle.node.startswith("road"))
    run.floor.put("person", "aside", str(vehicle.load_id))
    vehicle.load_id, vehicle.changed = None, True
    until(run, lambda: run.book.entries["t-0"].state == "failed")
    assert failure(run) == Failure(FailureReason.LOAD_GONE, LoadWhere.UNKNOWN, "it reports no load any more")
    assert_truth_agrees(run)


def test_who_never_says_what_it_carries_gets_its_tasks_done() -> None:
    run = one()
    telling(run, lambda s: replace(s, loads=()))
    assert run.until_settled(600)
    assert run.book.states() == {"t-0": "done"}


def test_a_reboot_without_the_load_is_back_in_the_queue_and_with_it_a_persons() -> None:
    for with_load in (False, True):
        run = one(base_nodes=2)
        picked(run) if with_load else running(run)
        vehicle = run.vehicles["agv-0"]
        gone: dict[str, object] = {"order_id": "", "order_update_id": 0, "node_states": (), "edge_states": (),
                                   "action_states": (), "instant_action_states": (), "driving": False}  # fmt: skip
        telling(run, lambda s, gone=gone: replace(s, **gone))  # type: ignore[misc]
        run.deaf = {"agv-0"}
        run.come_back("agv-0")
        until(run, lambda run=run: any(isinstance(w, Failure) for _, w in run.book.entries["t-0"].history))  # type: ignore[misc]
        assert failure(run).reason is FailureReason.FORGOTTEN
        assert failure(run).load is (LoadWhere.VEHICLE if with_load else LoadWhere.SOURCE)
        assert vehicle.load_id == ("pallet-0" if with_load else None)


def test_a_vehicle_that_asks_for_more_base_gets_it() -> None:
    run = one(base_nodes=4)
    running(run)
    asked = len(orders(run))
    before = orders(run)[-1].order_update_id
    run.step()
    assert (len(orders(run)), orders(run)[-1].order_update_id) == (asked, before)
    telling(run, lambda s: replace(s, new_base_request=True))
    run.step()
    assert orders(run)[-1].order_update_id == before + 1


def test_an_overtaken_state_is_not_news_and_a_vehicle_that_was_started_again_is() -> None:
    run = one()
    running(run)
    view, now = run.master.vehicles["agv-0"], run.vehicles["agv-0"].state()
    old = replace(now, order_id="older", order_update_id=0)

    def say(header_id: int, at_s: float, state: State) -> str:
        header = Header(header_id, int(at_s * 1e6), Version.V3_0, ME)
        run.master.on_state(run.now_us, "agv-0", state, header)
        assert view.job is not None
        return view.job.phase

    assert say(50, 100.0, now) == "running"
    assert say(49, 99.9, old) == "running"
    assert say(50, 100.0, now) == "running"
    assert say(0, 100.5, now) == "running"  # started again, its clock goes on
    assert say(1, 3.0, now) == "running"  # and now it has another time
    assert say(2, 3.1, old) == "reporting"


def test_an_action_that_waits_to_be_tried_again_is_a_failed_one() -> None:
    run = one()
    running(run)

    def retriable(state: State) -> State:
        states = tuple(
            replace(a, action_status=ActionStatus.RETRIABLE) if a.action_id.endswith(":pick") else a
            for a in state.action_states
        )
        return replace(state, action_states=states)

    telling(run, retriable)
    until(run, lambda: run.master.vehicles["agv-0"].job.phase != "running")  # type: ignore[union-attr]
    assert run.master.vehicles["agv-0"].job.reason is FailureReason.ACTION_FAILED  # type: ignore[union-attr]


def test_a_vehicle_that_never_says_it_charges_is_not_sent_again_and_again() -> None:
    run = shift(0)
    vehicle = run.vehicles["agv-0"]
    vehicle.battery = 10.0
    telling(run, lambda s: replace(s, power_supply=replace(s.power_supply, charging=False, state_of_charge=10.0)))
    run.until(500)
    charges = {o.order_id for o in orders(run) if o.order_id.startswith("charge")}
    assert len(charges) == 1
    assert vehicle.node.startswith("at-charger")
    run.until(300)
    charges = {o.order_id for o in orders(run) if o.order_id.startswith("charge")}
    assert len(charges) == 2


def test_who_connects_is_asked_for_its_state_and_what_it_is() -> None:
    run = one()
    run.until(10)
    run.sent.clear()
    run.come_back("agv-1")
    asked = [a.action_type for s in run.sent if isinstance(s.message, InstantActions) for a in s.message.actions]
    assert asked == ["stateRequest", "factsheetRequest"]
    run.master.on_connection(run.now_us, "agv-1", Connection(connection_state="ONLINE"))
    assert len(run.sent) == 2
