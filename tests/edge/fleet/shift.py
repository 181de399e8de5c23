"""Master and vehicles on one virtual clock, joined by a network that loses and doubles what it may (QoS 0)."""

import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from edge.fleet.effects import Claim, Effect, Report, Send
from edge.fleet.master import OPEN_MAX, FleetMaster
from edge.fleet.tasks import Failure, TaskStep
from readers.vda5050.connection import Connection, ConnectionState
from readers.vda5050.header import Version
from readers.vda5050.order import Order
from readers.vda5050.state import State
from simulators.vda5050.floor import Floor
from simulators.vda5050.vehicle import SimulatedVehicle
from warehouse.roads import FleetSettings, RoadMap

from .yard import MemoryBook

STEP_US = 200_000
STATE_EVERY_US = 10_000_000
_T = TypeVar("_T")


def run(call: Coroutine[Any, Any, _T]) -> _T:
    """The result of a call that never waits."""
    try:
        call.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waited")


class Shift:
    """One shift of the yard. `lose` is the share of messages that never arrive, `double` of those that do twice.

    `telling` is what a vehicle says instead of the state it is in; who is `deaf` speaks and hears nothing.
    """

    def __init__(
        self,
        roads: RoadMap,
        settings: FleetSettings,
        book: MemoryBook,
        floor: Floor,
        *,
        seed: int = 0,
        lose: float = 0.0,
    ) -> None:
        self.now_us = 1_000_000_000
        self.roads, self.settings, self.book, self.floor = roads, settings, book, floor
        self._chance = random.Random(seed)
        self._lose = lose
        self._waiting: list[Claim | Report] = []
        self.sent: list[Send] = []
        self.telling: Callable[[str, State], State] = lambda _, state: state
        self.cut: set[str] = set()
        self.deaf: set[str] = set()
        self.is_sending = True
        self._told_us: dict[str, int] = {}
        at = {node.name: node for node in roads.nodes}
        self.vehicles = {
            vehicle.name: SimulatedVehicle(
                vehicle.name,
                Version(vehicle.version),
                floor,
                f"at-{vehicle.home}",
                at[f"at-{vehicle.home}"].x_m,
                at[f"at-{vehicle.home}"].y_m,
            )
            for vehicle in settings.vehicles
        }
        for vehicle in self.vehicles.values():
            vehicle.start(self.now_us)
        self.restart_master()

    def restart_master(self) -> None:
        """A new master that knows nothing; what the old one had not told the book is lost."""
        self.master, self._waiting = FleetMaster(self.roads, self.settings), []
        for name in self.vehicles:
            if name not in self.cut:
                self._do(self.master.on_connection(self.now_us, name, Connection(connection_state="ONLINE")))
            self._told_us[name] = 0

    def cut_off(self, name: str) -> None:
        """The vehicle is out of reach: the broker tells."""
        self.cut.add(name)
        broken = Connection(connection_state=ConnectionState.CONNECTION_BROKEN)
        self._do(self.master.on_connection(self.now_us, name, broken))

    def come_back(self, name: str) -> None:
        self.cut.discard(name)
        self._do(self.master.on_connection(self.now_us, name, Connection(connection_state="ONLINE")))
        self.vehicles[name].changed = True

    def step(self) -> None:
        """A fifth of a second."""
        self.now_us += STEP_US
        for name, vehicle in self.vehicles.items():
            vehicle.advance(self.now_us)
            due = vehicle.changed or self.now_us - self._told_us[name] >= STATE_EVERY_US
            if name not in self.cut and due:
                self._told_us[name] = self.now_us
                state = self.telling(name, vehicle.state())
                if self._chance.random() >= self._lose:
                    self._do(self.master.on_state(self.now_us, name, state))
        self._do(self.master.tick(self.now_us))
        self._book()

    def until(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 1e6 / STEP_US)):
            self.step()

    def until_settled(self, seconds: float) -> bool:
        """Until every task is done or waits for a person, at most so long."""
        for _ in range(int(seconds * 1e6 / STEP_US)):
            if all(state in ("done", "failed") for state in self.book.states().values()):
                return True
            self.step()
            self.clear_away()
        return False

    def clear_away(self) -> None:
        """A person lifts the loads of failed tasks off their vehicles, which would else stand in the way for ever."""
        failed = {entry.task.load_id for entry in self.book.entries.values() if entry.state == "failed"}
        for vehicle in self.vehicles.values():
            if vehicle.load_id in failed and vehicle.is_idle:
                self.floor.put("person", "aside", str(vehicle.load_id))
                vehicle.load_id, vehicle.changed = None, True

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Send):
                self._waiting.append(effect)
                continue
            if not self.is_sending:
                self.master.on_unsent(effect)
                continue
            self.sent.append(effect)
            if effect.vehicle in self.cut | self.deaf or self._chance.random() < self._lose:
                continue
            vehicle = self.vehicles[effect.vehicle]
            for _ in range(2 if self._chance.random() < self._lose else 1):
                if isinstance(effect.message, Order):
                    vehicle.on_order(effect.message)
                else:
                    vehicle.on_instant(effect.message)

    def _book(self) -> None:
        try:
            while self._waiting:
                self._tell(self._waiting[0])
                self._waiting.pop(0)
            claims, found = run(self.book.claims()), run(self.book.open_tasks(OPEN_MAX))
        except ConnectionError:
            return
        self._do(self.master.on_tasks(self.now_us, claims, found))

    def _tell(self, item: Claim | Report) -> None:
        if isinstance(item, Claim):
            attempt = run(self.book.claim(item.task.task_id, item.vehicle))
            self._do(self.master.on_claimed(self.now_us, item, attempt))
            return
        if isinstance(item.what, TaskStep):
            run(self.book.progress(item.task_id, item.attempt, item.what, item.at_us))
        elif isinstance(item.what, Failure):
            run(self.book.failed(item.task_id, item.attempt, item.what, item.at_us))
        else:
            run(self.book.done(item.task_id, item.attempt, item.at_us))
        self._do(self.master.on_reported(self.now_us, item))
