"""Under which account the embedded server runs: ours, or as root another one, because PostgreSQL refuses to be root."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from warehouse.postgres.database.binaries import Binaries, NoServerError


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server runs as; all None means as we are."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


def account_for(home: Path) -> Account:
    """As root: who owns the data already, else `postgres`, else `nobody` (initdb wants a name for its uid)."""
    if os.geteuid() != 0:
        return Account()
    with contextlib.suppress(FileNotFoundError):
        owner = (home / "data").stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, ())
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, ())
    raise NoServerError("running as root, and there is neither a user postgres nor nobody to run the server as")


def reachable(binaries: Binaries, account: Account) -> Binaries:
    """The installation itself, or a copy of it when it lies under a directory that the account may not enter."""
    if account.uid is None:
        return binaries
    test = [str(binaries.program("postgres")), "--version"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            test,
            check=True,
            capture_output=True,
            timeout=10,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
        )
        return binaries
    copy = Path(tempfile.gettempdir()) / f"tagledger-postgres-{binaries.major}"
    if not _own_folder(copy):
        making = Path(tempfile.mkdtemp(prefix="tagledger-postgres-"))
        shutil.copytree(binaries.folder.parent, making, dirs_exist_ok=True, symlinks=True)
        making.chmod(0o755)
        copy = making.rename(copy) if not copy.exists() else making
    return Binaries(copy / "bin", binaries.major, binaries.origin)


def _own_folder(path: Path) -> bool:
    """Whether it is a folder only root can write: anybody may have made a name in the temporary folder first."""
    with contextlib.suppress(FileNotFoundError):
        facts = path.lstat()
        return path.is_dir() and not path.is_symlink() and facts.st_uid == 0 and facts.st_mode & 0o022 == 0
    return False
