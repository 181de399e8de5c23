"""The master's decisions: states, connections and tasks in, effects out. Pure; `now_us` is always an argument.

Rules
- One order per claimed task and attempt. A vehicle gets another only when the book knows how the last one ended.
- Orders are sent with a short base that grows on fresh states only: a vehicle that was cut off stops where its base
  ends, and nothing held back moves it later.
- A station's node is released to one vehicle, and to the next when that one has driven on.
- An order that no claim stands behind is cancelled.
- A vehicle that could not drive for `silent_s` before it took its order, or before its pick was released, gives the
  task back. One that was told to stop and does not within `silent_s` gives it to a person, if it may have the load.
- A vehicle is sent to charge once in ten minutes: some never say that they charge.
- Silence: what a vehicle cannot have begun (the pick is not released) goes back to the queue at once; otherwise the
  task is reported lost, stays the vehicle's, and goes on when the vehicle is heard again.

Bounds: one job per vehicle, `OPEN_MAX` open tasks looked at, an unconfirmed order sent `TRIES_MAX` and an
unconfirmed update `UPDATE_TRIES_MAX` times.
"""

from collections.abc import Sequence

from edge.fleet.assignment import Occupancy, assign
from edge.fleet.effects import Claim, Effect, Report, Send
from edge.fleet.job import Job, Phase
from edge.fleet.missions import Mission, charge, park, plan, resumed, transport
from edge.fleet.patience import Patience
from edge.fleet.tasks import Failure, FailureReason, FleetClaim, FleetTask, LoadWhere, TaskStep
from edge.fleet.vehicle import VehicleView
from readers.vda5050.connection import Connection
from readers.vda5050.factsheet import Factsheet
from readers.vda5050.header import Header
from readers.vda5050.order import Action, ActionParameter, InstantActions, Order
from readers.vda5050.plan import OrderPlan
from readers.vda5050.state import State
from warehouse.roads import FleetSettings, RoadMap, StationKind
from warehouse.routes import Routes

OPEN_MAX = 256
TRIES_MAX = 3
UPDATE_TRIES_MAX = 12
REST_US = 10_000_000


class FleetMaster:
    """All vehicles of one site. Each call returns what to do, in order."""

    def __init__(self, roads: RoadMap, settings: FleetSettings) -> None:
        self.routes = Routes(roads)
        self.settings = settings
        self.vehicles = {vehicle.name: VehicleView(vehicle) for vehicle in settings.vehicles}
        self._valid_us = int(settings.order_valid_s * 1e6)
        self._silent_us = int(settings.silent_s * 1e6)
        self._recent_us = self._silent_us // 2
        self._patience = Patience(self._valid_us, self._silent_us)
        self._open: tuple[FleetTask, ...] = ()
        self._loaded = False
        self._actions = 0
        self._out: list[Effect] = []

    def reload(self, roads: RoadMap) -> None:
        """These are the roads from now on. Orders under way keep the way they were given; new ones take the new map."""
        self.routes = Routes(roads)

    def on_connection(self, now_us: int, vehicle: str, connection: Connection) -> list[Effect]:
        """A vehicle, or the broker for it, says whether it is there."""
        view = self.vehicles[vehicle]
        view.connection = connection.connection_state
        if view.is_online and view.greeted_us + self._valid_us <= now_us:
            view.greeted_us = now_us
            self._instant(now_us, view, "stateRequest")
            if view.factsheet is None:
                self._instant(now_us, view, "factsheetRequest")
        return self._taken()

    def on_factsheet(self, vehicle: str, factsheet: Factsheet) -> None:
        """What a vehicle is."""
        self.vehicles[vehicle].factsheet = factsheet

    def on_state(self, now_us: int, vehicle: str, state: State, header: Header | None = None) -> list[Effect]:
        """What a vehicle says of itself; nothing when it was overtaken by what it said later."""
        view = self.vehicles[vehicle]
        if header is not None and view.came_late(header):
            return []
        view.state, view.heard_us = state, now_us
        if view.job is not None and view.job.uncertain:
            view.job.uncertain = False
        self._advance(now_us, view)
        return self._taken()

    def on_tasks(self, now_us: int, claims: Sequence[FleetClaim], open_tasks: Sequence[FleetTask]) -> list[Effect]:
        """What the book holds. The first call after a start finds the jobs again that vehicles may be doing."""
        self._open = tuple(open_tasks[:OPEN_MAX])
        if not self._loaded:
            self._loaded = True
            for claim in claims:
                self._resume(now_us, claim)
        held = {(claim.task.task_id, claim.attempt) for claim in claims}
        for view in self.vehicles.values():
            job = view.job
            if job is None or job.mission.task is None or job.phase not in (Phase.STARTING, Phase.RUNNING):
                continue
            if (job.mission.task.task_id, job.mission.attempt) not in held:
                self._give_up(now_us, view, job, FailureReason.CANCELLED, "no longer claimed")
        self._assign(now_us)
        return self._taken()

    def on_claimed(self, now_us: int, claim: Claim, attempt: int | None) -> list[Effect]:
        """The book's answer to a claim."""
        view = self.vehicles[claim.vehicle]
        view.job = None
        mission = transport(self.routes, claim.task, attempt) if attempt is not None else None
        if mission is not None:
            self._start(now_us, view, mission)
        elif attempt is not None:  # its station left the map meanwhile
            failure = Failure(FailureReason.NO_ROUTE, LoadWhere.SOURCE, "a station is not on the map any more")
            self._out.append(Report(view.name, claim.task.task_id, attempt, failure, now_us))
        return self._taken()

    def on_reported(self, now_us: int, report: Report) -> list[Effect]:
        """The book knows."""
        view = self.vehicles[report.vehicle]
        job = view.job
        if report.is_final and job is not None and job.phase is Phase.REPORTING:
            view.job = None
            self._assign(now_us)
        return self._taken()

    def on_unsent(self, send: Send) -> None:
        """It could not go out: that says nothing of the vehicle, and is no try."""
        job = self.vehicles[send.vehicle].job
        if isinstance(send.message, Order) and job is not None and job.order_id == send.message.order_id:
            job.tries = max(0, job.tries - 1)

    def tick(self, now_us: int) -> list[Effect]:
        """Time passed; call a few times a second."""
        for view in self.vehicles.values():
            self._watch(now_us, view)
            self._advance(now_us, view)
        self._assign(now_us)
        return self._taken()

    def cancel(self, now_us: int, task_id: str, detail: str) -> list[Effect]:
        """Stop a task under way; it comes back as cancelled."""
        for view in self.vehicles.values():
            job = view.job
            if job is not None and job.mission.task is not None and job.mission.task.task_id == task_id:
                self._give_up(now_us, view, job, FailureReason.CANCELLED, detail)
        return self._taken()

    def instant(self, now_us: int, vehicle: str, action_type: str) -> list[Effect]:
        """An instant action without parameters for one vehicle: startPause, stopPause, stateRequest…"""
        self._instant(now_us, self.vehicles[vehicle], action_type)
        return self._taken()

    # One vehicle.

    def _advance(self, now_us: int, view: VehicleView) -> None:
        job, state = view.job, view.state
        if state is None or not self._loaded:
            return
        if job is None:
            if view.is_online and not state.is_idle:
                self._cancel_order(now_us, view, state.order_id)
        elif job.phase is Phase.STARTING:
            self._advance_start(now_us, view, job, state)
        elif job.phase is Phase.RUNNING:
            self._advance_run(now_us, view, job, state)
        elif job.phase is Phase.CANCELLING:
            if job.is_done(state):
                self._end(now_us, view, job, None)
            elif not job.is_ours(state) or (state.is_idle and view.was_heard_after(job.decided_us)):
                self._end(now_us, view, job, job.failure(state))
            elif now_us - job.decided_us > self._silent_us and view.was_heard_after(job.decided_us):
                job.detail = f"{job.detail}; it did not stop"
                self._end(now_us, view, job, job.failure(state, stopped=False))
            elif view.is_online:
                self._cancel_order(now_us, view, job.order_id)

    def _advance_start(self, now_us: int, view: VehicleView, job: Job, state: State) -> None:
        if job.is_ours(state):
            job.phase, job.accepted = Phase.RUNNING, True
            if job.resuming or job.plan is None:
                job.plan, job.resuming = resumed(self.routes, job.mission, state), False
            if job.is_transport and not job.picked:
                self._report(now_us, view, job, TaskStep.ACCEPTED)
            self._advance_run(now_us, view, job, state)
            return
        if job.resuming and job.picked:
            self._finish(now_us, view, job, FailureReason.FORGOTTEN, f"vehicle names order {state.order_id!r}")
            return
        said = job.rejection(state)
        if said is not None and job.sent_us is not None:
            self._finish(now_us, view, job, FailureReason.REJECTED, said)
            return
        expired = job.is_expired(now_us)
        if job.sent_us is not None and now_us - job.sent_us <= self._valid_us:
            return
        if expired or job.tries >= TRIES_MAX:
            # The last message is dead by now; a state from after its death shows that it was not taken.
            if view.was_heard_after((job.sent_us or job.decided_us) + self._valid_us):
                reason = FailureReason.EXPIRED if expired else FailureReason.NOT_TAKEN
                said = "; ".join(error.in_words() for error in state.errors)
                self._finish(now_us, view, job, reason, f"sent {job.tries} times{said and f'; it says {said}'}")
            return
        if self._patience.is_blocked(now_us, view, job):
            self._finish(now_us, view, job, FailureReason.NOT_TAKEN, f"cannot drive: {view.hindrance()}")
            return
        if view.can_drive() and view.was_heard_within(self._recent_us, now_us):
            if job.plan is None or job.resuming:
                job.plan, job.resuming = self._planned(view, job.mission), False
            if job.plan is None:
                self._finish(now_us, view, job, FailureReason.NO_ROUTE, f"from {view.node(self.routes)}")
                return
            self._send_order(now_us, view, job)

    def _advance_run(self, now_us: int, view: VehicleView, job: Job, state: State) -> None:
        if not job.is_ours(state):
            self._finish(now_us, view, job, FailureReason.FORGOTTEN, f"vehicle names order {state.order_id!r}")
            return
        if job.is_transport and not job.picked and state.status_of(job.mission.pick_id) == "FINISHED":
            job.picked = True
            self._report(now_us, view, job, TaskStep.PICKED)
        if job.is_done(state):
            if job.is_transport and not job.picked:
                self._report(now_us, view, job, TaskStep.PICKED)
            self._end(now_us, view, job, None)
            return
        if self._patience.stays_silent(now_us, view, job, state):
            if job.picked and state.loads == ():
                self._end(now_us, view, job, None)
            else:
                self._give_up(now_us, view, job, FailureReason.FORGOTTEN, "it does not say how its last action ended")
            return
        if job.is_confirmed(state):
            job.old_errors = state.errors
        failed, severe = job.failed_action(state), view.severe_error()
        if failed is not None:
            self._give_up(now_us, view, job, FailureReason.ACTION_FAILED, failed)
        elif severe is not None:
            self._give_up(now_us, view, job, FailureReason.VEHICLE_ERROR, severe.in_words())
        elif self._patience.is_empty(now_us, view, job, state):
            self._give_up(now_us, view, job, FailureReason.LOAD_GONE, "it reports no load any more")
        elif not job.picked and not job.pick_is_released() and self._patience.is_blocked(now_us, view, job):
            self._give_up(now_us, view, job, FailureReason.BLOCKED, f"cannot drive: {view.hindrance()}")
        elif job.is_overdue(now_us):
            self._give_up(now_us, view, job, FailureReason.EXPIRED, "not picked in time")
        elif job.plan is None:
            self._give_up(now_us, view, job, FailureReason.FORGOTTEN, "its base leads off the map")
        elif view.can_drive() and view.was_heard_within(self._recent_us, now_us):
            if job.is_confirmed(state):
                self._extend(now_us, view, job, job.plan, state)
            elif job.sent_us is None or now_us - job.sent_us > self._valid_us:
                said = job.rejection(state)
                if said is not None or job.tries >= UPDATE_TRIES_MAX:
                    self._give_up(now_us, view, job, FailureReason.REJECTED, said or "an order update was not taken")
                else:
                    self._send_order(now_us, view, job)

    def _extend(self, now_us: int, view: VehicleView, job: Job, known: OrderPlan, state: State) -> None:
        ahead = sum(node.released for node in state.node_states)
        if known.is_released or (ahead >= self.settings.base_nodes - 1 and not state.new_base_request):
            return
        more = self._releasable(view, known, max(1, self.settings.base_nodes - ahead))
        if more:
            job.plan, job.tries = known.released(more), 0
            self._send_order(now_us, view, job)

    def _watch(self, now_us: int, view: VehicleView) -> None:
        job = view.job
        if job is None or not job.is_transport or job.uncertain or view.silent_us(now_us) <= self._silent_us:
            return
        if job.phase not in (Phase.STARTING, Phase.RUNNING, Phase.CANCELLING):
            return
        detail = f"nothing heard for {self.settings.silent_s:g} s"
        if not job.pick_is_released() and not job.picked:
            job.accepted = False
            self._finish(now_us, view, job, FailureReason.SILENT, detail)
            return
        job.uncertain = True
        self._report(now_us, view, job, Failure(FailureReason.SILENT, LoadWhere.UNKNOWN, detail))

    # Steps shared by the phases.

    def _start(self, now_us: int, view: VehicleView, mission: Mission) -> None:
        view.job = Job(mission, Phase.STARTING, now_us)
        self._advance(now_us, view)

    def _resume(self, now_us: int, claim: FleetClaim) -> None:
        view = self.vehicles.get(claim.vehicle)
        mission = transport(self.routes, claim.task, claim.attempt)
        if view is None or view.job is not None or mission is None:
            return
        picked = claim.step is TaskStep.PICKED
        view.job = Job(mission, Phase.STARTING, now_us, accepted=claim.step is not None, picked=picked, resuming=True)

    def _planned(self, view: VehicleView, mission: Mission) -> OrderPlan | None:
        start = view.node(self.routes)
        charging = view.state is not None and view.state.power_supply.charging
        found = plan(self.routes, mission, start, charging=charging) if start is not None else None
        if found is None:
            return None
        base = 1 + self._releasable(view, found, self.settings.base_nodes)
        return OrderPlan.begin(found.order_id, found.nodes, found.edges, base)

    def _releasable(self, view: VehicleView, known: OrderPlan, wanted: int) -> int:
        occupancy = Occupancy(self.routes, self.vehicles.values())
        count = 0
        for node in known.nodes:
            if node.released:
                continue
            if count == wanted or not occupancy.is_free_for(view, node.node_id):
                break
            count += 1
        return count

    def _give_up(self, now_us: int, view: VehicleView, job: Job, reason: FailureReason, detail: str) -> None:
        job.reason, job.detail = reason, detail
        if view.state is not None and not job.is_ours(view.state) and job.sent_us is None:
            self._end(now_us, view, job, job.failure(view.state))
            return
        job.phase, job.decided_us = Phase.CANCELLING, now_us
        self._advance(now_us, view)

    def _finish(self, now_us: int, view: VehicleView, job: Job, reason: FailureReason, detail: str) -> None:
        job.reason, job.detail = reason, detail
        self._end(now_us, view, job, job.failure(view.state))

    def _end(self, now_us: int, view: VehicleView, job: Job, failure: Failure | None) -> None:
        if failure is not None:
            view.rests_until_us = now_us + REST_US
        if not job.is_transport:
            view.job = None
            return
        job.phase = Phase.REPORTING
        self._report(now_us, view, job, failure)

    def _report(self, now_us: int, view: VehicleView, job: Job, what: TaskStep | Failure | None) -> None:
        task = job.mission.task
        assert task is not None, "only transports are reported"
        self._out.append(Report(view.name, task.task_id, job.mission.attempt, what, now_us))

    def _send_order(self, now_us: int, view: VehicleView, job: Job) -> None:
        message = job.message()
        if message is not None:
            job.sent_us, job.tries = now_us, job.tries + 1
            self._out.append(Send(view.name, message, now_us + self._valid_us))

    def _cancel_order(self, now_us: int, view: VehicleView, order_id: str) -> None:
        if now_us - view.cancelled_us > self._valid_us:
            view.cancelled_us = now_us
            self._instant(now_us, view, "cancelOrder", orderId=order_id)

    def _instant(self, now_us: int, view: VehicleView, action_type: str, **parameters: str) -> None:
        self._actions += 1
        action = Action(
            action_type=action_type,
            action_id=f"{action_type}-{now_us}-{self._actions}",
            action_parameters=tuple(ActionParameter(key=key, value=value) for key, value in parameters.items()),
        )
        self._out.append(Send(view.name, InstantActions(actions=(action,)), now_us + self._valid_us))

    # Work for those who have none.

    def _assign(self, now_us: int) -> None:
        if not self._loaded:
            return
        occupancy = Occupancy(self.routes, self.vehicles.values())
        free = [
            view
            for view in self.vehicles.values()
            if view.is_free(now_us) and view.was_heard_within(self._recent_us, now_us)
        ]
        for view in list(free):
            wants = view.wants_charge(self.settings) and view.may_be_sent_to_charge(now_us)
            node = occupancy.nearest_free(view, StationKind.CHARGE) if wants else None
            if node is not None:
                free.remove(view)
                view.charge_sent_us = now_us
                self._start(now_us, view, charge(view.name, node, now_us))
                occupancy = Occupancy(self.routes, self.vehicles.values())
        ready = [view for view in free if view.is_charged_for_work(self.settings)]
        pending = [task for task in self._open if not task.is_expired(now_us)]
        for task, view in assign(self.routes, pending, ready):
            self._open = tuple(other for other in self._open if other.task_id != task.task_id)
            view.job = Job(Mission(f"{task.task_id}.0", (), task), Phase.CLAIMING, now_us)
            self._out.append(Claim(task, view.name))
            free.remove(view)
        for view in free:
            home = self.routes.stations.get(view.config.home)
            station = self.routes.station_at.get(view.node(self.routes) or "")
            # Whoever has nothing to do at a station leaves it to the next: a dock, and a charger once full.
            charges = view.is_charging(self.settings) or view.wants_charge(self.settings)
            kinds = (StationKind.PARK, StationKind.CHARGE) if charges else (StationKind.PARK,)
            stays = station is None or station.kind in kinds
            if home is not None and not stays and home is not station and occupancy.is_free_for(view, home.node):
                self._start(now_us, view, park(view.name, home.node, now_us))
                occupancy = Occupancy(self.routes, self.vehicles.values())

    def _taken(self) -> list[Effect]:
        out, self._out = self._out, []
        return out
