"""The stock ledger in values: what a posting is, the facts it is judged by, what it changes, why it is refused.

A movement takes a quantity from one place and gives it to another, so the sum over all places is zero by construction.
Internal and transit locations hold stock and have balances, `0 <= reserved <= on_hand` always; virtual ones (supplier,
customer, production, scrap, count differences) have none. A posting is a list of movements that happens whole or not
at all; `warehouse.ledger_rules` judges it.

History is never rewritten: a correction is a reversal of a whole row, dated now, and a new row. A back-dated movement
is accepted only if no later point of its balance would go below zero (`Balance.spare`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

ZERO = Decimal(0)
STOCKED_KINDS = frozenset({"internal", "transit"})
USE_KINDS = frozenset({"customer", "production"})


class StockStatus(StrEnum):
    """What may be done with stock: only `available` stock can be allocated or issued for use."""

    AVAILABLE = "available"
    INSPECTION = "inspection"
    BLOCKED = "blocked"


class Tracking(StrEnum):
    """How finely an item's stock is told apart."""

    NONE = "none"
    LOT = "lot"
    SERIAL = "serial"


class LineRole(StrEnum):
    """What a movement does for its document line: fulfil it, or ship it (the first half of a transfer)."""

    FULFIL = "fulfil"
    SHIP = "ship"


class LedgerRefusal(StrEnum):
    """Why a posting is refused, in order of precedence."""

    NOTHING_TO_POST = "nothing_to_post"
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    UNKNOWN_ITEM = "unknown_item"
    UNKNOWN_LOT = "unknown_lot"
    UNKNOWN_SERIAL = "unknown_serial"
    UNKNOWN_LOCATION = "unknown_location"
    SAME_PLACE = "same_place"
    QUANTITY_SCALE = "quantity_scale"
    LOT_OF_OTHER_ITEM = "lot_of_other_item"
    SERIAL_OF_OTHER_ITEM = "serial_of_other_item"
    LOT_REQUIRED = "lot_required"
    SERIAL_REQUIRED = "serial_required"
    SERIAL_QUANTITY = "serial_quantity"
    LOCATION_CLOSED = "location_closed"
    PERIOD_CLOSED = "period_closed"
    ALREADY_REVERSED = "already_reversed"
    LOT_EXPIRED = "lot_expired"
    LOT_BLOCKED = "lot_blocked"
    SHELF_LIFE_SHORT = "shelf_life_short"
    NOT_ACCEPTED = "not_accepted"
    SERIAL_IN_STOCK = "serial_in_stock"
    SERIAL_ELSEWHERE = "serial_elsewhere"
    NOT_ENOUGH = "not_enough"
    RESERVED = "reserved"
    NEGATIVE_LATER = "negative_later"


@dataclass(frozen=True, slots=True)
class Refused:
    """A posting refused: the reason, which of its movements (index), and the numbers in words a person reads."""

    reason: LedgerRefusal
    index: int
    detail: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where stock stands: a location, maybe a handling unit there, and its status."""

    location_id: int
    hu_id: int | None = None
    status: StockStatus = StockStatus.AVAILABLE


class BalanceKey(NamedTuple):
    """One balance. Ordered by the adapter before locking, None first."""

    item_id: int
    lot_id: int | None
    serial_id: int | None
    location_id: int
    hu_id: int | None
    owner: str
    status: str


@dataclass(frozen=True, slots=True)
class MovedTag:
    """A tag that a movement moved; `inferred` when its handling unit was read and it was not."""

    epc: str
    inferred: bool = False
    score: float | None = None


@dataclass(frozen=True, slots=True)
class NewMove:
    """One movement to post. `quantity` in the item's base unit; `releases` is how much of it was reserved for this.

    `unit_cost` is what one base unit that comes into our stock costs, when whoever posts it knows. `since` is since
    when goods that come have been here, when they are not new.
    """

    move_id: UUID
    kind: str
    item_id: int
    quantity: Decimal
    source: Place
    target: Place
    lot_id: int | None = None
    serial_id: int | None = None
    owner: str = ""
    line_id: int | None = None
    line_role: LineRole = LineRole.FULFIL
    reverses: int | None = None
    releases: Decimal = ZERO
    tags: tuple[MovedTag, ...] = ()
    unit_cost: Decimal | None = None
    since: datetime | None = None

    def key_at(self, place: Place) -> BalanceKey:
        return BalanceKey(
            self.item_id, self.lot_id, self.serial_id, place.location_id, place.hu_id, self.owner, place.status
        )


@dataclass(frozen=True, slots=True)
class Circumstance:
    """Who, when, with what and why, the same for every movement of one posting.

    `short_life_agreed`: a person with the right to decided that goods leave with less shelf life than the line needs.
    """

    actor: str
    effective_at: datetime
    device: str = ""
    device_at: datetime | None = None
    passage_id: UUID | None = None
    request_id: UUID | None = None
    reason: str = ""
    short_life_agreed: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    tracking: Tracking
    decimals: int


@dataclass(frozen=True, slots=True)
class Lot:
    item_id: int
    expires_on: date | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class LineLife:
    """Days of shelf life that what leaves on a line has left: what its partner insists on, and what the rules of
    removal ask for. What was reserved for the line was decided by whoever reserved it; what the partner insists on was
    not his to decide.
    """

    insisted_days_min: int = 0
    ruled_days_min: int = 0

    def days_min(self, was_reserved: bool) -> int:
        """What goods need that were reserved for the line, or were not."""
        return self.insisted_days_min if was_reserved else max(self.insisted_days_min, self.ruled_days_min)


@dataclass(frozen=True, slots=True)
class Serial:
    """`standing` is its balance with one on hand, if any."""

    item_id: int
    lot_id: int | None = None
    standing: BalanceKey | None = None


@dataclass(frozen=True, slots=True)
class Location:
    kind: str
    closed: bool = False

    @property
    def stocked(self) -> bool:
        return self.kind in STOCKED_KINDS


@dataclass(frozen=True, slots=True)
class Balance:
    """One balance now. `spare` is its lowest point after the posting's effective time, so at most `on_hand`."""

    on_hand: Decimal
    reserved: Decimal
    spare: Decimal
    first_in_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What the adapter read, under lock, about everything the posting names; `lives` of the lines that ask for any."""

    items: Mapping[int, Item]
    lots: Mapping[int, Lot]
    serials: Mapping[int, Serial]
    locations: Mapping[int, Location]
    balances: Mapping[BalanceKey, Balance]
    reversed: frozenset[int] = frozenset()
    closed_through: date | None = None
    lives: Mapping[int, LineLife] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a posting does to one balance; `index` is the last movement that touched it, None when none did."""

    key: BalanceKey
    on_hand: Decimal
    reserved: Decimal
    first_in_at: datetime
    index: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One reservation to make. Stock is given to whoever asks first; an expiry of None never expires."""

    reservation_id: UUID
    key: BalanceKey
    quantity: Decimal
    holder: str
    line_id: int | None = None
    expires_at: datetime | None = None
