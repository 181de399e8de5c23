"""What the master knows of one vehicle. Arrival decides: nothing is ordered by a header, a last will's least of all.

One exception: a state that is a little older than the last one by its number and by its time came late on its way.
"""

from dataclasses import dataclass

from edge.fleet.job import Job
from readers.vda5050.connection import ConnectionState
from readers.vda5050.factsheet import Factsheet
from readers.vda5050.header import Header, Version
from readers.vda5050.state import EmergencyStop, Error, ErrorLevel, OperatingMode, State
from warehouse.roads import FleetSettings, Vehicle
from warehouse.routes import Routes

_NEAR_M = 1.0
_LATE_US = 10_000_000
_LATE_STATES = 100
CHARGE_AGAIN_US = 600_000_000
_SEVERE = frozenset({ErrorLevel.FATAL, ErrorLevel.CRITICAL})


@dataclass(slots=True)
class VehicleView:
    """`heard_us` is when the last state arrived, by our clock; after a failure it rests until `rests_until_us`."""

    config: Vehicle
    connection: str | None = None
    state: State | None = None
    heard_us: int | None = None
    factsheet: Factsheet | None = None
    job: Job | None = None
    rests_until_us: int = 0
    cancelled_us: int = 0
    greeted_us: int = 0
    charge_sent_us: int | None = None
    header: Header | None = None

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def version(self) -> Version:
        return Version(self.config.version)

    @property
    def is_online(self) -> bool:
        return self.connection == ConnectionState.ONLINE

    def silent_us(self, now_us: int) -> int:
        """How long nothing was heard; since ever counts as 0, until a first state there is nothing to judge by."""
        return 0 if self.heard_us is None else now_us - self.heard_us

    def was_heard_after(self, at_us: int) -> bool:
        """Whether its last state arrived later than that."""
        return self.heard_us is not None and self.heard_us > at_us

    def was_heard_within(self, span_us: int, now_us: int) -> bool:
        """Whether its last state is at most so old."""
        return self.heard_us is not None and now_us - self.heard_us <= span_us

    def node(self, routes: Routes) -> str | None:
        """The map's node it is on: the last one it passed, or one within a metre when it names none of ours."""
        if self.state is None:
            return None
        if self.state.last_node_id in routes.nodes:
            return self.state.last_node_id
        at = self.state.mobile_robot_position
        return routes.nearest(at.x, at.y, at.map_id, _NEAR_M) if at is not None and at.localized else None

    def severe_error(self) -> Error | None:
        """The first error that keeps it from going on."""
        errors = self.state.errors if self.state else ()
        return next((error for error in errors if error.error_level in _SEVERE), None)

    def came_late(self, header: Header) -> bool:
        """Whether a state was overtaken on its way; else its header is remembered.

        A vehicle that was started again counts from the beginning, one whose clock was set has another time: such a
        state is news, as is everything once more than `_LATE_US` or `_LATE_STATES` lie between.
        """
        last = self.header
        if last is not None and last.at_us is not None and header.at_us is not None:
            older_us, before = last.at_us - header.at_us, last.header_id - header.header_id
            if 0 < older_us <= _LATE_US and 0 < before <= _LATE_STATES:
                return True
        self.header = header
        return False

    def can_drive(self) -> bool:
        """Whether it would follow an order now."""
        return self.hindrance() is None

    def hindrance(self) -> str | None:
        """Why it would not follow an order now, in words; None when it would."""
        state = self.state
        if state is None or not self.is_online:
            return f"it is {self.connection or 'not heard of'}"
        if state.operating_mode not in (OperatingMode.AUTOMATIC, OperatingMode.SEMIAUTOMATIC):
            return f"operating mode {state.operating_mode}"
        if state.safety_state.active_emergency_stop != EmergencyStop.NONE:
            return f"emergency stop {state.safety_state.active_emergency_stop}"
        severe = self.severe_error()
        if severe is not None:
            return severe.in_words()
        if state.paused:
            return "paused"
        at = state.mobile_robot_position
        return "it does not know where it is" if at is not None and not at.localized else None

    def is_free(self, now_us: int) -> bool:
        """Whether it can be given an order."""
        return (
            self.job is None
            and self.state is not None
            and self.can_drive()
            and self.state.is_idle
            and not self.state.loads
            and now_us >= self.rests_until_us
        )

    def is_charged_for_work(self, settings: FleetSettings) -> bool:
        """Enough for a task: above the lower bound, and once charging up to the upper one."""
        power = self.state.power_supply if self.state else None
        if power is None:
            return False
        bound = settings.charged_percent if power.charging else settings.charge_below_percent
        return power.state_of_charge >= bound

    def is_charging(self, settings: FleetSettings) -> bool:
        """Charging, and not yet up to the upper bound."""
        power = self.state.power_supply if self.state else None
        return power is not None and power.charging and power.state_of_charge < settings.charged_percent

    def wants_charge(self, settings: FleetSettings) -> bool:
        """Low, and not charging yet."""
        power = self.state.power_supply if self.state else None
        return power is not None and not power.charging and power.state_of_charge < settings.charge_below_percent

    def may_be_sent_to_charge(self, now_us: int) -> bool:
        """Not again so soon: some vehicles never say that they charge, some chargers do not."""
        return self.charge_sent_us is None or now_us - self.charge_sent_us >= CHARGE_AGAIN_US
