"""Which stock is taken: cases D and E of the other systems' test suites, by their ids, and what holds for any stock."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.removal import (
    Order,
    Source,
    Taken,
    Taking,
    ZoneRule,
    choose,
    promisable,
    take,
    take_by_zone,
    take_least_packages,
    usable,
)

D0 = datetime(2026, 1, 10, tzinfo=UTC)


def source(key: str, quantity: int, days: int = 0, zone: str = "", package: bool = False) -> Source:
    return Source(key, Decimal(quantity), D0 + timedelta(days=days), zone, package=package)


def lot(key: str, quantity: int) -> Source:
    return Source(key, Decimal(quantity), D0, lot=key)


def lines(taken: Taken) -> list[tuple[str, int]]:
    return [(s.key, int(amount)) for s, amount in taken.lines]


ZONED = [source("z1", 100, 0, "1"), source("z2", 100, 0, "2"), source("z3", 100, 0, "3")]
ORDER_231 = [ZoneRule("2"), ZoneRule("3"), ZoneRule("1")]
EMPTY_THEN_ANY = [ZoneRule("1", Taking.EMPTY_BIN), ZoneRule("2")]
PALLET_BOX_ANY = [
    ZoneRule("1", Taking.WHOLE_PACKAGES, Decimal(500)),
    ZoneRule("2", Taking.WHOLE_PACKAGES, Decimal(50)),
    ZoneRule("3"),
]
MANY_SIZES = [
    source("loose", 2000),
    *(source("5", 5, n, package=True) for n in range(10)),
    *(source("50", 50, n, package=True) for n in range(10)),
    *(source("1000", 1000, n, package=True) for n in range(2)),
]
FEW_SIZES = [
    source("loose", 2),
    *(source("5", 5, n, package=True) for n in range(2)),
    *(source("10", 10, n, package=True) for n in range(5)),
]
BINS = [source("z1b1", 50, 0, "1"), source("z1b2", 50, 1, "1"), source("z2b1", 50, 0, "2")]
DATED_BINS = [source("z1b1", 30, 4, "1"), source("z1b2", 60, 2, "1"), source("z2b1", 50, 0, "2")]
PACKED_BINS = [source("z1b1", 40, 0, "1"), source("z1b2", 510, 1, "1"), source("z2b1", 60, 0, "2")]
PACKED_BINS += [source("z3b1", 100, 0, "3")]
TWO_SERIALS = [source("lot1", 1, 0), source("lot2", 1, -5)]
SMALL_AND_LARGE = [source("5", 5), source("100", 100)]

CASES = {
    "D16": (take([source("store", 200 - 10 - 110)], Decimal(110)), [("store", 80)], 30),
    "D17": (take([source("lot1", 30 - 25, 0), source("lot2", 20, 1)], Decimal(10)), [("lot1", 5), ("lot2", 5)], 0),
    "D19": (take([source("C1", 5), source("WH2", 10, 1)], Decimal(1000)), [("C1", 5), ("WH2", 10)], 985),
    "E1 FIFO": (take(TWO_SERIALS, Decimal(1), Order.FIFO), [("lot2", 1)], 0),
    "E1 LIFO": (take(TWO_SERIALS, Decimal(1), Order.LIFO), [("lot1", 1)], 0),
    "E4": (take_least_packages(MANY_SIZES, Decimal(1000)), [("1000", 1000)], 0),
    "E6": (take_least_packages(FEW_SIZES, Decimal(13)), [("10", 10), ("5", 3)], 0),
    "E7": (take_least_packages(FEW_SIZES, Decimal(90)), [("10", 10)] * 5 + [("5", 5)] * 2 + [("loose", 2)], 28),
    "E9 150": (take_by_zone(ZONED, Decimal(150), ORDER_231), [("z2", 100), ("z3", 50)], 0),
    "E9 400": (take_by_zone(ZONED, Decimal(400), ORDER_231), [("z2", 100), ("z3", 100), ("z1", 100)], 100),
    "E11": (take_by_zone(BINS, Decimal(80), EMPTY_THEN_ANY), [("z1b1", 50), ("z2b1", 30)], 0),
    "E12": (take_by_zone(DATED_BINS, Decimal(80), EMPTY_THEN_ANY), [("z1b2", 60), ("z2b1", 20)], 0),
    "E14": (
        take_by_zone(PACKED_BINS, Decimal(590), PALLET_BOX_ANY),
        [("z1b2", 500), ("z2b1", 50), ("z3b1", 40)],
        0,
    ),
    "E16": (choose([lot("10", 10), lot("50", 50)], Decimal(30), single_lot=True), [("50", 30)], 0),
    "E17 smallest": (take(SMALL_AND_LARGE, Decimal(15), Order.SMALLEST), [("5", 5), ("100", 10)], 0),
    "E17 largest": (take(SMALL_AND_LARGE, Decimal(15), Order.LARGEST), [("100", 15)], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    taken, expected, short = CASES[case]
    assert (lines(taken), taken.short) == (expected, short)


def test_d14_promises_in_the_order_of_the_orders() -> None:
    answer = promisable([Decimal(q) for q in (5, 3, 20, 20, 15)], Decimal(20))
    assert [int(before) for before, _ in answer] == [0, 5, 8, 28, 48]
    assert [int(now) for _, now in answer] == [5, 3, 12, 0, 0]


def test_first_to_expire_goes_first_and_too_short_a_life_is_out() -> None:
    today = date(2026, 1, 10)
    stock = [Source(n, Decimal(1), D0, expires_on=today + timedelta(days=n)) for n in (30, -1, 5, 0)]
    stock.append(Source("never", Decimal(1), D0))
    assert [s.key for s in usable(stock, today)] == [30, 5, 0, "never"]
    assert [s.key for s in usable(stock, today, 6)] == [30, "never"]
    taken = take(usable(stock, today), Decimal(4), Order.FEFO)
    assert [s.key for s, _ in taken.lines] == [0, 5, 30, "never"]


quantities = st.lists(st.integers(1, 50), max_size=8)


@given(quantities, st.integers(1, 200), st.sampled_from(Order))
def test_never_more_than_asked_or_there_and_short_only_when_all_is_taken(
    stock: list[int], demand: int, order: Order
) -> None:
    sources = [source(str(n), q, n) for n, q in enumerate(stock)]
    for taken in (choose(sources, Decimal(demand), order), take_least_packages(sources, Decimal(demand))):
        total = sum(amount for _, amount in taken.lines)
        assert total + taken.short == demand
        assert total == min(demand, sum(stock))
        assert all(0 < amount <= s.quantity for s, amount in taken.lines)
        assert len({s.key for s, _ in taken.lines}) == len(taken.lines)


@given(quantities, st.integers(1, 200))
def test_no_other_choice_opens_fewer_packages(stock: list[int], demand: int) -> None:
    taken = take_least_packages([source(str(n), q, n, package=True) for n, q in enumerate(stock)], Decimal(demand))
    if taken.short == 0:
        largest = sorted(stock, reverse=True)
        fewest = next(k for k in range(1, len(stock) + 1) if sum(largest[:k]) >= demand)
        assert len(taken.lines) == fewest
