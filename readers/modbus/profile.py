"""Register maps of weighing indicators, as data. There is no standard map: each model ships its own.

A profile names one block of registers that holds weight and status, because two requests can straddle a change (a torn
read). Addresses are those of the PDU, counted from 0 (Modbus Application Protocol 1.1b3, 4.4): the 40001 or 30001 of a
manual is address 0 here. Bits count from 0, the least significant; where a manual numbers bits across words, the
profile holds the register and the bit within it.

A file in `profiles/` is one model, with the document it was read from. Sites whose unit is configured differently
(decimals, word order) give `scale` and `word_order` beside the profile's name.
"""

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from importlib import resources
from pathlib import Path

import msgspec

# A request may ask for 125 registers (Modbus Application Protocol 1.1b3, 6.3).
BLOCK_MAX = 125

KG_OF = {"kg": Decimal(1), "g": Decimal("0.001"), "t": Decimal(1000), "lb": Decimal("0.45359237")}
"""Kilograms in one of a profile's units."""


class ProfileError(ValueError):
    """A profile that does not say what a profile must; the text names file, key and fix."""


class NumberType(StrEnum):
    """How a number lies in registers; `magnitude32` is an unsigned value whose sign is a status bit.

    `bcd16` and `bcd32` have a decimal digit in every four bits, and their sign, if any, in a status bit too.
    """

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    FLOAT32 = "float32"
    MAGNITUDE32 = "magnitude32"
    BCD16 = "bcd16"
    BCD32 = "bcd32"

    @property
    def words(self) -> int:
        return 1 if self in (NumberType.INT16, NumberType.UINT16, NumberType.BCD16) else 2

    @property
    def is_bcd(self) -> bool:
        return self in (NumberType.BCD16, NumberType.BCD32)


class WordOrder(StrEnum):
    """Which register holds the high word: the first (ABCD) or the second (CDAB); in BADC and DCBA the two bytes of each
    register are swapped as well, also those of a number in one register. Status bits are counted as they arrive.
    """

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"

    @property
    def swaps_bytes(self) -> bool:
        return self in (WordOrder.BADC, WordOrder.DCBA)

    def arranged(self, words: Sequence[int]) -> tuple[int, ...]:
        """Words from high to low as they lie in registers, or back: each order is its own inverse."""
        if self.swaps_bytes:
            words = [(word & 0xFF) << 8 | word >> 8 for word in words]
        return tuple(reversed(words)) if self in (WordOrder.CDAB, WordOrder.DCBA) else tuple(words)


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Bit(_Strict, frozen=True):
    """One status bit; the condition holds when it equals `when` (a motion bit is `stable` when False)."""

    address: int
    bit: int
    when: bool = True


class Number(_Strict, frozen=True):
    """One number; `negative` is the sign bit of a magnitude."""

    address: int
    type: NumberType
    negative: Bit | None = None


class ActionKind(StrEnum):
    """How a command is given: a value, a rising edge on one bit of a register, or a coil set."""

    WRITE = "write"
    EDGE = "edge"
    COIL = "coil"


class Action(_Strict, frozen=True):
    """One command of an indicator. An edge's bit is cleared again, or the next edge would not be one."""

    kind: ActionKind
    address: int
    value: int = 1
    bit: int = 0


class Stability(_Strict, frozen=True):
    """For indicators without a motion bit that can be trusted: within `within` display units for `for_ms`."""

    within: Decimal
    for_ms: int


class ScaleProfile(_Strict, frozen=True):
    """One model's register map."""

    name: str
    model: str
    source: str
    function: int
    first: int
    count: int
    gross: Number | None = None
    net: Number | None = None
    tare: Number | None = None
    word_order: WordOrder = WordOrder.ABCD
    scale: Decimal = Decimal(1)
    unit: str = "kg"
    stable: Bit | None = None
    overload: Bit | None = None
    underload: Bit | None = None
    valid: Bit | None = None
    settle: Stability | None = None
    zero: Action | None = None
    tare_now: Action | None = None
    clear_tare: Action | None = None
    notes: str = ""


def shipped() -> tuple[str, ...]:
    """The names of the profiles in this package."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml")))


def load(name: str) -> ScaleProfile:
    """A shipped profile by name, or the one in the TOML file of that path. Raises `ProfileError`."""
    if name.endswith(".toml"):
        try:
            return parse(Path(name).read_text(encoding="utf-8"), name)
        except OSError as error:
            raise ProfileError(f"{name}: {error.strerror}. Fix: give the path of a profile file.") from None
    if name not in shipped():
        raise ProfileError(f"there is no profile {name!r}. Fix: use one of {', '.join(shipped())}, or a .toml file.")
    return parse((_folder() / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")


def parse(text: str, where: str) -> ScaleProfile:
    """A profile from TOML, checked against itself. Raises `ProfileError`."""
    try:
        profile = msgspec.convert(tomllib.loads(text), ScaleProfile, strict=False)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ProfileError(f"{where}: {error}. Fix: write it as in readers/modbus/profiles/.") from None
    if profile.function not in (3, 4):
        raise ProfileError(f"{where}: function: {profile.function} does not read registers. Fix: use 3 or 4.")
    if not 1 <= profile.count <= BLOCK_MAX:
        raise ProfileError(f"{where}: count: {profile.count} is not 1 to {BLOCK_MAX}. Fix: read one smaller block.")
    if profile.gross is None and profile.net is None:
        raise ProfileError(f"{where}: gross: neither gross nor net is given. Fix: say where a weight is.")
    if profile.stable is None and profile.settle is None:
        raise ProfileError(f"{where}: stable: nothing says when the weight is stable. Fix: give stable or settle.")
    for key in ("gross", "net", "tare", "stable", "overload", "underload", "valid"):
        part = getattr(profile, key)
        if part is None:
            continue
        last = part.address + (part.type.words if isinstance(part, Number) else 1)
        if not profile.first <= part.address or last > profile.first + profile.count:
            raise ProfileError(
                f"{where}: {key}.address: {part.address} is outside the block {profile.first} to"
                f" {profile.first + profile.count - 1}. Fix: widen first and count, weight and status are one request."
            )
        if isinstance(part, Bit) and not 0 <= part.bit <= 15:
            raise ProfileError(f"{where}: {key}.bit: {part.bit} is not in a register. Fix: use 0 to 15.")
        if not isinstance(part, Number) or part.type.is_bcd:
            continue
        if (part.type is NumberType.MAGNITUDE32) != (part.negative is not None):
            raise ProfileError(
                f"{where}: {key}.negative: a magnitude32 needs its sign bit, a bcd may have one, others have none."
            )
    return profile


def _folder() -> resources.abc.Traversable:
    return resources.files("readers.modbus") / "profiles"
