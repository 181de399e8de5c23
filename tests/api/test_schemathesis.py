"""The whole OpenAPI document against the running API: right requests are taken, wrong ones refused as documented.

The live feed never ends and so cannot be called this way: tests/api/test_feed.py has its inputs.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import Resident, resident_api

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def fuzzed(postgres_dsn: str, migrated_template: str) -> Iterator[Resident]:
    """A server and a plant of this test's own: its commands change things."""
    with resident_api(postgres_dsn, migrated_template) as served:
        yield served


@pytest.mark.timeout(600)
def test_every_operation_keeps_its_document(fuzzed: Resident, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    options = ["--seed=20260301", "--max-examples=3", "--phases=examples,coverage,fuzzing", "--exclude-path=/v1/feed"]
    document = f"{fuzzed.served.url}/openapi.json"
    done = subprocess.run(
        [program, f"--config-file={CONFIG}", "run", document, "--header=X-API-Key: admin-key", "--no-color", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    generated = re.search(r"([0-9]+) generated, ([0-9]+) passed", done.stdout)
    assert generated is not None, done.stdout[-2_000:]
    assert int(generated[1]) > 1000, "it found nothing to send"
