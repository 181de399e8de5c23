"""Lot numbers from a pattern: a text with fields, such as `{site}-{YY}{MM}{DD}-{seq:4}`.

Fields: `site`, `item`, `category`, `supplier` (the supplier's own number), the date as `YYYY`, `YY`, `MM`, `DD`, `WW`
(ISO week) and `DDD` (day of the year), and `seq` or `seq:DIGITS`. The sequence counts per rendered text, so it begins
anew with every date, site or item that the pattern names. Without `seq` the number must be unique by itself: one from
the supplier. A sequence that outgrows its digits gets longer, never wraps.
"""

import re
from dataclasses import dataclass
from datetime import date

LENGTH_MAX = 64
_DATE = frozenset({"YYYY", "YY", "MM", "DD", "WW", "DDD"})
_NAMES = _DATE | {"site", "item", "category", "supplier"}
_FIELD = re.compile(r"\{([^{}]*)\}")
_SEQUENCE = re.compile(r"seq(?::([1-9]))?")


class PatternError(ValueError):
    """The pattern cannot be used, or not for this lot; the message names the field."""


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What a lot number can be made of."""

    day: date
    site: str = ""
    item: str = ""
    category: str = ""
    supplier: str = ""


@dataclass(frozen=True, slots=True)
class LotNumber:
    """A rendered pattern around its sequence. `digits` 0: it has none."""

    before: str
    after: str = ""
    digits: int = 0

    @property
    def prefix(self) -> str:
        """What the sequence counts under."""
        return f"{self.before}\x1f{self.after}"

    def with_sequence(self, number: int) -> str:
        return f"{self.before}{number:0{self.digits}d}{self.after}" if self.digits else self.before


def check_pattern(pattern: str) -> None:
    """Raises PatternError."""
    fields = _FIELD.findall(pattern)
    if "{" in _FIELD.sub("", pattern) or "}" in _FIELD.sub("", pattern):
        raise PatternError("a brace is open or closed that has no other")
    for field in fields:
        if field not in _NAMES and _SEQUENCE.fullmatch(field) is None:
            raise PatternError(f"no field {{{field}}}: one of {', '.join(sorted(_NAMES))}, seq, seq:1 to seq:9")
    sequences = [field for field in fields if _SEQUENCE.fullmatch(field)]
    if len(sequences) > 1:
        raise PatternError("a pattern has one sequence")
    if not sequences and "supplier" not in fields:
        raise PatternError("without {seq} or {supplier} the second lot would have the first one's number")


def render(pattern: str, facts: LotFacts) -> LotNumber:
    """Raises PatternError for a pattern that `check_pattern` refuses, and for an empty or too long number."""
    check_pattern(pattern)
    parts: list[str] = [""]
    digits = 0
    position = 0
    for match in _FIELD.finditer(pattern):
        parts[-1] += pattern[position : match.start()]
        position = match.end()
        sequence = _SEQUENCE.fullmatch(match.group(1))
        if sequence is None:
            parts[-1] += _value(match.group(1), facts)
        else:
            digits = int(sequence.group(1) or 1)
            parts.append("")
    parts[-1] += pattern[position:]
    number = LotNumber(parts[0], parts[1] if len(parts) > 1 else "", digits)
    if len(number.with_sequence(0)) > LENGTH_MAX:
        raise PatternError(f"the number would be longer than {LENGTH_MAX} characters")
    return number


def _value(name: str, facts: LotFacts) -> str:
    week = facts.day.isocalendar()
    match name:
        case "YYYY":
            return f"{facts.day.year:04d}"
        case "YY":
            return f"{facts.day.year % 100:02d}"
        case "MM":
            return f"{facts.day.month:02d}"
        case "DD":
            return f"{facts.day.day:02d}"
        case "DDD":
            return f"{facts.day.timetuple().tm_yday:03d}"
        case "WW":
            return f"{week.week:02d}"
        case _:
            value: str = getattr(facts, name)
            if not value:
                raise PatternError(f"the pattern wants {{{name}}}, and there is none")
            return value
