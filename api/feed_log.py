"""The committed events behind the live feed, and their positions.

A position is (transaction id, source, seq), written `xid-source-seq`; the sources are the tables the feed is made of,
each with a seq of its own. seq alone is not commit order: a transaction that took a lower seq may commit later. So
readers stay below the oldest transaction still running (`pg_snapshot_xmin`): everything below it is decided, and
nothing can appear there any more. A reader that has read up to a position never needs to look back.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from api.problems import INVALID_CURSOR, FieldProblem, ProblemError

_POSITION = re.compile(r"(0|[1-9][0-9]{0,18})-([0-9])-(0|[1-9][0-9]{0,18})", re.ASCII)
SEQ_MAX = 2**63 - 1
SOURCE_MAX = 9


@dataclass(frozen=True, slots=True, order=True)
class FeedPosition:
    """Where a reader is: it has seen everything at and below this."""

    xid: int
    source: int
    seq: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.source}-{self.seq}"


def parse_position(text: str, parameter: str) -> FeedPosition:
    """The position an event id names. Raises `ProblemError` naming `parameter`."""
    match = _POSITION.fullmatch(text)
    if match is None or int(match[1]) > SEQ_MAX or int(match[3]) > SEQ_MAX:
        problem = FieldProblem("not an id of this feed", "send the `id` of the last event received", None, parameter)
        raise ProblemError(INVALID_CURSOR, "the event id cannot be read", [problem])
    return FeedPosition(int(match[1]), int(match[2]), int(match[3]))


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One committed event. `portal` and `locations` are what it is filtered by, empty when it has none."""

    position: FeedPosition
    kind: str
    portal: str
    locations: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events in order. `held` says that more are committed, above a transaction that still runs."""

    events: tuple[FeedEvent, ...]
    held: bool


@dataclass(frozen=True, slots=True)
class FeedReach:
    """After `start` all events are there; at or below `now` everything is decided; above `end` there is nothing."""

    start: FeedPosition
    now: FeedPosition
    end: FeedPosition


@dataclass(frozen=True, slots=True)
class Walls:
    """Portals and locations that a client limited to warehouses hears of. What names none of them stays outside."""

    portals: frozenset[str]
    locations: frozenset[str]

    def hold(self, portal: str, locations: tuple[str, ...]) -> bool:
        """Whether an event is about a place within."""
        return portal in self.portals or not self.locations.isdisjoint(locations)


class FeedLog(Protocol):
    """Where committed events are read."""

    async def reach(self) -> FeedReach:
        """How far the log reaches back, and to where it can be read now."""

    async def read(self, after: FeedPosition, upto: FeedPosition | None, limit: int) -> FeedPage:
        """At most `limit` decided events after `after`, and at or below `upto` when it is given."""

    async def walls(self) -> Walls | None:
        """What the caller of this task may hear of; None for everything."""

    def wakeups(self) -> "Wakeups":
        """A connection of its own that hears of commits."""


class Wakeups(Protocol):
    """Tells that something may have been committed. Only a hint: the caller polls as well."""

    async def wait(self, timeout_s: float) -> bool:
        """True when woken, False at the time-out. Raises OSError-like errors when the connection is lost."""

    async def close(self) -> None:
        """End the connection."""
