"""The systemd units are ones that systemd can read, and run commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_read_without_complaint(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here: apt-get install systemd")
    # The program is not installed where the unit looks for it, which is all that may be wrong.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/tagledger/bin/tagledger", "/bin/true"))
    said = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False).stderr
    assert [line for line in said.splitlines() if copy.name in line] == []


def test_every_process_of_a_site_has_a_unit() -> None:
    commands = {match[1] for unit in UNITS if (match := re.search(r"bin/tagledger (\S+) --site", unit.read_text()))}
    assert commands == {"edge", "stream", "api", "bridge", "worker"}
