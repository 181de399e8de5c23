"""Tasks that follow from what happened: received units are put away, units that left need no vehicle any more."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from warehouse.commands import Actor, RefusalCode
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.unit_moves import lock_units, outermost_units, place_of_unit
from warehouse.postgres.naming import Refuse
from warehouse.postgres.transport.putaway import UnitContents, choose, contents_of, still_fits
from warehouse.postgres.transport.task_rows import Change, TaskRow, change, live_task_of, lock_task, tell
from warehouse.tasks import TaskKind, TaskState, TaskStep

NO_ROOM = "no_room"


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
    if not wanted or not _any_rule(conn):
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


def after_issue(conn: Conn, unit_ids: Iterable[int], at: datetime, actor: Actor, request_id: UUID) -> None:
    """Units that hold no stock any more: nobody needs to fetch them. Who carries one already sets it down."""
    for hu_id in sorted(set(unit_ids)):
        live = live_task_of(conn, hu_id)
        if live is not None and live.step is not TaskStep.PICKED and not contents_of(conn, hu_id).goods:
            made = Change(
                "cancelled", TaskState.CANCELLED, at, actor, request_id, {"reason": "goods_left"}, "goods_left"
            )
            change(conn, live, made)


def put_away(
    conn: Conn,
    task_id: UUID,
    unit: UnitContents,
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
    if deadline is None and choice.within_minutes is not None:
        deadline = at + timedelta(minutes=choice.within_minutes)
    made = conn.execute(
        """insert into task (task_id, kind, state, priority, deadline, hu_id, pickup, source_id, target_id, rule,
                             quantity, weight_kg, volume_m3, items, reason, passage_id, created_by)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (task_id) do nothing""",
        (
            task_id,
            TaskKind.PUTAWAY,
            TaskState.OPEN if choice.target_id is not None else TaskState.FAILED,
            choice.task_priority if priority is None else priority,
            deadline,
            unit.hu_id,
            pickup,
            source_id,
            choice.target_id,
            choice.rule,
            unit.quantity,
            unit.weight_kg,
            unit.volume_m3,
            list(unit.item_ids),
            "" if choice.target_id is not None else NO_ROOM,
            passage_id,
            actor.name,
        ),
    )
    if made.rowcount == 0:  # an amendment of the same receipt
        return lock_task(conn, task_id)
    if choice.target_id is not None:
        return tell(conn, task_id, Change("created", TaskState.OPEN, at, actor, request_id, {}, choice.rule))
    row = tell(conn, task_id, Change("created", TaskState.FAILED, at, actor, request_id, {}, NO_ROOM, choice.rule))
    detail = f"no place of rule {choice.rule} takes unit {row.unit}"
    outbox.add(conn, "alarm", str(task_id), {"kind": NO_ROOM, "portal": pickup, "detail": detail, "unit": row.unit})
    return row


def move_task(
    conn: Conn,
    task_id: UUID,
    unit: UnitContents,
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
    if not still_fits(conn, unit, target_id):
        raise Refuse(RefusalCode.NO_ROOM, "target", "the place does not take it: it is full, or holds another item")
    conn.execute(
        """insert into task (task_id, kind, priority, deadline, hu_id, pickup, source_id, target_id, quantity,
                             weight_kg, volume_m3, items, created_by)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (task_id, TaskKind.MOVE, priority, deadline, unit.hu_id, pickup, source_id, target_id, unit.quantity,
         unit.weight_kg, unit.volume_m3, list(unit.item_ids), actor.name),
    )  # fmt: skip
    return tell(conn, task_id, Change("created", TaskState.OPEN, at, actor, request_id, {}))


def _renew(conn: Conn, task: TaskRow, unit: UnitContents) -> None:
    conn.execute(
        "update task set quantity = %s, weight_kg = %s, volume_m3 = %s, items = %s where task_id = %s",
        (unit.quantity, unit.weight_kg, unit.volume_m3, list(unit.item_ids), task.task_id),
    )


def _any_rule(conn: Conn) -> bool:
    row = conn.execute("select exists (select from putaway_rule where enabled)").fetchone()
    return row is not None and bool(row[0])
