"""An edge put together from a site file: drivers, spool, agent, and what runs beside it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

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
from tagledger.site_changes import SiteChange
from tagledger.site_text import site_text
from warehouse.site import Reader, Site


async def reload_edge(agent: EdgeAgent, change: SiteChange, clock: Clock) -> None:
    """Make an edge follow a site file that changed."""
    drivers = {
        reader.name: driver_of(reader, clock.now_us)
        for reader in change.site.readers
        if reader.name in change.readers and reader.agent in ("", change.site.edge.agent)
    }
    await agent.reload(change.site, drivers)


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
    mine = [reader for reader in site.readers if reader.agent in ("", settings.agent)]
    drivers = {reader.name: driver_of(reader, clock.now_us) for reader in mine}
    coils = {
        module.name: CoilModule(
            module.name, ModbusAddress(Link(module.link), module.host, module.port, module.unit, module.baudrate)
        )
        for module in site.io_modules
        if module.agent in ("", settings.agent)
    }
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


async def run_edge_parts(site: Site, agent: EdgeAgent, clock: Clock) -> None:
    """An agent, its scales and readers that push over MQTT until cancelled; the first failure of any ends all."""
    pushing = {
        reader.topic: driver
        for reader in site.readers
        if reader.topic and (driver := agent.push_driver(reader.name)) is not None
    }
    scales = [scale for scale in site.scales if scale.agent in ("", site.edge.agent)]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(agent.run())
            if pushing:
                identifier = f"tagledger-{site.name}-{site.edge.agent}-push"
                group.create_task(PushSubscriber(site.uplink, identifier, pushing).run())
            if scales:
                group.create_task(ScaleWatch(scales, clock.now_us, agent.on_device_event, clock.sleep).run())
    except BaseExceptionGroup as failures:
        # The first is the cause; the others are its cancellations.
        raise failures.exceptions[0] from None
