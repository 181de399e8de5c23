"""One vehicle in plant time: takes orders as the standard tells it to, drives, works, and says how it is. No I/O.

Behaviour: straight to the next released node at one speed, actions on a node one after the other and before driving on
(as if all were HARD). cancelOrder: what has begun is ended, the next node is reached, the rest of the actions FAILED
(VDA 5050 2.1.0, 6.6.5). Without a connection it goes on to the end of its base, as the standard says.

`advance` moves time; what happens does not depend on how often it is called, apart from rounding.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec.structs

from readers.vda5050.header import Version
from readers.vda5050.order import Action, Edge, InstantActions, Node, Order
from readers.vda5050.orders import Ignored, OrderError, Rejected, Standing, judge
from readers.vda5050.state import (
    ENDED,
    ActionState,
    ActionStatus,
    EdgeState,
    EmergencyStop,
    Error,
    ErrorLevel,
    Load,
    NodeState,
    OperatingMode,
    Position,
    PowerSupply,
    Reference,
    SafetyState,
    State,
    Velocity,
)
from simulators.vda5050.floor import Floor

ACTIONS = frozenset({"pick", "drop", "startCharging", "stopCharging", "beep"})
INSTANT = frozenset({"cancelOrder", "startPause", "stopPause", "stateRequest", "factsheetRequest"})


@dataclass(frozen=True, slots=True)
class VehicleParams:
    """How a vehicle moves and works; battery in percent. Engineering choices, not a product's figures."""

    speed_m_s: float = 1.5
    work_s: float = 5.0
    percent_per_m: float = 0.02
    charge_percent_per_s: float = 0.5
    start_percent: float = 90.0


@dataclass(slots=True)
class _Work:
    action: Action
    left_s: float


@dataclass(slots=True)
class SimulatedVehicle:
    """A vehicle standing on `node` at (`x_m`, `y_m`). `changed` is set by whatever a state has to tell."""

    name: str
    version: Version
    floor: Floor
    node: str
    x_m: float = 0.0
    y_m: float = 0.0
    map_id: str = "site"
    params: VehicleParams = field(default_factory=VehicleParams)
    order: Order | None = None
    update_id: int = 0
    sequence_id: int = 0
    load_id: str | None = None
    battery: float = 0.0
    charging: bool = False
    paused: bool = False
    mode: str = OperatingMode.AUTOMATIC
    stopped_until_us: int = 0
    fails_next: bool = False
    changed: bool = True
    orders_taken: list[str] = field(default_factory=list)
    on_factsheet_request: Callable[[], None] = lambda: None
    _now_us: int = 0
    _work: _Work | None = None
    _driven_m: float | None = None
    _cancel: str | None = None
    _cancelled: bool = False
    _actions: dict[str, ActionState] = field(default_factory=dict)
    _instant: dict[str, ActionState] = field(default_factory=dict)
    _errors: list[Error] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.battery = self.params.start_percent

    def start(self, now_us: int) -> None:
        """Plant time begins here."""
        self._now_us = now_us

    @property
    def is_idle(self) -> bool:
        return (
            not self._ahead() and self._work is None and all(a.action_status in ENDED for a in self._actions.values())
        )

    def on_order(self, order: Order) -> None:
        """Take, extend, ignore or reject."""
        near = frozenset({self.node}) if self._driven_m is None else frozenset[str]()
        found = judge(order, Standing(self.order, self.is_idle, self._cancelled, self.mode, near, ACTIONS))
        if isinstance(found, Ignored):
            return
        self.changed = True
        if isinstance(found, Rejected):
            self._reject(found.error, found.detail, order)
            return
        self._errors = [e for e in self._errors if e.error_level == ErrorLevel.FATAL]
        if not found.extended:
            self._actions, self._cancelled = {}, False
            self.sequence_id = found.order.nodes[0].sequence_id
            self.orders_taken.append(order.order_id)
        self.order, self.update_id = found.order, order.order_update_id
        for action in found.order.actions:
            waiting = ActionState(
                action_id=action.action_id, action_type=action.action_type, action_status=ActionStatus.WAITING
            )
            self._actions.setdefault(action.action_id, waiting)
        planned = {action.action_id for action in found.order.actions}
        self._actions = {name: a for name, a in self._actions.items() if name in planned}

    def refuse(self, detail: str) -> None:
        """An order that could not be read."""
        self._reject(OrderError.VALIDATION_FAILURE, detail, None)
        self.changed = True

    def on_instant(self, message: InstantActions) -> None:
        """Do what can be done at once."""
        for action in message.actions:
            if action.action_id in self._instant:
                continue
            self.changed = True
            status = ActionStatus.FINISHED
            if action.action_type == "cancelOrder":
                status = self._begin_cancel(action)
            elif action.action_type in ("startPause", "stopPause"):
                self.paused = action.action_type == "startPause"
            elif action.action_type == "factsheetRequest":
                self.on_factsheet_request()
            elif action.action_type not in INSTANT:
                status = ActionStatus.FAILED
                self._add_error(
                    "INVALID_INSTANT_ACTION", ErrorLevel.WARNING, action.action_type, action_id=action.action_id
                )
            self._instant[action.action_id] = ActionState(
                action_id=action.action_id, action_type=action.action_type, action_status=status
            )

    def advance(self, now_us: int) -> None:
        """Live until `now_us`."""
        left_s = (now_us - self._now_us) / 1e6
        if self.stopped_until_us and now_us >= self.stopped_until_us:
            self.stopped_until_us, self.changed = 0, True
            self._errors = [e for e in self._errors if e.error_level != ErrorLevel.FATAL]
        while left_s > 1e-9:
            spent_s = self._step(left_s)
            if self.charging:
                self.battery = min(100.0, self.battery + self.params.charge_percent_per_s * spent_s)
            left_s -= spent_s
        self._now_us = now_us

    def stop_for(self, until_us: int, detail: str) -> None:
        """A FATAL error until then."""
        self.stopped_until_us, self.changed = until_us, True
        self._add_error("driveFault", ErrorLevel.FATAL, detail)

    def forget(self) -> None:
        """Start again: the order is gone, the load is still there. It is put on the node it passed last."""
        self.order, self.update_id, self.sequence_id = None, 0, 0
        self._work = self._driven_m = self._cancel = None
        self._actions, self._instant, self._errors, self.changed = {}, {}, [], True

    def state(self) -> State:
        """What it would say now."""
        self.changed = False
        nodes, edges = self._ahead(), self._edges_ahead()
        return State(
            order_id=self.order.order_id if self.order else "",
            order_update_id=self.update_id,
            last_node_id=self.node,
            last_node_sequence_id=self.sequence_id,
            node_states=tuple(
                NodeState(node_id=n.node_id, sequence_id=n.sequence_id, released=n.released) for n in nodes
            ),
            edge_states=tuple(
                EdgeState(edge_id=e.edge_id, sequence_id=e.sequence_id, released=e.released) for e in edges
            ),
            driving=self._driven_m is not None and not self._is_held(),
            paused=self.paused,
            action_states=tuple(self._actions.values()),
            instant_action_states=tuple(self._instant.values()),
            power_supply=PowerSupply(state_of_charge=round(self.battery, 2), charging=self.charging),
            operating_mode=self.mode,
            errors=tuple(self._errors),
            safety_state=SafetyState(active_emergency_stop=EmergencyStop.NONE, field_violation=False),
            mobile_robot_position=Position(x=self.x_m, y=self.y_m, theta=0.0, map_id=self.map_id, localized=True),
            velocity=Velocity(vx=self.params.speed_m_s if self._driven_m is not None else 0.0),
            loads=() if self.load_id is None else (Load(load_id=self.load_id),),
        )

    # One step of at most `left_s`; returns the time it took.

    def _step(self, left_s: float) -> float:
        if self._is_held():
            return left_s
        if self._work is not None:
            spent_s = min(left_s, self._work.left_s)
            self._work.left_s -= spent_s
            if self._work.left_s <= 1e-9:
                self._finish(self._work.action)
            return spent_s
        if self._driven_m is not None:
            return self._drive(left_s)
        if self._cancel is not None:
            self._end_cancel(self._cancel)
            return 0.0
        action = self._next_action()
        if action is not None:
            self._set(action.action_id, ActionStatus.RUNNING)
            self._work = _Work(action, self.params.work_s)
            return 0.0
        ahead = self._ahead()
        if ahead and ahead[0].released and not self._cancelled and self.battery > 0:
            self._driven_m, self.changed = 0.0, True
            self.charging = False
            return 0.0
        return left_s

    def _drive(self, left_s: float) -> float:
        target = self._ahead()[0]
        length_m = self._length_m()
        way_m = min(self.params.speed_m_s * left_s, length_m - (self._driven_m or 0.0))
        self._driven_m = (self._driven_m or 0.0) + way_m
        self.battery = max(0.0, self.battery - way_m * self.params.percent_per_m)
        if self._driven_m >= length_m - 1e-9:
            self._driven_m, self.changed = None, True
            self.node, self.sequence_id = target.node_id, target.sequence_id
            if target.node_position is not None:
                self.x_m, self.y_m = target.node_position.x, target.node_position.y
                self.map_id = target.node_position.map_id
        return way_m / self.params.speed_m_s

    def _length_m(self) -> float:
        edge, target = self._edges_ahead()[0], self._ahead()[0]
        if edge.length:
            return edge.length
        at = target.node_position
        return math.hypot(at.x - self.x_m, at.y - self.y_m) if at is not None else 1.0

    def _finish(self, action: Action) -> None:
        self._work = None
        fault = self._do(action)
        self._set(action.action_id, ActionStatus.FINISHED if fault is None else ActionStatus.FAILED, fault)
        if fault is not None:
            self._add_error(f"{action.action_type}Error", ErrorLevel.WARNING, fault, action_id=action.action_id)

    def _do(self, action: Action) -> str | None:
        kind = action.action_type
        if kind in ("pick", "drop") and self.fails_next:
            self.fails_next = False
            return f"the {kind} did not succeed"
        if kind == "pick":
            if self.load_id is not None:
                return f"{self.load_id} is on the fork"
            self.load_id = self.floor.take(self.name, self.node, str(action.parameter("loadId") or ""))
            return None if self.load_id is not None else "the load is not there"
        if kind == "drop":
            if self.load_id is None:
                return "nothing to set down"
            self.floor.put(self.name, self.node, self.load_id)
            self.load_id = None
        elif kind in ("startCharging", "stopCharging"):
            self.charging = kind == "startCharging"
        return None

    def _next_action(self) -> Action | None:
        here = next((n for n in self.order.nodes if n.sequence_id == self.sequence_id), None) if self.order else None
        for action in here.actions if here is not None else ():
            if self._actions[action.action_id].action_status == ActionStatus.WAITING:
                return action
        return None

    def _begin_cancel(self, action: Action) -> ActionStatus:
        wanted = action.parameter("orderId")
        if self.order is None or self.is_idle or (wanted is not None and wanted != self.order.order_id):
            self._add_error(
                OrderError.NO_ORDER_TO_CANCEL.text(self.version),
                ErrorLevel.WARNING,
                "no such order is active",
                action_id=action.action_id,
            )
            return ActionStatus.FAILED
        self._cancel = action.action_id
        return ActionStatus.RUNNING

    def _end_cancel(self, action_id: str) -> None:
        self._cancel, self._cancelled, self.changed = None, True, True
        for name, action in self._actions.items():
            if action.action_status not in ENDED:
                self._set(name, ActionStatus.FAILED, "cancelled")
        done = self._instant.get(action_id)
        if done is not None:
            self._instant[action_id] = msgspec.structs.replace(done, action_status=ActionStatus.FINISHED)

    def _ahead(self) -> list[Node]:
        if self.order is None or self._cancelled:
            return []
        return [node for node in self.order.nodes if node.sequence_id > self.sequence_id]

    def _edges_ahead(self) -> list[Edge]:
        if self.order is None or self._cancelled:
            return []
        return [edge for edge in self.order.edges if edge.sequence_id > self.sequence_id]

    def _is_held(self) -> bool:
        return self.paused or self.stopped_until_us > 0

    def _set(self, action_id: str, status: ActionStatus, result: str | None = None) -> None:
        self._actions[action_id] = msgspec.structs.replace(
            self._actions[action_id], action_status=status, action_result=result
        )
        self.changed = True

    def _reject(self, error: OrderError, detail: str, order: Order | None) -> None:
        self._add_error(error.text(self.version), error.level, detail, order=order)

    def _add_error(
        self, kind: str, level: ErrorLevel, detail: str, *, action_id: str | None = None, order: Order | None = None
    ) -> None:
        about = [("actionId", action_id)] if action_id is not None else []
        if order is not None:
            about += [("orderId", order.order_id), ("orderUpdateId", str(order.order_update_id))]
        references = tuple(Reference(reference_key=key, reference_value=value or "") for key, value in about)
        error = Error(error_type=kind, error_level=level, error_description=detail, error_references=references)
        self._errors = [*self._errors, error][-32:]
