"""A task for loose goods that is done only in part: so many, these serial numbers, or the things with these tags.

What is left is a task of its own (`rest_of`), so that each ends with what was really brought. While nothing was picked
up it is back in the queue, at the source and for the same place; so is what stayed behind when less was picked up.
What is still on the vehicle, because its place was full, stays its driver's and is brought to another place; where no
other takes it, it waits for a person as failed (`no_room`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid5

from warehouse.commands import Actor, RefusalCode
from warehouse.ledger import StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import to_base
from warehouse.postgres.goods.loose_moves import ReadTag
from warehouse.postgres.naming import Refuse, item_by_id
from warehouse.postgres.transport.loads import Load, loose
from warehouse.postgres.transport.putaway import choose, still_fits
from warehouse.postgres.transport.task_planning import NO_ROOM, made_task
from warehouse.postgres.transport.task_rows import Change, NewTask, TaskRow, change
from warehouse.tasks import TaskKind, TaskState, TaskStep


@dataclass(frozen=True, slots=True)
class Part:
    """What of a task's goods is meant: `load` of all of it or less, `read` the tags on it that somebody read."""

    load: Load
    read: tuple[ReadTag, ...] = ()
    rest: Load | None = None


def named_part(
    conn: Conn, task: TaskRow, quantity: Decimal | None, serials: Sequence[str], epcs: Sequence[str]
) -> Part | None:
    """The part of a task's goods that is named; None of a handling unit. Without a name it is all of them.

    Raises `Refuse` for what is not among them.
    """
    if task.goods is None:
        _refuse_parts_of_unit(task, quantity, serials, epcs)
        return None
    read = _read_tags(conn, task, epcs)
    numbers = _numbers(task, serials, read)
    amount = sum((tag.quantity for tag in read), Decimal(0)) if not task.serial_ids else Decimal(len(numbers))
    if quantity is not None:
        wanted = to_base(item_by_id(conn, task.goods.key.item_id), quantity, Fraction(1))
        if task.serial_ids and wanted != (amount or task.quantity):
            raise Refuse(RefusalCode.INVALID, "serials", "these goods have serial numbers: name those, or their tags")
        if wanted <= 0 or wanted < amount:
            told = "a task brings more than nothing" if wanted <= 0 else f"the tags named are on {amount.normalize():f}"
            raise Refuse(RefusalCode.INVALID, "quantity", told)
        amount = wanted
    amount = amount or task.quantity
    if amount > task.quantity:
        field = "epcs" if quantity is None else "quantity"
        raise Refuse(RefusalCode.INVALID, field, f"the task is about {task.named}: not about more")
    mine = numbers or list(task.serial_ids)
    part = loose(conn, task.goods.only(mine), amount, task.tags)
    if amount == task.quantity:
        return Part(part, read)
    known = {tag.epc for tag in read}
    others = task.goods.only(n for n in task.serial_ids if n not in mine)
    left = loose(conn, others, task.quantity - amount, [epc for epc in task.tags if epc not in known])
    return Part(part, read, left)


def left_behind(
    conn: Conn, task: TaskRow, rest: Load, at: datetime, actor: Actor, request_id: UUID
) -> TaskRow:  # fmt: skip
    """The task of what still stands at the source. To be made once `task` is about less."""
    assert rest.loose is not None
    rest = replace(rest, loose=replace(rest.loose, key=rest.loose.key._replace(location_id=task.source_id)))
    target_id, rule = task.target_id, None
    if target_id is None or not still_fits(conn, rest, target_id):
        choice = choose(conn, rest, task.source_id, task.pickup) if task.kind == TaskKind.PUTAWAY else None
        target_id, rule = (None, None) if choice is None else (choice.target_id, choice.rule)
    return made_task(conn, _new(task, rest, target_id, rule, request_id), at, actor, request_id)


def still_carried(
    conn: Conn, task: TaskRow, rest: Load, put_id: int, at: datetime, actor: Actor, request_id: UUID
) -> TaskRow:
    """The task of what is still with who put a part of it at `put_id`: theirs, under way already, to another place."""
    target_id, rule = task.target_id, None
    if task.kind == TaskKind.PUTAWAY:
        full = {put_id} if task.target_id is None else {put_id, task.target_id}
        choice = choose(conn, rest, task.source_id, task.pickup, but_ids=full)
        target_id, rule = (None, None) if choice is None else (choice.target_id, choice.rule)
    made = made_task(conn, _new(task, rest, target_id, rule, request_id), at, actor, request_id)
    state = TaskState.IN_PROGRESS if target_id is not None else TaskState.FAILED
    values = {
        "owner": task.owner, "claimed_by": task.claimed_by, "attempt": 1, "lease_s": task.lease_s,
        "step": TaskStep.PICKED, "carrier_id": task.carrier_id,
    }  # fmt: skip
    reason = "" if target_id is not None else NO_ROOM
    return change(conn, made, Change("carried", state, at, actor, request_id, values, reason))


def _new(task: TaskRow, load: Load, target_id: int | None, rule: str | None, request_id: UUID) -> NewTask:
    return NewTask(
        uuid5(request_id, "rest"),
        TaskKind(task.kind),
        load,
        task.pickup,
        task.source_id,
        target_id,
        task.priority,
        task.deadline,
        task.rule if rule is None else rule,
        rest_of=task.task_id,
    )


def _refuse_parts_of_unit(task: TaskRow, quantity: Decimal | None, serials: Sequence[str], epcs: Sequence[str]) -> None:
    for field, given in (("quantity", quantity is not None), ("serials", bool(serials)), ("epcs", bool(epcs))):
        if given:
            raise Refuse(RefusalCode.INVALID, field, f"{task.named} is brought whole: leave it out")


def _numbers(task: TaskRow, serials: Sequence[str], read: Sequence[ReadTag]) -> list[int]:
    """The serial numbers that are named, by themselves or by their tags, as the books call them."""
    by_code = dict(zip(task.serials, task.serial_ids, strict=True))
    for n, code in enumerate(serials):
        if code not in by_code:
            raise Refuse(RefusalCode.WRONG_GOODS, f"serials.{n}", f"{code!r} is none of the task's serial numbers")
    named = {by_code[code] for code in serials} | {tag.serial_id for tag in read}
    return [serial_id for serial_id in task.serial_ids if serial_id in named]


def _read_tags(conn: Conn, task: TaskRow, epcs: Sequence[str]) -> tuple[ReadTag, ...]:
    """Tags on goods of the task, which the books have where those are, or nowhere."""
    assert task.goods is not None
    wanted = list(dict.fromkeys(epc.upper() for epc in epcs))
    rows = conn.execute(
        """select t.epc, t.quantity, t.item_id, t.lot_id, t.serial_id, l.code, m.to_status, m.to_location_id
           from tag t
           left join lateral (select seq from move_tag x where x.epc = t.epc order by seq desc limit 1) last on true
           left join move m using (seq) left join location l on l.location_id = m.to_location_id
           where t.epc = any(%s) and t.retired_at is null""",
        (wanted,),
    ).fetchall()
    by_epc = {row[0]: row[1:] for row in rows}
    found, key = [], task.goods.key
    for n, epc in enumerate(wanted):
        if epc not in by_epc:
            raise Refuse(RefusalCode.NOT_FOUND, f"epcs.{n}", f"{epc} is not registered")
        quantity, item_id, lot_id, serial_id, place, status, place_id = by_epc[epc]
        same = item_id == key.item_id and lot_id in (None, key.lot_id) and (
            serial_id in task.serial_ids if task.serial_ids else serial_id is None
        )  # fmt: skip
        if not same:
            raise Refuse(RefusalCode.WRONG_GOODS, f"epcs.{n}", f"{epc} is not on {task.named}")
        if place_id not in (None, task.source_id, task.carrier_id):
            raise Refuse(RefusalCode.WRONG_GOODS, f"epcs.{n}", f"{epc} is at {place} by the books")
        found.append(ReadTag(epc, quantity, serial_id, None if status is None else StockStatus(status)))
    return tuple(found)
