"""An edge put together from a site file: drivers, spool, agent, and what runs beside it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from edge.agent import EdgeAgent
from edge.capture import CaptureHeader, CaptureWriter
from edge.clock import Clock
from edge.expected_file import ExpectedFile
from edge.local_decision import GraphDecision
from edge.push_mqtt import PushSubscriber
from edge.scales import ScaleWatch
from edge.spool import open_or_replace
from edge.uplink import Uplink
from readers.llrp.client import NativeDriver
from readers.modbus.coils import CoilModule
from readers.modbus.connection import Link, ModbusAddress
from readers.port import ReaderDriver
from readers.push.driver import FORMATS, PushDriver
from tagledger.site_text import site_text
from warehouse.site import IoModule, Reader, Scale, Site

_Device = TypeVar("_Device", Reader, IoModule, Scale)


def driver_of(reader: Reader, now_us: Callable[[], int]) -> ReaderDriver:
    """The driver that the site file names for a reader."""
    if reader.driver == "sllurp":
        # An optional package under another licence: imported only where a site asks for it.
        from readers.sllurp_driver import SllurpDriver

        return SllurpDriver(reader, now_us=now_us)
    if reader.driver in FORMATS:
        return PushDriver(reader, now_us)
    return NativeDriver(reader, now_us=now_us)


def edge_agent(site: Site, uplink: Uplink, clock: Clock, capture: Path | None) -> EdgeAgent:
    """The agent of this site file: all readers that are its own or anyone's. `capture` is the folder to record into.

    Raises SpoolError when the spool is in use, OSError when the capture's folder cannot be written.
    """
    settings = site.edge
    drivers = {reader.name: driver_of(reader, clock.now_us) for reader in mine(site.readers, site)}
    coils = {module.name: _coils(module) for module in mine(site.io_modules, site)}
    spool, damaged = open_or_replace(
        Path(site.state_dir) / "spool.sqlite", settings.agent, settings.spool_max_mb, settings.retain_h, clock.now_us()
    )
    writer = None
    if capture is not None:
        header = CaptureHeader(site.name, settings.agent, clock.now_us(), site_text=site_text(site))
        writer = CaptureWriter(capture, header)
    return EdgeAgent(
        site,
        drivers,
        spool,
        uplink,
        clock,
        capture=writer,
        local=GraphDecision(site),
        expected=ExpectedFile(Path(site.state_dir) / "expected.json"),
        coils=coils,
        spool_replaced=damaged is not None,
    )


class EdgeParts:
    """An agent, its scales and readers that push over MQTT."""

    def __init__(self, site: Site, agent: EdgeAgent, clock: Clock) -> None:
        self.agent = agent
        self._site = site
        self._clock = clock
        identifier = f"tagledger-{site.name}-{site.edge.agent}-push"
        self._pushing = PushSubscriber(site.uplink, identifier, self._topics(site))
        self._scales = ScaleWatch(mine(site.scales, site), clock.now_us, agent.on_device_event, clock.sleep)

    async def run(self) -> None:
        """Until cancelled; the first failure of any ends all."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.agent.run())
                group.create_task(self._pushing.run())
                group.create_task(self._scales.run())
        except BaseExceptionGroup as failures:
            # The first is the cause; the others are its cancellations.
            raise failures.exceptions[0] from None

    async def reload(self, site: Site) -> None:
        """Follow a site file that changed: devices that are new begin, those that are gone end, those that are reached
        or driven otherwise begin again; the others' connections are left alone.

        Raises `readers.modbus.profile.ProfileError` for a register map that cannot be read; then nothing has changed.
        """
        was = self._site
        scales = ScaleWatch.looked_up(mine(site.scales, site))
        readers = {reader.name: _driven(reader) for reader in mine(was.readers, was)}
        modules = {module.name: _reached(module) for module in mine(was.io_modules, was)}
        drivers, coils = dict(self.agent.drivers), dict(self.agent.coils)
        now_readers = {reader.name: reader for reader in mine(site.readers, site)}
        now_modules = {module.name: module for module in mine(site.io_modules, site)}
        left = [name for name in drivers if name not in now_readers or _moved(readers[name], now_readers[name])]
        left += [name for name in coils if name not in now_modules or modules[name] != _reached(now_modules[name])]
        drivers = {
            name: drivers[name] if readers.get(name) == _driven(reader) else driver_of(reader, self._clock.now_us)
            for name, reader in now_readers.items()
        }
        coils = {
            name: coils[name] if modules.get(name) == _reached(module) else _coils(module)
            for name, module in now_modules.items()
        }
        await self.agent.reload(site, drivers, coils, left)
        await self._scales.reload(scales)
        self._pushing.reload(self._topics(site))
        self._site = site

    def _topics(self, site: Site) -> dict[str, PushDriver]:
        return {
            reader.topic: driver
            for reader in site.readers
            if reader.topic and (driver := self.agent.push_driver(reader.name)) is not None
        }


async def run_edge_parts(site: Site, agent: EdgeAgent, clock: Clock) -> None:
    """An edge whose site file does not change, until cancelled."""
    await EdgeParts(site, agent, clock).run()


def mine(devices: Iterable[_Device], site: Site) -> list[_Device]:
    """The devices of this edge: its own and anyone's."""
    return [device for device in devices if device.agent in ("", site.edge.agent)]


def _coils(module: IoModule) -> CoilModule:
    return CoilModule(module.name, _reached(module))


def _reached(module: IoModule) -> ModbusAddress:
    return ModbusAddress(Link(module.link), module.host, module.port, module.unit, module.baudrate)


def _driven(reader: Reader) -> Reader:
    """What decides how a reader is driven: all but what its antennas look at."""
    return replace(reader, agent="", antennas=tuple(replace(one, place="", side=None) for one in reader.antennas))


def _moved(was: Reader, now: Reader) -> bool:
    return (was.host, was.port, was.listen) != (now.host, now.port, now.listen)
