"""Tasks in the database: one row each, an event for every change, and a message to whoever follows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from warehouse.commands import Actor
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.tasks import Claimed, TaskState, TaskStep

# The columns that a change may set; `beat`, `state` and history are `change`'s own.
_COLUMNS = frozenset(
    {
        "priority", "deadline", "target_id", "rule", "quantity", "weight_kg", "volume_m3", "items", "owner",
        "claimed_by", "attempt", "failures", "step", "carrier_id", "lost", "reason", "detail", "lease_s", "source_id",
        "pickup",
    }
)  # fmt: skip

_SELECT = """select t.task_id, t.kind, t.state, t.hu_id, h.code as unit, t.pickup, s.code as source, t.source_id,
    g.code as target, t.target_id, t.priority, t.deadline, t.owner, t.claimed_by, t.attempt, t.failures, t.beat,
    t.step, t.carrier_id, t.lost, t.reason, t.lease_s
    from task t join handling_unit h using (hu_id) join location s on s.location_id = t.source_id
    left join location g on g.location_id = t.target_id"""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as it is, its row locked."""

    task_id: UUID
    kind: str
    state: TaskState
    hu_id: int
    unit: str
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
            "pickup": self.pickup,
            "source": self.source,
            "target": self.target,
            "priority": self.priority,
            "deadline": None if self.deadline is None else self.deadline.isoformat(),
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


def lock_task(conn: Conn, task_id: UUID) -> TaskRow | None:
    return _one(conn, " where t.task_id = %s for update of t", (task_id,))


def lock_next(conn: Conn, sources: tuple[str, ...]) -> TaskRow | None:
    """The most urgent open task that nobody else is taking at this moment."""
    return _one(
        conn,
        """ where t.state = 'open' and (%(sources)s::text[] is null or s.code = any(%(sources)s)
                                        or t.pickup = any(%(sources)s))
            order by t.priority desc, t.deadline nulls last, t.seq limit 1 for update of t skip locked""",
        {"sources": list(sources) or None},
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
