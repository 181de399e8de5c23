"""Scales at the edge: readings in, weighings and the state of the connection out, as device events.

A `ScaleWatch` owns the drivers of this agent's scales. A load at rest becomes one WEIGHT event: `device` is the scale's
name, `value` the weight in kg, `at_us` when it came to rest, `detail` JSON with the exact weight in kg (`kg`) and in
the profile's unit, the tare, and since when it stands there (`on_since_us`, which tells a load weighed again from
another). A connection that comes or goes is READER_UP or READER_DOWN, the words the stream has for any device.

A lost connection starts the settling over: what stood on the platform meanwhile is not known, so a load that is still
there is weighed again and told again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec.structs
import structlog

from edge.device_tasks import DeviceTasks
from readers.modbus.connection import Link, ModbusAddress
from readers.modbus.driver import ScaleDriver
from readers.modbus.profile import KG_OF, ScaleProfile, WordOrder, load
from readers.modbus.reading import Reading
from readers.modbus.settling import Settling
from stream.model import DeviceEvent, DeviceEventKind
from warehouse.site import Scale

_log = structlog.get_logger(__name__)


def profile_of(scale: Scale) -> ScaleProfile:
    """The register map of a scale as the site has it. Raises `readers.modbus.profile.ProfileError`."""
    profile = load(scale.profile)
    if scale.scale is not None:
        profile = msgspec.structs.replace(profile, scale=scale.scale)
    if scale.word_order:
        profile = msgspec.structs.replace(profile, word_order=WordOrder(scale.word_order))
    return profile


@dataclass(frozen=True, slots=True)
class _Device:
    """What of a scale is the edge's business: while it is the same, a changed site file leaves the scale alone."""

    address: ModbusAddress
    profile: ScaleProfile
    poll_ms: int
    empty_below: Decimal
    change: Decimal

    @classmethod
    def of(cls, scale: Scale) -> "_Device":
        address = ModbusAddress(Link(scale.link), scale.host, scale.port, scale.unit, scale.baudrate)
        return cls(address, profile_of(scale), scale.poll_ms, scale.empty_below, scale.change)


class ScaleWatch:
    """Implements `ScaleSink`. `on_event` takes what was seen, as `EdgeAgent.on_device_event` does."""

    def __init__(
        self,
        scales: Iterable[Scale],
        now_us: Callable[[], int],
        on_event: Callable[[DeviceEvent], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now_us = now_us
        self._on_event = on_event
        self._sleep = sleep
        self._devices: dict[str, _Device] = {}
        self._settling: dict[str, Settling] = {}
        self._up: dict[str, bool] = {}
        self._driving = DeviceTasks()
        self.readings: dict[str, Reading] = {}
        self.drivers: dict[str, ScaleDriver] = {}
        for name, device in self.looked_up(scales).items():
            self._start(name, device)

    async def run(self) -> None:
        """Poll every scale until cancelled."""
        await self._driving.run()

    @staticmethod
    def looked_up(scales: Iterable[Scale]) -> dict[str, _Device]:
        """The scales with their register maps, for `reload`. Raises `readers.modbus.profile.ProfileError`."""
        return {scale.name: _Device.of(scale) for scale in scales}

    async def reload(self, scales: Mapping[str, _Device]) -> None:
        """These are the scales from now on. Those that are the same go on; the others' connections end or begin."""
        ending = [name for name, device in self._devices.items() if scales.get(name) != device]
        await self._driving.end(ending)
        for name in ending:
            self.on_link(name, False, "the site file changed")
            for known in (self._devices, self._settling, self.drivers, self._up):
                known.pop(name, None)
        for name, device in scales.items():
            if name not in self._devices:
                self._start(name, device)

    def on_reading(self, scale: str, reading: Reading) -> None:
        """One poll's result; the latest is kept for whoever looks."""
        self.readings[scale] = reading
        weighing = self._settling[scale].take(reading)
        if weighing is None:
            return
        kg = weighing.weight * KG_OF[weighing.unit]
        told = {
            "kg": f"{kg:f}",
            "weight": f"{weighing.weight:f}",
            "unit": weighing.unit,
            "tare": None if weighing.tare is None else f"{weighing.tare:f}",
            "on_since_us": weighing.on_since_us,
        }
        self._tell(scale, DeviceEventKind.WEIGHT, weighing.at_us, float(kg), json.dumps(told))

    def on_link(self, scale: str, up: bool, detail: str) -> None:
        """The connection came or went."""
        if self._up.get(scale) is up:
            return  # every attempt to reconnect that fails says so
        self._up[scale] = up
        kind = DeviceEventKind.READER_UP if up else DeviceEventKind.READER_DOWN
        if not up:
            self._settling[scale] = self._new_settling(scale)
            self.readings.pop(scale, None)
            _log.warning("scale lost", scale=scale, error=detail)
        self._tell(scale, kind, self._now_us(), None, detail)

    def _tell(self, scale: str, kind: DeviceEventKind, at_us: int, value: float | None, detail: str) -> None:
        self._on_event(DeviceEvent(scale, kind, at_us, value=value, detail=detail))

    def _new_settling(self, name: str) -> Settling:
        device = self._devices[name]
        return Settling(device.empty_below, device.change, device.profile.settle)

    def _start(self, name: str, device: _Device) -> None:
        self._devices[name] = device
        self._settling[name] = self._new_settling(name)
        driver = ScaleDriver(name, device.address, device.profile, device.poll_ms, self._now_us, self._sleep)
        self.drivers[name] = driver
        self._driving.start(name, lambda: driver.run(self))
