"""A small store with two dock doors, driven by commands and loads, for tests."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg

from tests.warehouse.postgres.ledger_store import DAY_0
from warehouse.commands import (
    ALL_RIGHTS,
    Actor,
    Command,
    ContentSpec,
    CreateDocument,
    CreateHandlingUnit,
    CreateItem,
    CreateLocation,
    LineSpec,
    Refusal,
    RegisterTags,
    Result,
    TagSpec,
)
from warehouse.epc import encode_sgtin96, encode_sscc96, with_check_digit
from warehouse.fulfilment import Rules
from warehouse.ledger import Tracking
from warehouse.loads import Load, LoadTag
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.commands import execute
from warehouse.postgres.database.connect import connect
from warehouse.postgres.loads.posting import Posting, post_load
from warehouse.site import Direction, Effect
from warehouse.times import to_us

CLERK = Actor("clerk", "handheld-7", ALL_RIGHTS)
NOON_US = to_us(DAY_0)


def gtin(number: int) -> str:
    return with_check_digit(f"0061414{number:06d}")


def sgtin(item: int, serial: int) -> str:
    return encode_sgtin96(gtin(item), serial, 6)


def sscc(number: int) -> str:
    return encode_sscc96(with_check_digit(f"0061414{number:010d}"), 6)


@dataclass(slots=True)
class Store:
    """Item `I<n>` has GTIN `gtin(n)` and is serial-tracked when n is odd, untracked when even."""

    conn: Conn
    ids: dict[str, int] = field(default_factory=dict)

    def do(self, command: Command, event: str | None = None) -> dict[str, Any]:
        outcome = self.ask(command, event)
        assert isinstance(outcome, Result), outcome
        return outcome.response

    def ask(self, command: Command, event: str | None = None) -> Result | Refusal:
        return execute(self.conn, command, actor=CLERK, source="test", client_event_id=event or str(uuid4()))

    def refused(self, command: Command) -> tuple[str, str]:
        outcome = self.ask(command)
        assert isinstance(outcome, Refusal), outcome
        return outcome.code, outcome.field

    def items(self, *numbers: int) -> None:
        for number in numbers:
            tracking = Tracking.SERIAL if number % 2 else Tracking.NONE
            self.do(CreateItem(f"I{number}", gtin=gtin(number), tracking=tracking))

    def tags(self, item: int, first: int, count: int) -> tuple[str, ...]:
        epcs = tuple(sgtin(item, serial) for serial in range(first, first + count))
        self.do(RegisterTags(tuple(TagSpec(epc, f"I{item}") for epc in epcs)))
        return epcs

    def pallet(self, number: int, epcs: tuple[str, ...] = (), loose: tuple[tuple[str, int], ...] = ()) -> str:
        epc = sscc(number)
        contents = [ContentSpec(epc=e) for e in epcs]
        contents += [ContentSpec(item=item, quantity=Decimal(quantity)) for item, quantity in loose]
        self.do(CreateHandlingUnit(epc=epc, contents=tuple(contents)))
        return epc

    def document(self, kind: str, number: str, lines: dict[str, int], **fields: Any) -> None:
        specs = tuple(LineSpec(item, Decimal(quantity)) for item, quantity in lines.items())
        self.do(CreateDocument(kind, number, specs, **fields))

    def load(
        self,
        epcs: tuple[str, ...],
        direction: Direction = Direction.IN,
        *,
        portal: str = "D1",
        effect: Effect = Effect.POST,
        revision: int = 0,
        passage: UUID | None = None,
        unsure: tuple[str, ...] = (),
        minute: int = 0,
        inside: str = "STAGE",
        outside: str = "YARD",
    ) -> Load:
        tags = tuple(LoadTag(epc, True, 0.99) for epc in epcs) + tuple(LoadTag(epc, False, 0.5) for epc in unsure)
        ends = (outside, inside) if direction is Direction.IN else (inside, outside)
        at_us = NOON_US + minute * 60_000_000
        return Load(passage or uuid4(), revision, portal, direction, effect, *ends, at_us, tags)

    def post(self, load: Load, rules: Rules | None = None) -> Posting:
        with self.conn.transaction():
            return post_load(self.conn, load, rules)

    def stock(self, item: str, location: str = "STAGE", status: str = "available") -> int:
        return int(
            self.one(
                """select coalesce(sum(on_hand), 0) from balance join item using (item_id)
                   join location l using (location_id) where item.code = %s and l.code = %s and status = %s""",
                (item, location, status),
            )
        )

    def findings(self, state: str = "open") -> list[str]:
        rows = self.conn.execute("select kind from discrepancy where state = %s order by seq", (state,))
        return [kind for (kind,) in rows]

    def fulfilled(self, number: str) -> list[int]:
        rows = self.conn.execute(
            "select fulfilled from document_line join document using (document_id) where number = %s order by line_no",
            (number,),
        )
        return [int(fulfilled) for (fulfilled,) in rows]

    def one(self, query: str, values: tuple[object, ...] = ()) -> Any:
        row = self.conn.execute(query.encode(), values).fetchone()
        assert row is not None
        return row[0]


def open_store(dsn: str, *, owner: bool = False) -> Store:
    """With the places STAGE and BIN-1 (internal) and YARD (outside).

    It works under the service's role, which has no right to change what is append-only: a right that is missing shows
    here. `owner` is for tests that change things behind the books' back.
    """
    store = Store(psycopg.connect(dsn, autocommit=True) if owner else connect(dsn))
    for code in ("STAGE", "BIN-1"):
        store.do(CreateLocation(code))
    store.do(CreateLocation("YARD", kind="outside"))
    return store
