"""Dead letters as people handle them: list, look at, give again, drop with a reason. Blocking.

Giving again (`replay`) only marks a letter. The running host, or the next one that starts, takes it within a second,
enters it in the log and marks it `replayed` in the transaction of its outcome; one that fails again is `open` again
with the new reason. So it works across processes, once.

A batch that can be read now takes its place in its epoch if it was declared lost, and is refused if it was taken. A
slice or report is given to its operator as late as it is. A load is posted, a location applied. A message that a
reader pushed goes to its reader's driver again (`tagledger.pushed_letters`). The state of an operator
(`operator_state`) is evidence only: it cannot be given again.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg

from stream.places import FailureKind


class Status(StrEnum):
    """What became of a dead letter; `replay` is asked for and not yet done."""

    OPEN = "open"
    REPLAY = "replay"
    REPLAYED = "replayed"
    DROPPED = "dropped"


class Answer(StrEnum):
    """The outcome of a decision about a letter; in this order of precedence."""

    UNKNOWN = "unknown"
    NOT_REPLAYABLE = "not_replayable"
    DECIDED_BEFORE = "decided_before"
    NO_REASON = "no_reason"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One input that could not be processed, as it came."""

    letter_id: UUID
    kind: FailureKind
    source: str
    key: str
    reason: str
    status: Status
    note: str
    actor: str
    recorded_at: datetime
    decided_at: datetime | None
    body: bytes


_COLUMNS = "dead_letter_id, kind, source, key, reason, status, note, actor, recorded_at, decided_at, body"


class DeadLetters:
    """The dead letters of one database."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def list(self, status: Status | None = Status.OPEN, limit: int = 100) -> "tuple[DeadLetter, ...]":
        """Newest first; None for every status."""
        with psycopg.connect(self._dsn) as connection:
            rows = connection.execute(
                f"select {_COLUMNS} from dead_letter where %(status)s::text is null or status = %(status)s"  # noqa: S608
                " order by recorded_at desc, dead_letter_id limit %(limit)s",
                {"status": status, "limit": limit},
            ).fetchall()
        return tuple(_letter(row) for row in rows)

    def get(self, letter_id: UUID) -> DeadLetter | None:
        """One letter."""
        with psycopg.connect(self._dsn) as connection:
            row = connection.execute(
                f"select {_COLUMNS} from dead_letter where dead_letter_id = %s",  # noqa: S608
                (letter_id,),
            ).fetchone()
        return None if row is None else _letter(row)

    def replay(self, letter_id: UUID, actor: str) -> Answer:
        """Have the host take it again."""
        return self._decide(letter_id, Status.REPLAY, actor, "")

    def drop(self, letter_id: UUID, actor: str, reason: str) -> Answer:
        """Leave it unprocessed for good; the letter itself is kept."""
        return self._decide(letter_id, Status.DROPPED, actor, reason)

    def _decide(self, letter_id: UUID, status: Status, actor: str, note: str) -> Answer:
        with psycopg.connect(self._dsn) as connection:
            row = connection.execute(
                "select kind, status from dead_letter where dead_letter_id = %s for update", (letter_id,)
            ).fetchone()
            if row is None:
                return Answer.UNKNOWN
            if status is Status.REPLAY and row[0] == FailureKind.OPERATOR_STATE:
                return Answer.NOT_REPLAYABLE
            if row[1] != Status.OPEN:
                return Answer.DECIDED_BEFORE
            if status is Status.DROPPED and not note.strip():
                return Answer.NO_REASON
            connection.execute(
                "update dead_letter set status = %s, actor = %s, note = %s, decided_at = now()"
                " where dead_letter_id = %s",
                (status, actor, note, letter_id),
            )
        return Answer.DONE


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    letter_id, kind, source, key, reason, status, note, actor, recorded_at, decided_at, body = row
    return DeadLetter(
        letter_id,
        FailureKind(kind),
        source,
        key,
        reason,
        Status(status),
        note,
        actor,
        recorded_at,
        decided_at,
        bytes(body),
    )
