"""Tasks that follow from what happened: what came in is put away, for what has left nobody needs to come any more."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from warehouse.commands import Actor, RefusalCode
from warehouse.ledger import BalanceKey
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.loose_moves import LooseGoods
from warehouse.postgres.goods.unit_moves import lock_units, outermost_units, place_of_unit
from warehouse.postgres.naming import Refuse
from warehouse.postgres.transport.loads import LOOSE, SERIALS_MAX, Load, contents_of, left_for, loose
from warehouse.postgres.transport.putaway import Choice, choose, spread, still_fits
from warehouse.postgres.transport.task_rows import (
    Change,
    NewTask,
    TaskRow,
    change,
    live_task_of,
    lock_task,
    make,
    tell,
)
from warehouse.tasks import TaskKind, TaskState, TaskStep

NO_ROOM = "no_room"
GOODS_LEFT = "goods_left"


def after_receipt(
    conn: Conn,
    unit_ids: Iterable[int],
    source_id: int,
    pickup: str,
    namespace: UUID,
    at: datetime,
    actor: Actor,
    passage_id: UUID | None = None,
) -> None:
    """Make the put-away task of each unit that came in at a place, once; what its live task holds room for is renewed.

    A unit in another that came in too goes with it. Where no rule is about a unit it stays where it is.
    """
    wanted = sorted(set(unit_ids))
    if not wanted or not _any_rule(conn, loose_goods=False):
        return
    lock_units(conn, wanted)
    tops = outermost_units(conn, wanted)
    for hu_id in wanted:
        if tops[hu_id] != hu_id and tops[hu_id] in wanted:
            continue
        live = live_task_of(conn, hu_id)
        unit = contents_of(conn, hu_id)
        if live is not None:
            _renew(conn, live, unit)
        elif unit.goods and place_of_unit(conn, hu_id) == source_id:
            task_id = uuid5(namespace, f"putaway/{hu_id}")
            put_away(conn, task_id, unit, source_id, pickup, at, actor, None, passage_id)


def after_loose_receipt(
    conn: Conn, move_ids: Sequence[UUID], pickup: str | None, at: datetime, actor: Actor, passage_id: UUID | None = None
) -> None:
    """Make the put-away tasks of what these movements brought in without a handling unit, where a rule is about it.

    It is handed over at `pickup`, by default where it stands.
    By item, lot, owner and status; of each what is there, nobody reserved and no other task is about. Where no one
    place has room for all of it there is a task for each, and serial numbers are shared out in their order.
    """
    if not move_ids or not _any_rule(conn, loose_goods=True):
        return
    rows: list[tuple[Any, ...]] = conn.execute(
        """select m.item_id, m.lot_id, null, m.to_location_id, null, m.owner, m.to_status, sum(m.quantity),
                  array_agg(m.serial_id order by m.serial_id) filter (where m.serial_id is not null),
                  array(select x.epc from move_tag x join move y using (seq)
                        where y.move_id = any(%(ids)s) and y.item_id = m.item_id and y.to_hu_id is null
                          and y.lot_id is not distinct from m.lot_id
                          and y.to_location_id = m.to_location_id and y.owner = m.owner and y.to_status = m.to_status
                        order by 1),
                  t.code, min(m.move_id::text)
           from move m join location f on f.location_id = m.from_location_id
           join location t on t.location_id = m.to_location_id
           where m.move_id = any(%(ids)s) and m.to_hu_id is null and f.kind <> 'internal' and t.kind = 'internal'
           group by 1, 2, 4, 6, 7, t.code order by 1, 2 nulls first, 4, 6, 7""",
        {"ids": list(move_ids)},
    ).fetchall()
    for *columns, quantity, serial_ids, tags, place, first in rows:
        left, goods = left_for(conn, LooseGoods(BalanceKey(*columns), tuple(serial_ids or ())))
        if min(quantity, left) > 0:
            load = loose(conn, goods, min(quantity, left), tags)
            _put_loose_away(conn, UUID(first), load, pickup or place, at, actor, passage_id)


def _put_loose_away(
    conn: Conn,
    namespace: UUID,
    load: Load,
    pickup: str,
    at: datetime,
    actor: Actor,
    passage_id: UUID | None,
) -> None:
    """Put-away tasks by the rules, one for each place that takes some of it; none when no rule is about it."""
    assert load.loose is not None
    source_id, numbers = load.loose.key.location_id, list(load.loose.serial_ids)
    made = 0
    for choice, quantity in spread(conn, load, source_id, pickup):
        mine, numbers = numbers[: int(quantity)], numbers[int(quantity) :]
        for first in range(0, max(1, len(mine)), SERIALS_MAX):
            goods = load.loose.only(mine[first : first + SERIALS_MAX])
            # Which of the tagged goods go where is the driver's choice: until they say, any of them may.
            part = loose(conn, goods, Decimal(len(goods.serial_ids)) if mine else quantity, load.tags)
            task_id = uuid5(namespace, f"putaway/{made}")
            made_task(conn, _by_rule(choice, task_id, part, pickup, source_id, at, passage_id), at, actor, None)
            made += 1


def after_issue(conn: Conn, unit_ids: Iterable[int], at: datetime, actor: Actor, request_id: UUID) -> None:
    """Units that hold no stock any more: nobody needs to fetch them. Who carries one already sets it down."""
    for hu_id in sorted(set(unit_ids)):
        live = live_task_of(conn, hu_id)
        if live is not None and live.step is not TaskStep.PICKED and not contents_of(conn, hu_id).goods:
            made = Change("cancelled", TaskState.CANCELLED, at, actor, request_id, {"reason": GOODS_LEFT}, GOODS_LEFT)
            change(conn, live, made)


def put_away(
    conn: Conn,
    task_id: UUID,
    unit: Load,
    source_id: int,
    pickup: str,
    at: datetime,
    actor: Actor,
    request_id: UUID | None,
    passage_id: UUID | None = None,
    priority: int | None = None,
    deadline: datetime | None = None,
) -> TaskRow | None:
    """A put-away task by the rules; failed from the start when every place is full. None when no rule is about it."""
    choice = choose(conn, unit, source_id, pickup)
    if choice is None:
        return None
    new = _by_rule(choice, task_id, unit, pickup, source_id, at, passage_id)
    new = replace(new, priority=new.priority if priority is None else priority, deadline=deadline or new.deadline)
    return made_task(conn, new, at, actor, request_id)


def _by_rule(
    choice: Choice, task_id: UUID, load: Load, pickup: str, source_id: int, at: datetime, passage_id: UUID | None
) -> NewTask:
    minutes = choice.within_minutes
    return NewTask(
        task_id,
        TaskKind.PUTAWAY,
        load,
        pickup,
        source_id,
        choice.target_id,
        choice.task_priority,
        None if minutes is None else at + timedelta(minutes=minutes),
        choice.rule,
        passage_id,
    )


def made_task(conn: Conn, new: NewTask, at: datetime, actor: Actor, request_id: UUID | None) -> TaskRow:
    """Make a task and tell of it; one without a target has failed and raises an alarm."""
    if not make(conn, new, actor, "" if new.target_id is not None else NO_ROOM):  # an amendment of the same receipt
        found = lock_task(conn, new.task_id)
        assert found is not None
        return found
    if new.target_id is not None:
        return tell(conn, new.task_id, Change("created", TaskState.OPEN, at, actor, request_id, {}, new.rule))
    row = tell(conn, new.task_id, Change("created", TaskState.FAILED, at, actor, request_id, {}, NO_ROOM, new.rule))
    detail = f"no place of rule {new.rule} takes {row.named}"
    alarm = {"kind": NO_ROOM, "portal": new.pickup, "detail": detail, "unit": row.unit}
    outbox.add(conn, "alarm", str(new.task_id), alarm)
    return row


def move_task(
    conn: Conn,
    task_id: UUID,
    load: Load,
    source_id: int,
    pickup: str,
    target_id: int,
    at: datetime,
    actor: Actor,
    request_id: UUID,
    priority: int,
    deadline: datetime | None,
) -> TaskRow:
    """A task to the place that somebody named. Raises `Refuse` when that is full."""
    if not still_fits(conn, load, target_id):
        raise Refuse(RefusalCode.NO_ROOM, "target", "the place does not take it: it is full, or holds another item")
    make(conn, NewTask(task_id, TaskKind.MOVE, load, pickup, source_id, target_id, priority, deadline), actor, "")
    return tell(conn, task_id, Change("created", TaskState.OPEN, at, actor, request_id, {}))


def fit(conn: Conn, task: TaskRow, at: datetime, actor: Actor, request_id: UUID) -> TaskRow:
    """An open task for loose goods is about what is there and nobody reserved: less than it was, or over."""
    if task.goods is None or task.state is not TaskState.OPEN:
        return task
    left, goods = left_for(conn, task.goods, task.task_id, task.seq)
    there = min(task.quantity, left)
    if there <= 0:
        made = Change("cancelled", TaskState.CANCELLED, at, actor, request_id, {"reason": GOODS_LEFT}, GOODS_LEFT)
        return change(conn, task, made)
    if there == task.quantity:
        return task
    values = about(loose(conn, goods, there, task.tags))
    detail = f"{there.normalize():f} of {task.quantity.normalize():f} are left"
    return change(conn, task, Change("reduced", TaskState.OPEN, at, actor, request_id, values, GOODS_LEFT, detail))


def about(load: Load) -> dict[str, object]:
    """What of a task's row says what it brings, for another quantity of the same loose goods."""
    assert load.loose is not None
    return {
        "quantity": load.quantity,
        "weight_kg": load.weight_kg,
        "volume_m3": load.volume_m3,
        "serial_ids": list(load.loose.serial_ids),
        "tags": list(load.tags),
    }


def _renew(conn: Conn, task: TaskRow, unit: Load) -> None:
    conn.execute(
        "update task set quantity = %s, weight_kg = %s, volume_m3 = %s, items = %s where task_id = %s",
        (unit.quantity, unit.weight_kg, unit.volume_m3, list(unit.item_ids), task.task_id),
    )


def _any_rule(conn: Conn, *, loose_goods: bool) -> bool:
    row = conn.execute(
        "select exists (select from putaway_rule where enabled and (unit_kind = %s) = %s)", (LOOSE, loose_goods)
    ).fetchone()
    return row is not None and bool(row[0])
