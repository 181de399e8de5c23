"""A small store for ledger tests: items and places by name, one line a posting."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg

from warehouse.ledger import Circumstance, NewMove, Place, Refused, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import post

DAY_0 = datetime(2026, 3, 1, 8, tzinfo=UTC)


def day(number: float) -> datetime:
    return DAY_0 + timedelta(days=number)


@dataclass(slots=True)
class Books:
    """Over one connection. Items, lots and places are made when first named."""

    conn: Conn
    items: dict[str, int] = field(default_factory=dict)
    lots: dict[tuple[str, str], int] = field(default_factory=dict)
    serials: dict[tuple[str, str], int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def item(self, code: str, tracking: str = "none", decimals: int = 0) -> int:
        if code not in self.items:
            self.items[code] = self._id(
                "insert into item (code, tracking, decimals) values (%s, %s, %s)"
                " on conflict (code) do update set code = excluded.code returning item_id",
                (code, tracking, decimals),
            )
        return self.items[code]

    def lot(self, item: str, code: str, expires_on: date | None = None, blocked: bool = False) -> int:
        if (item, code) not in self.lots:
            self.lots[item, code] = self._id(
                "insert into lot (item_id, code, expires_on, blocked) values (%s, %s, %s, %s)"
                " on conflict (item_id, code) do update set code = excluded.code returning lot_id",
                (self.item(item, "lot"), code, expires_on, blocked),
            )
        return self.lots[item, code]

    def serial(self, item: str, code: str) -> int:
        if (item, code) not in self.serials:
            self.serials[item, code] = self._id(
                "insert into serial (item_id, code) values (%s, %s)"
                " on conflict (item_id, code) do update set code = excluded.code returning serial_id",
                (self.item(item, "serial"), code),
            )
        return self.serials[item, code]

    def place(self, code: str) -> int:
        """Virtual places by their codes (SUPPLIER, CUSTOMER ...), any other is internal."""
        if code not in self.places:
            self.places[code] = self._id(
                "insert into location (code, kind) values (%s, 'internal')"
                " on conflict (code) do update set code = excluded.code returning location_id",
                (code,),
            )
        return self.places[code]

    def move(
        self,
        item: str,
        quantity: int | str | Decimal,
        source: str,
        target: str,
        *,
        lot: str | None = None,
        serial: str | None = None,
        status: tuple[StockStatus, StockStatus] = (StockStatus.AVAILABLE, StockStatus.AVAILABLE),
        reverses: int | None = None,
        releases: int = 0,
        line_id: int | None = None,
    ) -> NewMove:
        lot_id = self.lot(item, lot) if lot else None
        serial_id = self.serial(item, serial) if serial else None
        return NewMove(
            uuid4(),
            "test",
            self.item(item),
            Decimal(quantity),
            Place(self.place(source), None, status[0]),
            Place(self.place(target), None, status[1]),
            lot_id,
            serial_id,
            reverses=reverses,
            releases=Decimal(releases),
            line_id=line_id,
        )

    def post(self, *moves: NewMove, at: datetime = DAY_0) -> tuple[int, ...] | Refused:
        with self.conn.transaction():
            return post(self.conn, moves, Circumstance("tester", at))

    def on_hand(self, item: str, place: str) -> Decimal:
        row = self.conn.execute(
            "select coalesce(sum(on_hand), 0) from balance where item_id = %s and location_id = %s",
            (self.item(item), self.place(place)),
        ).fetchone()
        assert row is not None
        return Decimal(row[0])

    def _id(self, statement: str, values: tuple[object, ...]) -> int:
        row = self.conn.execute(statement.encode(), values).fetchone()
        assert row is not None
        return int(row[0])


def open_books(dsn: str) -> Books:
    return Books(psycopg.connect(dsn, autocommit=True))


def posted(outcome: tuple[int, ...] | Refused) -> tuple[int, ...]:
    assert not isinstance(outcome, Refused), outcome
    return outcome


def reason(outcome: tuple[int, ...] | Refused) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.reason
