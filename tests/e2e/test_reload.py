"""The site file changes while reads flow: what is unchanged loses no read, a broken file changes nothing."""

import contextlib
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from edge.clock import WallClock
from readers.modbus.profile import load
from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from simulators.modbus.indicator import IndicatorSimulator
from simulators.modbus.io_module import IoModuleSimulator
from simulators.modbus.platform import Platform
from tests.e2e.sites import Folder, eventually
from warehouse.postgres.database.server import running_dsn
from warehouse.site import (
    Antenna,
    IoModule,
    Portal,
    Reader,
    Scale,
    Side,
    SignalSettings,
    Site,
    StackLight,
    Zone,
)

READS_PER_S = 200
S = 1_000_000
WINDOW_US = S // 4


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.end()


def steady() -> tuple[ReaderSimulator, SteadyRadio]:
    epcs = [bytes.fromhex(f"3034257BF7194E40000000{n:02X}") for n in range(10)]
    radio = SteadyRadio(epcs, reads_per_s=float(READS_PER_S))
    return ReaderSimulator(SPEEDWAY_R420, radio, ScaledClock(WallClock().now_us())), radio


def site_of(one: ReaderSimulator, two: ReaderSimulator) -> Site:
    def reader(name: str, port: int) -> Reader:
        sides = (Side.OUTSIDE, Side.INSIDE)
        antennas = tuple(
            Antenna(number, name.replace("dock", "door"), side, 30.0) for number, side in enumerate(sides, 1)
        )
        return Reader(name, "127.0.0.1", port, antennas=antennas)

    portals = (Portal("door-1", "hall", "yard"), Portal("door-2", "hall", "yard"))
    readers = (reader("dock-1", one.port), reader("dock-2", two.port))
    return Site("plant", readers, (Zone("hall"), Zone("yard")), portals)


@pytest.mark.timeout(240)
async def test_one_readers_power_and_one_portals_setting_change_while_the_other_reader_reads_on(folder: Folder) -> None:
    (one, radio_one), (two, radio_two) = steady(), steady()
    async with one, two:
        site = folder.write(site_of(one, two))
        up = folder.start("up", "--site", folder.site_file)
        await eventually(lambda: up.said("up"), "up to say so")
        await eventually(lambda: radio_one.last_drives and radio_two.last_drives, "both readers to read")
        folder.site_file.write_text("name = ")  # a file half written, or broken
        up.process.send_signal(signal.SIGHUP)
        await eventually(lambda: up.said("site file refused, the running site stays as it is"), "the refusal")
        assert (one.connections, two.connections) == (1, 1)

        quieter = tuple(replace(antenna, power_dbm=25.0) for antenna in site.readers[0].antennas)
        portals = (replace(site.portals[0], signal=SignalSettings(hold_s=9.0)), site.portals[1])
        readers = (replace(site.readers[0], antennas=quieter), site.readers[1])
        folder.write(replace(site, readers=readers, portals=portals))
        await eventually(
            lambda: any("hold_s: 4.0 → 9.0" in line.get("change", "") for line in up.lines), "the change to be told"
        )
        await eventually(lambda: one.connections == 2 and one.is_connected, "the changed reader to connect again")
        await eventually(lambda: {d.power_dbm for d in radio_one.last_drives} == {25.0}, "the new power")
        assert two.connections == 1
        assert {drive.power_dbm for drive in radio_two.last_drives} == {30.0}
        changes = [line for line in up.lines if line["event"] == "site file changed"]
        assert not any(line["waits_for_restart"] for line in changes)
        assert (folder.state / "site.last-good.toml").read_text().count("25.0") == 2
        assert up.terminate() == 0

    by_window: Counter[int] = Counter()
    for batch in folder.spooled():
        rows = batch.sightings
        for antenna, first_us, reads in zip(rows.antenna.tolist(), rows.first_us.tolist(), rows.reads, strict=True):
            if rows.antennas[antenna].reader == "dock-2":
                by_window[first_us // WINDOW_US] += int(reads)
    whole = sorted(by_window)[1:-1]
    assert len(whole) >= 4
    assert whole == list(range(whole[0], whole[-1] + 1))
    # A correction of the reader's clock may carry a few reads over a window's edge; a connection that begins anew costs
    # a window or more.
    each = READS_PER_S * WINDOW_US // S
    assert all(abs(by_window[window] - each) <= each // 5 for window in whole)
    assert abs(sum(by_window[window] for window in whole) - each * len(whole)) <= each // 5


@pytest.mark.timeout(240)
async def test_devices_come_go_and_move_while_the_others_connections_stand(folder: Folder) -> None:
    """A third reader with a zone of its own, a scale and an I/O module come, one reader goes, one scale moves."""
    (one, _), (two, _), (three, radio_three) = steady(), steady(), steady()
    scales = [IndicatorSimulator(load("tuna-id551"), Platform(n), WallClock().now_us) for n in range(3)]
    modules = [IoModuleSimulator(), IoModuleSimulator()]

    def connections() -> list[int]:
        return [*(scale.connections for scale in scales), *(module.connections for module in modules)]

    async with contextlib.AsyncExitStack() as stack:
        for device in (one, two, three, *modules):
            await stack.enter_async_context(device)
        for indicator in scales:
            await indicator.start()
            stack.push_async_callback(indicator.stop)

        def scale(name: str, at: IndicatorSimulator) -> Scale:
            return Scale(name, "127.0.0.1", "tuna-id551", port=at.port, place="door-1")

        site = replace(
            site_of(one, two),
            scales=(scale("kept", scales[0]), scale("moved", scales[1])),
            io_modules=(IoModule("io-1", "127.0.0.1", port=modules[0].port),),
        )
        light = StackLight("io-1", 0, 1, 2)
        site = folder.write(replace(site, portals=(replace(site.portals[0], stack_light=light), site.portals[1])))
        up = folder.start("up", "--site", folder.site_file)
        await eventually(lambda: up.said("up"), "up to say so")
        await eventually(lambda: one.is_connected and two.is_connected, "both readers")
        await eventually(lambda: connections() == [1, 1, 0, 1, 0], "scales and module")

        rack = Reader("rack-1", "127.0.0.1", three.port, antennas=(Antenna(1, "rack"),))
        folder.write(
            replace(
                site,
                readers=(site.readers[0], rack),
                zones=(*site.zones, Zone("rack")),
                portals=(replace(site.portals[0], stack_light=light),),
                scales=(scale("kept", scales[0]), scale("moved", scales[2])),
                io_modules=(*site.io_modules, IoModule("io-2", "127.0.0.1", port=modules[1].port)),
            )
        )
        await eventually(lambda: radio_three.last_drives, "the new reader to read")
        await eventually(lambda: connections()[2] and connections()[4], "the moved scale, the new module")
        await eventually(lambda: not two.is_connected, "the reader that is gone to be let go")
        assert not any(line["waits_for_restart"] for line in up.lines if line["event"] == "site file changed")
        assert [device.connections for device in (one, two, three)] == [1, 1, 1]
        assert connections() == [1, 1, 1, 1, 1]

        def arrived() -> set[str]:
            with psycopg.connect(running_dsn(folder.state)) as connection:
                rows = connection.execute(
                    "select code from location_history join location using (location_id) where event = 'arrived'"
                ).fetchall()
            return {code for (code,) in rows}

        await eventually(lambda: "rack" in arrived(), "tags to arrive in the new zone")
        assert up.terminate() == 0
