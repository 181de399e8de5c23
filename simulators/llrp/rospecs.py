"""The reader's ROSpecs: their states, what starts them, and which one holds the antennas (LLRP 1.0.1 §10.1, §10.2.1).

    ADD → Disabled ─ENABLE→ Inactive ─start trigger or START_ROSPEC→ Active ─stop trigger, end or STOP_ROSPEC→ Inactive
    DISABLE returns to Disabled from anywhere; DELETE removes from anywhere.

One ROSpec is Active at a time. One of a better priority (a smaller number) preempts it; others wait for their next
trigger. An Immediate start trigger holds as long as the ROSpec is enabled, so an ROSpec that came to its end starts
again after `RESTART_US` of radio set-up, until STOP_ROSPEC says otherwise. Identifier 0 addresses all where allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from readers.llrp import enums as e
from readers.llrp import params as p
from readers.llrp.enums import StatusCode
from simulators.llrp.inventory import NEVER_US, InventoryRun
from simulators.llrp.models import ReaderModel
from simulators.llrp.refusal import Refusal, field_invalid
from simulators.llrp.rospec_check import check_rospec

RESTART_US = 5_000

_Start = e.ROSpecStartTriggerType
_State = e.ROSpecState


@dataclass(slots=True)
class StoredROSpec:
    """An ROSpec in the reader. `next_start_us` is when it starts by itself."""

    spec: p.ROSpec
    state: e.ROSpecState = _State.Disabled
    next_start_us: int = NEVER_US

    def reported(self) -> p.ROSpec:
        """The spec as GET_ROSPECS tells it."""
        spec = self.spec
        return p.ROSpec(
            spec.ROSpecID, spec.Priority, self.state, spec.ROBoundarySpec, spec.SpecParameter, spec.ROReportSpec
        )

    @property
    def start_trigger(self) -> p.ROSpecStartTrigger:
        return self.spec.ROBoundarySpec.ROSpecStartTrigger


class ROSpecTable:
    """All ROSpecs of a reader and the one that runs.

    `make_run` builds the execution of an ROSpec; `started`, `preempted` and `stopping` tell the reader what happens to
    one, before its state changes are visible to anybody else.
    """

    def __init__(
        self,
        model: ReaderModel,
        make_run: Callable[[p.ROSpec, int], InventoryRun],
        *,
        started: Callable[[StoredROSpec, int], None],
        preempted: Callable[[StoredROSpec, StoredROSpec, int], None],
        stopping: Callable[[StoredROSpec], None],
        utc_to_plant_us: Callable[[int], int],
    ) -> None:
        self._model = model
        self._make_run = make_run
        self._started = started
        self._preempted = preempted
        self._stopping = stopping
        self._utc_to_plant_us = utc_to_plant_us
        self._specs: dict[int, StoredROSpec] = {}
        self.active: StoredROSpec | None = None
        self.run: InventoryRun | None = None

    def all(self) -> list[StoredROSpec]:
        """In the order they were added."""
        return list(self._specs.values())

    def reported(self, version: int) -> tuple[p.ROSpec, ...]:
        """What GET_ROSPECS tells; a LoopSpec left from a 1.1 connection cannot be told in 1.0.1, nor its ROSpec."""
        return tuple(
            stored.reported()
            for stored in self._specs.values()
            if version >= p.LoopSpec.SINCE
            or not any(isinstance(part, p.LoopSpec) for part in stored.spec.SpecParameter)
        )

    def add(self, spec: p.ROSpec, version: int) -> Refusal | None:
        fault = check_rospec(spec, self._model, version)
        if fault is not None:
            return fault
        if spec.ROSpecID in self._specs:
            return Refusal(StatusCode.A_Invalid, f"ROSpec {spec.ROSpecID} exists", (p.ROSpec.TYPE,), field=1)
        if len(self._specs) >= self._model.llrp.MaxNumROSpecs:
            return Refusal(StatusCode.M_OverflowParameter, f"at most {self._model.llrp.MaxNumROSpecs} ROSpecs")
        self._specs[spec.ROSpecID] = StoredROSpec(spec)
        return None

    def delete(self, rospec_id: int) -> Refusal | None:
        chosen = self._chosen(rospec_id)
        if isinstance(chosen, Refusal):
            return chosen
        for stored in chosen:
            self._halt(stored)
            del self._specs[stored.spec.ROSpecID]
        return None

    def enable(self, rospec_id: int, now_us: int) -> Refusal | None:
        chosen = self._chosen(rospec_id)
        if isinstance(chosen, Refusal):
            return chosen
        for stored in chosen:
            if stored.state == _State.Disabled:
                stored.state = _State.Inactive
                stored.next_start_us = self._first_start_us(stored, now_us)
        self.start_due(now_us)
        return None

    def disable(self, rospec_id: int) -> Refusal | None:
        chosen = self._chosen(rospec_id)
        if isinstance(chosen, Refusal):
            return chosen
        for stored in chosen:
            self._halt(stored)
            stored.state = _State.Disabled
            stored.next_start_us = NEVER_US
        return None

    def start(self, rospec_id: int, now_us: int) -> Refusal | None:
        stored = self._specs.get(rospec_id)
        if stored is None:
            return field_invalid(1, f"no ROSpec {rospec_id}")
        if stored.state == _State.Disabled:
            return field_invalid(1, f"ROSpec {rospec_id} is disabled")
        if stored.state == _State.Inactive:
            self._start(stored, now_us)
        return None

    def stop(self, rospec_id: int) -> Refusal | None:
        stored = self._specs.get(rospec_id)
        if stored is None:
            return field_invalid(1, f"no ROSpec {rospec_id}")
        if stored.state == _State.Disabled:
            return field_invalid(1, f"ROSpec {rospec_id} is disabled")
        self._halt(stored)
        stored.next_start_us = (
            NEVER_US if stored.start_trigger.ROSpecStartTriggerType == _Start.Immediate else stored.next_start_us
        )
        return None

    def next_start_us(self) -> int:
        """When the next ROSpec starts by itself."""
        return min(
            (stored.next_start_us for stored in self._specs.values() if stored is not self.active), default=NEVER_US
        )

    def start_due(self, now_us: int) -> None:
        """Start what is due, best priority first."""
        due = [
            stored for stored in self._specs.values() if stored.next_start_us <= now_us and stored is not self.active
        ]
        for stored in sorted(due, key=lambda one: one.spec.Priority):
            period = stored.start_trigger.PeriodicTriggerValue
            if stored.start_trigger.ROSpecStartTriggerType == _Start.Periodic and period is not None:
                stored.next_start_us = stored.next_start_us + period.Period * 1000 if period.Period else NEVER_US
            self._start(stored, now_us)

    def gpi_changed(self, port: int, level: bool, now_us: int) -> None:
        """Start ROSpecs that wait for this level on this port."""
        for stored in self.all():
            trigger = stored.start_trigger
            value = trigger.GPITriggerValue
            waits = trigger.ROSpecStartTriggerType == _Start.GPI and stored.state == _State.Inactive
            if waits and value is not None and value.GPIPortNum == port and value.GPIEvent == level:
                self._start(stored, now_us)

    def ended(self, now_us: int) -> None:
        """The running ROSpec has come to its end."""
        stored = self.active
        self.active = self.run = None
        if stored is not None:
            stored.state = _State.Inactive
            if stored.start_trigger.ROSpecStartTriggerType == _Start.Immediate:
                stored.next_start_us = now_us + RESTART_US

    def _start(self, stored: StoredROSpec, now_us: int) -> None:
        running = self.active
        if running is not None:
            if stored.spec.Priority >= running.spec.Priority:
                return
            self._preempted(running, stored, now_us)
            self._stopping(running)
            self.ended(now_us)
        stored.state = _State.Active
        if stored.start_trigger.ROSpecStartTriggerType == _Start.Immediate:
            stored.next_start_us = NEVER_US
        self.active = stored
        self.run = self._make_run(stored.spec, now_us)
        self._started(stored, now_us)

    def _halt(self, stored: StoredROSpec) -> None:
        if stored is self.active:
            self._stopping(stored)
            self.active = self.run = None
            stored.state = _State.Inactive

    def _chosen(self, rospec_id: int) -> list[StoredROSpec] | Refusal:
        if rospec_id == 0:
            return self.all()
        stored = self._specs.get(rospec_id)
        return [stored] if stored is not None else field_invalid(1, f"no ROSpec {rospec_id}")

    def _first_start_us(self, stored: StoredROSpec, now_us: int) -> int:
        trigger = stored.start_trigger
        if trigger.ROSpecStartTriggerType == _Start.Immediate:
            return now_us
        period = trigger.PeriodicTriggerValue
        if trigger.ROSpecStartTriggerType == _Start.Periodic and period is not None:
            base_us = now_us
            if period.UTCTimestamp is not None:
                base_us = self._utc_to_plant_us(period.UTCTimestamp.Microseconds)
            first_us = base_us + period.Offset * 1000
            if first_us < now_us and period.Period:
                first_us += -(-(now_us - first_us) // (period.Period * 1000)) * period.Period * 1000
            return first_us
        return NEVER_US
