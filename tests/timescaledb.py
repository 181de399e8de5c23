"""TimescaleDB for tests: `timescaledb_dsn` is a fresh server of Debian packages on a free port, stopped afterwards."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.ports import free_port

SCRIPT = Path(__file__).parents[1] / "deploy" / "services" / "timescaledb.sh"
ROOT = Path(os.environ.get("TAGLEDGER_TIMESCALEDB_ROOT", "/var/cache/tagledger/timescaledb"))


@pytest.fixture(scope="session")
def timescaledb_dsn() -> Iterator[str]:
    """A DSN of an empty TimescaleDB server; TAGLEDGER_TEST_TIMESCALEDB_DSN names a running one instead."""
    given = os.environ.get("TAGLEDGER_TEST_TIMESCALEDB_DSN")
    if given:
        yield given
        return
    if os.geteuid() != 0 or not (ROOT / ".complete").exists():
        pytest.skip("no TimescaleDB: as root, run deploy/services/timescaledb.sh install")
    name = f"test-{uuid4().hex[:8]}"
    try:
        up = subprocess.run([SCRIPT, "up", name, str(free_port())], capture_output=True, text=True, check=False)
        assert up.returncode == 0, up.stderr
        yield up.stdout.strip()
    finally:
        subprocess.run([SCRIPT, "drop", name], check=True, capture_output=True)
