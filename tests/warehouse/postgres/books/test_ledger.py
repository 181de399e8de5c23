"""The ledger on a real server: each invariant of the books, alone and with sixteen connections at once."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg
import pytest

from tests.warehouse.postgres.ledger_store import DAY_0, Books, day, open_books, posted, reason
from warehouse.ledger import LedgerRefusal, Refused, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.integrity import check
from warehouse.postgres.transaction import in_transaction

WORKERS = 16


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    made = open_books(database)
    yield made
    assert check(made.conn) == []
    made.conn.close()


def test_a_receipt_a_move_and_an_issue_leave_what_is_left(books: Books) -> None:
    posted(books.post(books.move("A", 10, "SUPPLIER", "S1"), at=day(0)))
    posted(books.post(books.move("A", 4, "S1", "S2"), books.move("A", 1, "S2", "CUSTOMER"), at=day(1)))
    assert (books.on_hand("A", "S1"), books.on_hand("A", "S2")) == (6, 3)
    rows = books.conn.execute("select sum(quantity) from move where to_location_id = %s", (books.place("CUSTOMER"),))
    assert rows.fetchone() == (1,)


def test_a_refused_posting_writes_nothing(books: Books) -> None:
    posted(books.post(books.move("A", 10, "SUPPLIER", "S1")))
    outcome = books.post(books.move("A", 10, "S1", "S2"), books.move("A", 1, "S1", "CUSTOMER"))
    assert outcome == Refused(LedgerRefusal.NOT_ENOUGH, 1, "0 on hand, 1 asked")
    assert books.conn.execute("select count(*) from move").fetchone() == (1,)
    assert books.on_hand("A", "S1") == 10


def test_append_only_for_everybody_and_no_right_for_the_service(books: Books) -> None:
    posted(books.post(books.move("A", 1, "SUPPLIER", "S1")))
    for row in (
        "move_tag (seq, epc) select seq, 'E2' from move",
        "audit_log (actor, command, outcome) values ('a', 'c', 'ok')",
        "location_history (at, update_id, epc, location_id, event) values (now(), gen_random_uuid(), 'E2', 1, 'moved')",
        "posting values (gen_random_uuid(), 0, 'P', 'in', 'post', now(), '', '{}')",
        "period_close values ('2020-01-01', 'a')",
    ):
        books.conn.execute(b"insert into " + row.encode())
    changes = {"move": "quantity = 2", "move_tag": "epc = 'E3'", "audit_log": "actor = 'b'"}
    changes |= {"location_history": "epc = 'E3'", "posting": "portal = 'Q'", "period_close": "closed_by = 'b'"}
    for table, change in changes.items():
        for verb in ("update {0} set {1}", "delete from {0}", "truncate {0} cascade"):
            statement = verb.format(table, change)
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
                books.conn.execute(statement.encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_service(books.conn, statement)


def as_service(conn: Conn, statement: str) -> None:
    with conn.transaction():
        conn.execute("set local role tagledger_service")
        conn.execute(statement.encode())


def test_the_balance_check_stands_under_everything(books: Books) -> None:
    posted(books.post(books.move("A", 5, "SUPPLIER", "S1")))
    for change in ("on_hand = -1", "reserved = 6", "reserved = -1"):
        with pytest.raises(psycopg.errors.CheckViolation):
            books.conn.execute(b"update balance set " + change.encode())


def test_one_balance_per_key_even_with_nulls(books: Books) -> None:
    posted(books.post(books.move("A", 5, "SUPPLIER", "S1")))
    with pytest.raises(psycopg.errors.UniqueViolation):  # K9
        books.conn.execute(
            "insert into balance (item_id, location_id, on_hand, last_seq, last_effective_at, first_in_at)"
            " select item_id, location_id, 1, 1, now(), now() from balance"
        )


def test_a_serial_is_in_one_place_and_is_not_received_twice(books: Books) -> None:
    receive = books.move("W", 1, "SUPPLIER", "S1", serial="1")
    posted(books.post(receive))
    assert reason(books.post(books.move("W", 1, "SUPPLIER", "S2", serial="1"))) == LedgerRefusal.SERIAL_IN_STOCK
    assert reason(books.post(books.move("W", 1, "S2", "S1", serial="1"))) == LedgerRefusal.SERIAL_ELSEWHERE
    posted(books.post(books.move("W", 1, "S1", "CUSTOMER", serial="1")))
    posted(books.post(books.move("W", 1, "CUSTOMER", "S2", serial="1")))
    assert (books.on_hand("W", "S1"), books.on_hand("W", "S2")) == (0, 1)


def test_serials_are_unique_within_their_item_only(books: Books) -> None:  # L1: uniqueness is per (item, serial)
    posted(books.post(books.move("W", 1, "SUPPLIER", "S1", serial="1")))
    posted(books.post(books.move("V", 1, "SUPPLIER", "S1", serial="1")))
    with pytest.raises(psycopg.errors.UniqueViolation):
        books.conn.execute("insert into serial (item_id, code) values (%s, '1')", (books.item("W"),))


def test_the_back_dated_issue_that_would_overdraw_a_later_day_is_refused(books: Books) -> None:  # C1
    posted(books.post(books.move("A", 2, "SUPPLIER", "S1"), at=day(1)))
    posted(books.post(books.move("A", 2, "S1", "S2"), at=day(3)))
    posted(books.post(books.move("A", 2, "S2", "S1"), at=day(4)))
    assert reason(books.post(books.move("A", 2, "S1", "S2"), at=day(2))) == LedgerRefusal.NEGATIVE_LATER
    posted(books.post(books.move("A", 2, "S1", "S2"), at=day(4)))


def test_the_back_dated_issue_of_a_lot_not_there_yet_is_refused(books: Books) -> None:  # C2
    posted(books.post(books.move("L", 2, "SUPPLIER", "S1", lot="1"), at=day(1)))
    posted(books.post(books.move("L", 2, "SUPPLIER", "S1", lot="2"), at=day(3)))
    early = books.move("L", 1, "S1", "CUSTOMER", lot="2")
    assert reason(books.post(early, at=day(2))) == LedgerRefusal.NEGATIVE_LATER


def test_a_receipt_whose_stock_is_gone_cannot_be_reversed(books: Books) -> None:  # B9, C7
    (receipt,) = posted(books.post(books.move("L", 100, "SUPPLIER", "S1", lot="1")))
    posted(books.post(books.move("L", 10, "S1", "CUSTOMER", lot="1")))
    posted(books.post(books.move("L", 100, "SUPPLIER", "S1", lot="2")))
    undo = books.move("L", 100, "S1", "SUPPLIER", lot="1", reverses=receipt)
    assert reason(books.post(undo, at=day(1))) == LedgerRefusal.NOT_ENOUGH


def test_a_movement_is_reversed_once(books: Books) -> None:
    (receipt,) = posted(books.post(books.move("A", 5, "SUPPLIER", "S1")))
    posted(books.post(books.move("A", 5, "S1", "SUPPLIER", reverses=receipt), at=day(1)))
    posted(books.post(books.move("A", 5, "SUPPLIER", "S1"), at=day(1)))
    again = books.move("A", 5, "S1", "SUPPLIER", reverses=receipt)
    assert reason(books.post(again, at=day(2))) == LedgerRefusal.ALREADY_REVERSED


def test_nothing_is_posted_into_a_closed_period(books: Books) -> None:  # C22
    books.conn.execute("insert into period_close values (%s, 'manager')", (DAY_0.date(),))
    assert reason(books.post(books.move("A", 5, "SUPPLIER", "S1"))) == LedgerRefusal.PERIOD_CLOSED
    posted(books.post(books.move("A", 5, "SUPPLIER", "S1"), at=day(1)))


def test_stock_not_accepted_expired_or_recalled_is_not_issued(books: Books) -> None:
    inspection = (StockStatus.AVAILABLE, StockStatus.INSPECTION)
    posted(books.post(books.move("A", 5, "SUPPLIER", "S1", status=inspection)))
    out = books.move("A", 5, "S1", "CUSTOMER", status=(StockStatus.INSPECTION, StockStatus.AVAILABLE))
    assert reason(books.post(out)) == LedgerRefusal.NOT_ACCEPTED
    books.lot("L", "old", expires_on=date(2026, 3, 2))
    posted(books.post(books.move("L", 5, "SUPPLIER", "S1", lot="old"), at=day(0)))
    assert reason(books.post(books.move("L", 1, "S1", "CUSTOMER", lot="old"), at=day(2))) == LedgerRefusal.LOT_EXPIRED
    late = books.move("L", 1, "SUPPLIER", "S1", lot="old")
    assert reason(books.post(late, at=day(2))) == LedgerRefusal.LOT_EXPIRED  # L4
    posted(books.post(books.move("L", 1, "S1", "SCRAP", lot="old"), at=day(2)))
    books.conn.execute("update lot set blocked = true")
    assert reason(books.post(books.move("L", 1, "S1", "CUSTOMER", lot="old"), at=day(1))) == LedgerRefusal.LOT_BLOCKED


def test_quantities_are_exact_in_the_scale_of_the_unit(books: Books) -> None:
    books.item("KG", decimals=3)
    posted(books.post(books.move("KG", "0.100", "SUPPLIER", "S1"), books.move("KG", "0.200", "SUPPLIER", "S1")))
    posted(books.post(books.move("KG", "0.3", "S1", "CUSTOMER")))
    assert books.on_hand("KG", "S1") == 0
    assert reason(books.post(books.move("KG", "0.0001", "SUPPLIER", "S1"))) == LedgerRefusal.QUANTITY_SCALE
    assert reason(books.post(books.move("A", "0.5", "SUPPLIER", "S1"))) == LedgerRefusal.QUANTITY_SCALE


def together(database: str, works: list[Callable[[Books], object]]) -> list[object]:
    """Run every work on its own real connection, all started at the same moment."""
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[Books], object]) -> object:
        own = open_books(database)
        try:
            barrier.wait(30)
            return work(own)
        finally:
            own.conn.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def test_two_that_take_the_last_five_at_once_get_them_once(books: Books, database: str) -> None:  # K1, K2
    for round_number in range(10):
        item = f"A{round_number}"
        posted(books.post(books.move(item, 5, "SUPPLIER", "S1")))
        take = lambda own, item=item: own.post(own.move(item, 5, "S1", "CUSTOMER"), at=day(1))  # noqa: E731
        outcomes = together(database, [take, take])
        assert sorted(isinstance(o, Refused) for o in outcomes) == [False, True]
        assert books.on_hand(item, "S1") == 0


def test_overlapping_batches_of_serials_come_in_whole_and_once(books: Books, database: str) -> None:  # K4
    for n in range(1, 21):
        books.serial("W", str(n))
    books.place("S1")

    def receive(first: int, last: int) -> Callable[[Books], object]:
        return lambda own: own.post(
            *(own.move("W", 1, "SUPPLIER", "S1", serial=str(n)) for n in range(first, last + 1))
        )

    outcomes = together(database, [receive(1, 10), receive(6, 15), receive(11, 20)])
    done = [not isinstance(outcome, Refused) for outcome in outcomes]
    assert done in ([True, False, True], [False, True, False])
    assert books.on_hand("W", "S1") == 10 * sum(done)


def test_one_serial_received_by_sixteen_is_received_once(books: Books, database: str) -> None:
    books.serial("W", "1")
    places = [books.place(f"S{n}") for n in range(WORKERS)]
    assert len(places) == WORKERS
    works = [
        lambda own, n=n: own.post(own.move("W", 1, "SUPPLIER", f"S{n}", serial="1"))  # type: ignore[misc]
        for n in range(WORKERS)
    ]
    outcomes = together(database, works)
    assert sum(not isinstance(outcome, Refused) for outcome in outcomes) == 1


def test_sixteen_workers_moving_issuing_and_reversing_at_random(books: Books, database: str) -> None:
    items = [f"A{n}" for n in range(4)]
    places = [f"S{n}" for n in range(5)]
    for item in items:
        for place in places:
            posted(books.post(books.move(item, 40, "SUPPLIER", place)))

    def worker(seed: int) -> Callable[[Books], object]:
        def work(own: Books) -> int:
            rng = random.Random(seed)
            done: list[tuple[int, str, int, str, str]] = []
            accepted = 0
            for _ in range(25):
                if done and rng.random() < 0.2:
                    seq, item, quantity, source, target = done.pop(rng.randrange(len(done)))
                    moves = [own.move(item, quantity, target, source, reverses=seq)]
                    outcome = in_transaction(own.conn, lambda moves=moves: own.post(*moves, at=day(1)))  # type: ignore[misc]
                    accepted += not isinstance(outcome, Refused)
                    continue
                lines = []
                for _ in range(rng.randint(1, 5)):
                    source, target = rng.sample([*places, "CUSTOMER"], 2)
                    lines.append((rng.choice(items), rng.randint(1, 3), source, target))
                moves = [own.move(*line) for line in lines]
                outcome = in_transaction(own.conn, lambda moves=moves: own.post(*moves, at=day(1)))  # type: ignore[misc]
                if not isinstance(outcome, Refused):
                    accepted += 1
                    done += [(seq, *line) for seq, line in zip(outcome, lines, strict=True)]
            return accepted

        return work

    accepted = together(database, [worker(seed) for seed in range(WORKERS)])
    assert sum(int(str(n)) for n in accepted) > WORKERS
