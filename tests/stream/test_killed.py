"""kill -9 of the host at any moment, any number of times, ends with the same ledger."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from stream.embedded import EmbeddedHost
from stream.store import Store
from tests.stream.killed_host import log
from tests.stream.plant_books import another_database, prepare, query, results
from tests.stream.traffic import site

ROOT = Path(__file__).parents[2]


def start(dsn: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_host.py")), dsn],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_anywhere_the_host_ends_with_the_same_ledger(
    seed: int, database: str, postgres_dsn: str, migrated_template: str
) -> None:
    prepare(database)
    kills = random.Random(seed)
    length = len(log())
    deaths = sorted(kills.sample(range(5, length - 5), 3))
    for after in deaths:
        with start(database) as host:
            assert host.stdout is not None
            acked = 0
            while acked < after:
                line = host.stdout.readline()
                assert line, "the host died by itself"
                acked = int(line)
            host.kill()
        # What was acknowledged is stored, whatever was under way.
        assert query(database, "select counter from stream_inbox")[0][0] >= acked
    with start(database) as host:
        said, _ = host.communicate(timeout=120)
        assert said.splitlines()[-1] == "done"
    with another_database(postgres_dsn, migrated_template) as straight:
        prepare(straight)
        plant = site()
        EmbeddedHost(plant, Store(straight, plant)).process_sync(log())
        assert results(database) == results(straight)
    assert results(database)["movements"]
