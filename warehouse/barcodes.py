"""What a scanner read: GS1 element strings, GS1 Digital Links, plain GTINs and SSCCs, and codes of the house.

A scanner may say in front which symbology it read, as `]C1` (ISO/IEC 15424). With one that carries GS1 data (`]C1`,
`]e0`, `]d2`, `]Q3`, `]J1`), with a separator (FNC1, sent as ASCII 29) inside, or with AIs in brackets as printed below
the bars, the text is an element string and must be right throughout. Without any of these it is one only when it
begins with an SSCC or GTIN, AI 00, 01 or 02, whose check digit is right: `10AB` may be a shelf. Bare numbers of 8, 12,
13, 14 or 18 digits with the right check digit are GTIN and SSCC. Everything else is a code of the house: no GS1 key.

Source: GS1 General Specifications, 3 (AIs), 7.8 (element strings), 7.12 (dates); links: `warehouse.digital_link`.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NewType

from warehouse.digital_link import LinkError, is_link, pairs_of
from warehouse.gs1_identifiers import PREDEFINED, check_digit, digits_of, identifier

ScannedText = NewType("ScannedText", str)
"""What a scanner sent, separators included."""

SEPARATOR = "\x1d"
# 2D symbols hold more, no GS1 symbol that a warehouse scans does.
LENGTH_MAX = 512

_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]", re.ASCII)
_GS1 = frozenset({"]C1", "]e0", "]e1", "]d2", "]Q3", "]J1"})
_RETAIL = frozenset({"]E0", "]E3", "]E4", "]I0", "]I1"})
_WITH_CHECK = {8: "01", 12: "01", 13: "01", 14: "01", 18: "00"}


class BarcodeError(ValueError):
    """What was scanned is no valid GS1 data. `ai` is where, as far as known; `position` counts characters from 1."""

    def __init__(self, what: str, ai: str, position: int) -> None:
        super().__init__(f"{f'AI ({ai}), ' if ai else ''}character {position}: {what}")
        self.what = what
        self.ai = ai
        self.position = position


@dataclass(frozen=True, slots=True)
class Element:
    """One AI and its value; `position` of the value in the text as scanned, from 1."""

    ai: str
    title: str
    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Barcode:
    """One scan. Without elements it is a code of the house, `plain`."""

    symbology: str
    plain: str
    elements: tuple[Element, ...] = ()

    def value(self, ai: str) -> str | None:
        """The value of an AI."""
        return next((element.value for element in self.elements if element.ai == ai), None)

    @property
    def sscc(self) -> str | None:
        """The logistic unit."""
        return self.value("00")

    @property
    def gtin(self) -> str | None:
        """The trade item, or what a logistic unit contains of."""
        return self.value("01") or self.value("02")

    @property
    def lot(self) -> str | None:
        """Batch or lot."""
        return self.value("10")

    @property
    def serial(self) -> str | None:
        """Serial number."""
        return self.value("21")

    @property
    def quantity(self) -> Decimal | None:
        """How many: of contents (37), or of a variable measure item (30)."""
        count = self.value("37") or self.value("30")
        return None if count is None else Decimal(count)

    @property
    def net_weight_kg(self) -> Decimal | None:
        """AI 310n: n digits behind the point."""
        for element in self.elements:
            if element.ai.startswith("310"):
                return Decimal(element.value).scaleb(-int(element.ai[3]))
        return None

    def day(self, ai: str, year: int) -> date | None:
        """A date YYMMDD as seen in `year`: within 50 years of it; day 00 is the month's last (7.12)."""
        text = self.value(ai)
        if text is None:
            return None
        short, month, day = int(text[:2]), int(text[2:4]), int(text[4:6])
        century = year - year % 100
        ahead = short - year % 100
        full = century + short + (-100 if ahead >= 51 else 100 if ahead <= -50 else 0)
        last = monthrange(full, month)[1]
        return date(full, month, min(day, last) or last)


def parse(text: str) -> Barcode:
    """One scan as a scanner sends it. Raises BarcodeError."""
    if len(text) > LENGTH_MAX:
        raise BarcodeError(f"longer than {LENGTH_MAX} characters", "", LENGTH_MAX + 1)
    symbology = text[:3] if _SYMBOLOGY.match(text) else ""
    rest = text[len(symbology) :].rstrip("\r\n")
    at = len(symbology)
    if not rest:
        raise BarcodeError("nothing was scanned", "", at + 1)
    if is_link(rest):
        return Barcode(symbology, "", _of_link(rest, at))
    if symbology in _GS1 or SEPARATOR in rest:
        return Barcode(symbology, "", _element_string(rest, at))
    if rest[:1] == "(" and rest[1:3].isdigit():
        return Barcode(symbology, "", _bracketed(rest, at))
    bare = _bare_key(rest, at, must=symbology in _RETAIL)
    if bare is not None:
        return Barcode(symbology, "", (bare,))
    if not symbology and _begins_with_key(rest):
        return Barcode(symbology, "", _element_string(rest, at))
    return Barcode(symbology, rest)


def _element_string(text: str, at: int) -> tuple[Element, ...]:
    found: list[Element] = []
    n = 0
    while n < len(text):
        if text[n] == SEPARATOR:  # leading, doubled or behind a predefined length: harmless
            n += 1
            continue
        width = digits_of(text[n : n + 2])
        ai = text[n : n + (width or 2)]
        if width is None or len(ai) < width or not _digits(ai):
            raise BarcodeError(f"{ai!r} begins no application identifier", "", at + n + 1)
        n += width
        end = text.find(SEPARATOR, n)
        end = len(text) if end < 0 else end
        fixed = PREDEFINED.get(ai[:2])
        if fixed is not None:
            end = min(end, n + fixed)
        found.append(_checked(ai, text[n:end], at + n + 1))
        n = end
    return _together(found, at)


def _bracketed(text: str, at: int) -> tuple[Element, ...]:
    found: list[Element] = []
    n = 0
    while n < len(text):
        end = text.find(")", n)
        ai = text[n + 1 : end] if end > 0 else ""
        if text[n] != "(" or not _digits(ai) or digits_of(ai[:2]) != len(ai):
            raise BarcodeError(f"{text[n : n + 6]!r} is no application identifier in brackets", "", at + n + 1)
        start = end + 1
        n = _next_bracket(text, start)
        found.append(_checked(ai, text[start:n], at + start + 1))
    return _together(found, at)


def _next_bracket(text: str, start: int) -> int:
    """Where the next AI begins; brackets may also be part of a value, those of no AI are."""
    n = text.find("(", start)
    while n >= 0:
        end = text.find(")", n)
        ai = text[n + 1 : end] if end > 0 else ""
        if _digits(ai) and digits_of(ai[:2]) == len(ai):
            return n
        n = text.find("(", n + 1)
    return len(text)


def _of_link(text: str, at: int) -> tuple[Element, ...]:
    try:
        pairs = pairs_of(text)
    except LinkError as error:
        raise BarcodeError(error.what, error.ai, at + error.position) from None
    return _together([_checked(ai, value, at + position) for ai, value, position in pairs], at)


def _bare_key(text: str, at: int, must: bool) -> Element | None:
    """A GTIN or SSCC without AI. `must`: by its symbology it can be nothing else."""
    ai = _WITH_CHECK.get(len(text)) if _digits(text) else None
    if ai is None or (not must and check_digit(text[:-1]) != text[-1]):
        return None
    return _checked(ai, text.zfill(14) if ai == "01" else text, at + 1)


def _begins_with_key(text: str) -> bool:
    length = PREDEFINED.get(text[:2], 0) if text[:2] in ("00", "01", "02") else 0
    key = text[2 : 2 + length]
    return bool(length) and len(key) == length and _digits(key) and check_digit(key[:-1]) == key[-1]


def _checked(ai: str, value: str, position: int) -> Element:
    known = identifier(ai)
    fault = known.fault(value)
    if fault is not None:
        raise BarcodeError(f"{known.title}: {fault[1]}", ai, position + fault[0])
    return Element(ai, known.title, value, position)


def _together(found: list[Element], at: int) -> tuple[Element, ...]:
    """An AI twice must say the same (4.13); said twice it counts once."""
    kept: dict[str, Element] = {}
    for element in found:
        before = kept.setdefault(element.ai, element)
        if before.value != element.value:
            raise BarcodeError(
                f"{element.title}: said twice, {before.value} and {element.value}", element.ai, element.position
            )
    if not kept:
        raise BarcodeError("separators and no data", "", at + 1)
    if "01" in kept and "02" in kept:
        raise BarcodeError("a GTIN and a GTIN of contents exclude each other", "02", kept["02"].position)
    return tuple(kept.values())


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
