"""What registers could mean: every number type, word and byte order and decimal scale that makes a plausible weight.

An engineer puts a known load on the scale and looks for its weight here: type, word order and scale of the row with the
right number are the profile's. Counters, status words and halves of other numbers give plausible rows as well; that is
why the raw registers are printed beside them. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from readers.modbus.profile import NumberType, WordOrder
from readers.modbus.reading import number_at

SCALES = (Decimal(1), Decimal("0.1"), Decimal("0.01"), Decimal("0.001"))
# Of a floating-point number no scale is needed, and the tiny and huge ones are other things read as a float.
_FLOAT_MIN, _FLOAT_MAX = Decimal("0.0001"), Decimal(10_000_000)
_WEIGHT_MAX = Decimal(1_000_000)
_TYPES = (
    NumberType.INT16, NumberType.UINT16, NumberType.INT32, NumberType.UINT32, NumberType.FLOAT32, NumberType.BCD16,
    NumberType.BCD32,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One reading of one or two registers; `order` is None for a single one whose bytes are not swapped."""

    address: int
    type: NumberType
    order: WordOrder | None
    scale: Decimal
    value: Decimal


def interpretations(registers: Mapping[int, int]) -> list[Interpretation]:
    """Every plausible reading, by address. Registers of 0 alone say nothing and are left out."""
    found: list[Interpretation] = []
    for address in sorted(registers):
        for kind in _TYPES:
            words = [registers.get(address + offset) for offset in range(kind.words)]
            known = [word for word in words if word is not None]
            if len(known) < kind.words or not any(known):
                continue
            orders: Sequence[WordOrder | None] = tuple(WordOrder) if kind.words == 2 else (None, WordOrder.BADC)
            for order in orders:
                found += _scaled(address, kind, order, known)
    return found


def near(found: Sequence[Interpretation], weight: Decimal, within: Decimal) -> list[Interpretation]:
    """Those that say a known weight, the closest first."""
    close = [row for row in found if abs(row.value - weight) <= within]
    return sorted(close, key=lambda row: (abs(row.value - weight), row.address))


def _scaled(address: int, kind: NumberType, order: WordOrder | None, words: Sequence[int]) -> list[Interpretation]:
    raw = number_at(words, 0, kind, order or WordOrder.ABCD)
    if raw is None:
        return []
    if kind is NumberType.FLOAT32:
        plausible = raw == 0 or _FLOAT_MIN <= abs(raw) <= _FLOAT_MAX
        return [Interpretation(address, kind, order, Decimal(1), raw)] if plausible else []
    if kind.is_bcd and raw < 10:
        return []  # an integer reads the same
    if kind in (NumberType.UINT16, NumberType.UINT32) and raw < 1 << (16 * kind.words - 1):
        return []  # the signed type reads the same
    return [Interpretation(address, kind, order, s, raw * s) for s in SCALES if abs(raw * s) <= _WEIGHT_MAX]
