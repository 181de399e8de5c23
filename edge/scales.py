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
from collections.abc import Awaitable, Callable, Sequence

import msgspec.structs
import structlog

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


class ScaleWatch:
    """Implements `ScaleSink`. `on_event` takes what was seen, as `EdgeAgent.on_device_event` does."""

    def __init__(
        self,
        scales: Sequence[Scale],
        now_us: Callable[[], int],
        on_event: Callable[[DeviceEvent], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._scales = {scale.name: scale for scale in scales}
        self._profiles = {scale.name: profile_of(scale) for scale in scales}
        self._settling = {name: self._new_settling(name) for name in self._scales}
        self._now_us = now_us
        self._on_event = on_event
        self.readings: dict[str, Reading] = {}
        self._up: dict[str, bool] = {}
        self.drivers = {
            scale.name: ScaleDriver(
                scale.name,
                ModbusAddress(Link(scale.link), scale.host, scale.port, scale.unit, scale.baudrate),
                self._profiles[scale.name],
                scale.poll_ms,
                now_us,
                sleep,
            )
            for scale in scales
        }

    async def run(self) -> None:
        """Poll every scale until cancelled."""
        async with asyncio.TaskGroup() as group:
            for driver in self.drivers.values():
                group.create_task(driver.run(self))

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
        scale = self._scales[name]
        return Settling(scale.empty_below, scale.change, self._profiles[name].settle)
