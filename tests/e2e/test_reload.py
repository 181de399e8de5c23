"""The site file changes while reads flow: what is unchanged loses no read, a broken file changes nothing."""

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.clock import WallClock
from simulators.llrp.models import SPEEDWAY_R420
from simulators.llrp.plant_clock import ScaledClock
from simulators.llrp.server import ReaderSimulator
from simulators.llrp.steady_radio import SteadyRadio
from tests.e2e.sites import Folder, eventually
from warehouse.site import Antenna, Portal, Reader, Side, SignalSettings, Site, Zone

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
    assert {by_window[window] for window in whole} == {READS_PER_S * WINDOW_US // S}
