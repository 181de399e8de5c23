"""What is known about a load before it is decided: its tags, their goods, the open lines, where things stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from warehouse.ledger import Place
from warehouse.site import INFERRED_SHARE_MAX


class Flow(StrEnum):
    """What a passage does to stock, by the kinds of its two locations."""

    IN = "in"
    OUT = "out"
    INTERNAL = "internal"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Rules:
    """Site policy. `inferred_share_max`: largest share of a unit's tagged contents that may go unread, 0 to 1."""

    inferred_share_max: float = INFERRED_SHARE_MAX


@dataclass(frozen=True, slots=True)
class Goods:
    """A quantity of something: what one tag stands for, or an untagged content. `hu_id` is the unit it lies in, where
    that is known: maybe one nested in the unit that was read. `owner` is whose it is in the books, None for what they
    do not have: it becomes the owner's that its line names.
    """

    item_id: int
    quantity: Decimal
    lot_id: int | None = None
    serial_id: int | None = None
    epc: str | None = None
    hu_id: int | None = None
    owner: str | None = None


# What tells goods apart that went and may come back: their serial, else their lot; those with neither are all alike.
WentKey = tuple[int | None, int | None]
ALIKE: WentKey = (None, None)


def went_key(lot_id: int | None, serial_id: int | None) -> WentKey:
    """(lot, None) or (None, serial)."""
    return (lot_id, None) if serial_id is None else (None, serial_id)


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What the warehouse knows of a tag: a handling unit's (`hu_id`) or goods, maybe packed in a unit (`in_hu`)."""

    epc: str
    hu_id: int | None = None
    goods: Goods | None = None
    in_hu: int | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True)
class ItemFacts:
    code: str
    inspect: bool = False


@dataclass(frozen=True, slots=True)
class LotFacts:
    code: str
    expires_on: date | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class LineFacts:
    """An open document line that could take goods of this load. `room` is what it still takes, tolerance included.

    `kept` of it is for tags that its document announced and that have not come yet: other goods of the item may not
    take it, or the announced ones would find their own document full. `rejects`: it takes what is blocked or expired
    (back to the vendor, to scrap). Lines with one `source_id` draw on the same order and share `source_room`.

    A line of a transfer has `ships_from`, the places it takes goods from: on the way out it ships them into transit
    (its counterpart), on the way in it receives them from there, through a door between two places of ours both.

    A line of a return has `went`: what of each lot and serial moved on the line it answers to and is not back.
    """

    line_id: int
    document_id: int
    number: str
    door: str
    item_id: int
    lot_id: int | None
    room: Decimal
    counterpart_id: int
    rank: int  # order of its document among equals: earliest first
    kept: Decimal = Decimal(0)
    rejects: bool = False
    source_id: int | None = None
    source_room: Decimal | None = None
    owner: str = ""
    ships_from: frozenset[int] | None = None
    went: Mapping[WentKey, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """Everything known about one load. `standing` is where goods stand in the books, by EPC."""

    flow: Flow
    portal: str
    day: date
    source_id: int
    target_id: int
    default_counterpart_id: int
    tags: Mapping[str, TagFacts]
    contents: Mapping[int, tuple[Goods, ...]]
    unit_standing: Mapping[int, Place]
    items: Mapping[int, ItemFacts]
    lots: Mapping[int, LotFacts]
    standing: Mapping[str, Place]
    lines: Sequence[LineFacts]
    announced: Mapping[str, tuple[int, ...]]  # EPC → documents that announce it
    units_in: frozenset[int] = frozenset()  # handling units that an earlier revision of this load brought in
    transit: frozenset[int] = frozenset()  # places that are on the way
    elsewhere: frozenset[str] = frozenset()  # EPCs that another door was sure of at the same time


@dataclass(frozen=True, slots=True)
class ReadTag:
    """A tag of the load."""

    epc: str
    sure: bool
    score: float | None = None
