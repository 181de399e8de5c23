"""Cases C, D, K and L of the other systems' test suites that need the ledger itself, by their ids.

Those with an id in `test_ledger_rules.py` (C1, C2, C7, B9, C22, K1, K2, K4, K9, L1, L4), `test_allocation.py` (D) and
`test_commands.py` (K7, K11) are there.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from tests.warehouse.postgres.ledger_store import Books, day, open_books, posted, reason
from warehouse.ledger import LedgerRefusal, NewMove, Place
from warehouse.postgres.books.integrity import check


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    made = open_books(database)
    yield made
    assert check(made.conn) == []
    made.conn.close()


def as_of(books: Books, when: object) -> int:
    row = books.conn.execute(
        """select coalesce(sum(case when to_location_id = %(s)s then quantity else -quantity end), 0) from move
           where effective_at <= %(at)s and %(s)s in (to_location_id, from_location_id)""",
        {"s": books.place("S1"), "at": when},
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_c6_a_back_dated_count_that_makes_a_later_day_negative_is_refused(books: Books) -> None:
    posted(books.post(books.move("A", 10, "SUPPLIER", "S1"), at=day(-2)))
    posted(books.post(books.move("A", 2, "S1", "CUSTOMER"), at=day(0)))
    down_to_one = books.move("A", 9, "S1", "COUNT-LOSS")
    assert reason(books.post(down_to_one, at=day(-1))) == LedgerRefusal.NOT_ENOUGH


def test_c7_a_count_that_was_issued_from_is_not_cancelled(books: Books) -> None:
    (count,) = posted(books.post(books.move("A", 100, "COUNT-LOSS", "S1"), at=day(-1)))
    posted(books.post(books.move("A", 100, "S1", "CUSTOMER"), at=day(0)))
    undo = books.move("A", 100, "S1", "COUNT-LOSS", reverses=count)
    assert reason(books.post(undo, at=day(0))) == LedgerRefusal.NOT_ENOUGH


def test_c9_what_was_issued_stays_as_it_was_posted(books: Books) -> None:
    posted(books.post(books.move("A", 20, "SUPPLIER", "S1"), at=day(-1)))
    (issue,) = posted(books.post(books.move("A", 15, "S1", "CUSTOMER"), at=day(0)))
    before = books.conn.execute("select * from move where seq = %s", (issue,)).fetchone()
    posted(books.post(books.move("A", 10, "SUPPLIER", "S1"), at=day(-9)))
    assert books.conn.execute("select * from move where seq = %s", (issue,)).fetchone() == before


def test_c19_movements_of_the_same_second_are_in_the_order_of_their_creation(books: Books) -> None:
    (ten,) = posted(books.post(books.move("A", 10, "SUPPLIER", "S1"), at=day(0)))
    posted(books.post(books.move("A", 1, "SUPPLIER", "S1"), at=day(0)))
    running = [int(books.on_hand("A", "S1"))]
    posted(books.post(books.move("A", 10, "S1", "SUPPLIER", reverses=ten), at=day(0)))
    running.append(int(books.on_hand("A", "S1")))
    (old,) = posted(books.post(books.move("A", 1, "SUPPLIER", "S1"), at=day(-365)))
    running.append(int(books.on_hand("A", "S1")))
    posted(books.post(books.move("A", 1, "S1", "SUPPLIER", reverses=old), at=day(1)))
    running.append(int(books.on_hand("A", "S1")))
    assert running == [11, 1, 2, 1]
    assert as_of(books, day(-300)) == 1


def test_c21_parts_of_a_second_count_and_nothing_counts_twice(books: Books) -> None:
    two = day(0) + timedelta(hours=2)
    posted(books.post(books.move("A", 100, "SUPPLIER", "S1"), at=day(0) + timedelta(hours=1)))
    posted(books.post(books.move("A", 50, "S1", "CUSTOMER"), at=two + timedelta(microseconds=123_400)))
    (last,) = posted(books.post(books.move("A", 100, "SUPPLIER", "S1"), at=two))
    assert [as_of(books, two), as_of(books, two + timedelta(seconds=1))] == [200, 150]
    posted(books.post(books.move("A", 100, "S1", "SUPPLIER", reverses=last), at=day(1)))
    assert (as_of(books, day(2)), int(books.on_hand("A", "S1"))) == (50, 50)


def test_k6_a_merge_adds_to_what_is_there_now_not_to_what_was_read(books: Books) -> None:
    posted(books.post(books.move("A", 100, "SUPPLIER", "S1"), books.move("A", 50, "SUPPLIER", "S2")))
    stale = books.on_hand("A", "S1")
    posted(books.post(books.move("A", 60, "S1", "CUSTOMER"), at=day(1)))
    posted(books.post(books.move("A", 50, "S2", "S1"), at=day(1)))
    assert (stale, books.on_hand("A", "S1"), books.on_hand("A", "S2")) == (100, 90, 0)


def serialise(books: Books, numbers: range, quantity: int | None = None) -> list[NewMove]:
    """Untracked pieces out, the same pieces with their numbers in, as one posting."""
    count = len(numbers) if quantity is None else quantity
    moves = [books.move("A", count, "S1", "PRODUCTION")]
    for number in numbers:
        serial_id = books.serial("A", str(number))
        source, target = Place(books.place("PRODUCTION")), Place(books.place("S1"))
        moves.append(NewMove(uuid4(), "serialise", books.item("A"), Decimal(1), source, target, None, serial_id))
    return moves


def test_l2_serialising_takes_as_many_as_it_numbers_and_each_number_once(books: Books) -> None:
    books.item("A")

    def unnumbered() -> int:
        row = books.conn.execute("select coalesce(sum(on_hand), 0) from balance where serial_id is null").fetchone()
        assert row is not None
        return int(row[0])

    posted(books.post(books.move("A", 10, "SUPPLIER", "S1")))
    posted(books.post(*serialise(books, range(1, 4))))
    assert unnumbered() == 7
    assert reason(books.post(*serialise(books, range(1, 4)))) == LedgerRefusal.SERIAL_IN_STOCK
    assert reason(books.post(*serialise(books, range(11, 14), quantity=13))) == LedgerRefusal.NOT_ENOUGH
    posted(books.post(*serialise(books, range(6, 11))))
    assert (unnumbered(), books.on_hand("A", "S1")) == (2, 10)
