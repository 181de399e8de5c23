"""Whether a load weighs what the books have on it: contents × unit weight + tare, within a tolerance. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class WeighOutcome(StrEnum):
    """`unknown`: an item without a weight; `untied`: nobody knows what stood there."""

    AGREES = "agrees"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"
    UNTIED = "untied"


@dataclass(frozen=True, slots=True)
class Content:
    """What the books have on the load: `quantity` base units of an item; `unit_kg` None when nobody said."""

    item: str
    quantity: Decimal
    unit_kg: Decimal | None


@dataclass(frozen=True, slots=True)
class WeighVerdict:
    """`expected_kg` and `tolerance_kg` are None unless the expected weight is known; `detail` is for people."""

    outcome: WeighOutcome
    detail: str
    expected_kg: Decimal | None = None
    tolerance_kg: Decimal | None = None


def judge(
    weight_kg: Decimal,
    contents: Sequence[Content],
    tare_kg: Decimal,
    tolerance_kg: Decimal,
    tolerance_percent: Decimal,
) -> WeighVerdict:
    """Compare. The tolerance is the larger of the absolute one and the percentage of the expected weight."""
    nameless = sorted({content.item for content in contents if content.unit_kg is None})
    if nameless:
        return WeighVerdict(WeighOutcome.UNKNOWN, f"no weight is known of {', '.join(nameless)}")
    if not contents:
        return WeighVerdict(WeighOutcome.UNKNOWN, "the books have nothing on it")
    expected_kg = sum((content.quantity * (content.unit_kg or 0) for content in contents), tare_kg)
    allowed_kg = max(tolerance_kg, expected_kg * tolerance_percent / 100)
    parts = ", ".join(f"{c.quantity:f} × {c.item} ({_kg(c.unit_kg)} kg)" for c in contents)
    expected = f"{_kg(expected_kg)} ± {_kg(allowed_kg)} kg expected: {parts}, tare {_kg(tare_kg)} kg"
    difference_kg = weight_kg - expected_kg
    if abs(difference_kg) <= allowed_kg:
        return WeighVerdict(WeighOutcome.AGREES, expected, expected_kg, allowed_kg)
    words = f"{_kg(weight_kg)} kg, {expected}; {_kg(abs(difference_kg))} kg too "
    words += "much" if difference_kg > 0 else "little"
    if len(contents) == 1 and contents[0].unit_kg:
        words += f", about {abs(difference_kg) / contents[0].unit_kg:.1f} of {contents[0].item}"
    return WeighVerdict(WeighOutcome.MISMATCH, words, expected_kg, allowed_kg)


def _kg(value: Decimal | None) -> str:
    """Without trailing zeros: a recorded command has lost them, and its replay must say the same."""
    return f"{(value or Decimal(0)).normalize():f}"
