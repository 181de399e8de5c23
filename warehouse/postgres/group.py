"""Commands that wait are executed together: one transaction and five calls for up to `GROUP_MAX` of them.

What is usual and touches balances alone goes into a group (`_PREPARE`): moves that keep their status and reservations
without a line, without a unit of measure or a time of their own, by actors who may do them everywhere. Their names are
looked up for all at once; then the ledger posts each on what those before it left (`post_each`), so a group ends as its
commands would one after another, and what is refused leaves the rest alone. Anything else, and a group in which
something broke, is executed command by command.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from warehouse.commands import Actor, Command, MoveStock, Refusal, ReserveStock, Result
from warehouse.postgres.books.balances import Conn, LedgerBroken
from warehouse.postgres.books.ledger import post_each
from warehouse.postgres.commands import execute_request
from warehouse.postgres.control import authority
from warehouse.postgres.goods import reserving, stock
from warehouse.postgres.naming import NamedItem, Refuse, StockNames, check_numbers, named_stock
from warehouse.postgres.requests import Answered, Request, answer_of, store
from warehouse.postgres.transaction import in_transaction

# Longer groups gain nothing more and hold their locks longer.
GROUP_MAX = 64

Outcome = Result | Refusal | BaseException
"""An exception is what executing that command alone raised."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What a command names: the item, its lot and serial, and by field the places and units."""

    item: str
    lot: str | None
    serial: str | None
    locations: Mapping[str, str]
    units: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database knows by the names in a group, and its time."""

    now: datetime
    items: Mapping[str, NamedItem]
    locations: Mapping[str, tuple[int, str]]
    units: Mapping[str, int]
    lots: Mapping[tuple[int, str], int]
    serials: Mapping[tuple[int, str], int]

    def names(self, named: _Named) -> StockNames:
        """Raises Refuse like `find_stock`."""
        item = self.items.get(named.item)
        item_id = item.item_id if item is not None else 0
        return named_stock(
            (named.item, item),
            (named.lot, self.lots.get((item_id, named.lot or ""))),
            (named.serial, self.serials.get((item_id, named.serial or ""))),
            {field: (code, self.locations.get(code, (None, None))) for field, code in named.locations.items()},
            {field: (code, self.units.get(code or "")) for field, code in named.units.items()},
            self.now,
        )


def _moved(c: MoveStock) -> _Named:
    units = {"source_unit": c.source_unit, "target_unit": c.target_unit}
    return _Named(c.item, c.lot, c.serial, {"source": c.source, "target": c.target}, units)


def _reserved(c: ReserveStock) -> _Named:
    return _Named(c.item, c.lot, c.serial, {"location": c.location}, {"unit": c.unit})


_NAMED: Mapping[type[Command], Callable[[Any], _Named]] = {MoveStock: _moved, ReserveStock: _reserved}
_PREPARE: Mapping[type[Command], Callable[[Any, StockNames, Actor, UUID], stock.Asks]] = {
    MoveStock: stock.prepare_move,
    ReserveStock: reserving.prepare_reservation,
}


def fits(asked: Request) -> bool:
    """Whether a command goes into a group: one that asks nothing of the database but names, stock and its answer."""
    match asked.command:
        case MoveStock(effective_at=None, uom=None, to_status=None):
            pass
        case ReserveStock(document_kind=None, document_number=None, line_no=None, uom=None):
            pass
        case _:
            return False
    # Neither kind moves goods on a document, so the right it needs is all that can be asked, and everywhere is enough.
    return asked.actor.rights.cover({asked.command.NEEDS})


def execute_all(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    """Execute each once, in their order; what waits together goes together. The connection is outside a transaction."""
    outcomes: list[Outcome] = []
    for grouped, run in groupby(requests, key=fits):
        together = list(run)
        for begin in range(0, len(together), GROUP_MAX):
            part = together[begin : begin + GROUP_MAX]
            outcomes += _execute_group(conn, part) if grouped and len(part) > 1 else _execute_each(conn, part)
    return outcomes


def _execute_each(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for asked in requests:
        try:
            outcomes.append(execute_request(conn, asked))
        except Exception as error:  # it is that command's; the others are executed all the same
            outcomes.append(error)
    return outcomes


def _execute_group(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    twins = len({(asked.source, asked.client_event_id) for asked in requests}) < len(requests)
    if twins:
        return _execute_each(conn, requests)
    try:
        return in_transaction(conn, lambda: _post_group(conn, requests))
    except (psycopg.Error, LedgerBroken):
        return _execute_each(conn, requests)


def _post_group(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    named = [_NAMED[type(asked.command)](asked.command) for asked in requests]
    found, stored = _begin(conn, requests, named)
    outcomes: dict[int, Outcome] = dict(stored)
    answers: dict[int, Answered] = {}
    asks: dict[int, stock.Asks] = {}
    for n, asked in enumerate(requests):
        if n in stored:
            continue
        try:
            check_numbers(asked.command)
            authority.check_asked(conn, asked.command, asked.actor)
            asks[n] = _PREPARE[type(asked.command)](asked.command, found.names(named[n]), asked.actor, asked.request_id)
        except Refuse as refuse:
            outcomes[n], answers[n] = refuse.refusal, Answered.refused(asked, refuse.refusal)
    posted = post_each(conn, [ask.posting for ask in asks.values()], found.now)
    for (n, ask), refused in zip(asks.items(), posted, strict=True):
        if refused is not None:
            refusal = stock.refusal_of(refused, requests[n].command)
            outcomes[n], answers[n] = refusal, Answered.refused(requests[n], refusal)
        else:
            outcomes[n] = Result(requests[n].request_id, ask.response)
            answers[n] = Answered.done(requests[n], ask.response, ask.audit)
    if answers:
        store(conn, [answers[n] for n in sorted(answers)])
    return [outcomes[n] for n in range(len(requests))]


def _begin(
    conn: Conn, requests: Sequence[Request], named: Sequence[_Named]
) -> tuple[_Found, dict[int, Result | Refusal]]:
    """Wait for twins; what the names stand for, and the answers there are already, by position."""
    asked: dict[str, Any] = {
        "requests": [{"source": each.source, "event": each.client_event_id} for each in requests],
        "items": _codes(each.item for each in named),
        "locations": _codes(code for each in named for code in each.locations.values()),
    }
    rare = {
        "units": _codes(code for each in named for code in each.units.values()),
        "lots": _codes(each.lot for each in named),
        "serials": _codes(each.serial for each in named),
    }
    asked |= {name: codes for name, codes in rare.items() if codes}
    row = conn.execute("select group_begin(%s)", (Jsonb(asked, dumps=msgspec.json.encode),)).fetchone()
    assert row is not None
    known: dict[str, Any] = row[0]
    items: dict[str, NamedItem] = {}
    for code, gtin, item_id, *rest in known["items"] or ():
        item = NamedItem(item_id, code, *rest)
        items[code] = item  # a code goes before another item's GTIN
        items.setdefault(gtin, item)
    found = _Found(
        datetime.fromisoformat(known["now"]),
        items,
        {code: (location_id, kind) for code, location_id, kind in known["locations"] or ()},
        dict(known["units"] or ()),
        {(item_id, code): lot_id for item_id, code, lot_id in known["lots"] or ()},
        {(item_id, code): serial_id for item_id, code, serial_id in known["serials"] or ()},
    )
    answers = {
        n - 1: answer_of(requests[n - 1], UUID(request_id), *rest) for n, request_id, *rest in known["answers"] or ()
    }
    return found, answers


def _codes(codes: Iterable[str | None]) -> list[str]:
    return sorted({code for code in codes if code is not None})
