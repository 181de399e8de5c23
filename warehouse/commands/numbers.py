"""Numbers that a command can be about: finite, and of a size that exact arithmetic holds with room to spare.

What is none (NaN, 1e40) comes from other systems' mistakes; it is refused by its field before any rule looks at it.
"""

from decimal import Decimal

from warehouse.commands.command import fields_of

# At most so many digits before the point, and after it.
DIGITS_MAX = 15
DECIMALS_MAX = 12


def unusable_number(value: object, path: str = "") -> tuple[str, str] | None:
    """The first number in a command that cannot be used: the path of its field, and what is wrong."""
    if value is None or isinstance(value, str):
        return None
    if isinstance(value, Decimal):
        return _wrong(value, path)
    if isinstance(value, tuple):
        parts = [(str(n), part) for n, part in enumerate(value)]
    else:
        parts = [(name, getattr(value, name)) for name, _ in fields_of(type(value))]
    for name, part in parts:
        if part is None or type(part) is str:  # most fields are
            continue
        found = unusable_number(part, f"{path}.{name}" if path else name)
        if found is not None:
            return found
    return None


def _wrong(number: Decimal, path: str) -> tuple[str, str] | None:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        return path, f"{number} is no number"
    if number and number.adjusted() >= DIGITS_MAX:
        return path, f"more than {DIGITS_MAX} digits before the point"
    if number.normalize().as_tuple().exponent < -DECIMALS_MAX:  # type: ignore[operator]
        return path, f"more than {DECIMALS_MAX} digits after the point"
    return None
