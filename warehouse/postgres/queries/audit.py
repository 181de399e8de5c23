"""The audit log: every command and sign-in, done or refused, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from warehouse.postgres.queries.paging import AConn, Limit, rows


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`outcome` is `done` or the refusal's code; `after` has the command as it was asked, and what became of it."""

    seq: int
    at: datetime
    actor: str
    device: str
    command: str
    request_id: UUID | None
    outcome: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


async def entries(
    conn: AConn,
    before: int | None = None,
    limit: Limit = 100,
    *,
    actor: str | None = None,
    command: str | None = None,
    outcome: str | None = None,
    request_id: UUID | None = None,
    refused: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[AuditEntry]:
    """Newest first by seq; `before` is the seq of the last row shown. Filters add up."""
    given = {
        "seq < %(before)s": before,
        "actor = %(actor)s": actor,
        "command = %(command)s": command,
        "outcome = %(outcome)s": outcome,
        "request_id = %(request_id)s": request_id,
        "(outcome <> 'done') = %(refused)s": refused,
        "at >= %(since)s": since,
        "at < %(until)s": until,
    }
    conditions = " and ".join(["true", *(condition for condition, value in given.items() if value is not None)])
    query = f"""select seq, at, actor, device, command, request_id, outcome, before, after from audit_log
        where {conditions} order by seq desc limit %(limit)s"""  # noqa: S608 (the conditions are the constants above)
    return await rows(
        conn,
        AuditEntry,
        query,
        {
            "before": before,
            "limit": limit,
            "actor": actor,
            "command": command,
            "outcome": outcome,
            "request_id": request_id,
            "refused": refused,
            "since": since,
            "until": until,
        },
    )
