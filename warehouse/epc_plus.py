"""The EPC schemes with a plus (TDS 2.0 and later, section 14.6): GS1 keys as decimal digits, no partition, no filler.

Layout: header (8 bits), whether AIDC data follows (1), filter (3), in DSGTIN+ a date (4 + 16), the key with four bits a
digit, and a serial that says how it is coded (3), how long it is (5) and then itself. GIAI+ writes the digits it begins
with in four bits each, ended by 1111, or by 1110 before characters coded like a serial (section 14.5.6).

The company prefix is not in them, so they have no `urn:epc:id` form: their identity is the GS1 Digital Link (TDS 6.1).
AIDC data after the EPC is not read; it stays in the hexadecimal text. Not known here, and so raw: the schemes of keys
we have no use for (GSRN+, GDTI+, CPI+, SGCN+, ITIP+) and those with two pluses, which carry a host name.
"""

from dataclasses import dataclass
from datetime import date

from warehouse.epc_schemes import AI_82, Scheme


@dataclass(frozen=True, slots=True)
class PlusCoding:
    """One binary coding. `key_digits` of the key in the tag; GIAI has as many as it likes. `serial_max` characters."""

    header: int
    scheme: Scheme
    name: str
    key_digits: int
    serial_max: int
    dated: bool = False


CODINGS = (
    PlusCoding(0xF7, Scheme.SGTIN, "sgtin+", 14, 20),
    PlusCoding(0xFB, Scheme.SGTIN, "dsgtin+", 14, 20, dated=True),
    PlusCoding(0xF9, Scheme.SSCC, "sscc+", 18, 0),
    PlusCoding(0xF2, Scheme.SGLN, "sgln+", 13, 20),
    PlusCoding(0xF1, Scheme.GRAI, "grai+", 14, 16),
    PlusCoding(0xFA, Scheme.GIAI, "giai+", 0, 30),
)
PLUS_BY_HEADER = {coding.header: coding for coding in CODINGS}
PLUS_BY_NAME = {coding.name: coding for coding in CODINGS}

# Which date a DSGTIN+ carries, by its four bits: the application identifier.
DATES = ("11", "13", "15", "16", "17", "7006", "7007")

_TERMINATOR, _DELIMITER = 15, 14
_HEXADECIMAL = {1: "0123456789ABCDEF", 2: "0123456789abcdef"}
_BASE_64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CODE_40 = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"


@dataclass(frozen=True, slots=True)
class PlusFields:
    """What one says: `key` as it is in the tag, `date` as (application identifier, YYMMDD), `more` data after it."""

    filter: int
    key: str
    serial: str
    date: tuple[str, str] | None
    more: bool


class NotEncodableError(ValueError):
    """What was asked to be encoded has no such coding; the message names the field."""


class _Bits:
    """Bits of a number from the left; beyond the end there are none."""

    def __init__(self, value: int, width: int) -> None:
        self._value = value
        self.left = width

    def take(self, count: int) -> int:
        """The next bits as a number. IndexError when there are not as many."""
        if count > self.left:
            raise IndexError
        self.left -= count
        return (self._value >> self.left) & ((1 << count) - 1)

    def rest(self) -> int:
        return self._value & ((1 << self.left) - 1)


def decode_plus(coding: PlusCoding, text: str) -> PlusFields | None:
    """The fields of an EPC whose header is the coding's; None when it is not one."""
    bits = _Bits(int(text, 16), len(text) * 4)
    bits.take(8)
    try:
        more, filter_value = bits.take(1) == 1, bits.take(3)
        dated = _take_date(bits) if coding.dated else None
        if coding.scheme is Scheme.GIAI:
            key, serial = _take_delimited(bits, coding.serial_max), ""
        else:
            key = "".join(str(_take_digit(bits)) for _ in range(coding.key_digits))
            serial = _take_text(bits, coding.serial_max) if coding.serial_max else ""
    except (IndexError, ValueError):
        return None
    if not more and bits.rest():
        return None
    return PlusFields(filter_value, key, serial, dated, more)


def _take_digit(bits: _Bits) -> int:
    digit = bits.take(4)
    if digit > 9:
        raise ValueError(digit)
    return digit


def _take_date(bits: _Bits) -> tuple[str, str]:
    which, year, month, day = bits.take(4), bits.take(7), bits.take(4), bits.take(5)
    if which >= len(DATES) or year > 99 or not _is_day(year, month, day):
        raise ValueError(which)
    return DATES[which], f"{year:02d}{month:02d}{day:02d}"


def _is_day(year: int, month: int, day: int) -> bool:
    """Day 00 is the last of the month (GS1 General Specifications 3.4.2)."""
    try:
        date(2000 + year, month, day or 1)
    except ValueError:
        return False
    return True


def _take_delimited(bits: _Bits, most: int) -> str:
    key = ""
    while (digit := bits.take(4)) <= 9:
        key += str(digit)
    if digit == _DELIMITER:
        key += _take_text(bits, most)
    elif digit != _TERMINATOR:
        raise ValueError(digit)
    if not key or len(key) > most:
        raise ValueError(key)
    return key


def _take_text(bits: _Bits, most: int) -> str:
    how, length = bits.take(3), bits.take(5)
    if not 1 <= length <= most:
        raise ValueError(length)
    match how:
        case 0:
            value = bits.take(_digit_bits(length))
            if value >= 10**length:
                raise ValueError(value)
            return f"{value:0{length}d}"
        case 1 | 2:
            return "".join(_HEXADECIMAL[how][bits.take(4)] for _ in range(length))
        case 3:
            return "".join(_BASE_64[bits.take(6)] for _ in range(length))
        case 4:
            text = "".join(chr(bits.take(7)) for _ in range(length))
            if not set(text) <= AI_82:
                raise ValueError(text)
            return text
        case 5:
            return _take_code_40(bits, length)
        case _:
            raise ValueError(how)


def _take_code_40(bits: _Bits, length: int) -> str:
    text = ""
    for _ in range(-(-length // 3)):
        value = bits.take(16) - 1
        for weight in (1600, 40, 1):
            text += _CODE_40[value // weight % 40] if 0 <= value < 64_000 else "\0"
    if "\0" in text[:length] or text[length:].strip("\0"):
        raise ValueError(text)
    return text[:length]


def encode_plus(
    coding: PlusCoding, filter_value: int, key: str, serial: str = "", dated: tuple[str, str] | None = None
) -> str:
    """The hexadecimal EPC, padded to whole 16-bit words, without AIDC data. Raises NotEncodableError.

    A serial is coded the shortest way but URN Code 40, which is only read.
    """
    if not 0 <= filter_value <= 7:
        raise NotEncodableError(f"filter {filter_value} is not 0..7")
    text = f"{coding.header:08b}0{filter_value:03b}"
    if coding.dated != (dated is not None):
        raise NotEncodableError(f"{coding.name} {'needs a' if coding.dated else 'has no'} date")
    if dated is not None:
        text += _date_bits(*dated)
    if coding.scheme is Scheme.GIAI:
        text += _delimited_bits(key, coding.serial_max)
    elif len(key) != coding.key_digits or not _is_digits(key):
        raise NotEncodableError(f"key {key!r} is not {coding.key_digits} digits")
    else:
        text += "".join(f"{int(digit):04b}" for digit in key)
    if coding.serial_max and coding.scheme is not Scheme.GIAI:
        text += _text_bits("serial", serial, coding.serial_max)
    elif serial:
        raise NotEncodableError(f"{coding.name} has no serial, got {serial!r}")
    text += "0" * (-len(text) % 16)
    return f"{int(text, 2):0{len(text) // 4}X}"


def _date_bits(identifier: str, day: str) -> str:
    if identifier not in DATES or len(day) != 6 or not _is_digits(day):
        raise NotEncodableError(f"date ({identifier}){day} is not one of {', '.join(DATES)} with YYMMDD")
    year, month, of_month = int(day[:2]), int(day[2:4]), int(day[4:])
    if not _is_day(year, month, of_month):
        raise NotEncodableError(f"date {day!r} is no day")
    return f"{DATES.index(identifier):04b}{year:07b}{month:04b}{of_month:05b}"


def _delimited_bits(key: str, most: int) -> str:
    if not 1 <= len(key) <= most:
        raise NotEncodableError(f"key {key!r} is not 1 to {most} characters")
    count = next((n for n, character in enumerate(key) if not _is_digits(character)), len(key))
    digits = "".join(f"{int(digit):04b}" for digit in key[:count])
    if count == len(key):
        return f"{digits}{_TERMINATOR:04b}"
    return f"{digits}{_DELIMITER:04b}{_text_bits('key', key[count:], most)}"


def _text_bits(field: str, text: str, most: int) -> str:
    characters = set(text)
    if not 1 <= len(text) <= most or not characters <= AI_82:
        raise NotEncodableError(f"{field} {text!r} is not 1 to {most} characters of GS1 set 82")
    if _is_digits(text):
        how, body = 0, f"{int(text):0{_digit_bits(len(text))}b}"
    elif (which := next((n for n, set_ in _HEXADECIMAL.items() if characters <= set(set_)), 0)) != 0:
        how, body = which, "".join(f"{_HEXADECIMAL[which].index(c):04b}" for c in text)
    elif characters <= set(_BASE_64):
        how, body = 3, "".join(f"{_BASE_64.index(c):06b}" for c in text)
    else:
        how, body = 4, "".join(f"{ord(c):07b}" for c in text)
    return f"{how:03b}{len(text):05b}{body}"


def _digit_bits(digits: int) -> int:
    """As many as the greatest number of so many digits needs (TDS, table B)."""
    return int(10**digits - 1).bit_length()


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
