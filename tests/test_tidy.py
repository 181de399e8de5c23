"""What the tree itself must look like."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tagledger", "edge", "readers", "stream", "warehouse", "api", "simulators", "bench")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}


def tracked(pattern: str = "*") -> list[Path]:
    listed = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: run the tests from a clone")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def test_every_module_says_what_it_is() -> None:
    modules = [path for path in tracked("*.py") if path.relative_to(ROOT).parts[0] in PACKAGES]
    silent = [str(path) for path in modules if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert modules
    assert silent == []


def test_names_say_something() -> None:
    assert [str(path) for path in tracked("*.py") if path.stem in VAGUE] == []


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock.txt").read_text()
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lock)
    assert not (ROOT / "uv.lock").exists()


def test_every_dependency_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("dependencies = [") : text.index("\n]", text.index("dependencies = ["))]
    bare = [line for line in block.splitlines()[1:] if line.strip().startswith('"') and "#" not in line]
    assert [line.strip() for line in bare] == []


def test_tests_sleep_only_between_looks_at_a_condition() -> None:
    sleeping = []
    for path in tracked("tests/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep":
                sleeping.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert [place for place in sleeping if not _polls(place)] == []


def _polls(place: str) -> bool:
    name, line = place.rsplit(":", 1)
    lines = (ROOT / name).read_text().splitlines()
    return any("poll" in text or "while" in text or "for " in text for text in lines[max(0, int(line) - 6) : int(line)])
