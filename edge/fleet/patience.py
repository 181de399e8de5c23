"""How long what a vehicle shows must last before its task is given up for it: one state may be late, or be wrong."""

from dataclasses import dataclass

from edge.fleet.job import Job
from edge.fleet.vehicle import VehicleView
from readers.vda5050.state import State


@dataclass(frozen=True, slots=True)
class Patience:
    """Microseconds: for how long a message lives, and for how long a vehicle may be of no use."""

    valid_us: int
    silent_us: int

    def is_empty(self, now_us: int, view: VehicleView, job: Job, state: State) -> bool:
        """Whether the load was seen to be gone, twice and some time apart."""
        job.empty_us = _since(now_us, job.empty_us, job.load_is_gone(state))
        return job.empty_us is not None and view.was_heard_after(job.empty_us + self.valid_us)

    def stays_silent(self, now_us: int, view: VehicleView, job: Job, state: State) -> bool:
        """Whether it was seen at the end of its order, twice and some time apart, without a word of its last action."""
        job.quiet_us = _since(now_us, job.quiet_us, job.is_silent_on_its_end(state))
        return job.quiet_us is not None and view.was_heard_after(job.quiet_us + self.valid_us)

    def is_blocked(self, now_us: int, view: VehicleView, job: Job) -> bool:
        """Whether a vehicle that cannot have begun could not drive for `silent_us`: others can."""
        # Who resumes may have the load.
        job.blocked_us = _since(now_us, job.blocked_us, not view.can_drive() and not job.resuming)
        # A state from after the last message's death shows that it was not taken.
        fresh = job.sent_us is None or view.was_heard_after(job.sent_us + self.valid_us)
        return job.blocked_us is not None and fresh and now_us - job.blocked_us > self.silent_us


def _since(now_us: int, since_us: int | None, holds: bool) -> int | None:
    """Since when it holds without a break; None while it does not."""
    if not holds:
        return None
    return now_us if since_us is None else since_us
