"""Bills of material: scrap, rounding, phantoms, levels and circles, in numbers worked out by hand."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.bom import Bom, BomError, Component, all_needs, order_needs, rounded_up

BIKE, WHEEL, FRAME, SPOKE, RIM, PAINT, BOLT_SET, BOLT, NUT = range(1, 10)
WHOLE = dict.fromkeys(range(1, 10), 0) | {PAINT: 2}


def bill(item: int, *lines: tuple[int, str] | tuple[int, str, str], output: str = "1", phantom: bool = False) -> Bom:
    components = tuple(
        Component(n + 1, line[0], Decimal(line[1]), Decimal(line[2]) if len(line) > 2 else Decimal(0))
        for n, line in enumerate(lines)
    )
    return Bom(item * 10, item, components, Decimal(output), phantom)


BILLS = {
    BIKE: bill(BIKE, (WHEEL, "2"), (FRAME, "1"), (BOLT_SET, "1"), (BOLT, "1")),
    WHEEL: bill(WHEEL, (SPOKE, "36", "2.5"), (RIM, "1")),
    FRAME: bill(FRAME, (PAINT, "1", "10"), output="8"),
    BOLT_SET: bill(BOLT_SET, (BOLT, "4"), (NUT, "4"), phantom=True),
}


def told(needs: tuple[object, ...]) -> dict[int, str]:
    return {n.item_id: str(n.quantity) for n in needs}  # type: ignore[attr-defined]


def test_an_order_takes_its_components_and_those_of_phantoms_in_their_place() -> None:
    needs = order_needs(BILLS[BIKE], Decimal(3), BILLS.get, WHOLE)
    assert told(needs) == {WHEEL: "6", FRAME: "3", BOLT: "15", NUT: "12"}
    assert {n.item_id: (n.bom_id, n.line_no) for n in needs}[NUT] == (BOLT_SET * 10, 2)


def test_all_levels_round_up_once_at_the_end() -> None:
    needs = all_needs(BILLS[BIKE], Decimal(3), BILLS.get, WHOLE)
    # Spokes: 3 × 2 × 36 × 1.025 = 221.4. Paint: 3 × 1/8 × 1.1 = 0.4125, to two decimals.
    assert told(needs) == {WHEEL: "6", SPOKE: "222", RIM: "6", FRAME: "3", PAINT: "0.42", BOLT: "15", NUT: "12"}
    assert {n.item_id: (n.level, n.made) for n in needs} == {
        WHEEL: (1, True), FRAME: (1, True), BOLT: (1, False), NUT: (1, False),
        SPOKE: (2, False), RIM: (2, False), PAINT: (2, False),
    }  # fmt: skip


def test_scrap_of_a_third_of_a_percent_of_three_million_is_exact() -> None:
    thirds = bill(BIKE, (BOLT, "1", "0.1"), output="3")
    assert told(order_needs(thirds, Decimal(3_000_000), {}.get, WHOLE)) == {BOLT: "1001000"}


@pytest.mark.parametrize("walk", [order_needs, all_needs])
def test_a_bill_that_contains_itself_is_refused_with_the_way_round(walk: object) -> None:
    bills = {
        BIKE: bill(BIKE, (WHEEL, "1"), phantom=True),
        WHEEL: bill(WHEEL, (FRAME, "1"), phantom=True),
        FRAME: bill(FRAME, (BIKE, "1"), phantom=True),
    }
    with pytest.raises(BomError, match="1 → 2 → 3 → 1"):
        walk(bills[BIKE], Decimal(1), bills.get, WHOLE)  # type: ignore[operator]


@given(st.decimals("0.001", "9999", places=3), st.integers(1, 50), st.integers(1, 500), st.integers(0, 3))
def test_what_is_taken_is_enough_and_less_than_one_more(each: Decimal, output: int, ordered: int, scale: int) -> None:
    bom = bill(BIKE, (PAINT, str(each), "7"), output=str(output))
    (need,) = order_needs(bom, Decimal(ordered), {}.get, {PAINT: scale})
    exact = Fraction(each) * ordered / output * Fraction(107, 100)
    assert 0 <= Fraction(need.quantity) - exact < Fraction(1, 10**scale)
    assert need.quantity == rounded_up(exact, scale)
