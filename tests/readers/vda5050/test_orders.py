"""What a vehicle does with an order, case by case and in order of precedence."""

import msgspec.structs
import pytest

from readers.vda5050.header import Version
from readers.vda5050.order import Node, Order
from readers.vda5050.orders import Ignored, OrderError, Rejected, Standing, Taken, fault_in, judge

from .messages import action, edge, node

PATH = ("a", "b", "c", "d", "e")


def path(base: int, *, begin: int = 0, end: int = 5, order_id: str = "o", update: int = 0) -> Order:
    """The nodes of PATH from `begin` to `end`, the first `base` of PATH released."""
    return Order(
        order_id=order_id,
        order_update_id=update,
        nodes=tuple(node(PATH[i], 2 * i, released=i < base) for i in range(begin, end)),
        edges=tuple(edge(f"{PATH[i]}-{PATH[i + 1]}", 2 * i + 1, released=i + 1 < base) for i in range(begin, end - 1)),
    )


def standing(order: Order | None = None, **changes: object) -> Standing:
    values: dict[str, object] = {
        "order": order,
        "idle": order is None,
        "cancelled": False,
        "operating_mode": "AUTOMATIC",
        "near": frozenset({"a"}),
        "actions": frozenset({"pick", "drop"}),
    }
    return Standing(**(values | changes))  # type: ignore[arg-type]


def error(found: object) -> OrderError:
    assert isinstance(found, Rejected)
    return found.error


def test_a_new_order_is_taken_where_the_vehicle_stands() -> None:
    assert judge(path(2), standing()) == Taken(path(2), extended=False)
    assert error(judge(path(2), standing(near=frozenset({"b"})))) is OrderError.START_NODE_OUT_OF_RANGE


def test_another_order_waits_until_the_vehicle_is_idle() -> None:
    other = path(2, order_id="p")
    assert error(judge(other, standing(path(2)))) is OrderError.OTHER_ORDER_ACTIVE
    assert judge(other, standing(path(2), idle=True)) == Taken(other, extended=False)
    manual = standing(path(2), idle=True, operating_mode="MANUAL")
    assert error(judge(other, manual)) is OrderError.MOBILE_ROBOT_NOT_AVAILABLE


def test_an_update_extends_the_base_and_replaces_the_horizon() -> None:
    update = path(4, begin=1, end=4, update=1)
    found = judge(update, standing(path(2)))
    assert isinstance(found, Taken)
    assert found.extended
    assert [(n.node_id, n.released) for n in found.order.nodes] == [(n, True) for n in "abcd"]
    assert [e.edge_id for e in found.order.edges] == ["a-b", "b-c", "c-d"]
    assert fault_in(found.order) is None


@pytest.mark.parametrize("begin", [0, 2, 3])
def test_an_update_must_begin_where_the_base_ends(begin: int) -> None:
    update = path(5, begin=begin, update=1)
    assert error(judge(update, standing(path(2)))) is OrderError.VALIDATION_FAILURE


def test_the_stitching_node_keeps_what_it_was_given_first() -> None:
    base = path(2)
    nodes = (base.nodes[0], msgspec.structs.replace(base.nodes[1], actions=(action("x"),)), *base.nodes[2:])
    found = judge(path(3, begin=1, update=1), standing(msgspec.structs.replace(base, nodes=nodes)))
    assert isinstance(found, Taken)
    assert found.order.actions == (action("x"),)


def test_update_ids() -> None:
    in_hand = path(3, update=4)
    assert error(judge(path(3, update=3), standing(in_hand))) is OrderError.OUTDATED_ORDER_UPDATE
    assert judge(path(3, update=4), standing(in_hand)) == Ignored()
    assert judge(path(3, begin=2, update=4), standing(in_hand)) == Ignored()
    assert error(judge(path(4, update=4), standing(in_hand))) is OrderError.SAME_ORDER_UPDATE_ID
    late = path(4, begin=2, update=5)
    assert error(judge(late, standing(in_hand, cancelled=True))) is OrderError.ORDER_UPDATE_FOLLOWING_CANCEL
    assert judge(path(3, update=4), standing(in_hand, idle=True)) == Ignored()  # finished, and sent once more


def numbered(*sequence_ids: int) -> tuple[Node, ...]:
    return tuple(node(f"n{i}", i) for i in sequence_ids)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (Order(order_id="o", order_update_id=0, nodes=(), edges=()), "no nodes"),
        (Order(order_id="o", order_update_id=0, nodes=numbered(1), edges=()), "odd"),
        (Order(order_id="o", order_update_id=0, nodes=numbered(0, 4), edges=(edge("e", 1),)), "consecutive"),
        (Order(order_id="o", order_update_id=0, nodes=numbered(0, 2), edges=()), "between"),
        (path(0), "not released"),
        (msgspec.structs.replace(path(1), edges=path(2).edges), "together"),
        (
            msgspec.structs.replace(path(2), nodes=(*path(2).nodes[:3], node("d", 6), node("e", 8))),
            "beyond the horizon",
        ),
        (
            Order(order_id="o", order_update_id=0, nodes=(node("a", 0, action("x"), action("x")),), edges=()),
            "twice",
        ),
    ],
)
def test_a_malformed_order_is_named_and_not_taken(order: Order, words: str) -> None:
    fault = fault_in(order)
    assert fault is not None
    assert words in fault
    assert error(judge(order, standing())) is OrderError.VALIDATION_FAILURE


def test_an_action_that_it_cannot_do_comes_before_where_it_stands() -> None:
    order = Order(order_id="o", order_update_id=0, nodes=(node("z", 0, action("x", "sing")),), edges=())
    assert error(judge(order, standing())) is OrderError.INVALID_ORDER_ACTION


def test_error_types_by_version() -> None:
    assert OrderError.OUTDATED_ORDER_UPDATE.text(Version.V2_1) == "orderUpdateError"
    assert OrderError.OUTDATED_ORDER_UPDATE.text(Version.V3_0) == "OUTDATED_ORDER_UPDATE"
    assert OrderError.MOBILE_ROBOT_NOT_AVAILABLE.text(Version.V2_1) == "MOBILE_ROBOT_NOT_AVAILABLE"
