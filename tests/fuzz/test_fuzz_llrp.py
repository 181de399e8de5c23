"""A short run of the fuzz target, from the seeds: the target works, and nothing falls over at the first push."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.fuzz_llrp import check, write_seeds
from tests.shared_data import shared_data


def test_the_seeds_pass(tmp_path: Path) -> None:
    assert write_seeds(tmp_path, shared_data("llrp")) >= 49
    for seed in tmp_path.iterdir():
        check(seed.read_bytes())


def test_a_bounded_run_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    write_seeds(tmp_path / "corpus", shared_data("llrp"))
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz.fuzz_llrp",
            str(tmp_path / "corpus"),
            "-runs=3000",
            "-seed=1",
            "-max_len=400",
        ],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done 3000 runs" in run.stderr
