"""GS1 application identifiers (AI): how long each is, what may stand behind it, where its value ends.

The first two digits say how many digits an AI has, and whether its value has a predefined length, so that no
separator follows (GS1 General Specifications, "element strings with predefined length using GS1 Application
Identifiers"). Every other value ends at a separator (FNC1) or at the end of the symbol. AIs that mean something to a
warehouse are described here and checked; of all others the value is kept as it is.
"""

from calendar import monthrange
from dataclasses import dataclass
from enum import StrEnum

from warehouse.epc_schemes import AI_82


class Kind(StrEnum):
    """What a value consists of."""

    DIGITS = "digits"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One AI. `checked` is how many leading digits end in a check digit; 0: none."""

    title: str
    kind: Kind
    length_min: int
    length_max: int
    checked: int = 0

    def fault(self, value: str) -> tuple[int, str] | None:
        """What is wrong with a value, and at which of its characters; None when nothing is."""
        digits = self.kind is not Kind.TEXT or self.checked
        head = value[: self.checked] if self.kind is Kind.TEXT else value
        for at, character in enumerate(value):
            if digits and at < len(head) and not ("0" <= character <= "9"):
                return at, f"{character!r} where a digit belongs"
            if character not in AI_82:
                return at, f"{character!r} is not of GS1's character set"
        if not self.length_min <= len(value) <= self.length_max:
            wanted = f"{self.length_min}" if self.length_min == self.length_max else f"at most {self.length_max}"
            return min(len(value), self.length_max), f"{len(value)} characters, not {wanted}"
        if self.kind is Kind.DATE and not _is_date(value):
            return 2, f"{value} is no date YYMMDD"
        if self.checked and check_digit(value[: self.checked - 1]) != value[self.checked - 1]:
            right = check_digit(value[: self.checked - 1])
            return self.checked - 1, f"check digit {value[self.checked - 1]}, not {right}"
        return None


def _is_date(text: str) -> bool:
    """Day 00 stands for the month's last; the century makes no difference but to 29 February 1900 and 2100."""
    month = int(text[2:4])
    return 1 <= month <= 12 and int(text[4:]) <= monthrange(2000 + int(text[:2]), month)[1]


def check_digit(digits: str) -> str:
    """Weights 3 and 1 alternating from the right (GS1 General Specifications 7.9.1)."""
    return str(-sum(int(digit) * (1 if n % 2 else 3) for n, digit in enumerate(reversed(digits))) % 10)


def _key(title: str, length: int) -> Identifier:
    return Identifier(title, Kind.DIGITS, length, length, length)


def _text(title: str, length_max: int) -> Identifier:
    return Identifier(title, Kind.TEXT, 1, length_max)


def _number(title: str, length_min: int, length_max: int) -> Identifier:
    return Identifier(title, Kind.DIGITS, length_min, length_max)


def _date(title: str) -> Identifier:
    return Identifier(title, Kind.DATE, 6, 6)


IDENTIFIERS: dict[str, Identifier] = {
    "00": _key("SSCC", 18),
    "01": _key("GTIN", 14),
    "02": _key("GTIN of contents", 14),
    "10": _text("batch or lot", 20),
    "11": _date("production date"),
    "12": _date("due date"),
    "13": _date("packaging date"),
    "15": _date("best before"),
    "16": _date("sell by"),
    "17": _date("expiry"),
    "20": _number("variant", 2, 2),
    "21": _text("serial", 20),
    "22": _text("consumer product variant", 20),
    "240": _text("additional product id", 30),
    "241": _text("customer part number", 30),
    "250": _text("secondary serial", 30),
    "254": _text("GLN extension", 20),
    "30": _number("variable count", 1, 8),
    "37": _number("count", 1, 8),
    "400": _text("customer's order", 30),
    "401": _text("consignment", 30),
    "402": _key("shipment", 17),
    "403": _text("route", 30),
    **{f"41{n}": _key("GLN", 13) for n in range(8)},
    "420": _text("ship to post code", 20),
    **{f"{measure}{n}": _number("measure", 6, 6) for measure in (*range(310, 317), *range(320, 338)) for n in range(6)},
    **{f"{measure}{n}": _number("measure", 6, 6) for measure in (*range(340, 358), *range(360, 370)) for n in range(6)},
    "7003": _number("expiry with time", 10, 10),
    "8003": Identifier("GRAI", Kind.TEXT, 14, 30, 14),
    "8004": _text("GIAI", 30),
    **{f"9{n}": _text("of the company", 30 if n == 0 else 90) for n in range(10)},
}

UNKNOWN = _text("other", 90)

_TWO = frozenset({"00", "01", "02", "03", *(f"{n}" for n in range(10, 23)), "30", "37", *(f"9{n}" for n in range(10))})
_THREE = frozenset({"23", "24", "25", "40", "41", "42", "71"})
_FOUR = frozenset({"31", "32", "33", "34", "35", "36", "39", "43", "70", "72", "80", "81", "82"})

# By the first two digits of the AI: how long its value is, always.
PREDEFINED: dict[str, int] = {
    "00": 18,
    "01": 14,
    "02": 14,
    "03": 14,
    **{f"{n}": 6 for n in range(11, 20)},
    "20": 2,
    **{f"{n}": 6 for n in range(31, 37)},
    "41": 13,
}


def digits_of(start: str) -> int | None:
    """How many digits the AI has that begins with these two; None when GS1 has none that does."""
    if start in _TWO:
        return 2
    if start in _THREE:
        return 3
    return 4 if start in _FOUR else None


def identifier(ai: str) -> Identifier:
    """What is known of an AI."""
    return IDENTIFIERS.get(ai, UNKNOWN)
