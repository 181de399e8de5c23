"""The stock ledger's rules, as values: what a posting does to the balances, or why it is refused.

A movement takes a quantity from one place and gives it to another, so the sum over all places is zero by construction.
Internal and transit locations hold stock and have balances, `0 <= reserved <= on_hand` always; virtual ones (supplier,
customer, production, scrap, count differences) have none. A posting is a list of movements that happens whole or not
at all; `plan` runs it against the facts the adapter read under lock and gives the changes per balance.

History is never rewritten: a correction is a reversal of a whole row, dated now, and a new row. A back-dated movement
is accepted only if no later point of its balance would go below zero (`Balance.spare`).

Refusals are values. When several reasons apply the one that comes first in `LedgerRefusal` is given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
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

    `unit_cost` is what one base unit that comes into our stock costs, when whoever posts it knows.
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

    def key_at(self, place: Place) -> BalanceKey:
        return BalanceKey(
            self.item_id, self.lot_id, self.serial_id, place.location_id, place.hu_id, self.owner, place.status
        )


@dataclass(frozen=True, slots=True)
class Circumstance:
    """Who, when, with what and why, the same for every movement of one posting."""

    actor: str
    effective_at: datetime
    device: str = ""
    device_at: datetime | None = None
    passage_id: UUID | None = None
    request_id: UUID | None = None
    reason: str = ""


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
    """What the adapter read, under lock, about everything the posting names."""

    items: Mapping[int, Item]
    lots: Mapping[int, Lot]
    serials: Mapping[int, Serial]
    locations: Mapping[int, Location]
    balances: Mapping[BalanceKey, Balance]
    reversed: frozenset[int] = frozenset()
    closed_through: date | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a posting does to one balance; `index` is the last movement that touched it, None when none did."""

    key: BalanceKey
    on_hand: Decimal
    reserved: Decimal
    first_in_at: datetime
    index: int | None


@dataclass(slots=True)
class _Standing:
    """A balance while the posting is run through it."""

    on_hand: Decimal
    reserved: Decimal
    spare: Decimal
    first_in_at: datetime
    on_hand_before: Decimal = ZERO
    reserved_before: Decimal = ZERO
    index: int = -1


@dataclass(slots=True)
class _Run:
    facts: Facts
    effective_at: datetime
    balances: dict[BalanceKey, _Standing] = field(default_factory=dict)
    serials: dict[int, BalanceKey | None] = field(default_factory=dict)

    def standing(self, key: BalanceKey) -> _Standing:
        found = self.balances.get(key)
        if found is None:
            now = self.facts.balances.get(key)
            if now is None:
                found = _Standing(ZERO, ZERO, ZERO, self.effective_at)
            else:
                found = _Standing(now.on_hand, now.reserved, now.spare, now.first_in_at, now.on_hand, now.reserved)
            self.balances[key] = found
        return found

    def serial_at(self, serial_id: int) -> BalanceKey | None:
        if serial_id not in self.serials:
            self.serials[serial_id] = self.facts.serials[serial_id].standing
        return self.serials[serial_id]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One reservation to make. Stock is given to whoever asks first; an expiry of None never expires."""

    reservation_id: UUID
    key: BalanceKey
    quantity: Decimal
    holder: str
    line_id: int | None = None
    expires_at: datetime | None = None


def plan(moves: Sequence[NewMove], circumstance: Circumstance, facts: Facts) -> tuple[Change, ...] | Refused:
    """The changes per balance, or the first refusal by movement and then by precedence."""
    if not moves:
        return Refused(LedgerRefusal.NOTHING_TO_POST, 0, "no movements")
    run = _Run(facts, circumstance.effective_at)
    for index, move in enumerate(moves):
        refused = _check_master_data(move, index, facts) or _check_rules(move, index, circumstance, facts)
        if refused is None:
            refused = _apply(move, index, run)
        if refused is not None:
            return refused
    return tuple(
        Change(key, s.on_hand - s.on_hand_before, s.reserved - s.reserved_before, s.first_in_at, s.index)
        for key, s in run.balances.items()
    )


def plan_reservation(
    wanted: Wanted, index: int, now: datetime, balance: Balance | None, lots: Mapping[int, Lot]
) -> Change | Refused:
    """What a reservation does to its balance. Only available stock of a lot that is good now can be reserved."""
    if wanted.quantity <= 0:
        return Refused(LedgerRefusal.QUANTITY_NOT_POSITIVE, index, f"quantity {wanted.quantity}")
    lot = lots[wanted.key.lot_id] if wanted.key.lot_id is not None else None
    if lot is not None and lot.expires_on is not None and lot.expires_on < now.astimezone(UTC).date():
        return Refused(LedgerRefusal.LOT_EXPIRED, index, f"lot {wanted.key.lot_id} is expired")
    if lot is not None and lot.blocked:
        return Refused(LedgerRefusal.LOT_BLOCKED, index, f"lot {wanted.key.lot_id} is blocked")
    if wanted.key.status != StockStatus.AVAILABLE:
        return Refused(LedgerRefusal.NOT_ACCEPTED, index, f"stock in status {wanted.key.status}")
    free = balance.on_hand - balance.reserved if balance is not None else ZERO
    if balance is None or free < wanted.quantity:
        enough = balance is not None and balance.on_hand >= wanted.quantity
        reason = LedgerRefusal.RESERVED if enough else LedgerRefusal.NOT_ENOUGH
        return Refused(reason, index, f"{free} available, {wanted.quantity} asked")
    return Change(wanted.key, ZERO, wanted.quantity, balance.first_in_at, None)


def absorb(
    changes: Iterable[Change], balances: dict[BalanceKey, Balance], serials: dict[int, Serial] | None = None
) -> None:
    """Bring what is known of balances and serials up to date, for what is planned next on the same facts.

    A balance with nothing left stays, at nothing on hand, which the rules take as they take one that never was.
    """
    for change in changes:
        key = change.key
        now = balances.get(key) or Balance(ZERO, ZERO, ZERO, change.first_in_at)
        balances[key] = Balance(
            now.on_hand + change.on_hand, now.reserved + change.reserved, now.spare + change.on_hand, change.first_in_at
        )
        if key.serial_id is None or serials is None or not change.on_hand:
            continue
        serial = serials[key.serial_id]
        if change.on_hand > 0 or serial.standing == key:
            serials[key.serial_id] = replace(serial, standing=key if change.on_hand > 0 else None)


def _check_master_data(move: NewMove, index: int, facts: Facts) -> Refused | None:
    def refuse(reason: LedgerRefusal, detail: str) -> Refused:
        return Refused(reason, index, detail)

    if move.quantity <= 0 or move.releases < 0 or move.releases > move.quantity:
        return refuse(LedgerRefusal.QUANTITY_NOT_POSITIVE, f"quantity {move.quantity}, releases {move.releases}")
    item = facts.items.get(move.item_id)
    if item is None:
        return refuse(LedgerRefusal.UNKNOWN_ITEM, f"item {move.item_id}")
    lot = facts.lots.get(move.lot_id) if move.lot_id is not None else None
    if move.lot_id is not None and lot is None:
        return refuse(LedgerRefusal.UNKNOWN_LOT, f"lot {move.lot_id}")
    serial = facts.serials.get(move.serial_id) if move.serial_id is not None else None
    if move.serial_id is not None and serial is None:
        return refuse(LedgerRefusal.UNKNOWN_SERIAL, f"serial {move.serial_id}")
    for place in (move.source, move.target):
        if place.location_id not in facts.locations:
            return refuse(LedgerRefusal.UNKNOWN_LOCATION, f"location {place.location_id}")
    if move.source == move.target:
        return refuse(LedgerRefusal.SAME_PLACE, "source and target are the same place")
    if move.quantity != round(move.quantity, item.decimals):
        return refuse(LedgerRefusal.QUANTITY_SCALE, f"quantity {move.quantity} has more than {item.decimals} decimals")
    if lot is not None and lot.item_id != move.item_id:
        return refuse(LedgerRefusal.LOT_OF_OTHER_ITEM, f"lot {move.lot_id} is of item {lot.item_id}")
    if serial is not None and (serial.item_id != move.item_id or serial.lot_id != move.lot_id):
        return refuse(
            LedgerRefusal.SERIAL_OF_OTHER_ITEM,
            f"serial {move.serial_id} is of item {serial.item_id}, lot {serial.lot_id}",
        )
    if item.tracking is Tracking.LOT and lot is None:
        return refuse(LedgerRefusal.LOT_REQUIRED, "its item is tracked by lot")
    if item.tracking is Tracking.SERIAL and serial is None:
        return refuse(LedgerRefusal.SERIAL_REQUIRED, "its item is tracked by serial")
    if serial is not None and move.quantity != 1:
        return refuse(LedgerRefusal.SERIAL_QUANTITY, f"quantity {move.quantity} of one serial")
    return None


def _check_rules(move: NewMove, index: int, circumstance: Circumstance, facts: Facts) -> Refused | None:
    def refuse(reason: LedgerRefusal, detail: str) -> Refused:
        return Refused(reason, index, detail)

    for place in (move.source, move.target):
        if facts.locations[place.location_id].closed:
            return refuse(LedgerRefusal.LOCATION_CLOSED, f"location {place.location_id} is closed")
    day = circumstance.effective_at.astimezone(UTC).date()
    if facts.closed_through is not None and day <= facts.closed_through:
        return refuse(LedgerRefusal.PERIOD_CLOSED, f"{day} is closed (through {facts.closed_through})")
    if move.reverses is not None:
        if move.reverses in facts.reversed:
            return refuse(LedgerRefusal.ALREADY_REVERSED, f"movement {move.reverses} is reversed already")
        return None  # undoing what happened is not a new receipt or issue
    source, target = facts.locations[move.source.location_id], facts.locations[move.target.location_id]
    used = source.stocked and target.kind in USE_KINDS
    received = target.stocked and not source.stocked and move.target.status is StockStatus.AVAILABLE
    lot = facts.lots[move.lot_id] if move.lot_id is not None else None
    if lot is not None and (used or received):
        if lot.expires_on is not None and lot.expires_on < day:
            return refuse(LedgerRefusal.LOT_EXPIRED, f"lot {move.lot_id} expired on {lot.expires_on}")
        if lot.blocked:
            return refuse(LedgerRefusal.LOT_BLOCKED, f"lot {move.lot_id} is blocked")
    if used and move.source.status is not StockStatus.AVAILABLE:
        return refuse(LedgerRefusal.NOT_ACCEPTED, f"stock in status {move.source.status} cannot be issued")
    return None


def _apply(move: NewMove, index: int, run: _Run) -> Refused | None:
    source_stocked = run.facts.locations[move.source.location_id].stocked
    target_stocked = run.facts.locations[move.target.location_id].stocked
    source_key, target_key = move.key_at(move.source), move.key_at(move.target)
    if move.serial_id is not None:
        at = run.serial_at(move.serial_id)
        if at is not None and not source_stocked and target_stocked:
            return Refused(
                LedgerRefusal.SERIAL_IN_STOCK, index, f"serial {move.serial_id} is at location {at.location_id}"
            )
        if at is not None and source_stocked and at != source_key:
            return Refused(
                LedgerRefusal.SERIAL_ELSEWHERE, index, f"serial {move.serial_id} is at location {at.location_id}"
            )
        run.serials[move.serial_id] = target_key if target_stocked else None
    first_in_at = run.effective_at
    if source_stocked:
        taken = run.standing(source_key)
        refused = _check_stock(move, index, taken)
        if refused is not None:
            return refused
        taken.on_hand -= move.quantity
        taken.spare -= move.quantity
        taken.reserved -= move.releases
        taken.index = index
        first_in_at = taken.first_in_at
    if target_stocked:
        given = run.standing(target_key)
        given.first_in_at = min(given.first_in_at, first_in_at) if given.on_hand > 0 else first_in_at
        given.on_hand += move.quantity
        given.spare += move.quantity
        given.index = index
    return None


def _check_stock(move: NewMove, index: int, taken: _Standing) -> Refused | None:
    if taken.on_hand < move.quantity:
        return Refused(LedgerRefusal.NOT_ENOUGH, index, f"{taken.on_hand} on hand, {move.quantity} asked")
    free = taken.on_hand - taken.reserved
    if free < move.quantity - move.releases or taken.reserved < move.releases:
        return Refused(LedgerRefusal.RESERVED, index, f"{taken.on_hand} on hand, {taken.reserved} of it reserved")
    if taken.spare < move.quantity:
        return Refused(
            LedgerRefusal.NEGATIVE_LATER, index, f"only {taken.spare} would be left later, {move.quantity} asked"
        )
    return None
