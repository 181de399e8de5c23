"""Tasks in the database: one row each, an event for every change, and a message to whoever follows them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import sql

from warehouse.commands import Actor
from warehouse.ledger import BalanceKey
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.loose_moves import LooseGoods
from warehouse.postgres.transport.loads import Load
from warehouse.tasks import Claimed, TaskKind, TaskLoad, TaskState, TaskStep

# The columns that a change may set; `beat`, `state` and history are `change`'s own.
_COLUMNS = frozenset(
    {
        "priority", "deadline", "target_id", "rule", "quantity", "weight_kg", "volume_m3", "items", "owner",
        "claimed_by", "attempt", "failures", "step", "carrier_id", "lost", "reason", "detail", "lease_s", "source_id",
        "pickup", "stock_status", "serial_ids", "tags",
    }
)  # fmt: skip

_SELECT = """select t.task_id, t.kind, t.state, t.hu_id, h.code as unit, t.pickup, s.code as source, t.source_id,
    g.code as target, t.target_id, t.priority, t.deadline, t.owner, t.claimed_by, t.attempt, t.failures, t.beat,
    t.step, t.carrier_id, t.lost, t.reason, t.lease_s, t.seq, t.quantity, t.item_id, i.code as item, i.unit as uom,
    t.lot_id, o.code as lot, t.serial_ids,
    array(select n.code from unnest(t.serial_ids) with ordinality as u (serial_id, place)
          join serial n using (serial_id) order by u.place) as serials,
    t.stock_owner, t.stock_status, t.tags, t.rest_of, t.rule
    from task t join location s on s.location_id = t.source_id left join location g on g.location_id = t.target_id
    left join handling_unit h on h.hu_id = t.hu_id left join item i on i.item_id = t.item_id
    left join lot o on o.lot_id = t.lot_id"""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as it is, its row locked: `unit` of a handling unit, or `item` and what follows of loose goods."""

    task_id: UUID
    kind: str
    state: TaskState
    hu_id: int | None
    unit: str | None
    pickup: str
    source: str
    source_id: int
    target: str | None
    target_id: int | None
    priority: int
    deadline: datetime | None
    owner: str
    claimed_by: str
    attempt: int
    failures: int
    beat: int
    step: TaskStep | None
    carrier_id: int | None
    lost: bool
    reason: str
    lease_s: int
    seq: int
    quantity: Decimal
    item_id: int | None
    item: str | None
    uom: str | None
    lot_id: int | None
    lot: str | None
    serial_ids: list[int]
    serials: list[str]
    stock_owner: str
    stock_status: str
    tags: list[str]
    rest_of: UUID | None
    rule: str

    @property
    def named(self) -> str:
        """Its load, as people call it."""
        if self.unit is not None:
            return f"unit {self.unit}"
        told = [f"{self.quantity.normalize():f} {self.uom} of {self.item}"]
        told += [f"lot {self.lot}"] if self.lot is not None else []
        told += [f"serial {self.serials[0]}"] if len(self.serials) == 1 else []
        return ", ".join(told)

    @property
    def goods(self) -> LooseGoods | None:
        """What loose goods are, where they stand now; None of a handling unit."""
        if self.item_id is None:
            return None
        at_id = self.source_id if self.carrier_id is None else self.carrier_id
        key = BalanceKey(self.item_id, self.lot_id, None, at_id, None, self.stock_owner, self.stock_status)
        return LooseGoods(key, tuple(self.serial_ids))

    @property
    def claimed(self) -> Claimed:
        return Claimed(self.state, self.attempt, self.claimed_by, self.owner, self.step, self.failures)

    def answer(self) -> dict[str, Any]:
        """What a command about it answers."""
        return {
            "task_id": str(self.task_id),
            "kind": self.kind,
            "state": self.state,
            "attempt": self.attempt,
            "owner": self.owner,
            "step": self.step,
            "unit": self.unit,
            "item": self.item,
            "lot": self.lot,
            "serial": self.serials[0] if len(self.serials) == 1 else None,
            "serials": self.serials,
            "stock_owner": self.stock_owner,
            "stock_status": self.stock_status,
            "quantity": str(self.quantity),
            "uom": self.uom,
            "pickup": self.pickup,
            "source": self.source,
            "target": self.target,
            "priority": self.priority,
            "deadline": None if self.deadline is None else self.deadline.isoformat(),
            "rest_of": None if self.rest_of is None else str(self.rest_of),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a task: what happened when, by whom, and the columns it sets."""

    event: str
    state: TaskState
    at: datetime
    actor: Actor
    request_id: UUID | None
    values: Mapping[str, Any]
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be made. `target_id` None: no place takes its load, and it is failed from the start."""

    task_id: UUID
    kind: TaskKind
    load: Load
    pickup: str
    source_id: int
    target_id: int | None
    priority: int = 0
    deadline: datetime | None = None
    rule: str = ""
    passage_id: UUID | None = None
    rest_of: UUID | None = None


def make(conn: Conn, new: NewTask, actor: Actor, reason: str) -> bool:
    """Write its row, without telling anybody; False when it is there already. `reason`: why it has failed."""
    load, goods = new.load, new.load.loose
    key = None if goods is None else goods.key
    made = conn.execute(
        """insert into task (task_id, kind, state, priority, deadline, hu_id, pickup, source_id, target_id, rule,
                             quantity, weight_kg, volume_m3, items, reason, passage_id, created_by,
                             item_id, lot_id, serial_ids, stock_owner, stock_status, tags, rest_of)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (task_id) do nothing""",
        (new.task_id, new.kind, TaskState.FAILED if reason else TaskState.OPEN, new.priority, new.deadline, load.hu_id,
         new.pickup, new.source_id, new.target_id, new.rule, load.quantity, load.weight_kg, load.volume_m3,
         list(load.item_ids), reason, new.passage_id, actor.name,
         *((None, None, [], "", "") if key is None or goods is None else
           (key.item_id, key.lot_id, list(goods.serial_ids), key.owner, key.status)), list(load.tags), new.rest_of),
    )  # fmt: skip
    return made.rowcount == 1


def lock_task(conn: Conn, task_id: UUID) -> TaskRow | None:
    return _one(conn, " where t.task_id = %s for update of t", (task_id,))


def lock_next(conn: Conn, sources: tuple[str, ...], takes: Collection[TaskLoad]) -> TaskRow | None:
    """The most urgent open task for such a load that nobody else is taking at this moment."""
    return _one(
        conn,
        """ where t.state = 'open' and (%(sources)s::text[] is null or s.code = any(%(sources)s)
                                        or t.pickup = any(%(sources)s))
              and case when t.hu_id is null then %(goods)s else %(unit)s end
            order by t.priority desc, t.deadline nulls last, t.seq limit 1 for update of t skip locked""",
        {"sources": list(sources) or None, "goods": TaskLoad.GOODS in takes, "unit": TaskLoad.UNIT in takes},
    )


def live_task_of(conn: Conn, hu_id: int) -> TaskRow | None:
    """The task of a handling unit that is not over, locked."""
    return _one(
        conn, " where t.hu_id = %s and t.state in ('open', 'assigned', 'in_progress') for update of t", (hu_id,)
    )


def change(conn: Conn, task: TaskRow, made: Change) -> TaskRow:
    """Apply a change: row, history and message in the caller's transaction; the row as it is then."""
    assert made.values.keys() <= _COLUMNS, made.values.keys() - _COLUMNS
    values = {**made.values, "state": str(made.state)}
    sets = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(k), sql.Placeholder(k)) for k in values)
    conn.execute(
        sql.SQL(
            """update task set {}, beat = beat + 1,
                   lease_until = case when {claimed} and {lease} > 0 then now() + make_interval(secs => {lease}) end,
                   ended_at = case when {over} then {at} end
               where task_id = {task_id}"""
        ).format(
            sets,
            claimed=sql.Literal(made.state in (TaskState.ASSIGNED, TaskState.IN_PROGRESS)),
            lease=sql.Literal(int(made.values.get("lease_s", task.lease_s))),
            over=sql.Literal(made.state in (TaskState.DONE, TaskState.CANCELLED)),
            at=sql.Placeholder("_at"),
            task_id=sql.Placeholder("_task_id"),
        ),
        {**values, "_at": made.at, "_task_id": task.task_id},
    )
    return tell(conn, task.task_id, made)


def tell(conn: Conn, task_id: UUID, made: Change) -> TaskRow:
    """Write the event of a change that the row has already, and the message."""
    now = lock_task(conn, task_id)
    assert now is not None
    conn.execute(
        """insert into task_event (task_id, beat, event, state, attempt, owner, at, actor, device, reason, detail,
                                   request_id)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (task_id, now.beat, made.event, now.state, now.attempt, now.owner, made.at, made.actor.name, made.actor.device,
         made.reason, made.detail, made.request_id),
    )  # fmt: skip
    payload = {**now.answer(), "event": made.event, "reason": made.reason, "detail": made.detail}
    outbox.add(conn, "task", str(task_id), payload)
    return now


def _one(conn: Conn, tail: str, values: Any) -> TaskRow | None:
    row = conn.execute((_SELECT + tail).encode(), values).fetchone()
    if row is None:
        return None
    found = list(row)
    found[2] = TaskState(found[2])
    found[17] = TaskStep(found[17]) if found[17] else None
    return TaskRow(*found)
