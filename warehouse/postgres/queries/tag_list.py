"""Lists of tags: what each EPC stands for and where it was seen last."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, LiteralString

from psycopg import sql

from warehouse.postgres.queries.paging import AConn, Limit, framed

LocationEventName = Literal["arrived", "moved", "departed"]


@dataclass(frozen=True, slots=True)
class TagView:
    """One EPC: what it stands for (null where it was only seen) and where it is (null where it was never seen).

    `handling_unit` is the unit it is the tag of, `packed_in` the one whose packing list has it. `event` is the last,
    `at` the reader's time of it: with `departed` it left there and was not seen since.
    """

    epc: str
    item: str | None
    item_name: str | None
    lot: str | None
    serial: str | None
    quantity: Decimal | None
    handling_unit: str | None
    packed_in: str | None
    retired_at: datetime | None
    location: str | None
    event: LocationEventName | None
    at: datetime | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Which tags; None means any. What it stands for and where it is must both match."""

    item: str | None = None
    lot: str | None = None
    handling_unit: str | None = None
    location: str | None = None
    here: bool | None = None


KNOWN_OF: LiteralString = """
  left join tag t using (epc)
  left join hu_content hc using (epc)
  left join tag_location l using (epc)
  left join item i on i.item_id = t.item_id
  left join lot o on o.lot_id = t.lot_id
  left join serial s on s.serial_id = t.serial_id
  left join handling_unit h on h.hu_id = t.hu_id
  left join handling_unit ph on ph.hu_id = hc.hu_id
  left join location c on c.location_id = l.location_id"""
"""What a tag (`epc`) stands for, what it is packed in, and where it was seen."""

_VIEW: LiteralString = f"""
select p.epc, i.code as item, i.name as item_name, o.code as lot, s.code as serial, t.quantity, h.code as handling_unit,
       ph.code as packed_in, t.retired_at, c.code as location, l.event, l.at, l.evidence
  from page p{KNOWN_OF}
 order by p.epc"""  # noqa: S608 - a constant of ours

_KNOWN: LiteralString = "select t.epc from tag t"
_SEEN: LiteralString = "select l.epc from tag_location l"


async def tags(conn: AConn, wanted: TagFilter, after: str | None, limit: Limit) -> list[TagView]:
    """By EPC. Two index scans, of what is known and of what was seen, merged; one of them when a filter says so."""
    by_meaning = {
        "t.item_id = (select item_id from item where code = %(item)s)": wanted.item is not None,
        "t.lot_id in (select lot_id from lot where code = %(lot)s)": wanted.lot is not None,
        "t.epc in (select e.epc from hu_content e join handling_unit u using (hu_id) where u.code = %(unit)s"
        " union all select e.epc from tag e join handling_unit u using (hu_id) where u.code = %(unit)s)": (
            wanted.handling_unit is not None
        ),
    }
    by_place = {
        "l.location_id = (select location_id from location where code = %(location)s)": wanted.location is not None,
        "l.event <> 'departed'": wanted.here is True,
        "l.event = 'departed'": wanted.here is False,
    }
    meant, placed = any(by_meaning.values()), any(by_place.values())
    branches = []
    if meant and placed:
        conditions = {**by_meaning, **by_place}
        branches.append(_branch("select t.epc from tag t join tag_location l using (epc)", "t.epc", conditions, after))
    if not placed:
        branches.append(_branch(_KNOWN, "t.epc", by_meaning, after))
    if not meant:
        branches.append(_branch(_SEEN, "l.epc", by_place, after))
    page = sql.SQL(" union ").join(branches)
    query = sql.SQL("with page as (select epc from ({}) u order by epc limit %(limit)s) ").format(page) + sql.SQL(_VIEW)
    values = {
        "item": wanted.item,
        "lot": wanted.lot,
        "unit": wanted.handling_unit,
        "location": wanted.location,
        "after": after,
        "limit": limit,
    }
    return await framed(conn, TagView, query, values)


def _branch(
    select: LiteralString, key: LiteralString, conditions: dict[LiteralString, bool], after: str | None
) -> sql.Composed:
    wanted: list[sql.Composable] = [sql.SQL(condition) for condition, used in conditions.items() if used]
    if after is not None:
        wanted.append(sql.SQL(key) + sql.SQL(" > %(after)s"))
    where = sql.SQL(" where ") + sql.SQL(" and ").join(wanted) if wanted else sql.SQL("")
    order = sql.SQL(" order by ") + sql.SQL(key) + sql.SQL(" limit %(limit)s")
    return sql.SQL("(") + sql.SQL(select) + where + order + sql.SQL(")")
