"""A simulated vehicle by itself: it drives its base and no further, rejects by the standard, fails and returns."""

import pytest

from readers.vda5050.header import Version
from readers.vda5050.order import Action, ActionParameter, Edge, InstantActions, Node, NodePosition
from readers.vda5050.plan import OrderPlan
from readers.vda5050.state import ActionStatus
from simulators.vda5050.faults import FaultKind, seeded
from simulators.vda5050.floor import Floor
from simulators.vda5050.vehicle import SimulatedVehicle

NAMES = ("a", "b", "c", "d")


def plan(base: int, *, work: dict[str, str] | None = None, order_id: str = "o") -> OrderPlan:
    def actions(name: str) -> tuple[Action, ...]:
        kind = (work or {}).get(name)
        load = (ActionParameter(key="loadId", value="p"),)
        return () if kind is None else (Action(action_type=kind, action_id=f"{kind}@{name}", action_parameters=load),)

    nodes = [
        Node(
            node_id=name,
            sequence_id=0,
            released=False,
            actions=actions(name),
            node_position=NodePosition(x=15.0 * i, y=0.0, map_id="site"),
        )
        for i, name in enumerate(NAMES)
    ]
    edges = [Edge(edge_id=f"e{i}", sequence_id=0, released=False, actions=()) for i in range(len(NAMES) - 1)]
    return OrderPlan.begin(order_id, nodes, edges, base)


def vehicle(version: Version = Version.V3_0, loads: dict[str, list[str]] | None = None) -> SimulatedVehicle:
    made = SimulatedVehicle("v", version, Floor(loads or {"b": ["p"]}), "a")
    made.start(0)
    return made


def instant(kind: str, **parameters: str) -> InstantActions:
    given = tuple(ActionParameter(key=key, value=value) for key, value in parameters.items())
    return InstantActions(actions=(Action(action_type=kind, action_id=f"{kind}-1", action_parameters=given),))


def test_it_drives_its_base_and_no_further_however_often_time_is_looked_at() -> None:
    for step_s in (0.1, 7.0, 300.0):
        made = vehicle()
        made.on_order(plan(3).message)
        now_s = 0.0
        while now_s < 300:
            now_s += step_s
            made.advance(int(now_s * 1e6))
        state = made.state()
        assert (state.last_node_id, state.last_node_sequence_id) == ("c", 4)
        assert [n.node_id for n in state.node_states] == ["d"]
        assert not state.is_idle
        assert round(state.power_supply.state_of_charge, 2) == 89.4


def test_it_carries_a_load_and_says_so() -> None:
    made = vehicle()
    made.on_order(plan(4, work={"b": "pick", "d": "drop"}).message)
    made.advance(20_000_000)
    state = made.state()
    assert state.loads is not None
    assert [load.load_id for load in state.loads] == ["p"]
    assert state.status_of("pick@b") == ActionStatus.FINISHED
    assert state.status_of("drop@d") == ActionStatus.WAITING
    made.advance(60_000_000)
    assert made.state().is_idle
    assert made.floor.at("d") == ["p"]


@pytest.mark.parametrize(
    ("version", "error"), [(Version.V2_1, "orderUpdateError"), (Version.V3_0, "OTHER_ORDER_ACTIVE")]
)
def test_it_rejects_with_the_versions_word_and_goes_on(version: Version, error: str) -> None:
    made = vehicle(version)
    made.on_order(plan(3).message)
    made.on_order(plan(2, order_id="other").message)
    found = made.state()
    assert [e.error_type for e in found.errors] == [error]
    assert found.errors[0].refers_to("orderId", "other")
    assert found.order_id == "o"


def test_an_update_extends_it_and_an_accepted_order_clears_the_warnings() -> None:
    made, known = vehicle(), plan(2)
    made.on_order(known.message)
    made.on_order(plan(2, order_id="other").message)
    made.on_order(known.released(2).message)
    state = made.state()
    assert (state.order_update_id, state.errors) == (1, ())
    made.advance(60_000_000)
    assert made.state().last_node_id == "d"


def test_cancel_reaches_the_next_node_and_fails_the_rest() -> None:
    made = vehicle()
    made.on_order(plan(4, work={"b": "pick", "d": "drop"}).message)
    made.advance(5_000_000)
    made.on_instant(instant("cancelOrder", orderId="o"))
    assert made.state().status_of("cancelOrder-1") == ActionStatus.RUNNING
    made.advance(60_000_000)
    state = made.state()
    assert (state.last_node_id, state.is_idle) == ("b", True)
    assert state.status_of("cancelOrder-1") == ActionStatus.FINISHED
    assert {a.action_status for a in state.action_states} == {ActionStatus.FAILED}
    made.on_order(plan(4, work={"b": "pick", "d": "drop"}).released(0).message)
    assert made.floor.at("b") == ["p"]


def test_nothing_to_cancel_and_unknown_instant_actions() -> None:
    made = vehicle()
    made.on_instant(instant("cancelOrder"))
    made.on_instant(instant("sing"))
    state = made.state()
    assert [e.error_type for e in state.errors] == ["NO_ORDER_TO_CANCEL", "INVALID_INSTANT_ACTION"]
    assert {a.action_status for a in state.instant_action_states} == {ActionStatus.FAILED}


def test_it_stands_while_paused_or_broken() -> None:
    made = vehicle()
    made.on_order(plan(4).message)
    made.on_instant(instant("startPause"))
    made.advance(60_000_000)
    assert made.state().last_node_id == "a"
    made.on_instant(instant("stopPause"))
    made.stop_for(120_000_000, "stuck")
    made.advance(110_000_000)
    assert [e.error_level for e in made.state().errors] == ["FATAL"]
    made.advance(121_000_000)
    made.advance(180_000_000)
    assert (made.state().last_node_id, made.state().errors) == ("d", ())


def test_a_load_that_is_not_there_fails_the_pick() -> None:
    made = vehicle(loads={"b": ["another"]})
    made.on_order(plan(4, work={"b": "pick"}).message)
    made.advance(60_000_000)
    state = made.state()
    assert state.status_of("pick@b") == ActionStatus.FAILED
    assert any(e.refers_to("actionId", "pick@b") for e in state.errors)


def test_faults_are_the_seeds() -> None:
    kinds = list(FaultKind)
    assert seeded(1, "v", 0, 1000.0, 50.0, kinds) == seeded(1, "v", 0, 1000.0, 50.0, kinds)
    assert seeded(1, "v", 0, 1000.0, 50.0, kinds) != seeded(2, "v", 0, 1000.0, 50.0, kinds)
    assert seeded(1, "v", 0, 1000.0, 50.0, kinds) != seeded(1, "w", 0, 1000.0, 50.0, kinds)
