"""What the stream tells the warehouse: loads that passed a portal, where tags are, what loads weigh. And what it asks:
expectations, and what people ordered a portal to show.

These are the warehouse's own words for it; the stream maps its Passages to them (`stream.posting`).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from warehouse.site import INFERRED_SHARE_MAX, Direction, Effect


@dataclass(frozen=True, slots=True)
class LoadTag:
    """A tag that belongs (`sure`) or may belong to a load."""

    epc: str
    sure: bool
    score: float


@dataclass(frozen=True, slots=True)
class Load:
    """One final passage. `at_us` is when it happened (reader time): postings carry it as `effective_at`.

    `inferred_share_max` is the portal's (`warehouse.site.Portal`); `began_us` when it began to pass, None for at once.
    """

    passage_id: UUID
    revision: int
    portal: str
    direction: Direction
    effect: Effect
    from_location: str
    to_location: str
    at_us: int
    tags: tuple[LoadTag, ...]
    inferred_share_max: float = INFERRED_SHARE_MAX
    began_us: int | None = None


class LocationEvent(StrEnum):
    """How a tag came to be where it is."""

    ARRIVED = "arrived"
    MOVED = "moved"
    DEPARTED = "departed"


@dataclass(frozen=True, slots=True)
class LocationUpdate:
    """A tag or handling unit is now at a location (ledger code); `evidence` says why, in words a person reads."""

    update_id: UUID
    epc: str
    event: LocationEvent
    location: str
    at_us: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Weighing:
    """A load at rest on a scale. In a portal it is the load of `passage_id` with the tags `epcs`; in a zone it is what
    stood at `location` (ledger code, empty in a portal) then.
    """

    weighing_id: UUID
    scale: str
    place: str
    location: str
    at_us: int
    on_since_us: int
    weight_kg: Decimal
    tolerance_kg: Decimal
    tolerance_percent: Decimal
    passage_id: UUID | None = None
    epcs: tuple[str, ...] = ()


class OverrideColour(StrEnum):
    """What a person can order a portal to show."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Override:
    """What a person ordered a portal to show, from `at_us` until `until_us`; no colour ends what was ordered before."""

    portal: str
    colour: OverrideColour | None
    reason: str
    actor: str
    at_us: int
    until_us: int


class WhyBarred(StrEnum):
    """Why goods that a document could take may not pass for it: the ledger's refusals, another lot than it names, or
    another's goods.
    """

    LOT_EXPIRED = "lot_expired"
    LOT_BLOCKED = "lot_blocked"
    SHELF_LIFE_SHORT = "shelf_life_short"
    NOT_ACCEPTED = "not_accepted"
    OTHER_LOT = "other_lot"
    OTHER_OWNER = "other_owner"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True)
class Barred:
    """Tags and units whose goods may not pass for a document. `why` is a `WhyBarred`, or a word of a later version;
    `lot` is the code, empty for goods without one.
    """

    why: str
    lot: str
    epcs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExpectedDocument:
    """What one open document still expects: `epcs` announced tags and units, `items` (GTIN-14 or item code, quantity)
    of lines whose goods nobody announced by EPC. `barred` are not to pass for it, announced or not.
    """

    number: str
    epcs: tuple[str, ...] = ()
    items: tuple[tuple[str, int], ...] = ()
    barred: tuple[Barred, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What open documents expect at a portal, as known at `at_us`, the most urgent first."""

    portal: str
    at_us: int
    documents: tuple[ExpectedDocument, ...] = ()
