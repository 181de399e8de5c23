"""What stock is worth: cases A, C14 and H4 of the other systems' test suites, by their ids, and what always holds."""

from collections.abc import Iterable
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.valuation import (
    Issued,
    Layer,
    Method,
    Pool,
    Valuation,
    ValuationRefusal,
    gain,
    give,
    issue,
    receive,
    rounded,
    split,
    value_of,
)


def stock(*pairs: tuple[object, object]) -> tuple[Layer, ...]:
    return receive((), *(Layer(D(str(q)), D(str(c))) for q, c in pairs))


def took(outcome: Issued | ValuationRefusal) -> list[tuple[D, D]]:
    assert isinstance(outcome, Issued), outcome
    return [(layer.quantity, layer.unit_cost) for layer in outcome.taken]


def left(outcome: Issued | ValuationRefusal) -> list[tuple[D, D]]:
    assert isinstance(outcome, Issued), outcome
    return [(layer.quantity, layer.unit_cost) for layer in outcome.left]


def test_a1_the_same_cost_joins() -> None:
    assert stock((1, 10), (1, 10)) == (Layer(D(2), D(10)),)


def test_a2_first_in_first_out() -> None:
    assert left(issue(stock((1, 10), (2, 20), (1, 20), (5, 20)), D(4))) == [(5, 20)]


def test_a4_a_named_cost_goes_first_then_first_in_first_out() -> None:
    assert left(issue(stock((1, 1), (1, 2), (1, 3), (1, 4)), D(3), prefer_cost=D(1))) == [(1, 4)]


def test_a6_last_in_first_out() -> None:
    here = stock((1, 1), (2, 2))
    consumed = []
    for quantity, receipt in ((1, (3, 3)), (4, (4, 4)), (5, (5, 5)), (5, None)):
        outcome = issue(here, D(quantity), Method.LIFO)
        consumed.append(took(outcome))
        assert isinstance(outcome, Issued)
        here = outcome.left if receipt is None else receive(outcome.left, Layer(D(receipt[0]), D(receipt[1])))
    assert consumed == [[(1, 2)], [(3, 3), (1, 2)], [(4, 4), (1, 1)], [(5, 5)]]
    assert here == ()


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (2, [(2, "122.22")]),
        (6, [(6, "122.22")]),
        (7, [(6, "122.22"), (1, "111.11")]),
        (11, [(6, "122.22"), (5, "111.11")]),
        (12, [(6, "122.22"), (5, "111.11"), (1, "100")]),
        (15, [(6, "122.22"), (5, "111.11"), (4, "100")]),
        (16, None),
    ],
)
def test_a9_last_in_first_out_over_three_lots(quantity: int, expected: list[tuple[int, str]] | None) -> None:
    outcome = issue(stock((4, 100), (5, "111.11"), (6, "122.22")), D(quantity), Method.LIFO)
    if expected is None:
        assert outcome is ValuationRefusal.NOT_ENOUGH
    else:
        assert took(outcome) == [(D(q), D(c)) for q, c in expected]


def test_a12_dearest_first() -> None:
    held = stock((50, 115), (50, 116), (50, 114))
    for quantity, expected in (
        (40, [(40, 116)]),
        (35, [(10, 116), (25, 115)]),
        (30, [(25, 115), (5, 114)]),
    ):
        done = issue(held, D(quantity), Method.DEAREST)
        assert isinstance(done, Issued)
        assert took(done) == expected
        held = done.left
    assert [(layer.quantity, layer.unit_cost) for layer in held] == [(45, 114)]


def test_a14_a_cost_that_is_not_there_is_refused() -> None:
    assert issue(stock((5, 100), (5, 101)), D(2), only_cost=D(102)) is ValuationRefusal.NO_SUCH_LAYER


def test_a16_value_is_that_of_the_open_layers() -> None:
    outcome = issue(stock((10, 10), (10, 20)), D(15))
    assert isinstance(outcome, Issued)
    assert (quantity_of(outcome.left), value_of(outcome.left)) == (5, 100)


def received(held: Pool, quantity: D, value: D) -> Pool:
    return gain(held, quantity, Valuation.AVERAGE, amount=value).pool


def average(*receipts: tuple[object, object]) -> Pool:
    held = Pool()
    for quantity, cost in receipts:
        held = received(held, D(str(quantity)), D(str(quantity)) * D(str(cost)))
    return held


def issued(held: Pool, quantity: object) -> tuple[D, Pool]:
    outcome = give(held, D(str(quantity)), Valuation.AVERAGE)
    assert not isinstance(outcome, ValuationRefusal)
    return -outcome.amount, outcome.pool


def quantity_of(layers: Iterable[Layer]) -> D:
    return sum((layer.quantity for layer in layers), D(0))


def shown(held: Pool) -> D:
    """The cost of one, as people read it."""
    return rounded(held.value / held.quantity)


def test_a17_moving_average() -> None:
    held = average((10, 10), (10, 20))
    assert shown(held) == 15
    value, after = issued(held, 15)
    assert (value, after.quantity, after.value, shown(after)) == (225, 5, 75, 15)


def test_a19_the_shown_cost_is_rounded_the_value_ends_at_zero() -> None:
    held = average((1000, "0.17"), (800, "0.23"))
    assert shown(held) == D("0.20")
    _, held = issued(held, 1000)
    _, held = issued(held, 800)
    assert held == Pool(D(0), D(0))


def test_a21_seventy_small_issues_leave_no_cents() -> None:
    held = average((2, "4.63"), (5, "3.04"))
    assert shown(held) == D("3.49")
    total = D(0)
    for _ in range(70):
        value, held = issued(held, "0.1")
        total += value
    assert (held.quantity, held.value, total) == (0, 0, D("24.46"))


def test_a22_what_is_left_keeps_its_rounded_share() -> None:
    held = average((10, "16.83"), (10, 20))
    assert shown(held) == D("18.42")
    _, held = issued(held, 10)
    value, held = issued(held, 9)
    assert (value, held.value, held.quantity) == (D("165.73"), D("18.42"), 1)
    assert issued(held, 1)[1] == Pool(D(0), D(0))


def test_a24_a_return_comes_back_at_its_own_cost() -> None:
    sold = issue(stock((10, 10)), D(10))
    assert isinstance(sold, Issued)
    back = receive(receive(sold.left, Layer(D(10), D(20))), *sold.taken)
    assert (quantity_of(back), value_of(back)) == (20, 300)


def test_a26_lots_are_valued_by_lot() -> None:
    lots: dict[str, Pool] = {}
    running = []
    for lot, cost in (("X", 100), ("Y", 50), ("X", 150), ("Y", 100)):
        lots[lot] = received(lots.get(lot, Pool()), D(1), D(cost))
        running.append(sum(held.value for held in lots.values()))
    assert running == [100, 150, 300, 400]
    values = []
    for lot in "YXYX":
        value, lots[lot] = issued(lots[lot], 1)
        values.append(value)
    assert values == [75, 125, 75, 125]


def test_a27_a_transfer_moves_value_exactly() -> None:
    here = received(Pool(), D(20_000), D(20) * D(156_526))
    value, after = issued(here, 1728)
    there = received(Pool(), D(1728), value)
    assert there.value == value
    assert there.value + after.value == here.value


def test_a29_repacking_carries_all_value_into_the_result() -> None:
    parts = [average((10, cost)) for cost in (10, 20, 30, 40)]
    value = sum((issued(part, 10)[0] for part in parts), D(0))
    assert shown(received(Pool(), D(1), value)) == 1000


def test_c14_what_comes_tomorrow_is_not_in_todays_average() -> None:
    by_day = {-1: [(1, 10)], 0: [(1, 20)], 1: [(1, 30)]}
    held = average(*by_day[-1], *by_day[0])
    value, held = issued(held, 1)
    assert value == 15
    value, held = issued(received(held, D(1), D(30)), 2)
    assert (value, held.quantity, held.value) == (45, 0, 0)


def test_h4_an_amount_is_split_without_rest() -> None:
    parts = split(D("6.85"), [D(1)] * 6)
    assert sum(parts) == D("6.85")
    assert sorted(parts) == [D("1.14")] * 5 + [D("1.15")]


quantities = st.decimals("0.000001", "1000000", places=6)
costs = st.decimals("0", "10000", places=2)


@given(st.lists(st.tuples(quantities, costs), max_size=8), quantities, st.sampled_from(Method))
def test_layers_add_up(receipts: list[tuple[D, D]], quantity: D, method: Method) -> None:
    here = stock(*receipts)
    outcome = issue(here, quantity, method)
    if quantity > quantity_of(here):
        assert outcome is ValuationRefusal.NOT_ENOUGH
    else:
        assert isinstance(outcome, Issued)
        assert quantity_of(outcome.taken) == quantity
        assert quantity_of(outcome.left) + quantity == quantity_of(here)
        assert value_of(outcome.left) + outcome.value == value_of(here)


@given(st.lists(st.tuples(st.integers(1, 1000), costs), min_size=1, max_size=6), st.data())
def test_the_average_loses_no_cent_and_ends_at_zero(receipts: list[tuple[int, D]], data: st.DataObject) -> None:
    held = average(*receipts)
    total, given_out = held.value, D(0)
    for last in (False,) * 10 + (True,):
        if not held.quantity:
            break
        value, held = issued(held, held.quantity if last else data.draw(st.integers(1, int(held.quantity))))
        assert value >= 0
        given_out += value
    assert (held.value, given_out) == (0, total)


@given(st.decimals("0", "100000", places=2), st.lists(st.integers(1, 100), min_size=1, max_size=20))
def test_a_split_is_exact_and_no_line_is_off_by_more_than_a_cent(amount: D, weights: list[int]) -> None:
    parts = split(amount, [D(w) for w in weights])
    assert sum(parts) == amount
    assert all(abs(part - amount * w / sum(weights)) <= D("0.01") for part, w in zip(parts, weights, strict=True))
