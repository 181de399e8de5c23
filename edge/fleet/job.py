"""One order on one vehicle, from the claim to the last report.

    claiming ──claimed──▶ starting ──state names the order──▶ running ──all done──▶ reporting ──book knows──▶ (gone)
                              │                                  │                      ▲
                              └──rejected, not taken─────────────┼──────────────────────┤
                                                                 └─▶ cancelling ──idle──┘

What a vehicle did is read from its states only. Where the load is follows from the pick's status: not begun or failed,
it is at the source; finished, on the vehicle; anything in between nobody knows.
"""

from dataclasses import dataclass
from enum import StrEnum

from edge.fleet.missions import Mission
from edge.fleet.tasks import Failure, FailureReason, LoadWhere
from readers.vda5050.order import Order
from readers.vda5050.plan import OrderPlan
from readers.vda5050.state import ActionStatus, Error, State


class Phase(StrEnum):
    """Where a job is; see above."""

    CLAIMING = "claiming"
    STARTING = "starting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    REPORTING = "reporting"


@dataclass(slots=True)
class Job:
    """A mission under way. `plan` is None while it must be found again from the vehicle's state after a restart."""

    mission: Mission
    phase: Phase
    decided_us: int
    plan: OrderPlan | None = None
    sent_us: int | None = None
    tries: int = 0
    accepted: bool = False
    picked: bool = False
    resuming: bool = False
    uncertain: bool = False
    blocked_us: int | None = None
    quiet_us: int | None = None
    loaded: bool = False
    empty_us: int | None = None
    old_errors: tuple[Error, ...] = ()
    reason: FailureReason | None = None
    detail: str = ""

    @property
    def order_id(self) -> str:
        return self.mission.order_id

    @property
    def is_transport(self) -> bool:
        return self.mission.task is not None

    def message(self) -> Order | None:
        return self.plan.message if self.plan is not None else None

    def is_ours(self, state: State) -> bool:
        """Whether the vehicle has this order."""
        return state.order_id == self.order_id

    def is_confirmed(self, state: State) -> bool:
        """Whether the vehicle has the last update too."""
        return self.is_ours(state) and self.plan is not None and state.order_update_id >= self.plan.update_id

    def is_done(self, state: State) -> bool:
        """Everything ordered has happened and nothing is left."""
        if not self.is_ours(state) or not state.is_idle:
            return False
        told = self._told(state)
        if not told:
            return state.last_node_id == self.mission.stops[-1][0]
        # What comes before an action that ended well has ended well, though some vehicles name it no more.
        return told[-1] == ActionStatus.FINISHED and all(status in (ActionStatus.FINISHED, None) for status in told)

    def is_silent_on_its_end(self, state: State) -> bool:
        """Nothing is left of the order, it stands where the order ends, and it names the last action no more."""
        if not self.is_confirmed(state) or not state.is_idle or self.plan is None or not self.plan.is_released:
            return False
        told = self._told(state)
        return bool(told) and told[-1] is None and state.last_node_id == self.mission.stops[-1][0]

    def _told(self, state: State) -> list[str | None]:
        return [state.status_of(action.action_id) for _, actions in self.mission.stops for action in actions]

    def failed_action(self, state: State) -> str | None:
        """What a vehicle says about an action of ours that failed; None when none did."""
        for action in state.action_states:
            # No action of ours may be tried again: one that waits for that would wait for ever.
            failed = action.action_status in (ActionStatus.FAILED, ActionStatus.RETRIABLE)
            if failed and action.action_id.startswith(f"{self.order_id}:"):
                told = [
                    e.error_description or e.error_type
                    for e in state.errors
                    if e.refers_to("actionId", action.action_id)
                ]
                return "; ".join(filter(None, [action.action_id, action.action_result, *told]))
        return None

    def rejection(self, state: State) -> str | None:
        """What a vehicle says against the last message of this order; None when nothing.

        Such errors stay until the next order (2.1.0, 6.6.5): one that was there when the vehicle had taken all that was
        sent, or that names another update, is about an earlier message or a copy of one.
        """
        update = str(self.plan.update_id) if self.plan is not None else None
        for error in state.errors:
            others = [r.reference_value for r in error.error_references if r.reference_key == "orderUpdateId"]
            if error.refers_to("orderId", self.order_id) and error not in self.old_errors and others in ([], [update]):
                return error.in_words()
        return None

    def load_is_gone(self, state: State) -> bool:
        """Whether a vehicle that had the load has none, and has not begun to set it down."""
        if self.picked and state.loads:
            self.loaded = True
        left = [state.status_of(action.action_id) for _, actions in self.mission.stops[1:] for action in actions]
        return self.picked and self.loaded and state.loads == () and set(left) <= {ActionStatus.WAITING, None}

    def is_expired(self, now_us: int) -> bool:
        """Whether its task's time is over."""
        return self.mission.task is not None and self.mission.task.is_expired(now_us)

    def is_overdue(self, now_us: int) -> bool:
        """Whether its task's time is over and the load cannot have been picked."""
        return self.is_expired(now_us) and not self.picked and not self.pick_is_released()

    def pick_is_released(self) -> bool:
        """Whether the vehicle may reach the pick, for all we have sent. Without a plan we do not know what was sent."""
        if self.plan is None:
            return True
        return any(
            node.released and any(action.action_id == self.mission.pick_id for action in node.actions)
            for node in self.plan.nodes
        )

    def load_where(self, state: State | None, *, stopped: bool = True) -> LoadWhere:
        """Where the load of a transport is that will not go on; without `stopped` the vehicle still may."""
        if not stopped and not self.picked and self.pick_is_released():
            return LoadWhere.UNKNOWN
        status = state.status_of(self.mission.pick_id) if state is not None and self.is_ours(state) else None
        if status == ActionStatus.FINISHED or (status is None and self.picked):
            return LoadWhere.UNKNOWN if state is not None and state.loads == () else LoadWhere.VEHICLE
        if status in (ActionStatus.WAITING, ActionStatus.FAILED):
            return LoadWhere.SOURCE
        if status is None and (not self.accepted or not self.pick_is_released()):
            return LoadWhere.SOURCE
        return LoadWhere.UNKNOWN

    def failure(self, state: State | None, *, stopped: bool = True) -> Failure:
        """What to tell the book."""
        where = self.load_where(state, stopped=stopped)
        return Failure(self.reason or FailureReason.CANCELLED, where, self.detail)
