"""Reads what the warehouse's own queries leave to the stream's tables: the verdicts behind movements, and their
commands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.postgres.pool import Pool
from api.postgres.select import select_page
from warehouse.postgres.queries.paging import Limit


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A passage's verdict on one tag, with what it was made from."""

    passage_id: UUID
    revision: int
    portal: str
    direction: str
    direction_score: float
    closed_at: datetime
    verdict: str
    score: Annotated[float, Field(description="Calibrated probability that it belongs.")]
    reads: int
    first_at: datetime
    last_at: datetime
    features: dict[str, float | None]


_VERDICTS = """
select t.passage_id, t.revision, p.portal, p.direction, p.direction_score, p.closed_at, t.verdict, t.score, t.reads,
       t.first_at, t.last_at, t.features
  from passage_tag t join passage p using (passage_id, revision)"""


async def verdicts_on(pool: Pool, epc: str, limit: Limit) -> Sequence[VerdictView]:
    """The newest verdicts on a tag, at every revision."""
    return await select_page(
        pool,
        VerdictView,
        _VERDICTS,
        {"t.epc = %(epc)s": True},
        "order by t.first_at desc, t.passage_id, t.revision desc limit %(limit)s",
        {"epc": epc, "limit": limit},
    )


@dataclass(frozen=True, slots=True)
class MovedTagView:
    """One tag that a movement moved, and the verdict on it at the portal; null where no portal was involved."""

    epc: str
    inferred: Annotated[bool, Field(description="Its handling unit was read, it was not.")]
    verdict: str | None
    score: Annotated[float | None, Field(description="Calibrated probability that it belongs.")]
    reads: int | None
    first_at: datetime | None
    last_at: datetime | None
    features: dict[str, float | None] | None


async def moved_tags(pool: Pool, move_id: UUID, after: str | None, limit: Limit) -> Sequence[MovedTagView]:
    """By EPC. The verdict is that of the newest revision of the movement's passage that has the tag."""
    return await select_page(
        pool,
        MovedTagView,
        "select x.epc, x.inferred, p.verdict, coalesce(p.score, x.score) as score, p.reads, p.first_at, p.last_at,"
        " p.features from move m join move_tag x using (seq) left join lateral (select * from passage_tag q"
        " where q.passage_id = m.passage_id and q.epc = x.epc order by q.revision desc limit 1) p on true",
        {"m.move_id = %(move_id)s": True, "x.epc > %(after)s": after is not None},
        "order by x.epc limit %(limit)s",
        {"move_id": move_id, "after": after, "limit": limit},
    )


@dataclass(frozen=True, slots=True)
class CommandTrace:
    """The command behind a movement, as the audit log has it."""

    at: datetime
    actor: str
    device: str
    command: Annotated[str, Field(examples=["FulfilLine"])]
    outcome: Annotated[str, Field(examples=["done"])]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


async def command_of(pool: Pool, request_id: UUID) -> CommandTrace | None:
    """None for what no command made."""
    rows = await select_page(
        pool,
        CommandTrace,
        "select at, actor, device, command, outcome, before, after from audit_log",
        {"request_id = %(request_id)s": True},
        "order by seq limit 1",
        {"request_id": request_id},
    )
    return rows[0] if rows else None
