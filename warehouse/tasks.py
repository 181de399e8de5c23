"""Transport tasks: bring a handling unit, or loose goods, to where it belongs. Who may say what about one, as values.

    open ──claim──▶ assigned ──accepted, picked──▶ in_progress ──finish──▶ done
      ▲                │                              │
      └── release, lapse, failure with the load ──────┤
          still at its source                         └── failure with the load elsewhere, too many failures ──▶ failed

A task is done by one claim at a time. Claims are counted: a report names the attempt it belongs to, and one that
another claim has followed is refused. A report that comes late, or twice, for the last attempt is believed: what it
says happened. `failed` waits for a person, who releases or cancels it and says where the load is.
"""

from dataclasses import dataclass
from enum import StrEnum

# A task that failed so often with its load at the source is not tried again before a person looked.
FAILURES_MAX = 5
LEASE_S_DEFAULT = 120
LEASE_S_MAX = 86_400


class TaskKind(StrEnum):
    """What a task is for: `putaway` by the rules, after a receipt; `move` because somebody asked."""

    PUTAWAY = "putaway"
    MOVE = "move"


class TaskLoad(StrEnum):
    """What a task brings: a handling unit with all that is in it, or a quantity of an item that stands in none."""

    UNIT = "unit"
    GOODS = "goods"


class TaskState(StrEnum):
    """Where a task is in its life."""

    OPEN = "open"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({TaskState.OPEN, TaskState.ASSIGNED, TaskState.IN_PROGRESS})
CLAIMED = frozenset({TaskState.ASSIGNED, TaskState.IN_PROGRESS})


class TaskStep(StrEnum):
    """How far a claimed task is. PICKED: the load is on the vehicle, which is now its place."""

    ACCEPTED = "accepted"
    PICKED = "picked"


class LoadWhere(StrEnum):
    """Where the load of a failed task is, as far as anybody has said."""

    SOURCE = "source"
    VEHICLE = "vehicle"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What decides whether a claim or report counts."""

    state: TaskState
    attempt: int
    claimed_by: str
    owner: str
    step: TaskStep | None
    failures: int


class Standing(StrEnum):
    """What a claim or report meets."""

    GOOD = "good"
    REPEATED = "repeated"
    OVERTAKEN = "overtaken"
    NOT_YOURS = "not_yours"
    WRONG_STATE = "wrong_state"


def claim_standing(task: Claimed, claimed_by: str, owner: str) -> Standing:
    """A claim of a task that has one already is repeated when it is the same, and overtaken otherwise."""
    if task.state is TaskState.OPEN:
        return Standing.GOOD
    if task.state in CLAIMED:
        return Standing.REPEATED if (task.claimed_by, task.owner) == (claimed_by, owner) else Standing.OVERTAKEN
    return Standing.WRONG_STATE


def failure_standing(task: Claimed, attempt: int, actor: str) -> Standing:
    """A failure; of a claim that was given up or taken away it says nothing new.

    A claim that lapsed and that no other has followed is alive again by it.
    """
    found = _attempt_standing(task, attempt, actor)
    if found is not Standing.GOOD:
        return found
    if task.state is TaskState.DONE:
        return Standing.REPEATED
    return Standing.WRONG_STATE if task.state is TaskState.CANCELLED else Standing.GOOD


def progress_standing(task: Claimed, attempt: int, actor: str) -> Standing:
    """A step, or the end: believed also after the claim lapsed, not of one that was given up or taken away."""
    found = failure_standing(task, attempt, actor)
    if found is Standing.REPEATED and task.state is not TaskState.DONE:
        return Standing.WRONG_STATE
    return found


def state_after_failure(task: Claimed, load: LoadWhere) -> TaskState:
    """Back to the queue while the load is known to be where it was, and it has not failed too often."""
    if load is LoadWhere.SOURCE and task.failures + 1 < FAILURES_MAX:
        return TaskState.OPEN
    return TaskState.FAILED


def _attempt_standing(task: Claimed, attempt: int, actor: str) -> Standing:
    if attempt < task.attempt:
        return Standing.OVERTAKEN
    if attempt > task.attempt or task.attempt == 0:
        return Standing.WRONG_STATE
    if not task.claimed_by:  # given up by who had it, or taken from them
        return Standing.REPEATED
    return Standing.GOOD if actor == task.claimed_by else Standing.NOT_YOURS
