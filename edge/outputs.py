"""Drives the outputs at the doors: stack lights and interlocks, on GPO ports of readers and coils of I/O modules.

What an output should be follows from what its door shows (`edge.signals`), looked at when something comes and every
`_TICK_S`. Only changes are written, and what an I/O module has again every `refresh_ms`. Each device has a task of its
own, so that one that does not answer holds no other door up. A device that is not connected is tried again every
`RETRY_S` with what is then to be shown, one that refuses (it has no such output) every `REFUSED_RETRY_S`; one whose
state is not known (it was away) is written anew. When the edge ends it puts the lights out, and leaves interlocks as
`on_lost` says: from then on nobody watches.

A write without an answer ends the device's connection and drops what was not sent; what the device itself had received
by then, and carries out when it wakes, cannot be called back.

These outputs are signals and process interlocks. They are no safety function (ISO 13849, IEC 62061): a reader whose
connection breaks keeps its outputs as they are, and nothing here detects a welded contact or a torn wire.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from edge.clock import Clock
from edge.device_tasks import DeviceTasks
from edge.signals import DoorSigns, is_released, lamps
from readers.llrp.errors import LlrpError
from readers.modbus.connection import ModbusRefused
from stream.model import Colour, Signal
from warehouse.loads import Override
from warehouse.site import Portal

_TICK_S = 0.1
RETRY_S = 1.0
REFUSED_RETRY_S = 60.0
_LAST_WRITE_S = 1.0

_log = structlog.get_logger(__name__)


class OutputDevice(Protocol):
    """Something with outputs. A call raises ConnectionError when it cannot be reached, LlrpError or ModbusRefused when
    it has no such output, and never leaves a write under way that could be carried out later.
    """

    async def write_gpo(self, port: int, state: bool) -> None:
        """Set one output."""


@dataclass(slots=True)
class _Device:
    """One device: the portals wired to it, what was written last, and when to look again."""

    driver: OutputDevice
    refresh_us: int | None
    portals: list[Portal] = field(default_factory=list)
    written: dict[int, bool] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    retry_at_us: int = 0
    refreshed_us: int = 0
    is_left: bool = False


class DoorOutputs:
    """All outputs of one edge. `refresh_ms` by device name, for those that are written again from time to time."""

    def __init__(
        self,
        portals: Iterable[Portal],
        drivers: Mapping[str, OutputDevice],
        clock: Clock,
        refresh_ms: Mapping[str, int] | None = None,
    ) -> None:
        self._clock = clock
        self._devices: dict[str, _Device] = {}
        self._keeping = DeviceTasks()
        self._ending = False
        self.uplink_lost = False
        self.on_write: Callable[[str, int, bool], None] | None = None
        """Hears of every output that was written, once its device has answered: device, output, level."""
        self.signs = DoorSigns(())
        self.rewire(portals, drivers, refresh_ms)

    def rewire(
        self,
        portals: Iterable[Portal],
        drivers: Mapping[str, OutputDevice],
        refresh_ms: Mapping[str, int] | None = None,
    ) -> None:
        """Outputs and devices are these from now on; what doors show stays. What is wired to nothing any more is put
        out.
        """
        portals = tuple(portals)
        self.signs.watch(portal.name for portal in portals)
        wired: dict[str, list[Portal]] = {name: [] for name in self._devices}
        for portal in portals:
            names = [portal.stack_light.reader] if portal.stack_light is not None else []
            names += [portal.interlock.device] if portal.interlock is not None else []
            for name in dict.fromkeys(names):
                wired.setdefault(name, []).append(portal)
        for name, mine in wired.items():
            if name not in drivers:
                continue
            again_ms = (refresh_ms or {}).get(name)
            refresh_us = None if again_ms is None else again_ms * 1000
            device = self._devices.get(name)
            if device is None:
                device = self._devices[name] = _Device(drivers[name], refresh_us)
                self._keeping.start(name, partial(self._keep, name, device))
            elif device.driver is not drivers[name]:
                device.driver = drivers[name]
                device.written.clear()
            device.portals, device.refresh_us = mine, refresh_us
            device.wake.set()

    async def leave(self, names: Iterable[str]) -> None:
        """These devices are not written to any more: put their outputs as nobody watches, for `_LAST_WRITE_S`."""
        leaving = {name: device for name in names if (device := self._devices.pop(name, None)) is not None}
        await self._keeping.end(leaving)
        for device in leaving.values():
            device.is_left = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WRITE_S):
                await asyncio.gather(*(self._write(name, device) for name, device in leaving.items()))

    @property
    def refused(self) -> int:
        """Signals refused since the start."""
        return self.signs.refused

    def on_signal(self, signal: Signal) -> bool:
        """Show a signal; False when it is refused."""
        return self._woken(self.signs.on_signal(signal, self._clock.now_us()))

    def on_override(self, override: Override) -> bool:
        """Show what a person ordered, or no longer; False when it is refused."""
        return self._woken(self.signs.on_override(override, self._clock.now_us()))

    def forget(self, name: str) -> None:
        """What a device's outputs are is unknown (it was away): write them all again."""
        device = self._devices.get(name)
        if device is not None:
            device.written.clear()
            device.retry_at_us = 0
            device.wake.set()

    async def run(self) -> None:
        """Keep the outputs as they should be, until cancelled; then as nobody watches."""
        try:
            await self._keeping.run()
        finally:
            self._ending = True
            self.signs.forget()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WRITE_S):
                    await self.apply()

    async def apply(self) -> None:
        """Write every output that differs from what it should be now."""
        await asyncio.gather(*(self._write(name, device) for name, device in self._devices.items()))

    async def _keep(self, name: str, device: _Device) -> None:
        while True:
            device.wake.clear()
            await self._write(name, device)
            waker = asyncio.ensure_future(device.wake.wait())
            timer = asyncio.ensure_future(self._clock.sleep(_TICK_S))
            try:
                await asyncio.wait((waker, timer), return_when=asyncio.FIRST_COMPLETED)
            finally:
                waker.cancel()
                timer.cancel()

    async def _write(self, name: str, device: _Device) -> None:
        now_us = self._clock.now_us()
        if now_us < device.retry_at_us:
            return
        if device.refresh_us is not None and not 0 <= now_us - device.refreshed_us < device.refresh_us:
            device.written.clear()
            device.refreshed_us = now_us
        for port in self._wanted(name, device):
            # Looked up again before each write: the one before may have taken its time.
            state = self._wanted(name, device)[port]
            if device.written.get(port) == state:
                continue
            try:
                await device.driver.write_gpo(port, state)
            except (ConnectionError, LlrpError) as error:
                refused = isinstance(error, LlrpError | ModbusRefused)
                device.retry_at_us = now_us + int((REFUSED_RETRY_S if refused else RETRY_S) * 1e6)
                device.written.pop(port, None)
                _log.warning("output not written", device=name, output=port, error=str(error))
                return
            device.written[port] = state
            if self.on_write is not None:
                self.on_write(name, port, state)

    def _wanted(self, name: str, device: _Device) -> dict[int, bool]:
        """The level of every output of a device now. Interlocks first: a gate closes before a light changes."""
        now_us = self._clock.now_us()
        gates: dict[int, bool] = {}
        lights: dict[int, bool] = {}
        for portal in device.portals:
            colour = Colour.OFF if device.is_left else self.signs.colour(portal.name, now_us)
            ending = self._ending or device.is_left
            lock, light = portal.interlock, portal.stack_light
            if lock is not None and lock.device == name:
                released = is_released(lock, colour, self.uplink_lost or ending)
                gates[lock.output] = lock.released_state if released else not lock.released_state
            if light is not None and light.reader == name:
                lights |= lamps(colour, self.uplink_lost and not ending, now_us).outputs(light)
        wanted = gates | lights
        # What was wired here before and is not any more must not stay on.
        return wanted | {port: False for port, state in device.written.items() if state and port not in wanted}

    def _woken(self, news: bool) -> bool:
        if news:
            for device in self._devices.values():
                device.wake.set()
        return news
