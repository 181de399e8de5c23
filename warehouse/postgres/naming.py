"""From the codes people use to ids; a code that names nothing is a refusal that says which field."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from warehouse.commands import Command, Refusal, RefusalCode
from warehouse.commands.numbers import unusable_number
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import NOW


class Refuse(Exception):
    """Carries a refusal from a nested look-up to the one exit of `warehouse.postgres.commands`; never beyond."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(str(code), field, message)


def check_numbers(command: Command) -> None:
    """Before any rule looks at it. Raises Refuse with `invalid` for a number that is none."""
    unusable = unusable_number(command)
    if unusable is not None:
        raise Refuse(RefusalCode.INVALID, *unusable)


MadeT = TypeVar("MadeT")


def or_refuse(made: MadeT | Refusal, at: str = "") -> MadeT:
    """What was made; its refusal is raised, with `at` before its field."""
    if isinstance(made, Refusal):
        raise Refuse(made.code, at + made.field, made.message)
    return made


def known_kinds(conn: Conn) -> str:
    """The kinds of document there are, for whoever named another."""
    return ", ".join(kind for (kind,) in conn.execute("select kind from document_kind order by kind"))


def allowed_by(conn: Conn, check: str | None) -> str:
    """The words that a CHECK by this name lets a column hold, for whoever gave another."""
    row = conn.execute("select pg_get_constraintdef(oid) from pg_constraint where conname = %s", (check,)).fetchone()
    return ", ".join(sorted(re.findall(r"'([^']+)'", row[0]))) if row is not None else ""


@dataclass(frozen=True, slots=True)
class NamedItem:
    item_id: int
    code: str
    tracking: str
    decimals: int
    unit: str = "pc"
    active: bool = True


def find_item(conn: Conn, code: str, field: str = "item") -> NamedItem:
    """By code or GTIN-14."""
    row = conn.execute(
        "select item_id, code, tracking, decimals, unit, active from item where code = %(code)s or gtin = %(code)s"
        " order by code <> %(code)s limit 1",
        {"code": code},
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, field, f"no item {code!r}")
    return NamedItem(*row)


def find_items(conn: Conn, codes: Iterable[str]) -> dict[str, NamedItem]:
    """The same for many, by the code or GTIN-14 that was given; those that exist."""
    rows = conn.execute(
        """with given as (select distinct unnest(%s::text[]) as named),
                found as (select named, item_id from given join item on code = named),
                by_gtin as (select named, item_id from given join item on gtin = named
                            where named not in (select named from found))
           select n.named, i.item_id, i.code, i.tracking, i.decimals, i.unit, i.active
           from (select * from found union all select * from by_gtin) n join item i using (item_id)""",
        (list(codes),),
    )
    return {named: NamedItem(*item) for named, *item in rows}


def item_by_id(conn: Conn, item_id: int) -> NamedItem:
    """Of an id that something in the database refers to."""
    row = conn.execute(
        "select item_id, code, tracking, decimals, unit, active from item where item_id = %s", (item_id,)
    ).fetchone()
    assert row is not None
    return NamedItem(*row)


def find_lot(conn: Conn, item: NamedItem, code: str | None, field: str = "lot") -> int | None:
    if code is None:
        return None
    return find_id(conn, "select lot_id from lot where item_id = %s and code = %s", (item.item_id, code), field, code)


def find_lots(conn: Conn, lots: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Ids by (item id, code); those that exist."""
    items, codes = [list(column) for column in zip(*lots, strict=True)] or [[], []]
    rows = conn.execute(
        """with given as (select distinct * from unnest(%s::bigint[], %s::text[]) as g (item_id, code))
           select item_id, code, lot_id from lot join given using (item_id, code)""",
        (items, codes),
    )
    return {(item_id, code): lot_id for item_id, code, lot_id in rows}


def lot_code(conn: Conn, lot_id: int | None) -> str | None:
    row = conn.execute("select code from lot where lot_id = %s", (lot_id,)).fetchone()
    return row[0] if row is not None else None


def find_serial(conn: Conn, item: NamedItem, code: str | None, field: str = "serial") -> int | None:
    if code is None:
        return None
    query = "select serial_id from serial where item_id = %s and code = %s"
    return find_id(conn, query, (item.item_id, code), field, code)


def serial_of_receipt(conn: Conn, item: NamedItem, code: str | None, lot_id: int | None) -> int | None:
    """The serial of that number; one that nobody has seen is made, of the lot it comes with."""
    if code is not None and item.tracking == Tracking.SERIAL:
        conn.execute(
            "insert into serial (item_id, lot_id, code) values (%s, %s, %s) on conflict (item_id, code) do nothing",
            (item.item_id, lot_id, code),
        )
    return find_serial(conn, item, code)


def check_owner(conn: Conn, owner: str, field: str = "owner") -> None:
    """Whose goods come in: ours, or a partner's. A misspelt one would own goods that nobody finds again."""
    if owner and conn.execute("select 1 from partner where code = %s", (owner,)).fetchone() is None:
        raise Refuse(RefusalCode.NOT_FOUND, field, f"no partner {owner!r}")


def find_location(conn: Conn, code: str, field: str = "location") -> int:
    return find_id(conn, "select location_id from location where code = %s", (code,), field, code)


def find_unit(conn: Conn, code: str | None, field: str) -> int | None:
    if code is None:
        return None
    return find_id(conn, "select hu_id from handling_unit where code = %s", (code,), field, code)


@dataclass(frozen=True, slots=True)
class StockNames:
    """What a command on stock names, by the names of its fields, and what time it is."""

    item: NamedItem
    lot_id: int | None
    serial_id: int | None
    locations: dict[str, int]
    kinds: dict[str, str]
    units: dict[str, int | None]
    now: datetime


def find_stock(
    conn: Conn,
    item: str,
    lot: str | None,
    serial: str | None,
    locations: Mapping[str, str],
    units: Mapping[str, str | None],
) -> StockNames:
    """All at once, as postings do nothing more often. `locations` and `units`: field of the command → code.

    What does not exist is refused in this order: item, locations, units, lot, serial.
    """
    row = conn.execute(
        f"""select i.item_id, i.code, i.tracking, i.decimals, i.unit, i.active,
                  (select lot_id from lot where item_id = i.item_id and code = %(lot)s),
                  (select serial_id from serial where item_id = i.item_id and code = %(serial)s),
                  (select array_agg(l.location_id order by w.n) from unnest(%(locations)s::text[])
                       with ordinality as w (code, n) left join location l on l.code = w.code),
                  (select array_agg(l.kind order by w.n) from unnest(%(locations)s::text[])
                       with ordinality as w (code, n) left join location l on l.code = w.code),
                  (select array_agg(u.hu_id order by w.n) from unnest(%(units)s::text[])
                       with ordinality as w (code, n) left join handling_unit u on u.code = w.code),
                  {NOW}
           from (select) one left join lateral (
               select item_id, code, tracking, decimals, unit, active from item
               where code = %(item)s or gtin = %(item)s
               order by code <> %(item)s limit 1) i on true""".encode(),  # noqa: S608  (NOW is a constant)
        {
            "item": item,
            "lot": lot,
            "serial": serial,
            "locations": list(locations.values()),
            "units": list(units.values()),
        },
    ).fetchone()
    assert row is not None
    item_id, code, tracking, decimals, unit_name, active, lot_id, serial_id, location_ids, kinds, unit_ids, now = row
    places = zip(location_ids or (), kinds or (), strict=True)
    return named_stock(
        (item, None if item_id is None else NamedItem(item_id, code, tracking, decimals, unit_name, active)),
        (lot, lot_id),
        (serial, serial_id),
        {field: (named, place) for (field, named), place in zip(locations.items(), places, strict=True)},
        {field: (named, hu_id) for (field, named), hu_id in zip(units.items(), unit_ids or (), strict=True)},
        now,
    )


def named_stock(
    item: tuple[str, NamedItem | None],
    lot: tuple[str | None, int | None],
    serial: tuple[str | None, int | None],
    locations: Mapping[str, tuple[str, tuple[int | None, str | None]]],
    units: Mapping[str, tuple[str | None, int | None]],
    now: datetime,
) -> StockNames:
    """From what is named and what was found by it. Raises Refuse in the order `find_stock` tells."""
    found = item[1]
    if found is None:
        raise Refuse(RefusalCode.NOT_FOUND, "item", f"no item {item[0]!r}")
    ids: dict[str, int] = {}
    kinds: dict[str, str] = {}
    for field, (code, (location_id, kind)) in locations.items():
        if location_id is None or kind is None:
            raise Refuse(RefusalCode.NOT_FOUND, field, f"no {field} {code!r}")
        ids[field], kinds[field] = location_id, kind
    for field, (named, found_id) in {**units, "lot": lot, "serial": serial}.items():
        if named is not None and found_id is None:
            raise Refuse(RefusalCode.NOT_FOUND, field, f"no {field} {named!r}")
    unit_ids = {field: hu_id for field, (_, hu_id) in units.items()}
    return StockNames(found, lot[1], serial[1], ids, kinds, unit_ids, now)


def find_id(conn: Conn, query: str, values: tuple[Any, ...] | Mapping[str, Any], field: str, named: str) -> int:
    row = conn.execute(query.encode(), values).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, field, f"no {field.rpartition('.')[2]} {named!r}")
    return int(row[0])
