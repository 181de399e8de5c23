"""A simulated plant on loopback, in a process of its own: LLRP readers in front of the physics, light barriers, scales,
vehicles and their broker.

Its own process, because a real plant does not wait for the computer that watches it: physics would steal time from the
edge it is there to test. Both processes share plant time: the machine's monotonic clock scaled, which waits for the
edge and the readers when it is `paced` (`tagledger.plant_time`) and for nobody otherwise.
"""

import asyncio
import contextlib
import multiprocessing
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from readers.modbus.profile import load
from simulators.broker import embedded_broker
from simulators.llrp.models import FX9600, SPEEDWAY_R420
from simulators.llrp.plant_clock import ReaderClock, ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.platform import Platform
from simulators.plant import Plant
from simulators.plant_scales import scale_name
from simulators.plant_vehicles import PlantVehicles
from tagledger.logs import configure_logs
from tagledger.plant_time import EDGE, PromisedClock, Promises, new_promises
from warehouse.site import Scale, Site

# Crystals of readers are good to some 20 ppm, and nobody sets their clocks to the millisecond.
DRIFT_PPM = 20.0
OFFSET_US = 150_000
START_TIMEOUT_S = 60.0
BROKER = "broker"
INDICATORS = ("tuna-id551", "eagle-ei4000")
# Less than the edge allows for scheduling, so that what it has not looked at yet is not late for it.
EDGE_PROMISE_US = 50_000
LOOK_EVERY_S = 0.002


class PlantTime:
    """Plant time as the edge's clock: its seconds pass `speed` times as fast as the wall's."""

    def __init__(self, clock: PromisedClock) -> None:
        self._clock = clock

    def now_us(self) -> int:
        return self._clock.now_us()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._clock.speed)


@dataclass(frozen=True, slots=True)
class RunningPlant:
    """A plant whose readers listen: the site that reaches them, and its clock, which stands until `start`.

    `edges` are pipes to edges in processes of their own, which share that clock.
    """

    site: Site
    clock: PromisedClock
    child: Connection
    promises: Promises
    edges: list[Connection] = field(default_factory=list)

    async def standing(self) -> dict[str, str]:
        """Where each pallet that came in truly stands, by SSCC. Ask when nobody keeps pace any more.

        Raises EOFError when the plant's process has ended.
        """
        self.child.send(None)
        found: dict[str, str] = await asyncio.to_thread(self.child.recv)
        return found

    def start(self) -> None:
        """Let plant time run, here, in the plant's process and in the edges'."""
        start_ns = time.monotonic_ns()
        for process in (self.child, *self.edges):
            process.send(start_ns)
        self.clock.start(start_ns)

    async def keep_pace(self, is_behind: Callable[[], bool]) -> None:
        """The edge's promises, until cancelled; none is made while `is_behind`. Run it in the edge's event loop.

        Raises `PlantProcessError` when the plant's process has ended: its promises would hold time up for ever.
        """
        while True:
            if not is_behind():
                self.clock.promise(EDGE, self.clock.now_us() + EDGE_PROMISE_US)
            if self.child.poll():
                raise PlantProcessError("the plant's process ended, see above")
            await asyncio.sleep(LOOK_EVERY_S)


class PlantProcessError(OSError):
    """The plant's process did not start."""


@contextlib.contextmanager
def running_plant(plant: Plant, duration_s: float, speed: float, edges: int = 1) -> Iterator[RunningPlant]:
    """The plant's readers while the block runs. Time waits for an edge once that runs `keep_pace`, or promises itself.

    Raises `PlantProcessError`.
    """
    # spawn: a forked child would share our event loop's file descriptors.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    promises = new_promises(len(plant.site.readers), edges)
    process = context.Process(
        target=_run,
        args=(plant.seed, duration_s, plant.start_us, len(plant.site.fleet.vehicles), speed, theirs, promises),
        name="plant",
        daemon=True,
    )
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_TIMEOUT_S):
            raise PlantProcessError(f"the plant's readers did not start within {START_TIMEOUT_S:g} s")
        try:
            ports: dict[str, int] = ours.recv()
        except EOFError:
            raise PlantProcessError("the plant's process ended while it started, see above") from None
        readers = tuple(replace(reader, port=ports[reader.name]) for reader in plant.site.readers)
        scales = tuple(
            Scale(name, "127.0.0.1", profile, port=ports[name], place=door) for name, door, profile in _scales(plant)
        )
        clock = PromisedClock(ScaledClock(plant.start_us, speed=speed, running=False), promises)
        fleet = replace(plant.site.fleet, port=ports.get(BROKER, plant.site.fleet.port))
        site = replace(plant.site, readers=readers, scales=scales, fleet=fleet)
        yield RunningPlant(site, clock, ours, promises)
    finally:
        ours.close()
        process.join(timeout=5.0)
        if process.is_alive():
            process.kill()
            process.join()


def _run(
    seed: int, duration_s: float, start_us: int, vehicles: int, speed: float, parent: Connection, promises: Promises
) -> None:
    """The child: serve until the other end of the pipe closes, whatever closed it."""
    configure_logs()
    plant = Plant(seed, duration_s, start_us=start_us, vehicles=vehicles)
    clock = ScaledClock(start_us, speed=speed, running=False)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve_plant(plant, clock, parent, promises))


async def serve_plant(plant: Plant, clock: ScaledClock, parent: Connection, promises: Promises) -> None:
    """Readers, light barriers, scales and vehicles until `parent` closes; a number starts the clock, None asks where
    pallets stand.

    Every other reader is of another make.
    """
    rng = np.random.default_rng([plant.seed, 0x52454144])
    simulators = {}
    for number, reader in enumerate(plant.site.readers):
        simulators[reader.name] = simulator = ReaderSimulator(
            FX9600 if number % 2 else SPEEDWAY_R420,
            plant.radio(reader.name),
            PromisedClock(clock, promises, party=EDGE + 1 + number),
            reader_clock=ReaderClock(
                plant.start_us,
                offset_us=int(rng.integers(-OFFSET_US, OFFSET_US)),
                drift_ppm=float(rng.uniform(-DRIFT_PPM, DRIFT_PPM)),
            ),
        )
        simulator.plan_gpi(
            (change.time_us, change.gpi, change.state) for change in plant.gpi_changes if change.reader == reader.name
        )
    async with contextlib.AsyncExitStack() as stack:
        for simulator in simulators.values():
            await stack.enter_async_context(simulator)
        ports = {name: simulator.port for name, simulator in simulators.items()}
        for name, _, profile in _scales(plant):
            indicator = _indicator(plant, name, profile, PromisedClock(clock, promises))
            await indicator.start()
            stack.push_async_callback(indicator.stop)
            ports[name] = indicator.port
        driving = None
        if plant.site.fleet.vehicles:
            ports[BROKER] = await stack.enter_async_context(embedded_broker())
            driving = PlantVehicles(plant, PlantTime(PromisedClock(clock, promises)), ports[BROKER])
            await stack.enter_async_context(_until_closed(driving.run()))
        parent.send(ports)
        with contextlib.suppress(EOFError):
            while True:
                asked = await _received(parent)
                if asked is None:
                    parent.send(driving.standing() if driving is not None else {})
                else:
                    clock.start(asked)


@contextlib.asynccontextmanager
async def _until_closed(running: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A task for as long as the block lasts."""
    task = asyncio.create_task(running)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _scales(plant: Plant) -> list[tuple[str, str, str]]:
    """Name, door and model of each scale."""
    return [(scale_name(door), door, profile) for door, profile in zip(plant.scale_doors, INDICATORS, strict=False)]


def _indicator(plant: Plant, name: str, profile: str, clock: PromisedClock) -> IndicatorSimulator:
    """A scale on which pallets are put, and taken off again, when the plant's day says so."""
    platform = Platform(plant.seed)
    mine = [weighing for weighing in plant.weighings if weighing.scale == name]
    changes = deque(change for at in mine for change in ((at.on_us, at.weight_kg), (at.off_us, Decimal(0))))

    def now_us() -> int:
        now = clock.now_us()
        while changes and changes[0][0] <= now:
            at_us, weight_kg = changes.popleft()
            platform.put(weight_kg, at_us)
        return now

    return IndicatorSimulator(load(profile), platform, now_us)


async def _received(parent: Connection) -> int | None:
    """The next message. Raises EOFError when the other end has closed."""
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(parent.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(parent.fileno())
    message: int | None = parent.recv()
    return message
