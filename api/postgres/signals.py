"""Reads what portals told the people in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from api.postgres.pool import Pool
from api.postgres.select import select_page
from warehouse.postgres.queries.paging import Limit


@dataclass(frozen=True, slots=True)
class BarredView:
    """A tag that was seen and is not released for the document that would take it."""

    epc: Annotated[str, Field(examples=["3034257BF400B7800004CB2F"])]
    why: Annotated[str, Field(description="A word of `WhyBarred`.", examples=["lot_blocked"])]
    lot: Annotated[str, Field(description="Empty for goods without one.", examples=["L-2024-07"])]


@dataclass(frozen=True, slots=True)
class SignalView:
    """One signal as it was decided."""

    seq: Annotated[int, Field(examples=[412])]
    at: datetime
    colour: Annotated[Literal["off", "green", "amber", "red"], Field(examples=["green"])]
    reason: Annotated[str, Field(examples=["complete"])]
    valid_until: datetime
    passage_id: UUID | None
    expected: Annotated[int, Field(description="How many tags were expected.", examples=[48])]
    seen: Annotated[int, Field(description="How many of them were seen.", examples=[48])]
    missing: Annotated[list[str], Field(description="Expected and not seen.")]
    extra: Annotated[list[str], Field(description="Seen and not expected.")]
    barred: Annotated[list[BarredView], Field(description="Seen and not released: its lot or status holds it back.")]


class SignalPosition(NamedTuple):
    """The sort key of a signal."""

    at: datetime
    seq: int


async def signals(pool: Pool, portal: str, after: SignalPosition | None, limit: Limit) -> Sequence[SignalView]:
    """Newest first."""
    return await select_page(
        pool,
        SignalView,
        "select seq, at, colour, reason, valid_until, passage_id, expected, seen, missing, extra, barred from signal",
        {"portal = %(portal)s": True, "(at, seq) < (%(at)s, %(seq)s)": after is not None},
        "order by at desc, seq desc limit %(limit)s",
        {
            "portal": portal,
            "at": after.at if after else None,
            "seq": after.seq if after else None,
            "limit": limit,
        },
    )
