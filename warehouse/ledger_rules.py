"""The stock ledger's rules: what a posting or a reservation does to the balances, or why it is refused.

`plan` runs a posting against the facts the adapter read under lock and gives the changes per balance; `absorb` brings
these facts up to date for what is planned next on them. Refusals are values; when several reasons apply, the one that
comes first in `LedgerRefusal` is given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from warehouse.ledger import (
    USE_KINDS,
    ZERO,
    Balance,
    BalanceKey,
    Change,
    Circumstance,
    Facts,
    LedgerRefusal,
    Lot,
    NewMove,
    Refused,
    Serial,
    StockStatus,
    Tracking,
    Wanted,
)


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
    bad = lot_refusal(lot.expires_on, lot.blocked, now.astimezone(UTC).date()) if lot is not None else None
    if bad is not None:
        word = "expired" if bad is LedgerRefusal.LOT_EXPIRED else "blocked"
        return Refused(bad, index, f"lot {wanted.key.lot_id} is {word}")
    if wanted.key.status != StockStatus.AVAILABLE:
        return Refused(LedgerRefusal.NOT_ACCEPTED, index, f"stock in status {wanted.key.status}")
    free = balance.on_hand - balance.reserved if balance is not None else ZERO
    if balance is None or free < wanted.quantity:
        enough = balance is not None and balance.on_hand >= wanted.quantity
        reason = LedgerRefusal.RESERVED if enough else LedgerRefusal.NOT_ENOUGH
        return Refused(reason, index, f"{free} available, {wanted.quantity} asked")
    return Change(wanted.key, ZERO, wanted.quantity, balance.first_in_at, None)


def lot_refusal(expires_on: date | None, blocked: bool, day: date, days_needed: int = 0) -> LedgerRefusal | None:
    """Why goods of a lot are not received as good, nor reserved, nor leave for use on that day, which asks for
    `days_needed` of shelf life beyond it. On the day it expires a lot is good.
    """
    if expires_on is not None and expires_on < day:
        return LedgerRefusal.LOT_EXPIRED
    if blocked:
        return LedgerRefusal.LOT_BLOCKED
    if expires_on is not None and (expires_on - day).days < days_needed:
        return LedgerRefusal.SHELF_LIFE_SHORT
    return None


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
        needed = _days_needed(move, facts) if used and not circumstance.short_life_agreed else 0
        match lot_refusal(lot.expires_on, lot.blocked, day, needed):
            case LedgerRefusal.LOT_EXPIRED as bad:
                return refuse(bad, f"lot {move.lot_id} expired on {lot.expires_on}")
            case LedgerRefusal.LOT_BLOCKED as bad:
                return refuse(bad, f"lot {move.lot_id} is blocked")
            case LedgerRefusal.SHELF_LIFE_SHORT as bad if lot.expires_on is not None:
                left = (lot.expires_on - day).days
                return refuse(bad, f"lot {move.lot_id} has {left} days left, the line needs {needed}")
    if used and move.source.status is not StockStatus.AVAILABLE:
        return refuse(LedgerRefusal.NOT_ACCEPTED, f"stock in status {move.source.status} cannot be issued")
    return None


def _days_needed(move: NewMove, facts: Facts) -> int:
    life = facts.lives.get(move.line_id) if move.line_id is not None else None
    return life.days_min(move.releases == move.quantity) if life is not None else 0


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
    first_in_at = move.since or run.effective_at
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
