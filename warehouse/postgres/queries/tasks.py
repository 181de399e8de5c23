"""Transport tasks with their history, and what vehicles carry."""

# ruff: noqa: S608  (what is put into the queries here are constants, never a value)

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from warehouse.postgres.queries.paging import AConn, Limit, one, rows
from warehouse.tasks import TaskLoad


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is. `pickup` is where its load is handed over: a portal, or the source itself.

    Its load is the handling unit `unit`, or, where that is null, a `quantity` (in `uom`) of loose goods: `item`, `lot`,
    `serials` (and `serial` where it is one), whose they are and the status they had when the task was made.
    `rest_of` is the task that was done only in part and left this one.
    """

    task_id: UUID
    seq: int
    kind: str
    state: str
    priority: int
    deadline: datetime | None
    unit: str | None
    item: str | None
    lot: str | None
    serial: str | None
    serials: list[str]
    stock_owner: str
    stock_status: str | None
    uom: str | None
    pickup: str
    source: str
    target: str | None
    rule: str
    quantity: Decimal
    weight_kg: Decimal
    owner: str
    claimed_by: str
    attempt: int
    failures: int
    beat: int
    step: str
    carrier: str | None
    lost: bool
    reason: str
    detail: str
    lease_until: datetime | None
    created_at: datetime
    ended_at: datetime | None
    rest_of: UUID | None


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One event of a task. `at` is when it happened, by who told it."""

    beat: int
    event: str
    state: str
    attempt: int
    owner: str
    at: datetime
    recorded_at: datetime
    actor: str
    device: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What is on a vehicle by the books."""

    vehicle: str
    units: list[str]
    on_hand: Decimal
    task_id: UUID | None


_TASK = """select t.task_id, t.seq, t.kind, t.state, t.priority, t.deadline, h.code as unit, i.code as item,
    o.code as lot, case when cardinality(n.codes) = 1 then n.codes[1] end as serial, n.codes as serials, t.stock_owner,
    nullif(t.stock_status, '') as stock_status, i.unit as uom, t.pickup, s.code as source,
    g.code as target, t.rule, t.quantity, t.weight_kg, t.owner, t.claimed_by, t.attempt, t.failures,
    t.beat, t.step, v.code as carrier, t.lost, t.reason, t.detail, t.lease_until, t.created_at, t.ended_at,
    t.rest_of
    from task t join location s on s.location_id = t.source_id left join handling_unit h on h.hu_id = t.hu_id
    left join item i on i.item_id = t.item_id left join lot o on o.lot_id = t.lot_id
    cross join lateral (select array(select code from serial where serial_id = any(t.serial_ids) order by 1)) n (codes)
    left join location g on g.location_id = t.target_id left join location v on v.location_id = t.carrier_id"""

OPEN = f"""{_TASK} where t.state = 'open' and case when t.hu_id is null then %(goods)s else %(unit)s end
    order by t.priority desc, t.deadline nulls last, t.seq limit %(limit)s"""
CLAIMS = (
    f"{_TASK} where t.state in ('assigned', 'in_progress') and t.claimed_by = %(claimed_by)s order by t.seq"
    " limit %(limit)s"
)
LAPSED = f"""{_TASK} where t.state in ('assigned', 'in_progress') and t.lease_until < now()
    order by t.lease_until limit %(limit)s"""
# Open tasks for loose goods of which more is wanted than nobody reserved: of each such goods the last one made, and
# those for serial numbers that are not all there.
SHORT = f"""{_TASK} where t.seq in (
        select max(w.seq) filter (where w.state = 'open') from task w
        where w.hu_id is null and w.state in ('open', 'assigned', 'in_progress') and w.carrier_id is null
          and w.serial_ids = '{{}}'
        group by w.item_id, w.lot_id, w.stock_owner, w.source_id
        having sum(w.quantity) > (
            select coalesce(sum(b.on_hand - b.reserved), 0) from balance b
            where b.item_id = w.item_id and b.lot_id is not distinct from w.lot_id
              and b.serial_id is null and b.owner = w.stock_owner
              and b.location_id = w.source_id and b.hu_id is null))
       or t.state = 'open' and t.hu_id is null and t.serial_ids <> '{{}}' and t.quantity > (
            select count(*) from balance b
            where b.item_id = t.item_id and b.lot_id is not distinct from t.lot_id
              and b.serial_id = any(t.serial_ids) and b.owner = t.stock_owner
              and b.location_id = t.source_id and b.hu_id is null and b.on_hand > b.reserved)
    limit %(limit)s"""


def read(conn: Connection[Any], query: str, **values: Any) -> list[Task]:
    """One of the queries above over a connection that blocks, in a transaction of its own."""
    with conn.transaction(), conn.cursor(row_factory=class_row(Task)) as cursor:
        return cursor.execute(query.encode(), values).fetchall()


def containers(conn: Connection[Any], codes: list[str]) -> dict[str, list[str]]:
    """Each place with those it is in, from the inside out."""
    found: dict[str, list[str]] = {}
    with conn.transaction():
        for code, outer in conn.execute(
            """with recursive up (code, location_id, outer_code, parent_id, depth) as (
                   select code, location_id, code, parent_id, 0 from location where code = any(%s)
                   union all select u.code, l.location_id, l.code, l.parent_id, u.depth + 1 from location l
                   join up u on l.location_id = u.parent_id where u.depth < 10)
               select code, outer_code from up order by code, depth""",
            (codes,),
        ):
            found.setdefault(code, []).append(outer)
    return found


async def tasks(
    conn: AConn,
    after: int | None = None,
    limit: Limit = 100,
    *,
    states: list[str] | None = None,
    kind: str | None = None,
    owner: str | None = None,
    unit: str | None = None,
    item: str | None = None,
    load: TaskLoad | None = None,
    place: str | None = None,
) -> list[Task]:
    """Newest first; `after` is the seq of the last row shown, `place` a source, pickup or target."""
    return await rows(
        conn,
        Task,
        _TASK
        + """ where (%(after)s::bigint is null or t.seq < %(after)s)
               and (%(states)s::text[] is null or t.state = any(%(states)s))
               and (%(kind)s::text is null or t.kind = %(kind)s) and (%(owner)s::text is null or t.owner = %(owner)s)
               and (%(unit)s::text is null or h.code = %(unit)s)
               and (%(item)s::text is null or i.code = %(item)s)
               and (%(load)s::text is null or (t.hu_id is null) = (%(load)s = 'goods'))
               and (%(place)s::text is null or %(place)s in (t.pickup, s.code, g.code))
             order by t.seq desc limit %(limit)s""",
        {
            "after": after,
            "limit": limit,
            "states": states,
            "kind": kind,
            "owner": owner,
            "unit": unit,
            "item": item,
            "load": load,
            "place": place,
        },
    )


async def open_tasks(conn: AConn, limit: Limit, takes: Collection[TaskLoad]) -> list[Task]:
    """What can be claimed now by who takes such loads, in the order in which it would be."""
    return await rows(conn, Task, OPEN, {"limit": limit, **taking(*takes)})


def taking(*takes: TaskLoad) -> dict[str, bool]:
    """What `OPEN` is asked for."""
    return {str(load): load in takes for load in TaskLoad}


async def task(conn: AConn, task_id: UUID) -> Task | None:
    return await one(conn, Task, _TASK + " where t.task_id = %(task_id)s", {"task_id": task_id})


async def task_events(conn: AConn, task_id: UUID) -> list[TaskEvent]:
    """The history of a task, in order."""
    return await rows(
        conn,
        TaskEvent,
        """select beat, event, state, attempt, owner, at, recorded_at, actor, device, reason, detail
           from task_event where task_id = %(task_id)s order by beat""",
        {"task_id": task_id},
    )


async def carried(conn: AConn) -> list[Carried]:
    """Every vehicle that is a place, with what it carries."""
    return await rows(
        conn,
        Carried,
        """select l.code as vehicle,
                  array(select distinct h.code from balance b join handling_unit h using (hu_id)
                        where b.location_id = l.location_id and b.on_hand > 0 order by 1) as units,
                  (select coalesce(sum(b.on_hand), 0) from balance b where b.location_id = l.location_id) as on_hand,
                  (select t.task_id from task t where t.owner = l.code and t.state in ('assigned', 'in_progress')
                   order by t.seq limit 1) as task_id
           from location l where l.level = 'vehicle' order by l.code""",
        {},
    )
