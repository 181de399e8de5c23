"""Reads what the stream decided: passages, their tags, their packed evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.postgres.pool import Pool
from api.postgres.select import select_one, select_page
from warehouse.postgres.queries.paging import Limit
from warehouse.site import Direction

_COLUMNS = """
select p.passage_id, p.revision, p.portal, p.opened_at, p.closed_at, p.direction, p.direction_score, p.belongs,
       p.unsure, p.strays, p.evidence is not null as has_evidence
  from passage p"""

_LATEST = "not exists (select from passage q where q.passage_id = p.passage_id and q.revision > p.revision)"


class Verdict(StrEnum):
    """Whether a tag seen at a portal belongs to the load that passed."""

    BELONGS = "belongs"
    STRAY = "stray"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class PassageView:
    """One load through one portal, as decided at this revision. A later revision amends it."""

    passage_id: Annotated[UUID, Field(examples=["5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"])]
    revision: Annotated[int, Field(examples=[0])]
    portal: Annotated[str, Field(examples=["door-1"])]
    opened_at: datetime
    closed_at: datetime
    direction: Direction
    direction_score: Annotated[float, Field(description="Probability of the direction.", examples=[0.98])]
    belongs: Annotated[int, Field(description="Tags judged to be part of the load.", examples=[48])]
    unsure: Annotated[int, Field(description="Tags that may be.", examples=[1])]
    strays: Annotated[int, Field(description="Tags seen that are not.", examples=[3])]
    has_evidence: Annotated[bool, Field(description="Whether the sightings behind it were kept.")]


@dataclass(frozen=True, slots=True)
class PassageTagView:
    """One tag's part in a passage."""

    epc: Annotated[str, Field(examples=["3034257BF7194E4000001A85"])]
    verdict: Verdict
    score: Annotated[float, Field(description="Calibrated probability that it belongs.", examples=[0.97])]
    first_at: datetime
    last_at: datetime
    reads: Annotated[int, Field(examples=[37])]
    features: Annotated[
        dict[str, float | None], Field(description="What the verdict was made from.", examples=[{"peak_dbm": -48.5}])
    ]


@dataclass(frozen=True, slots=True)
class _Evidence:
    evidence: bytes | None


@dataclass(frozen=True, slots=True)
class PassageFilter:
    """Which passages; None means any. Times are of the close: since is inclusive, until is not."""

    portal: str | None = None
    direction: str | None = None
    epc: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def latest_passages(
    pool: Pool, wanted: PassageFilter, after: tuple[datetime, UUID] | None, limit: Limit
) -> Sequence[PassageView]:
    """Newest close first, each passage at its newest revision."""
    return await select_page(
        pool,
        PassageView,
        _COLUMNS,
        {
            _LATEST: True,
            "p.portal = %(portal)s": wanted.portal is not None,
            "p.direction = %(direction)s": wanted.direction is not None,
            "exists (select from passage_tag t where t.passage_id = p.passage_id and t.revision = p.revision"
            " and t.epc = %(epc)s)": wanted.epc is not None,
            "p.closed_at >= %(since)s": wanted.since is not None,
            "p.closed_at < %(until)s": wanted.until is not None,
            "(p.closed_at, p.passage_id) < (%(closed_at)s, %(passage_id)s)": after is not None,
        },
        "order by p.closed_at desc, p.passage_id desc limit %(limit)s",
        {
            "portal": wanted.portal,
            "direction": wanted.direction,
            "epc": wanted.epc,
            "since": wanted.since,
            "until": wanted.until,
            "closed_at": after[0] if after else None,
            "passage_id": after[1] if after else None,
            "limit": limit,
        },
    )


async def passage(pool: Pool, passage_id: UUID, revision: int | None) -> PassageView | None:
    """One passage; at its newest revision when none is given."""
    rows = await select_page(
        pool,
        PassageView,
        _COLUMNS,
        {"p.passage_id = %(passage_id)s": True, "p.revision = %(revision)s": revision is not None},
        "order by p.revision desc limit 1",
        {"passage_id": passage_id, "revision": revision},
    )
    return rows[0] if rows else None


async def passage_tags(
    pool: Pool, passage_id: UUID, revision: int, verdict: str | None, after: str | None, limit: Limit
) -> Sequence[PassageTagView]:
    """The tags of one revision, by EPC."""
    values: dict[str, Any] = {
        "passage_id": passage_id,
        "revision": revision,
        "verdict": verdict,
        "after": after,
        "limit": limit,
    }
    return await select_page(
        pool,
        PassageTagView,
        "select epc, verdict, score, first_at, last_at, reads, features from passage_tag",
        {
            "passage_id = %(passage_id)s and revision = %(revision)s": True,
            "verdict = %(verdict)s": verdict is not None,
            "epc > %(after)s": after is not None,
        },
        "order by epc limit %(limit)s",
        values,
    )


async def passage_evidence(pool: Pool, passage_id: UUID, revision: int) -> bytes | None:
    """The packed sightings; None when none were kept."""
    query = "select evidence from passage where passage_id = %(passage_id)s and revision = %(revision)s"
    row = await select_one(pool, _Evidence, query, {"passage_id": passage_id, "revision": revision})
    return None if row is None else row.evidence
