"""The answers people gave to `unsure`, as labels for the next fit.

A tag that may belong to a load becomes a discrepancy of kind `unsure`; a person posts it (it belonged) or dismisses it
(it did not). That answer and the tag's features, as the passage stored them, are a label. Nothing else is kept for it:
both stay in the database as long as the passage does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

_ANSWERED = """
    select t.passage_id, t.epc, d.state = 'posted', t.features, p.portal, d.resolved_by, d.resolved_at
    from discrepancy d
    join passage_tag t on t.passage_id = d.passage_id and t.revision = d.revision and t.epc = any (d.epcs)
    join passage p on p.passage_id = t.passage_id and p.revision = t.revision
    where d.kind = 'unsure' and d.state in ('posted', 'dismissed') and t.verdict = 'unsure' and t.features <> '{}'
      and (%(since)s::timestamptz is null or d.resolved_at >= %(since)s)
    order by d.resolved_at, t.passage_id, t.epc
"""


@dataclass(frozen=True, slots=True)
class Label:
    """One tag of one passage, and whether a person said that it belonged."""

    passage_id: UUID
    epc: str
    belongs: bool
    features: dict[str, float]
    portal: str
    answered_by: str
    answered_at: datetime

    def plain(self) -> dict[str, Any]:
        """As one line of a label file (`bench/fit_passages.py`)."""
        return {
            "passage_id": str(self.passage_id),
            "epc": self.epc,
            "belongs": self.belongs,
            "features": self.features,
            "portal": self.portal,
            "answered_by": self.answered_by,
            "answered_at": self.answered_at.isoformat(),
        }


def labels(connection: psycopg.Connection[tuple[Any, ...]], since: datetime | None = None) -> Iterator[Label]:
    """Answers given since then, oldest first. Raises psycopg.Error."""
    for row in connection.execute(_ANSWERED, {"since": since}):
        yield Label(*row)
