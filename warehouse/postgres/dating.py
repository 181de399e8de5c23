"""When what a command tells of happened: never later than now.

The books say what is there now. A movement dated ahead would change that before its time, and what follows it at its
true time would take goods that have not come yet. A device's clock is always a little wrong: up to `AHEAD_MAX` ahead it
happened now, and the audit log keeps what was said. Beyond that whoever asks is told to set the clock. What a vehicle
reports, or a portal saw, has happened all the same: it is dated now however wrong its clock is.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from warehouse.commands import Command, FailTask, FinishTask, RefusalCode, ReportTask
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.naming import Refuse

AHEAD_MAX = timedelta(minutes=5)

_FIELDS = ("effective_at", "seen_at")
_HAPPENED = (ReportTask, FinishTask, FailTask)

CommandT = TypeVar("CommandT", bound=Command)


def dated(conn: Conn, command: CommandT) -> CommandT:
    """The command with no time that is yet to come. Raises Refuse with `dated_ahead`."""
    for field in _FIELDS:
        said: datetime | None = getattr(command, field, None)
        if said is None:
            continue
        now = database_now(conn)
        if said > now + AHEAD_MAX and not isinstance(command, _HAPPENED):
            minutes = round(AHEAD_MAX.total_seconds() / 60)
            message = f"{said.isoformat()} is more than {minutes} minutes ahead of {now.isoformat(timespec='seconds')}"
            raise Refuse(RefusalCode.DATED_AHEAD, field, message)
        if said > now:
            return replace(command, **{field: now})
    return command
