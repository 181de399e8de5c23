"""A master's plan against a vehicle's judgement: whatever is released or rerouted, every message is taken."""

from hypothesis import given
from hypothesis import strategies as st

from readers.vda5050.order import Edge, Node
from readers.vda5050.orders import Ignored, Standing, Taken, judge
from readers.vda5050.plan import OrderPlan

from .messages import action, edge, node


def nodes_of(names: str) -> list[Node]:
    return [node(name, 0, action(f"do-{i}-{name}")) for i, name in enumerate(names)]


def edges_of(number: int) -> list[Edge]:
    return [edge(f"e{i}", 0) for i in range(number)]


def standing(in_hand: object) -> Standing:
    order = in_hand.order if isinstance(in_hand, Taken) else None
    return Standing(order, order is None, False, "AUTOMATIC", frozenset({"a"}), frozenset({"pick"}))


def test_base_and_horizon() -> None:
    plan = OrderPlan.begin("o", nodes_of("abcd"), edges_of(3), base=2)
    assert [(n.sequence_id, n.released) for n in plan.message.nodes] == [(0, True), (2, True), (4, False), (6, False)]
    assert [(e.sequence_id, e.released) for e in plan.message.edges] == [(1, True), (3, False), (5, False)]
    further = plan.released(1)
    assert (further.update_id, [n.sequence_id for n in further.message.nodes]) == (1, [2, 4, 6])
    assert further.base_end.node_id == "c"
    done = further.released(9)
    assert done.is_released
    assert done.released(1) is done


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3), st.integers(0, 4)), max_size=8), st.integers(1, 4))
def test_a_vehicle_takes_every_message_of_a_plan_and_ignores_it_the_second_time(
    steps: list[tuple[bool, int, int]], base: int
) -> None:
    plan = OrderPlan.begin("o", nodes_of("abcd"), edges_of(3), base)
    in_hand = judge(plan.message, standing(None))
    assert isinstance(in_hand, Taken)
    for number, (reroute, more, length) in enumerate(steps):
        before = plan
        if reroute:
            new = [node(f"r{number}.{i}", 0, action(f"r{number}.{i}")) for i in range(length)]
            plan = plan.rerouted(new, edges_of(length), more)
        else:
            plan = plan.released(more)
        if plan is before:
            continue
        found = judge(plan.message, standing(in_hand))
        assert isinstance(found, Taken)
        assert found.extended
        in_hand = found
        assert (in_hand.order.nodes, in_hand.order.edges) == (plan.nodes, plan.edges)
        assert judge(plan.message, standing(in_hand)) == Ignored()
        if before.update_id:
            assert not isinstance(judge(before.message, standing(in_hand)), Taken)
