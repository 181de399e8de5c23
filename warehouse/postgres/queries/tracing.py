"""Where a lot, serial, tag or handling unit came from and where it went, through everything it went into.

Steps are the movements of the ledger over the edge of our stock: receipts, issues, production and conversions, each
with who, when, with what, for which document line and why. Links say what went into what (`genealogy`). Reversed
movements and their reversals cancel out and are left out.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from warehouse.postgres.goods.genealogy import DOWN, OTHER_DOWN, OTHER_UP, THINGS_MAX, UP, Link
from warehouse.postgres.queries.paging import AConn, Limit, rows

STEPS_MAX = 1_000

Thing = tuple[int, int | None, int | None, str | None]
"""Item, lot, serial, and for goods with neither the EPC."""


class Way(StrEnum):
    """Which end of a quantity's way an entry is."""

    FROM = "from"
    TO = "to"


@dataclass(frozen=True, slots=True)
class Trace:
    """One receipt or issue. `place` is the side outside our stock (SUPPLIER, CUSTOMER …), `store` ours; `partner` the
    document's. `effective_at` is when it happened, `device_at` what the device's clock said, `recorded_at` when it was
    written. By RFID: `portal` is the door, `readers` heard the goods' tags at `antennas` (`reader:port`, the one that
    heard most of them first), and `device_models` is what these readers said they are, in the same order.
    """

    way: str
    seq: int
    move_id: UUID
    item: str
    lot: str | None
    serial: str | None
    quantity: Decimal
    place: str
    store: str
    partner: str | None
    document_kind: str | None
    document: str | None
    line_no: int | None
    passage_id: UUID | None
    actor: str
    device: str
    portal: str | None
    readers: list[str]
    antennas: list[str]
    device_models: list[str]
    reason: str
    effective_at: datetime
    recorded_at: datetime
    device_at: datetime | None


@dataclass(frozen=True, slots=True)
class Genealogy:
    """`sources` say what it was made of, nearest first, `results` what it went into; `steps` of all of these, oldest
    first. `truncated`: there is more than a trace shows.
    """

    sources: list[Link]
    results: list[Link]
    steps: list[Trace]
    truncated: bool


async def lot_things(conn: AConn, item: str, lot: str) -> list[Thing]:
    return await _things(
        conn,
        """select lo.item_id, lo.lot_id, null::bigint, null::text from lot lo join item i using (item_id)
           where i.code = %(item)s and lo.code = %(code)s""",
        {"item": item, "code": lot},
    )


async def serial_things(conn: AConn, item: str, serial: str) -> list[Thing]:
    return await _things(
        conn,
        """select s.item_id, s.lot_id, s.serial_id, null::text from serial s join item i using (item_id)
           where i.code = %(item)s and s.code = %(code)s""",
        {"item": item, "code": serial},
    )


async def tag_things(conn: AConn, epc: str) -> list[Thing]:
    """The tag's goods; of a handling unit's tag what was ever moved with it."""
    return await _things(
        conn,
        """select t.item_id, t.lot_id, t.serial_id, t.epc from tag t where t.epc = %(epc)s and t.item_id is not null
           union
           select m.item_id, m.lot_id, m.serial_id, case when m.lot_id is null and m.serial_id is null then x.epc end
           from tag t join handling_unit h using (hu_id) join move m on h.hu_id in (m.from_hu_id, m.to_hu_id)
           left join move_tag x on x.seq = m.seq and x.epc <> t.epc where t.epc = %(epc)s""",
        {"epc": epc.upper()},
    )


async def unit_things(conn: AConn, unit: str) -> list[Thing]:
    """What is in a handling unit, and what was ever moved in it."""
    return await _things(
        conn,
        """select m.item_id, m.lot_id, m.serial_id, case when m.lot_id is null and m.serial_id is null then x.epc end
           from handling_unit h join move m on h.hu_id in (m.from_hu_id, m.to_hu_id)
           left join move_tag x on x.seq = m.seq where h.code = %(unit)s
           union
           select c.item_id, c.lot_id, c.serial_id, case when c.lot_id is null and c.serial_id is null then c.epc end
           from handling_unit h join hu_content c using (hu_id) where h.code = %(unit)s""",
        {"unit": unit},
    )


async def genealogy(conn: AConn, seeds: Sequence[Thing]) -> Genealogy:
    """Everything about these things, both ways."""
    sources, up = await _walk(conn, seeds, UP, OTHER_UP)
    results, down = await _walk(conn, seeds, DOWN, OTHER_DOWN)
    things = sorted({*seeds, *up, *down}, key=repr)
    steps = await _steps(conn, things, STEPS_MAX + 1)
    truncated = len(steps) > STEPS_MAX or max(len(up), len(down)) >= THINGS_MAX
    return Genealogy(sources, results, steps[:STEPS_MAX], truncated)


async def _things(conn: AConn, query: str, values: dict[str, Any]) -> list[Thing]:
    cursor = await conn.execute(f"select distinct * from ({query}) t limit {THINGS_MAX}".encode(), values)  # noqa: S608
    return [(item, lot, serial, epc if lot is None and serial is None else None)
            for item, lot, serial, epc in await cursor.fetchall()]  # fmt: skip


async def _walk(conn: AConn, seeds: Sequence[Thing], query: str, other: str) -> tuple[list[Link], set[Thing]]:
    """The links nearest first, and the things they reach."""
    items, lots, serials, epcs = ([list(column) for column in zip(*seeds, strict=True)]) if seeds else ([], [], [], [])
    values = {"items": items, "lots": lots, "serials": serials, "epcs": epcs, "other": other, "limit": THINGS_MAX}
    cursor = await conn.execute(query.encode(), values)
    leaving: dict[Thing, list[tuple[Thing, Link]]] = {}
    for row in await cursor.fetchall():
        thing, reached = (*row[10:13], row[3]), (*row[13:16], row[7])
        leaving.setdefault(thing, []).append((reached, Link(*row[:10])))
    links: list[Link] = []
    seen: set[Thing] = set(seeds)
    todo = deque(seeds)
    while todo:
        for reached, link in leaving.get(todo.popleft(), ()):
            links.append(link)
            if reached not in seen:
                seen.add(reached)
                todo.append(reached)
    return links, seen


async def _steps(conn: AConn, things: Sequence[Thing], limit: Limit) -> list[Trace]:
    items, lots, serials, epcs = ([list(column) for column in zip(*things, strict=True)]) if things else ([],) * 4
    return await rows(
        conn,
        Trace,
        """with t as (select * from unnest(%(items)s::bigint[], %(lots)s::bigint[], %(serials)s::bigint[],
                                           %(epcs)s::text[]) as t (item_id, lot_id, serial_id, epc)),
           which as (
               select m.seq from t join move m on m.serial_id = t.serial_id
               union select m.seq from t join move m on m.lot_id = t.lot_id and t.serial_id is null
               union select x.seq from t join move_tag x on x.epc = t.epc),
           steps as materialized (
               select m.* from which join move m using (seq)
               join location s on s.location_id = m.from_location_id join location g on g.location_id = m.to_location_id
               where m.reverses is null and not exists (select from move r where r.reverses = m.seq)
                 and (s.kind in ('internal', 'transit')) <> (g.kind in ('internal', 'transit'))
               order by m.seq limit %(limit)s)
           select case when g.kind in ('internal', 'transit') then 'from' else 'to' end as way, m.seq, m.move_id,
                  i.code as item, lo.code as lot, se.code as serial, m.quantity,
                  case when g.kind in ('internal', 'transit') then s.code else g.code end as place,
                  case when g.kind in ('internal', 'transit') then g.code else s.code end as store, d.partner,
                  d.kind as document_kind, d.number as document, x.line_no, m.passage_id, m.actor, m.device, m.reason,
                  m.effective_at, m.recorded_at, m.device_at, h.portal, h.antennas, h.readers,
                  array(select coalesce((select e.detail from device_event e where e.device = r.name
                                         and e.kind = 'identified' order by e.at desc limit 1), '')
                        from unnest(h.readers) with ordinality as r (name, n) order by r.n) as device_models
           from steps m join item i on i.item_id = m.item_id
           join location s on s.location_id = m.from_location_id join location g on g.location_id = m.to_location_id
           left join lot lo on lo.lot_id = m.lot_id left join serial se on se.serial_id = m.serial_id
           left join document_line x on x.line_id = m.line_id left join document d on d.document_id = x.document_id
           cross join lateral (
               select max(p.portal) as portal, coalesce(array_agg(a.name order by a.tags desc, a.name)
                          filter (where a.name is not null), '{}') as antennas,
                      coalesce(array_agg(distinct regexp_replace(a.name, ':[^:]*$', ''))
                          filter (where a.name is not null), '{}') as readers
               from (select portal from passage where passage_id = m.passage_id order by revision desc limit 1) p
               left join lateral (
                   select heard.name, count(*) as tags
                   from move_tag y join lateral (
                       select antennas from passage_tag q where q.passage_id = m.passage_id and q.epc = y.epc
                       order by q.revision desc limit 1) q on true
                   cross join lateral unnest(q.antennas) as heard (name)
                   where y.seq = m.seq group by 1) a on true) h
           order by m.seq""",
        {"items": items, "lots": lots, "serials": serials, "epcs": epcs, "limit": limit},
    )
