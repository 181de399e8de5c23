"""Reads weighings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from api.postgres.pool import Pool
from api.postgres.select import select_page
from warehouse.postgres.queries.paging import Limit


@dataclass(frozen=True, slots=True)
class WeighingView:
    """A load at rest on a scale, what stood there, and whether it weighs what the books have on it."""

    seq: Annotated[int, Field(examples=[17])]
    weighing_id: UUID
    scale: Annotated[str, Field(examples=["scale-1"])]
    place: Annotated[str, Field(description="Portal or zone.", examples=["door-1"])]
    at: datetime
    on_since: datetime
    weight_kg: Annotated[Decimal, Field(examples=["812.5"])]
    outcome: Annotated[Literal["agrees", "mismatch", "unknown", "untied"], Field(examples=["agrees"])]
    unit: Annotated[str | None, Field(description="The handling unit's code.", examples=["006141410000000029"])]
    passage_id: UUID | None
    expected_kg: Decimal | None
    tolerance_kg: Decimal | None
    detail: Annotated[str, Field(examples=["812 ± 2 kg expected: 40 × A-100 (19.5 kg), tare 32 kg"])]


class WeighingPosition(NamedTuple):
    """The sort key of a weighing."""

    seq: int


async def weighings(
    pool: Pool, scale: str | None, outcome: str | None, after: WeighingPosition | None, limit: Limit
) -> Sequence[WeighingView]:
    """Newest first."""
    return await select_page(
        pool,
        WeighingView,
        "select w.seq, w.weighing_id, w.scale, w.place, w.at, w.on_since, w.weight_kg, w.outcome, h.code as unit,"
        " w.passage_id, w.expected_kg, w.tolerance_kg, w.detail"
        " from weighing w left join handling_unit h using (hu_id)",
        {
            "w.scale = %(scale)s": scale is not None,
            "w.outcome = %(outcome)s": outcome is not None,
            "w.seq < %(seq)s": after is not None,
        },
        "order by w.seq desc limit %(limit)s",
        {"scale": scale, "outcome": outcome, "seq": after.seq if after else None, "limit": limit},
    )
