"""The master and simulated vehicles on one virtual clock: every task once, whatever is lost, killed or forgotten."""

from collections import Counter

import pytest
from msgspec.structs import replace

from edge.fleet.effects import Send
from edge.fleet.tasks import Failure, FailureReason, FleetTask, LoadWhere, TaskStep
from readers.vda5050.order import InstantActions, Order
from readers.vda5050.orders import fault_in
from readers.vda5050.state import ActionState, ActionStatus, OperatingMode, State
from simulators.vda5050.faults import FaultKind, seeded
from simulators.vda5050.floor import Floor

from .shift import Shift
from .yard import MemoryBook, settings, tasks, yard


def floor_for(found: list[FleetTask]) -> Floor:
    loads: dict[str, list[str]] = {}
    for task in found:
        loads.setdefault(f"at-{task.source}", []).append(task.load_id)
    return Floor(loads)


def shift(number: int, *, seed: int = 0, lose: float = 0.0, **changes: object) -> Shift:
    found = tasks(number)
    return Shift(yard(), settings(**changes), MemoryBook(found), floor_for(found), seed=seed, lose=lose)


def assert_truth_agrees(run: Shift) -> None:
    """Done means at its target, open or failed with the load at the source means there; never set down twice."""
    for entry in run.book.entries.values():
        task = entry.task
        carried = [name for name, vehicle in run.vehicles.items() if vehicle.load_id == task.load_id]
        at_target = task.load_id in run.floor.at(f"at-{task.target}")
        at_source = task.load_id in run.floor.at(f"at-{task.source}")
        aside = task.load_id in run.floor.at("aside")
        assert len(carried) + at_target + at_source + aside == 1
        assert run.floor.drops_of(task.load_id) <= 1
        if entry.state == "done":
            assert at_target
        if entry.state == "open":
            assert at_source


def orders_of(run: Shift) -> list[Order]:
    return [send.message for send in run.sent if isinstance(send.message, Order)]


def test_every_task_is_done_once() -> None:
    run = shift(24)
    assert run.until_settled(2000)
    assert set(run.book.states().values()) == {"done"}
    assert_truth_agrees(run)
    for entry in run.book.entries.values():
        assert entry.history == [(1, TaskStep.ACCEPTED), (1, TaskStep.PICKED), (1, "done")]
    taken = Counter(name for vehicle in run.vehicles.values() for name in vehicle.orders_taken)
    assert set(taken.values()) == {1}
    assert all(fault_in(order) is None for order in orders_of(run))
    assert any(order.order_update_id > 0 for order in orders_of(run))
    assert all(vehicle.orders_taken for vehicle in run.vehicles.values())


def test_never_two_vehicles_at_a_station() -> None:
    run = shift(16)
    stations = {station.node for station in run.roads.stations}
    while not all(state == "done" for state in run.book.states().values()):
        run.step()
        at = Counter(v.node for v in run.vehicles.values() if v.node in stations)
        assert max(at.values(), default=0) <= 1
        assert run.now_us < 4_000_000_000


def test_a_base_is_only_as_long_as_asked() -> None:
    run = shift(4, base_nodes=2)
    assert run.until_settled(1000)
    assert max(sum(node.released for node in order.nodes) for order in orders_of(run)) <= 3


@pytest.mark.parametrize("seed", range(6))
def test_lost_and_doubled_messages_change_nothing(seed: int) -> None:
    run = shift(10, seed=seed, lose=0.3)
    assert run.until_settled(8000)
    assert_truth_agrees(run)
    for entry in run.book.entries.values():
        assert entry.state == "done", entry.history


@pytest.mark.parametrize("seed", range(6))
def test_a_master_that_dies_again_and_again_goes_on_where_it_was(seed: int) -> None:
    run = shift(8, seed=seed)
    for number in range(40):
        run.until(3.0 + (seed * 7 + number * 3) % 5)
        run.restart_master()
    assert run.until_settled(3000)
    assert set(run.book.states().values()) == {"done"}
    assert_truth_agrees(run)
    taken = Counter(name for vehicle in run.vehicles.values() for name in vehicle.orders_taken)
    assert {name: number for name, number in taken.items() if name.startswith("t-") and number > 1} == {}


@pytest.mark.parametrize("seed", range(10))
def test_with_every_fault_at_once_a_task_ends_done_or_comes_back_and_truth_agrees(seed: int) -> None:
    run = shift(10, seed=seed, lose=0.1, silent_s=40.0)
    kinds = [FaultKind.ACTION_FAILS, FaultKind.STOPPED, FaultKind.OFFLINE, FaultKind.LOW_BATTERY]
    faults = sorted(
        (fault.at_us, name, fault)
        for name in run.vehicles
        for fault in seeded(seed, name, run.now_us, 400.0, 60.0, kinds)
    )
    back: list[tuple[int, str]] = []
    for _ in range(5 * 500):
        run.step()
        while faults and faults[0][0] <= run.now_us:
            _, name, fault = faults.pop(0)
            vehicle = run.vehicles[name]
            if fault.kind is FaultKind.ACTION_FAILS:
                vehicle.fails_next = True
            elif fault.kind is FaultKind.STOPPED:
                vehicle.stop_for(run.now_us + int(fault.for_s * 1e6), "stuck")
            elif fault.kind is FaultKind.LOW_BATTERY:
                vehicle.battery = min(vehicle.battery, 10.0)
            else:
                run.cut_off(name)
                back.append((run.now_us + int(fault.for_s * 3e6), name))
        for entry in [b for b in back if b[0] <= run.now_us]:
            back.remove(entry)
            run.come_back(entry[1])
    for _, name in back:
        run.come_back(name)
    assert run.until_settled(3000), run.book.states()
    assert_truth_agrees(run)
    for entry in run.book.entries.values():
        if entry.state == "failed":  # a person is needed exactly when the load is not at its source
            assert entry.task.load_id not in run.floor.at(f"at-{entry.task.source}")
    assert any(state == "done" for state in run.book.states().values())


def test_a_failed_pick_goes_back_to_the_queue_and_a_failed_drop_to_a_person() -> None:
    run = shift(1)
    for vehicle in run.vehicles.values():
        vehicle.fails_next = True
    run.until(120)
    entry = run.book.entries["t-0"]
    failures = [what for _, what in entry.history if isinstance(what, Failure)]
    assert failures[0].reason is FailureReason.ACTION_FAILED
    assert failures[0].load is LoadWhere.SOURCE
    assert "did not succeed" in failures[0].detail
    assert run.until_settled(2000)
    run = shift(1)
    while entry.step is not TaskStep.PICKED or entry is not run.book.entries["t-0"]:
        entry = run.book.entries["t-0"]
        run.step()
    for vehicle in run.vehicles.values():
        vehicle.fails_next = True
    assert run.until_settled(400)
    assert (entry.state, entry.history[-1][1].load) == ("failed", LoadWhere.VEHICLE)  # type: ignore[index]


def test_a_cut_off_vehicle_that_cannot_have_begun_loses_its_task_and_stops_when_it_returns() -> None:
    run = shift(1, silent_s=30.0, base_nodes=2)
    run.until(4)
    (name,) = [v.name for v in run.vehicles.values() if v.orders_taken]
    run.cut_off(name)
    run.until(60)
    entry = run.book.entries["t-0"]
    assert entry.history[1] == (1, Failure(FailureReason.SILENT, LoadWhere.SOURCE, "nothing heard for 30 s"))
    assert entry.attempt == 2
    run.come_back(name)
    assert run.until_settled(600)
    assert_truth_agrees(run)
    vehicle = run.vehicles[name]
    run.until(20)
    assert vehicle.is_idle
    assert any(
        isinstance(send.message, InstantActions)
        and send.vehicle == name
        and send.message.actions[0].action_type == "cancelOrder"
        for send in run.sent
    )


def test_a_cut_off_vehicle_with_the_load_is_not_robbed_of_it() -> None:
    run = shift(1, silent_s=20.0)
    entry = run.book.entries["t-0"]
    entry.task = FleetTask("t-0", "dock-0", "rack-7", "pallet-0")
    while entry.step is not TaskStep.PICKED:
        run.step()
    name = str(entry.vehicle)
    run.cut_off(name)
    run.until(60)
    assert entry.history[-1] == (1, Failure(FailureReason.SILENT, LoadWhere.UNKNOWN, "nothing heard for 20 s"))
    assert entry.state == "lost"
    run.come_back(name)
    assert run.until_settled(120)
    assert_truth_agrees(run)
    assert (entry.state, entry.attempt, entry.vehicle) == ("done", 1, name)


def test_nothing_held_back_drives_a_vehicle_late() -> None:
    run = shift(1)
    book = run.book
    book.entries["t-0"].task = FleetTask("t-0", "dock-0", "rack-0", "pallet-0", valid_until_us=run.now_us + 20_000_000)
    for name in run.vehicles:
        run.cut_off(name)
    run.until(30)
    for name in run.vehicles:
        run.come_back(name)
    run.until(60)
    assert orders_of(run) == []
    assert book.states() == {"t-0": "open"}


def test_every_order_says_until_when_it_is_worth_sending() -> None:
    run = shift(2)
    run.until_settled(600)
    assert all(isinstance(send, Send) and send.valid_until_us > 0 for send in run.sent)


def test_low_battery_goes_charging_and_works_again_when_charged() -> None:
    run = shift(0)
    vehicle = run.vehicles["agv-0"]
    vehicle.battery = 10.0
    run.until(120)
    assert vehicle.charging
    assert vehicle.node.startswith("at-charger")
    for name in run.vehicles:
        if name != "agv-0":
            run.cut_off(name)
    run.book.add(FleetTask("late", "dock-0", "rack-0", ""))
    run.floor.put("test", "at-dock-0", "p")
    run.until(20)
    assert run.book.states() == {"late": "open"}
    assert run.until_settled(600)
    assert not vehicle.charging


def test_a_book_that_is_away_delays_and_loses_nothing() -> None:
    run = shift(4)
    run.until(20)
    run.book.down = True
    run.until(200)
    taken = [name for vehicle in run.vehicles.values() for name in vehicle.orders_taken]
    assert len(taken) == 4
    run.book.down = False
    assert run.until_settled(200)
    assert set(run.book.states().values()) == {"done"}
    assert_truth_agrees(run)


def test_a_cancelled_task_stops_the_vehicle() -> None:
    run = shift(1)
    run.until(5)
    entry = run.book.entries["t-0"]
    entry.state, name = "cancelled", str(entry.vehicle)
    run.until(60)
    assert run.vehicles[name].is_idle
    assert_truth_agrees(run)
    assert run.vehicles[name].load_id is None


# Vehicles as they are sold: what their makers leave out, keep for ever, or do at odd times.


def test_a_vehicle_that_forgets_actions_once_they_ended_still_gets_its_tasks_done() -> None:
    run = shift(8)
    run.telling = lambda _, state: replace(
        state, action_states=tuple(a for a in state.action_states if a.action_status != ActionStatus.FINISHED)
    )
    assert run.until_settled(4000)
    assert set(run.book.states().values()) <= {"done", "failed"}
    assert_truth_agrees(run)
    assert not any(vehicle.load_id for vehicle in run.vehicles.values())


def test_a_vehicle_that_forgets_its_actions_only_when_all_are_done_gets_its_tasks_done() -> None:
    run = shift(8)

    def telling(_: str, state: State) -> State:
        over = (
            state.order_id and not state.node_states and all(a.action_status == "FINISHED" for a in state.action_states)
        )
        return replace(state, action_states=()) if over else state

    run.telling = telling
    assert run.until_settled(4000)
    assert set(run.book.states().values()) == {"done"}
    assert_truth_agrees(run)


def test_a_request_that_a_vehicle_names_for_ever_keeps_it_from_nothing() -> None:
    run = shift(4)
    waiting = ActionState(action_id="factsheetRequest-1-1", action_status="WAITING")
    run.telling = lambda _, state: replace(state, action_states=(*state.action_states, waiting))
    assert run.until_settled(2000)
    assert set(run.book.states().values()) == {"done"}


def test_a_vehicle_put_to_manual_before_it_took_its_order_gives_the_task_back() -> None:
    run = shift(1, silent_s=30.0)
    run.deaf = set(run.vehicles)
    while not any(entry.state == "claimed" for entry in run.book.entries.values()):
        run.step()
    (first,) = [entry.vehicle for entry in run.book.entries.values()]
    assert first is not None
    run.deaf = {first}

    def telling(name: str, state: State) -> State:
        return replace(state, operating_mode=OperatingMode.MANUAL) if name == first else state

    run.telling = telling
    assert run.until_settled(1000)
    assert set(run.book.states().values()) == {"done"}
    assert_truth_agrees(run)
    (entry,) = run.book.entries.values()
    assert entry.vehicle != first


def test_what_could_not_be_sent_is_no_try_of_the_vehicles() -> None:
    run = shift(4, silent_s=300.0)
    while not any(entry.step is TaskStep.PICKED for entry in run.book.entries.values()):
        run.step()
    run.is_sending = False
    run.until(140.0)  # more than twelve times `order_valid_s`: vehicles speak, and nobody can tell them anything
    run.is_sending = True
    assert run.until_settled(2000)
    assert {entry.state for entry in run.book.entries.values()} == {"done"}
    assert {entry.attempt for entry in run.book.entries.values()} == {1}
