"""The spool's SQLite file: opening, locking, checking, and what its errors mean."""

import sqlite3
from pathlib import Path

from edge.errors import SpoolBusy, SpoolCorrupt, SpoolError

_APPLICATION_ID = 0x544C5350  # "TLSP"
_SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE epoch (ordinal INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, counter INTEGER NOT NULL);
CREATE TABLE batch (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  epoch TEXT NOT NULL,
  counter INTEGER NOT NULL CHECK (counter >= 1),
  sealed_us INTEGER NOT NULL,
  acked_us INTEGER,
  crc INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (epoch, counter)
);
CREATE INDEX batch_unacked ON batch (seq) WHERE acked_us IS NULL;
CREATE INDEX batch_acked ON batch (acked_us) WHERE acked_us IS NOT NULL;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file, lock it, check it. Raises `SpoolBusy`, `SpoolCorrupt`, `SpoolError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=0.0, check_same_thread=False)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise translated(error, path) from error
    return db


def translated(error: sqlite3.Error, path: Path) -> SpoolError:
    """What an SQLite error means to the edge."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return SpoolBusy(f"{path} is open in another process: an agent has one spool and a spool one agent")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return SpoolCorrupt(f"{path} is damaged: {error}")
    return SpoolError(f"{path}: {error}")


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 67108864")
    db.execute("BEGIN IMMEDIATE")  # takes the exclusive lock, which the locking mode then keeps
    db.execute("COMMIT")
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if (application, version) == (0, 0) and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        marks = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_SCHEMA_VERSION};"
        db.executescript(f"BEGIN; {_SCHEMA} {marks} COMMIT;")
    elif application != _APPLICATION_ID:
        raise SpoolError(f"{path} is not a spool: name another file, or move this one away")
    elif version != _SCHEMA_VERSION:
        raise SpoolError(f"{path} has schema {version}, this program knows {_SCHEMA_VERSION}")
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise SpoolCorrupt(f"{path} is damaged: {verdict}")
