"""From the codes people use to ids; a code that names nothing is a refusal that says which field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warehouse.commands import Refusal, RefusalCode
from warehouse.postgres.balances import Conn


class Refuse(Exception):
    """Carries a refusal from a nested look-up to the one exit of `warehouse.postgres.commands`; never beyond."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(str(code), field, message)


@dataclass(frozen=True, slots=True)
class NamedItem:
    item_id: int
    code: str
    tracking: str
    decimals: int


def find_item(conn: Conn, code: str, field: str = "item") -> NamedItem:
    """By code or GTIN-14."""
    row = conn.execute(
        "select item_id, code, tracking, decimals from item where code = %(code)s or gtin = %(code)s"
        " order by code <> %(code)s limit 1",
        {"code": code},
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, field, f"no item {code!r}")
    return NamedItem(*row)


def find_lot(conn: Conn, item: NamedItem, code: str | None, field: str = "lot") -> int | None:
    if code is None:
        return None
    return find_id(conn, "select lot_id from lot where item_id = %s and code = %s", (item.item_id, code), field, code)


def find_serial(conn: Conn, item: NamedItem, code: str | None, field: str = "serial") -> int | None:
    if code is None:
        return None
    query = "select serial_id from serial where item_id = %s and code = %s"
    return find_id(conn, query, (item.item_id, code), field, code)


def find_location(conn: Conn, code: str, field: str = "location") -> int:
    return find_id(conn, "select location_id from location where code = %s", (code,), field, code)


def find_unit(conn: Conn, code: str | None, field: str) -> int | None:
    if code is None:
        return None
    return find_id(conn, "select hu_id from handling_unit where code = %s", (code,), field, code)


def find_id(conn: Conn, query: str, values: tuple[Any, ...] | Mapping[str, Any], field: str, named: str) -> int:
    row = conn.execute(query.encode(), values).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, field, f"no {field.rpartition('.')[2]} {named!r}")
    return int(row[0])
