"""The ledger against a plain Python model: any sequence of postings, back-dated ones, reservations and reversals.

The model keeps the list of accepted movements and recomputes everything from it. Both must accept the same commands,
and agree on every balance after each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.warehouse.postgres.ledger_store import Books, day, open_books
from warehouse.ledger import BalanceKey, Refused, Wanted
from warehouse.postgres.books import reservations
from warehouse.postgres.books.integrity import check

STOCKED = ("S1", "S2", "S3")
PLACES = (*STOCKED, "SUPPLIER", "CUSTOMER")
LOTS = (None, "L1")


@dataclass(frozen=True)
class Entry:
    source: str
    target: str
    lot: str | None
    quantity: int
    at: datetime
    reverses: int | None


class Model:
    """The books as a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.reserved: dict[UUID, tuple[str, str | None, int]] = {}

    def at(self, place: str, lot: str | None, when: datetime | None = None) -> int:
        counted = [e for e in self.entries if e.lot == lot and (when is None or e.at <= when)]
        return sum(e.quantity * ((e.target == place) - (e.source == place)) for e in counted)

    def held(self, place: str, lot: str | None) -> int:
        return sum(q for p, other, q in self.reserved.values() if (p, other) == (place, lot))

    def accepts(self, entry: Entry) -> bool:
        if entry.reverses is not None and any(e.reverses == entry.reverses for e in self.entries):
            return False
        if entry.source not in STOCKED:
            return True
        later = [entry.at, *(e.at for e in self.entries if e.at > entry.at)]
        lowest = min(self.at(entry.source, entry.lot, when) for when in later)
        now = self.at(entry.source, entry.lot)
        return min(lowest, now - self.held(entry.source, entry.lot)) >= entry.quantity


class LedgerMachine(RuleBasedStateMachine):
    """One item, a fresh one for every example, in three stores."""

    books: Books

    posted = Bundle("posted")
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.item = f"item-{uuid4()}"
        self.books.item(self.item)  # untracked, so that stock with and without a lot lie side by side
        self.model = Model()

    @rule(
        target=posted,
        places=st.permutations(PLACES).map(lambda p: (p[0], p[1])),
        lot=st.sampled_from(LOTS),
        quantity=st.integers(1, 6),
        at=st.integers(0, 6),
    )
    def move(self, places: tuple[str, str], lot: str | None, quantity: int, at: int) -> tuple[int, Entry] | None:
        return self._post(Entry(*places, lot, quantity, day(at), None))

    @rule(target=posted, lot=st.sampled_from(LOTS), quantity=st.integers(1, 6), at=st.integers(0, 6))
    def receive(self, lot: str | None, quantity: int, at: int) -> tuple[int, Entry] | None:
        return self._post(Entry("SUPPLIER", "S1", lot, quantity, day(at), None))

    @rule(which=posted, at=st.integers(0, 8))
    def reverse(self, which: tuple[int, Entry] | None, at: int) -> None:
        if which is not None:
            seq, e = which
            self._post(Entry(e.target, e.source, e.lot, e.quantity, day(max(at, 6)), seq))

    @rule(target=held, place=st.sampled_from(STOCKED), lot=st.sampled_from(LOTS), quantity=st.integers(1, 4))
    def reserve(self, place: str, lot: str | None, quantity: int) -> UUID | None:
        lot_id = self.books.lot(self.item, lot) if lot else None
        key = BalanceKey(self.books.item(self.item), lot_id, None, self.books.place(place), None, "", "available")
        wanted = Wanted(uuid4(), key, Decimal(quantity), "me")
        with self.books.conn.transaction():
            refused = reservations.reserve(self.books.conn, [wanted], day(0))
        free = self.model.at(place, lot) - self.model.held(place, lot)
        assert (refused is None) == (free >= quantity)
        if refused is not None:
            return None
        self.model.reserved[wanted.reservation_id] = (place, lot, quantity)
        return wanted.reservation_id

    @rule(which=held)
    def release(self, which: UUID | None) -> None:
        if which is None:
            return
        with self.books.conn.transaction():
            ended = reservations.end(self.books.conn, [which], reservations.State.RELEASED)
        assert ended == (self.model.reserved.pop(which, None) is not None)

    @invariant()
    def balances_agree(self) -> None:
        rows = self.books.conn.execute(
            """select l.code, lo.code, b.on_hand, b.reserved from balance b join location l using (location_id)
               left join lot lo on lo.lot_id = b.lot_id where b.item_id = %s""",
            (self.books.item(self.item),),
        )
        got = {(place, lot): (on_hand, reserved) for place, lot, on_hand, reserved in rows}
        wanted = {
            (place, lot): (self.model.at(place, lot), self.model.held(place, lot))
            for place in STOCKED
            for lot in LOTS
            if self.model.at(place, lot)
        }
        assert got == wanted

    def teardown(self) -> None:
        assert check(self.books.conn) == []

    def _post(self, entry: Entry) -> tuple[int, Entry] | None:
        move = self.books.move(
            self.item, entry.quantity, entry.source, entry.target, lot=entry.lot, reverses=entry.reverses
        )
        outcome = self.books.post(move, at=entry.at)
        assert (not isinstance(outcome, Refused)) == self.model.accepts(entry), outcome
        if isinstance(outcome, Refused):
            return None
        self.model.entries.append(entry)
        return outcome[0], entry


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    made = open_books(database)
    yield made
    made.conn.close()


def test_the_ledger_and_the_model_agree(books: Books) -> None:
    machine = type("Machine", (LedgerMachine,), {"books": books})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
