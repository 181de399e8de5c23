"""What a barcode names in the books: a handling unit, an item with lot and serial, a place, and the tags of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import class_row

from warehouse.barcodes import Barcode, BarcodeError, parse
from warehouse.commands import RefusalCode
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.naming import Refuse
from warehouse.tag_numbers import epcs_of


@dataclass(frozen=True, slots=True)
class Named:
    """What is known of a barcode; None where it names none, or one that is not known."""

    unit: str | None
    hu_id: int | None
    unit_kind: str | None
    unit_place: str | None
    unit_seen_at: datetime | None
    unit_seen_place: str | None
    place: str | None
    item: str | None
    item_name: str | None
    tracking: str | None
    item_unit: str | None
    lot: str | None
    lot_expires_on: date | None
    lot_blocked: bool | None
    serial: str | None
    epcs: list[str]
    tag_quantity: Decimal | None


NAMED = """
    select h.code as unit, h.hu_id, h.kind as unit_kind,
           (select l.code from balance b join location l using (location_id)
            where b.hu_id = h.hu_id and b.on_hand > 0 order by b.balance_id limit 1) as unit_place,
           us.at as unit_seen_at, usl.code as unit_seen_place, p.code as place,
           i.code as item, i.name as item_name, i.tracking, i.unit as item_unit,
           lo.code as lot, lo.expires_on as lot_expires_on, lo.blocked as lot_blocked, s.code as serial,
           coalesce(t.epcs, '{}') as epcs, t.quantity as tag_quantity
    from (select) one
    left join handling_unit h on h.code = %(unit)s
    left join unit_seen us on us.hu_id = h.hu_id
    left join location usl on usl.location_id = us.location_id
    left join location p on p.code = %(plain)s
    left join lateral (select * from item where gtin = %(gtin)s or code = %(plain)s
                       order by code <> %(plain)s limit 1) i on true
    left join lot lo on lo.item_id = i.item_id and lo.code = %(lot)s
    left join serial s on s.item_id = i.item_id and s.code = %(serial)s
    left join lateral (
        select array_agg(epc order by epc) as epcs, min(quantity) as quantity from tag
        where retired_at is null
          and (hu_id = h.hu_id or serial_id = s.serial_id or epc = any(%(epcs)s))) t on true"""


def names_of(scanned: Barcode) -> Mapping[str, Any]:
    """The arguments of `NAMED`."""
    return {
        "unit": scanned.sscc or scanned.value("8003") or scanned.value("8004") or scanned.plain,
        "plain": scanned.plain,
        "gtin": scanned.gtin,
        "lot": scanned.lot,
        "serial": scanned.serial if scanned.value("01") else None,
        "epcs": epcs_of(scanned),
    }


def find_named(conn: Conn, scanned: Barcode) -> Named:
    """What a barcode names, in the caller's transaction."""
    with conn.cursor(row_factory=class_row(Named)) as cursor:
        found = cursor.execute(NAMED, names_of(scanned)).fetchone()
    assert found is not None
    return found


def find_scanned(conn: Conn, text: str, field: str) -> Named:
    """What a scan names; a refusal of that field when it is no good barcode."""
    try:
        return find_named(conn, parse(text))
    except BarcodeError as error:
        raise Refuse(RefusalCode.INVALID, field, str(error)) from None
