"""One block of registers as a weight reading. Pure: registers in, values out.

Numbers are exact decimals in the profile's unit. A float32 becomes the shortest decimal that is that float32, so 12.3
kg on the display is 12.3 here and not 12.300000190734863.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import numpy as np

from readers.modbus.profile import Bit, Number, NumberType, ScaleProfile, WordOrder


class Fault(StrEnum):
    """Why a reading is not a weight."""

    NOT_A_NUMBER = "not_a_number"
    INVALID = "invalid"
    OVERLOAD = "overload"
    UNDERLOAD = "underload"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one request found. `stable` is None when the unit does not say (`Stability` decides then).

    With a `fault` the numbers are what the registers held, for a person; they are not a weight.
    """

    at_us: int
    unit: str
    gross: Decimal | None
    net: Decimal | None
    tare: Decimal | None
    stable: bool | None
    fault: Fault | None = None

    @property
    def weight(self) -> Decimal | None:
        """The gross weight, or the net one where the unit gives no gross; None with a fault."""
        if self.fault is not None:
            return None
        return self.gross if self.gross is not None else self.net


class BlockError(ValueError):
    """A block of another length than the profile asks for: a mistake of ours or a unit that answers wrongly."""


def read(profile: ScaleProfile, registers: Sequence[int], at_us: int) -> Reading:
    """The reading in one block, `profile.count` registers from `profile.first`. Raises `BlockError`."""
    if len(registers) != profile.count:
        raise BlockError(f"{profile.name}: {len(registers)} registers where {profile.count} were asked for")
    finite = True

    def number(part: Number | None) -> Decimal | None:
        nonlocal finite
        if part is None:
            return None
        value = number_at(registers, part.address - profile.first, part.type, profile.word_order)
        if value is None:
            finite = False
            return None
        value *= profile.scale
        return -value if part.negative is not None and holds(profile, registers, part.negative) else value

    gross, net, tare = number(profile.gross), number(profile.net), number(profile.tare)
    fault = None
    if profile.valid is not None and not holds(profile, registers, profile.valid):
        fault = Fault.INVALID
    elif profile.overload is not None and holds(profile, registers, profile.overload):
        fault = Fault.OVERLOAD
    elif profile.underload is not None and holds(profile, registers, profile.underload):
        fault = Fault.UNDERLOAD
    elif not finite:
        fault = Fault.NOT_A_NUMBER
    stable = None if profile.stable is None else holds(profile, registers, profile.stable)
    return Reading(at_us, profile.unit, gross, net, tare, stable, fault)


def number_at(registers: Sequence[int], index: int, kind: NumberType, order: WordOrder) -> Decimal | None:
    """The number at an index of a block; None for a float that is not finite, and BCD with a digit above 9."""
    raw = 0
    for word in order.arranged(registers[index : index + kind.words]):
        raw = raw << 16 | word
    if kind.is_bcd:
        digits = f"{raw:x}"
        return Decimal(digits) if digits.isdecimal() else None
    if kind is NumberType.FLOAT32:
        value = struct.unpack("!f", raw.to_bytes(4, "big"))[0]
        return Decimal(str(np.float32(value))) if math.isfinite(value) else None
    signed = kind in (NumberType.INT16, NumberType.INT32)
    bits = 16 * kind.words
    return Decimal(raw - (1 << bits) if signed and raw >> bits - 1 else raw)


def holds(profile: ScaleProfile, registers: Sequence[int], bit: Bit) -> bool:
    """Whether the condition that a status bit tells is met."""
    return bool(registers[bit.address - profile.first] >> bit.bit & 1) == bit.when
