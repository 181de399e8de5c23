"""The ledger's rules without a database: every refusal, and which one is given when several apply."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from warehouse.ledger import (
    Balance,
    BalanceKey,
    Circumstance,
    Facts,
    Item,
    LedgerRefusal,
    LineLife,
    Location,
    Lot,
    NewMove,
    Place,
    Refused,
    Serial,
    StockStatus,
    Tracking,
)
from warehouse.ledger_rules import plan

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PLAIN, BY_LOT, BY_SERIAL = 1, 2, 3
SUPPLIER, CUSTOMER, HERE, THERE, CLOSED = 1, 2, 3, 4, 5
GOOD, EXPIRED, BLOCKED, OTHERS, YOUNG = 1, 2, 3, 4, 5
INSISTS, RULED = 1, 2
IN_STOCK, OUTSIDE, ELSEWHERE = 1, 2, 3


def key(item: int, location: int, lot: int | None = None, serial: int | None = None) -> BalanceKey:
    return BalanceKey(item, lot, serial, location, None, "", "available")


def held(on_hand: int, reserved: int = 0, spare: int | None = None) -> Balance:
    return Balance(Decimal(on_hand), Decimal(reserved), Decimal(on_hand if spare is None else spare), NOON)


FACTS = Facts(
    {PLAIN: Item(Tracking.NONE, 0), BY_LOT: Item(Tracking.LOT, 0), BY_SERIAL: Item(Tracking.SERIAL, 0)},
    {
        GOOD: Lot(BY_LOT),
        EXPIRED: Lot(BY_LOT, date(2026, 3, 9)),
        BLOCKED: Lot(BY_LOT, blocked=True),
        OTHERS: Lot(PLAIN),
        YOUNG: Lot(BY_LOT, date(2026, 3, 20)),
    },
    {
        IN_STOCK: Serial(BY_SERIAL, None, key(BY_SERIAL, HERE, serial=IN_STOCK)),
        OUTSIDE: Serial(BY_SERIAL),
        ELSEWHERE: Serial(BY_SERIAL, None, key(BY_SERIAL, THERE, serial=ELSEWHERE)),
    },
    {
        SUPPLIER: Location("supplier"),
        CUSTOMER: Location("customer"),
        HERE: Location("internal"),
        THERE: Location("internal"),
        CLOSED: Location("internal", closed=True),
    },
    {
        key(PLAIN, HERE): held(10, reserved=4, spare=8),
        key(BY_LOT, HERE, GOOD): held(10),
        key(BY_LOT, HERE, EXPIRED): held(10),
        key(BY_LOT, HERE, BLOCKED): held(10),
        key(BY_LOT, HERE, YOUNG): held(10, reserved=4),
        key(BY_SERIAL, HERE, serial=IN_STOCK): held(1),
        key(BY_SERIAL, THERE, serial=ELSEWHERE): held(1),
    },
    frozenset({77}),
    date(2026, 2, 28),
    {INSISTS: LineLife(11, 0), RULED: LineLife(0, 11)},
)


def move(item: int = PLAIN, quantity: object = 1, source: int = HERE, target: int = THERE, **fields: object) -> NewMove:
    made = NewMove(UUID(int=1), "test", item, Decimal(str(quantity)), Place(source), Place(target))
    return replace(made, **fields)  # type: ignore[arg-type]


R = LedgerRefusal
CASES: list[tuple[R, NewMove]] = [
    (R.QUANTITY_NOT_POSITIVE, move(quantity=0)),
    (R.QUANTITY_NOT_POSITIVE, move(quantity=-1)),
    (R.QUANTITY_NOT_POSITIVE, move(releases=Decimal(2))),
    (R.UNKNOWN_ITEM, move(item=9)),
    (R.UNKNOWN_LOT, move(lot_id=9)),
    (R.UNKNOWN_SERIAL, move(serial_id=9)),
    (R.UNKNOWN_LOCATION, move(source=9)),
    (R.SAME_PLACE, move(target=HERE)),
    (R.QUANTITY_SCALE, move(quantity="0.5")),
    (R.LOT_OF_OTHER_ITEM, move(lot_id=GOOD)),  # L9
    (R.SERIAL_OF_OTHER_ITEM, move(serial_id=IN_STOCK)),
    (R.LOT_REQUIRED, move(BY_LOT)),
    (R.SERIAL_REQUIRED, move(BY_SERIAL)),
    (R.SERIAL_QUANTITY, move(BY_SERIAL, 2, serial_id=IN_STOCK)),
    (R.LOCATION_CLOSED, move(target=CLOSED)),
    (R.ALREADY_REVERSED, move(reverses=77)),
    (R.LOT_EXPIRED, move(BY_LOT, lot_id=EXPIRED, target=CUSTOMER)),
    (R.LOT_EXPIRED, move(BY_LOT, lot_id=EXPIRED, source=SUPPLIER, target=HERE)),  # L4
    (R.LOT_BLOCKED, move(BY_LOT, lot_id=BLOCKED, target=CUSTOMER)),
    (R.SHELF_LIFE_SHORT, move(BY_LOT, lot_id=YOUNG, target=CUSTOMER, line_id=INSISTS)),
    (R.NOT_ACCEPTED, replace(move(target=CUSTOMER), source=Place(HERE, None, StockStatus.INSPECTION))),
    (R.SERIAL_IN_STOCK, move(BY_SERIAL, source=SUPPLIER, target=HERE, serial_id=IN_STOCK)),
    (R.SERIAL_ELSEWHERE, move(BY_SERIAL, serial_id=ELSEWHERE)),
    (R.NOT_ENOUGH, move(quantity=11)),
    (R.RESERVED, move(quantity=7)),
    (R.NEGATIVE_LATER, move(quantity=9, releases=Decimal(4))),
]


@pytest.mark.parametrize(("reason", "wrong"), CASES)
def test_each_refusal(reason: LedgerRefusal, wrong: NewMove) -> None:
    outcome = plan([wrong], Circumstance("a", NOON), FACTS)
    assert isinstance(outcome, Refused)
    assert outcome.reason is reason


def test_a_posting_without_movements_and_one_in_a_closed_period() -> None:
    nothing = plan([], Circumstance("a", NOON), FACTS)
    closed = plan([move()], Circumstance("a", datetime(2026, 2, 28, 23, tzinfo=UTC)), FACTS)
    assert isinstance(nothing, Refused)
    assert isinstance(closed, Refused)
    assert (nothing.reason, closed.reason) == (R.NOTHING_TO_POST, R.PERIOD_CLOSED)


# Movements with two things wrong: the earlier reason in LedgerRefusal is given.
BOTH: list[tuple[R, R, NewMove]] = [
    (R.QUANTITY_NOT_POSITIVE, R.UNKNOWN_ITEM, move(item=9, quantity=0)),
    (R.UNKNOWN_ITEM, R.UNKNOWN_LOT, move(item=9, lot_id=9)),
    (R.UNKNOWN_LOT, R.UNKNOWN_LOCATION, move(lot_id=9, source=9)),
    (R.UNKNOWN_LOCATION, R.SAME_PLACE, move(source=9, target=9)),
    (R.SAME_PLACE, R.QUANTITY_SCALE, move(quantity="0.5", target=HERE)),
    (R.QUANTITY_SCALE, R.LOT_OF_OTHER_ITEM, move(quantity="0.5", lot_id=GOOD)),
    (R.LOT_REQUIRED, R.LOCATION_CLOSED, move(BY_LOT, target=CLOSED)),
    (R.SERIAL_QUANTITY, R.LOCATION_CLOSED, move(BY_SERIAL, 2, serial_id=IN_STOCK, target=CLOSED)),
    (R.LOCATION_CLOSED, R.ALREADY_REVERSED, move(reverses=77, target=CLOSED)),
    (R.LOT_EXPIRED, R.NOT_ENOUGH, move(BY_LOT, 99, lot_id=EXPIRED, target=CUSTOMER)),
    (R.SHELF_LIFE_SHORT, R.NOT_ENOUGH, move(BY_LOT, 99, lot_id=YOUNG, target=CUSTOMER, line_id=RULED)),
    (R.NOT_ACCEPTED, R.NOT_ENOUGH, replace(move(quantity=99, target=CUSTOMER), source=Place(HERE, None, StockStatus.BLOCKED))),  # noqa: E501
    (R.NOT_ENOUGH, R.RESERVED, move(quantity=11)),
    (R.RESERVED, R.NEGATIVE_LATER, move(quantity=9)),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "wrong"), BOTH)
def test_precedence(first: LedgerRefusal, second: LedgerRefusal, wrong: NewMove) -> None:
    order = list(LedgerRefusal)
    assert order.index(first) < order.index(second)
    outcome = plan([wrong], Circumstance("a", NOON), FACTS)
    assert isinstance(outcome, Refused)
    assert outcome.reason is first


@pytest.mark.parametrize(
    ("line", "target", "releases", "at", "agreed", "refused"),
    [
        (INSISTS, CUSTOMER, 0, NOON, False, True),  # 10 days left of 11
        (INSISTS, CUSTOMER, 1, NOON, False, True),  # reserved, and still not what the partner takes
        (INSISTS, CUSTOMER, 0, NOON, True, False),
        (INSISTS, CUSTOMER, 0, datetime(2026, 3, 9, 23, tzinfo=UTC), False, False),  # 11 days, by the day in UTC
        (INSISTS, THERE, 0, NOON, False, False),  # it stays ours
        (RULED, CUSTOMER, 0, NOON, False, True),
        (RULED, CUSTOMER, 1, NOON, False, False),  # whoever reserved it decided
        (None, CUSTOMER, 0, NOON, False, False),
    ],
)
def test_shelf_life_is_asked_for_where_goods_leave(
    line: int | None, target: int, releases: int, at: datetime, agreed: bool, refused: bool
) -> None:
    asked = move(BY_LOT, lot_id=YOUNG, target=target, line_id=line, releases=Decimal(releases))
    outcome = plan([asked], Circumstance("a", at, short_life_agreed=agreed), FACTS)
    assert isinstance(outcome, Refused) == refused
    if isinstance(outcome, Refused):
        assert outcome.reason is R.SHELF_LIFE_SHORT


def test_every_refusal_has_a_case() -> None:
    assert {reason for reason, _ in CASES} | {R.NOTHING_TO_POST, R.PERIOD_CLOSED} == set(LedgerRefusal)


def test_movements_of_one_posting_see_each_other() -> None:
    through = [move(source=SUPPLIER, target=THERE, quantity=3), move(source=THERE, target=CUSTOMER, quantity=2)]
    changes = plan(through, Circumstance("a", NOON), FACTS)
    assert not isinstance(changes, Refused)
    assert [(c.key.location_id, c.on_hand, c.index) for c in changes] == [(THERE, 1, 1)]


def test_e2_stock_that_moves_keeps_its_oldest_date() -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    facts = replace(FACTS, balances={key(PLAIN, HERE): replace(held(5), first_in_at=old)})
    changes = plan([move(quantity=2), move(source=SUPPLIER)], Circumstance("a", NOON), facts)
    assert not isinstance(changes, Refused)
    assert {c.key.location_id: c.first_in_at for c in changes} == {HERE: old, THERE: old}
