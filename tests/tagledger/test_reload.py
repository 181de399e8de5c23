"""Reading a site file again: applied, the same, refused with every problem told, and the last good one kept."""

from pathlib import Path

import pytest
import structlog

from tagledger.config import load_site
from tagledger.reload import LAST_GOOD, Reloaded, SiteReload
from tagledger.site_changes import SiteChange
from tagledger.site_text import site_text
from warehouse.site import Antenna, Portal, Reader, Site, Zone

DOOR = Portal("door-1", "hall", "yard")


def text_of(state: Path, power_dbm: float = 30.0, timezone: str = "UTC") -> str:
    readers = (Reader("dock-1", "192.0.2.1", antennas=(Antenna(1, "door-1", power_dbm=power_dbm),)),)
    return site_text(Site("plant", readers, (Zone("hall"), Zone("yard")), (DOOR,), timezone, str(state)))


async def test_what_comes_of_a_changed_file(tmp_path: Path) -> None:
    path, seen = tmp_path / "site.toml", list[SiteChange]()
    path.write_text(text_of(tmp_path))
    site = load_site(path, {})

    async def apply(change: SiteChange) -> None:
        seen.append(change)

    reload = SiteReload(path, {}, site, apply)
    assert await reload.check() is Reloaded.SAME
    path.write_text(text_of(tmp_path, 27.0, "Asia/Shanghai"))
    with structlog.testing.capture_logs() as logs:
        assert await reload.check() is Reloaded.APPLIED
    assert {log["change"]: log["waits_for_restart"] for log in logs} == {
        "readers[dock-1].antennas[1].power_dbm: 30.0 → 27.0": False,
        "timezone: UTC → Asia/Shanghai": True,
    }
    assert reload.site.timezone == "UTC"
    assert reload.site.readers[0].antennas[0].power_dbm == 27.0
    assert (tmp_path / LAST_GOOD).read_text() == path.read_text()
    path.write_text(text_of(tmp_path, 60.0).replace("192.0.2.1", "192.0.2.7"))
    with structlog.testing.capture_logs() as logs:
        assert await reload.check() is Reloaded.REFUSED
    assert "power_dbm" in logs[0]["problem"]
    assert reload.site.readers[0].host == "192.0.2.1"
    assert "27.0" in (tmp_path / LAST_GOOD).read_text()
    path.unlink()
    assert await reload.check() is Reloaded.REFUSED
    assert len(seen) == 1


@pytest.mark.parametrize("environment", [{}, {"TAGLEDGER_TIMEZONE": "Asia/Shanghai"}])
async def test_variables_hold_as_at_the_start(tmp_path: Path, environment: dict[str, str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text(text_of(tmp_path))

    async def apply(change: SiteChange) -> None:
        raise AssertionError(change)

    reload = SiteReload(path, environment, load_site(path, environment), apply)
    assert await reload.check() is Reloaded.SAME


async def test_what_fails_half_way_is_put_back(tmp_path: Path) -> None:
    path, seen = tmp_path / "site.toml", list[float | None]()
    path.write_text(text_of(tmp_path))

    async def apply(change: SiteChange) -> None:
        seen.append(change.site.readers[0].antennas[0].power_dbm)
        if len(seen) == 1:
            raise OSError("no such device")

    reload = SiteReload(path, {}, load_site(path, {}), apply)
    path.write_text(text_of(tmp_path, 27.0))
    with structlog.testing.capture_logs() as logs:
        assert await reload.check() is Reloaded.FAILED
    assert [log["error"] for log in logs] == ["no such device"]
    assert seen == [27.0, 30.0]
    assert reload.site.readers[0].antennas[0].power_dbm == 30.0
    assert "30.0" in (tmp_path / LAST_GOOD).read_text()
    assert await reload.check() is Reloaded.APPLIED
    assert seen == [27.0, 30.0, 27.0]
