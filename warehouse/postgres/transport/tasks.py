"""Commands on tasks. What may be said is decided by `warehouse.tasks`; stock moves in the same transaction."""

from datetime import datetime
from uuid import UUID

from warehouse.commands import (
    Actor,
    Audit,
    CancelTask,
    ClaimTask,
    FailTask,
    FinishTask,
    LapseTask,
    Permission,
    ReassignTask,
    RefusalCode,
    ReleaseTask,
    ReportTask,
)
from warehouse.ledger import Circumstance
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.loose_moves import move_loose
from warehouse.postgres.goods.unit_moves import lock_units, move_unit
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_location
from warehouse.postgres.transport.loads import Load, contents_of, free_parts, loose
from warehouse.postgres.transport.putaway import choose, still_fits
from warehouse.postgres.transport.task_creation import check_stands
from warehouse.postgres.transport.task_parts import Part, left_behind, named_part, still_carried
from warehouse.postgres.transport.task_planning import NO_ROOM, about, fit
from warehouse.postgres.transport.task_rows import Change, TaskRow, change, live_task_of, lock_next, lock_task
from warehouse.tasks import (
    CLAIMED,
    LEASE_S_MAX,
    LIVE,
    LoadWhere,
    Standing,
    TaskState,
    TaskStep,
    claim_standing,
    failure_standing,
    progress_standing,
    state_after_failure,
)

_FREE: dict[str, object] = {"owner": "", "claimed_by": "", "step": "", "carrier_id": None, "lost": False}


def claim_task(conn: Conn, c: ClaimTask, actor: Actor, request_id: UUID) -> Answer:
    _check_lease(c.lease_s)
    if c.task_id is None and not c.sources and actor.rights.warehouses(Permission.TASK) is not None:
        raise Refuse(RefusalCode.FORBIDDEN, "sources", "the next task may be anywhere: name places of your warehouses")
    owner = c.owner or actor.name
    if not c.takes:
        raise Refuse(RefusalCode.INVALID, "takes", "say what you take: unit, goods, or both")
    task = _next(conn, c, actor, request_id) if c.task_id is None else _fitted(conn, c.task_id, actor, request_id)
    if task is None:
        return {"task": None}, Audit(after={"task": None})
    standing = claim_standing(task.claimed, actor.name, owner)
    if standing is Standing.OVERTAKEN:
        raise Refuse(RefusalCode.OVERTAKEN, "task_id", f"{task.owner} has it")
    if standing is Standing.WRONG_STATE:
        raise Refuse(RefusalCode.WRONG_STATE, "task_id", f"it is {task.state}")
    if standing is Standing.GOOD:
        values = {"owner": owner, "claimed_by": actor.name, "attempt": task.attempt + 1, "lease_s": c.lease_s}
        made = Change("claimed", TaskState.ASSIGNED, database_now(conn), actor, request_id, {**_FREE, **values})
        task = change(conn, task, made)
    return {"task": task.answer()}, Audit(after={"task": str(task.task_id), "owner": owner})


def report_task(conn: Conn, c: ReportTask, actor: Actor, request_id: UUID) -> Answer:
    task = _task(conn, c.task_id)
    if _checked(conn, task, progress_standing(task.claimed, c.attempt, actor.name)) is Standing.REPEATED:
        return task.answer(), Audit()
    at = c.effective_at or database_now(conn)
    step = TaskStep.PICKED if task.step is TaskStep.PICKED else c.step
    values: dict[str, object] = {"step": step, "lost": False, "lease_s": task.lease_s}
    part = _picked_part(conn, task, c)
    if step is TaskStep.PICKED and task.step is not TaskStep.PICKED:
        values["carrier_id"] = carrier_id = _carrier(conn, c.vehicle, task.owner)
        if carrier_id is not None:
            reason = f"task {task.task_id}: on {c.vehicle or task.owner}"
            _bring(conn, task, carrier_id, _circumstance(actor, at, request_id, reason), request_id, "picked", part)
    detail = _partly(values, part, task)
    now = change(conn, task, Change(c.step, TaskState.IN_PROGRESS, at, actor, request_id, values, detail=detail))
    rest = None
    if part is not None and part.rest is not None:
        rest = left_behind(conn, task, part.rest, at, actor, request_id)
    return {**now.answer(), **_rest(rest)}, Audit({"step": task.step}, {"step": step})


def finish_task(conn: Conn, c: FinishTask, actor: Actor, request_id: UUID) -> Answer:
    task = _task(conn, c.task_id)
    if _checked(conn, task, progress_standing(task.claimed, c.attempt, actor.name)) is Standing.REPEATED:
        return {**task.answer(), "moves": [], **_rest(None)}, Audit()
    part = named_part(conn, task, c.quantity, c.serials, c.epcs)
    target_id = task.target_id
    if c.target is not None:
        target_id = find_location(conn, c.target, "target")
        check_stands(conn, target_id, "target")
    if target_id is None:
        raise Refuse(RefusalCode.INVALID, "target", "the task has no target: say where the load is")
    at = c.effective_at or database_now(conn)
    reason = f"task {task.task_id}: put away by {task.owner}"
    moves = _bring(conn, task, target_id, _circumstance(actor, at, request_id, reason), request_id, "done", part)
    values: dict[str, object] = {
        "carrier_id": None, "lost": False, "target_id": target_id, "reason": "", "detail": "",
    }  # fmt: skip
    detail = _partly(values, part, task)
    now = change(conn, task, Change("done", TaskState.DONE, at, actor, request_id, values, detail=detail))
    rest = None
    if part is not None and part.rest is not None:
        if task.step is TaskStep.PICKED:
            rest = still_carried(conn, task, part.rest, target_id, at, actor, request_id)
        else:
            rest = left_behind(conn, task, part.rest, at, actor, request_id)
    response = {**now.answer(), "moves": [str(move) for move in moves], **_rest(rest)}
    return response, Audit({"state": task.state}, {"state": now.state, "target": now.target})


def fail_task(conn: Conn, c: FailTask, actor: Actor, request_id: UUID) -> Answer:
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "say why it failed")
    task = _task(conn, c.task_id)
    if _checked(conn, task, failure_standing(task.claimed, c.attempt, actor.name)) is Standing.REPEATED:
        return task.answer(), Audit()
    at = c.effective_at or database_now(conn)
    told = {"reason": c.reason, "detail": c.detail}
    if c.lost and c.load is not LoadWhere.SOURCE:
        made = Change("lost", TaskState.IN_PROGRESS, at, actor, request_id, {**told, "lost": True}, c.reason, c.detail)
        return change(conn, task, made).answer(), Audit({"lost": task.lost}, {"lost": True})
    load = LoadWhere.VEHICLE if c.load is LoadWhere.SOURCE and task.carrier_id is not None else c.load
    state = state_after_failure(task.claimed, load)
    values: dict[str, object] = {**_FREE, **told, "failures": task.failures + 1, "carrier_id": task.carrier_id}
    if state is TaskState.OPEN and not _again(conn, task, values):
        state, values["reason"] = TaskState.FAILED, NO_ROOM
    now = change(conn, task, Change("failed", state, at, actor, request_id, values, c.reason, c.detail))
    return now.answer(), Audit({"state": task.state}, {"state": now.state, "reason": c.reason, "load": load})


def release_task(conn: Conn, c: ReleaseTask, actor: Actor, request_id: UUID) -> Answer:
    task = _task(conn, c.task_id)
    if task.state not in CLAIMED and task.state is not TaskState.FAILED:
        raise Refuse(RefusalCode.WRONG_STATE, "task_id", f"it is {task.state}")
    other = _other_task(conn, task)
    if other is not None:
        raise Refuse(RefusalCode.EXISTS, "task_id", f"{task.named} has another task by now: {other}")
    at = database_now(conn)
    values: dict[str, object] = {**_FREE, "failures": 0, "reason": c.reason, "detail": ""}
    values |= _settled(conn, task, c.location, actor, at, request_id)
    if not _again(conn, task, values):
        raise Refuse(RefusalCode.NO_ROOM, "task_id", f"no place takes {task.named} now")
    now = change(conn, task, Change("released", TaskState.OPEN, at, actor, request_id, values, c.reason))
    return now.answer(), Audit({"state": task.state, "owner": task.owner}, {"state": now.state, "target": now.target})


def reassign_task(conn: Conn, c: ReassignTask, actor: Actor, request_id: UUID) -> Answer:
    _check_lease(c.lease_s)
    if not c.owner:
        raise Refuse(RefusalCode.INVALID, "owner", "name who gets it")
    task = _task(conn, c.task_id)
    if task.state not in LIVE or task.step is TaskStep.PICKED:
        word = "its load was picked up" if task.step is TaskStep.PICKED else f"it is {task.state}"
        raise Refuse(RefusalCode.WRONG_STATE, "task_id", word)
    values = {"owner": c.owner, "claimed_by": c.owner, "attempt": task.attempt + 1, "lease_s": c.lease_s}
    made = Change("reassigned", TaskState.ASSIGNED, database_now(conn), actor, request_id, {**_FREE, **values})
    now = change(conn, task, made)
    return now.answer(), Audit({"owner": task.owner}, {"owner": c.owner})


def cancel_task(conn: Conn, c: CancelTask, actor: Actor, request_id: UUID) -> Answer:
    task = _task(conn, c.task_id)
    if task.state not in LIVE and task.state is not TaskState.FAILED:
        raise Refuse(RefusalCode.WRONG_STATE, "task_id", f"it is {task.state}")
    at = database_now(conn)
    values: dict[str, object] = {**_FREE, "reason": c.reason, **_settled(conn, task, c.location, actor, at, request_id)}
    now = change(conn, task, Change("cancelled", TaskState.CANCELLED, at, actor, request_id, values, c.reason))
    return now.answer(), Audit({"state": task.state, "owner": task.owner}, {"state": now.state, "reason": c.reason})


def lapse_task(conn: Conn, c: LapseTask, actor: Actor, request_id: UUID) -> Answer:
    """Decided by the number of events, not by a clock: it means the same whenever it is executed."""
    task = _task(conn, c.task_id)
    at = database_now(conn)
    if task.beat == c.beat and task.state is TaskState.OPEN:
        now = fit(conn, task, at, actor, request_id)
        return now.answer(), Audit({"state": task.state}, {"state": now.state}) if now is not task else Audit()
    if task.beat != c.beat or task.state not in CLAIMED:
        return task.answer(), Audit()
    load = LoadWhere.UNKNOWN if task.step is TaskStep.PICKED else LoadWhere.SOURCE
    state = state_after_failure(task.claimed, load)
    # The claim is kept: unless another follows, a late report of it is believed.
    values = {"failures": task.failures + 1, "reason": "silent", "lost": load is LoadWhere.UNKNOWN}
    detail = f"{task.owner} said nothing for {task.lease_s} s"
    now = change(conn, task, Change("lapsed", state, at, actor, request_id, values, "silent", detail))
    return now.answer(), Audit({"state": task.state, "owner": task.owner}, {"state": now.state})


def _task(conn: Conn, task_id: UUID) -> TaskRow:
    task = lock_task(conn, task_id)
    if task is None:
        raise Refuse(RefusalCode.NOT_FOUND, "task_id", f"no task {task_id}")
    return task


def _next(conn: Conn, c: ClaimTask, actor: Actor, request_id: UUID) -> TaskRow | None:
    """The most urgent open task whose load is still there; those whose goods have left are over."""
    while (task := lock_next(conn, c.sources, c.takes)) is not None:
        task = fit(conn, task, database_now(conn), actor, request_id)
        if task.state is TaskState.OPEN:
            break
    return task


def _fitted(conn: Conn, task_id: UUID, actor: Actor, request_id: UUID) -> TaskRow | None:
    """The named task; None when it was open until now, and its goods have left."""
    task = _task(conn, task_id)
    now = fit(conn, task, database_now(conn), actor, request_id)
    return None if task.state is TaskState.OPEN and now.state is not TaskState.OPEN else now


def _load(conn: Conn, task: TaskRow) -> Load:
    """What there is of its load: of loose goods what the task is about."""
    if task.goods is not None:
        return loose(conn, task.goods, task.quantity, task.tags)
    assert task.hu_id is not None
    return contents_of(conn, task.hu_id)


def _picked_part(conn: Conn, task: TaskRow, c: ReportTask) -> Part | None:
    """What of loose goods was picked up; all of them when nothing else is said."""
    named = [field for field in ("quantity", "serials", "epcs") if getattr(c, field)]
    if named and c.step is not TaskStep.PICKED:
        raise Refuse(RefusalCode.INVALID, named[0], "goes with the step picked")
    part = named_part(conn, task, c.quantity, c.serials, c.epcs)
    if part is not None and part.rest is not None and task.step is TaskStep.PICKED:
        raise Refuse(RefusalCode.INVALID, named[0], f"{task.named} was picked up: say what is put away when it is")
    return part


def _partly(values: dict[str, object], part: Part | None, task: TaskRow) -> str:
    """Where only a part was brought the row is about that from now on; how much of all it is, in words."""
    if part is None or part.rest is None:
        return ""
    values |= about(part.load)
    return f"{part.load.quantity.normalize():f} of {task.quantity.normalize():f}"


def _rest(rest: TaskRow | None) -> dict[str, object]:
    return {"rest": None if rest is None else rest.answer()}


def _bring(
    conn: Conn,
    task: TaskRow,
    target_id: int,
    circumstance: Circumstance,
    request_id: UUID,
    prefix: str,
    part: Part | None = None,
) -> tuple[UUID, ...]:
    """Move what the task is about, or a part of its loose goods, stock and tags, from where they are by the task."""
    if task.goods is None:
        assert task.hu_id is not None
        return move_unit(conn, task.hu_id, target_id, circumstance, request_id, prefix)
    load, read = (_load(conn, task), ()) if part is None else (part.load, part.read)
    assert load.loose is not None
    free = free_parts(conn, load.loose)
    return move_loose(
        conn, load.loose, free, load.quantity, target_id, load.tags, read, circumstance, request_id, prefix
    )


def _other_task(conn: Conn, task: TaskRow) -> UUID | None:
    """The live task that its unit has instead, when this one is over. Of loose goods there may be several."""
    if task.state in LIVE or task.hu_id is None:
        return None
    lock_units(conn, [task.hu_id])
    other = live_task_of(conn, task.hu_id)
    return other.task_id if other is not None else None


def _checked(conn: Conn, task: TaskRow, standing: Standing) -> Standing:
    if standing is Standing.GOOD:
        other = _other_task(conn, task)
        if other is not None:
            raise Refuse(RefusalCode.OVERTAKEN, "task_id", f"{task.named} has another task by now: {other}")
    if standing is Standing.OVERTAKEN:
        raise Refuse(
            RefusalCode.OVERTAKEN, "attempt", f"attempt {task.attempt} has followed, by {task.owner or 'nobody'}"
        )
    if standing is Standing.NOT_YOURS:
        raise Refuse(RefusalCode.NOT_YOURS, "task_id", f"{task.claimed_by} claimed it")
    if standing is Standing.WRONG_STATE:
        raise Refuse(RefusalCode.WRONG_STATE, "task_id", f"it is {task.state}, at attempt {task.attempt}")
    return standing


def _settled(
    conn: Conn, task: TaskRow, location: str | None, actor: Actor, at: datetime, request_id: UUID
) -> dict[str, object]:
    """Put the load where a person says it is, which they must once it was picked up; what that sets in the row."""
    if location is None:
        if task.step is TaskStep.PICKED or task.carrier_id is not None:
            raise Refuse(RefusalCode.INVALID, "location", "the load was picked up: say where it is now")
        return {}
    location_id = find_location(conn, location)
    check_stands(conn, location_id, "location")
    reason = f"task {task.task_id}: found by {actor.name}"
    _bring(conn, task, location_id, _circumstance(actor, at, request_id, reason), request_id, "settled")
    return {"source_id": location_id, "pickup": location}


def _again(conn: Conn, task: TaskRow, values: dict[str, object]) -> bool:
    """Keep room for the load at its target, or choose another; False when there is none."""
    load = _load(conn, task)
    source_id = int(str(values.get("source_id", task.source_id)))
    if task.target_id not in (None, source_id) and still_fits(conn, load, task.target_id, task.task_id):
        return True
    if task.kind != "putaway":
        return False
    choice = choose(conn, load, source_id, str(values.get("pickup", task.pickup)), task.task_id)
    if choice is None or choice.target_id is None:
        return False
    values |= {"target_id": choice.target_id, "rule": choice.rule}
    return True


def _carrier(conn: Conn, named: str, owner: str) -> int | None:
    """The place that a vehicle is; one that is named becomes a place when it is none yet."""
    row = conn.execute("select location_id, level from location where code = %s", (named or owner,)).fetchone()
    if row is not None and row[1] == "vehicle":
        return int(row[0])
    if not named:
        return None
    if row is not None:
        raise Refuse(RefusalCode.INVALID, "vehicle", f"{named!r} is a place, not a vehicle")
    made = conn.execute(
        "insert into location (code, kind, level) values (%s, 'internal', 'vehicle') returning location_id", (named,)
    ).fetchone()
    assert made is not None
    return int(made[0])


def _circumstance(actor: Actor, at: datetime, request_id: UUID, reason: str) -> Circumstance:
    return Circumstance(actor.name, at, actor.device, request_id=request_id, reason=reason)


def _check_lease(lease_s: int) -> None:
    if not 0 <= lease_s <= LEASE_S_MAX:
        raise Refuse(RefusalCode.INVALID, "lease_s", f"a lease is 0 to {LEASE_S_MAX} seconds")


HANDLERS: Handlers = {
    ClaimTask: claim_task,
    ReportTask: report_task,
    FinishTask: finish_task,
    FailTask: fail_task,
    ReleaseTask: release_task,
    ReassignTask: reassign_task,
    CancelTask: cancel_task,
    LapseTask: lapse_task,
}
