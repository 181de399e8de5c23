"""What a group of commands needs to know, asked for at once: names, answers there are already, stock under lock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from warehouse.commands import Command, MoveStock, Refusal, ReserveStock, Result
from warehouse.ledger import BalanceKey, Facts, Item, Location, Lot, Serial, StockStatus, Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import Read, balances_of, in_turn, latest_of
from warehouse.postgres.naming import NamedItem, StockNames, named_stock
from warehouse.postgres.requests import Request, answer_of


@dataclass(frozen=True, slots=True)
class _Named:
    """What a command names: the item, its lot and serial, and by field the places and units.

    `stock` is each place of stock that it is about: location, unit, owner, status.
    """

    item: str
    lot: str | None
    serial: str | None
    locations: Mapping[str, str]
    units: Mapping[str, str | None]
    stock: Sequence[tuple[str, str | None, str, str]]


def _moved(c: MoveStock) -> _Named:
    return _Named(
        c.item,
        c.lot,
        c.serial,
        {"source": c.source, "target": c.target},
        {"source_unit": c.source_unit, "target_unit": c.target_unit},
        ((c.source, c.source_unit, c.owner, c.status), (c.target, c.target_unit, c.owner, c.status)),
    )


def _reserved(c: ReserveStock) -> _Named:
    stock = ((c.location, c.unit, c.owner, StockStatus.AVAILABLE),)
    return _Named(c.item, c.lot, c.serial, {"location": c.location}, {"unit": c.unit}, stock)


_NAMED: Mapping[type[Command], Callable[[Any], _Named]] = {MoveStock: _moved, ReserveStock: _reserved}


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Answers there are already, by position; what the names stand for; and what the rules need (`read`)."""

    answers: Mapping[int, Result | Refusal]
    read: Read
    _named: Sequence[_Named]
    _items: Mapping[str, NamedItem]
    _locations: Mapping[str, tuple[int, str]]
    _units: Mapping[str, int]
    _lots: Mapping[tuple[int, str], int]
    _serials: Mapping[tuple[int, str], int]

    def names(self, n: int) -> StockNames:
        """What the command at position `n` names. Raises Refuse like `find_stock`."""
        named = self._named[n]
        item = self._items.get(named.item)
        item_id = item.item_id if item is not None else 0
        return named_stock(
            (named.item, item),
            (named.lot, self._lots.get((item_id, named.lot or ""))),
            (named.serial, self._serials.get((item_id, named.serial or ""))),
            {field: (code, self._locations.get(code, (None, None))) for field, code in named.locations.items()},
            {field: (code, self._units.get(code or "")) for field, code in named.units.items()},
            self.read.at,
        )


def ask(conn: Conn, requests: Sequence[Request]) -> GroupFacts:
    """Wait for twins, lock the stock that is named, and tell; in the caller's transaction, which everything happens in.

    Requests are moves and reservations, each under an id of its own.
    """
    named = [_NAMED[type(asked.command)](asked.command) for asked in requests]
    row = conn.execute(
        "select group_facts(%s)", (Jsonb(_asked(requests, named), dumps=msgspec.json.encode),)
    ).fetchone()
    assert row is not None
    known: dict[str, Any] = row[0]
    items: dict[str, NamedItem] = {}
    for code, gtin, item_id, *rest in known["items"] or ():
        item = NamedItem(item_id, code, *rest)
        items[code] = item  # a code goes before another item's GTIN
        items.setdefault(gtin, item)
    return GroupFacts(
        {n - 1: answer_of(requests[n - 1], UUID(request_id), *rest) for n, request_id, *rest in known["answers"] or ()},
        _read(conn, known, items),
        named,
        items,
        {code: (location_id, kind) for code, location_id, kind, _ in known["locations"] or ()},
        dict(known.get("units") or ()),
        {(item_id, code): lot_id for item_id, code, lot_id, *_ in known.get("lots") or ()},
        {(item_id, code): serial_id for item_id, code, serial_id, _ in known.get("serials") or ()},
    )


def _asked(requests: Sequence[Request], named: Sequence[_Named]) -> dict[str, Any]:
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
    places = {(each.item, each.lot, each.serial, *place) for each in named for place in each.stock}
    fields = ("item", "lot", "serial", "location", "unit", "owner", "status")
    asked["stock"] = [dict(zip(fields, place, strict=True)) for place in places]
    return asked


def _codes(codes: Iterable[str | None]) -> list[str]:
    return sorted({code for code in codes if code is not None})


def _read(conn: Conn, known: dict[str, Any], items: Mapping[str, NamedItem]) -> Read:
    now, closed = datetime.fromisoformat(known["now"]), known["closed_through"]
    rows = [(BalanceKey(*row[:7]), *row[7:]) for row in known["balances"] or ()]
    at = in_turn(now, latest_of(rows, now), datetime.fromisoformat(known["clock"]))
    balances, balance_ids = balances_of(conn, rows, at)
    standing = {row[2]: BalanceKey(*row) for row in known.get("standing") or ()}
    serials = {
        serial_id: Serial(item_id, lot_id, standing.get(serial_id))
        for item_id, _, serial_id, lot_id in known.get("serials") or ()
    }
    facts = Facts(
        {item.item_id: Item(Tracking(item.tracking), item.decimals) for item in items.values()},
        {
            lot_id: Lot(item_id, date.fromisoformat(expires_on) if expires_on else None, blocked)
            for item_id, _, lot_id, expires_on, blocked in known.get("lots") or ()
        },
        serials,
        {location_id: Location(kind, shut) for _, location_id, kind, shut in known["locations"] or ()},
        balances,
        closed_through=date.fromisoformat(closed) if closed else None,
    )
    return Read(at, facts, balances, serials, balance_ids)
