"""Near-expiry warnings: one task per lot, never a second one, closed or not. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class LotLife:
    """A lot with stock; `alert_on` is the day its warning is due, None for no warning."""

    lot: str
    expires_on: date | None
    alert_on: date | None


def due(lots: Iterable[LotLife], today: date, had_a_task: Collection[str]) -> tuple[str, ...]:
    """Lots whose warning is due and that never had one."""
    return tuple(
        life.lot for life in lots if life.alert_on is not None and life.alert_on <= today and life.lot not in had_a_task
    )


def expired(lots: Iterable[LotLife], today: date) -> tuple[str, ...]:
    """Lots past their day; on the day itself they are good."""
    return tuple(life.lot for life in lots if life.expires_on is not None and life.expires_on < today)
