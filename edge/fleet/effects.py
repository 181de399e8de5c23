"""What the master wants done. Values; `service` does them."""

from dataclasses import dataclass

from edge.fleet.tasks import Failure, FleetTask, TaskStep
from readers.vda5050.order import InstantActions, Order


@dataclass(frozen=True, slots=True)
class Send:
    """A message to a vehicle, worthless after `valid_until_us`: then it is dropped, never sent late."""

    vehicle: str
    message: Order | InstantActions
    valid_until_us: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Ask the book for a task; answered by `FleetMaster.on_claimed`."""

    task: FleetTask
    vehicle: str


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the book; answered by `FleetMaster.on_reported`. `what` is a step, a failure, or None for done."""

    vehicle: str
    task_id: str
    attempt: int
    what: TaskStep | Failure | None
    at_us: int

    @property
    def is_final(self) -> bool:
        return not isinstance(self.what, TaskStep)


Effect = Send | Claim | Report
