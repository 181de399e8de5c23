"""One cell, cleaned: the value it stands for, what was changed on the way, and what is wrong with it.

What may change. Surrounding white space of any kind goes, control and zero-width characters go. Full-width ASCII
(U+FF01 to U+FF5E) and the ideographic space become ASCII in everything but free text, where they are ordinary Chinese
punctuation. Numbers, dates and units also get Unicode's compatibility form (NFKC: ㎏ is kg, ⑤ is 5); codes never do,
because it would make `A²` and `A2` one code. What could mean two things (`1.234,5`, `03/04/2026`, a code that a
spreadsheet turned into `1.23E+11`) is a problem, not a guess.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from warehouse.imports.template import Column, Kind
from warehouse.imports.unit_names import unit_code

CELL_LENGTH_MAX = 1_000
CODE_LENGTH_MAX = 128
QUANTITY_DIGITS_MAX = 15
QUANTITY_DECIMALS_MAX = 9

Value = str | Decimal | int | bool | date | None


class Changed(StrEnum):
    """What was done to a cell."""

    WHITE_SPACE = "white_space"
    CONTROL_CHARACTERS = "control_characters"
    FULL_WIDTH = "full_width"
    COMPATIBILITY = "compatibility_form"
    THOUSANDS = "thousands_separators"
    EXPONENT = "exponent"
    DATE_FORM = "date_form"
    WORD = "word"
    UNIT = "unit_name"
    NUMBER_CELL = "number_cell"
    ZEROS_RESTORED = "zeros_restored"


@dataclass(frozen=True, slots=True)
class NumberCell:
    """A numeric cell of a workbook, as text of its digits. `width` is how many digits its format shows (`00000`: 5)."""

    text: str
    width: int = 0


Cell = str | NumberCell | date | bool | None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell, and what to do."""

    code: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`warning` does not stop an import; `fault` does, and then there is no value."""

    value: Value
    text: str
    changed: tuple[Changed, ...] = ()
    warning: Fault | None = None
    fault: Fault | None = None


_CONTROL = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_EXPONENT = re.compile(r"[+-]?[0-9](\.[0-9]+)?[eE][+-]?[0-9]+")
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?|[+-]?\.[0-9]+")
_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{1,2})-([0-9]{1,2})|/([0-9]{1,2})/([0-9]{1,2})|\.([0-9]{1,2})\.([0-9]{1,2})"
    r"|年([0-9]{1,2})月([0-9]{1,2})日)"
)
_TIME_TAIL = re.compile(r"[T ]00:00(:00(\.0+)?)?$")
_SPREADSHEET_ERRORS = frozenset(
    ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA")
)
_FLAGS = {
    **dict.fromkeys(("true", "yes", "y", "1", "是", "对"), True),
    **dict.fromkeys(("false", "no", "n", "0", "否", "不"), False),
}


def clean(column: Column, cell: Cell) -> Cleaned:
    """The cell of a column. An empty cell of a required column is a fault, of another None."""
    text: str
    changed: tuple[Changed, ...] = ()
    if type(cell) is str and cell.isascii() and cell.isprintable() and len(cell) <= CODE_LENGTH_MAX:
        text = cell
        if cell and (cell[0] == " " or cell[-1] == " "):
            text, changed = cell.strip(), (Changed.WHITE_SPACE,)
    else:
        text, changed, fault = _text_of(column, cell)
        if fault is not None:
            return Cleaned(None, text, changed, fault=fault)
    if text in _SPREADSHEET_ERRORS:
        message = f"{text} is what a spreadsheet shows for a formula that failed"
        return Cleaned(
            None, text, changed, fault=Fault("spreadsheet_error", message, "correct the formula, or the cell")
        )
    if not text:
        if column.required:
            return Cleaned(None, "", changed, fault=Fault("missing", "the cell is empty", f"give the {column.name}"))
        return Cleaned(None, "", changed)
    return _BY_KIND[column.kind](column, cell, text, changed)


def _text_of(column: Column, cell: Cell) -> tuple[str, tuple[Changed, ...], Fault | None]:
    if cell is None:
        return "", (), None
    if isinstance(cell, bool):
        return ("true" if cell else "false"), (), None
    if isinstance(cell, date):  # a datetime too
        text = cell.isoformat()
        return (_TIME_TAIL.sub("", text) if isinstance(cell, datetime) else text), (), None
    if isinstance(cell, NumberCell):
        return cell.text, (), None
    if len(cell) > CELL_LENGTH_MAX:
        return cell[:40], (), Fault("too_long", f"{len(cell)} characters", f"shorten it to {CELL_LENGTH_MAX}")
    changed: list[Changed] = []
    text = _CONTROL.sub(" ", cell)
    if text != cell:
        changed.append(Changed.CONTROL_CHARACTERS)
    if column.kind is not Kind.TEXT:
        narrow = text.translate(_FULL_WIDTH)
        if narrow != text:
            changed.append(Changed.FULL_WIDTH)
            text = narrow
        if column.kind is not Kind.CODE:
            composed = unicodedata.normalize("NFKC", text)
            if composed != text:
                changed.append(Changed.COMPATIBILITY)
                text = composed
    stripped = text.strip()
    if stripped != text:
        changed.append(Changed.WHITE_SPACE)
    return stripped, tuple(changed), None


def _code(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    if isinstance(cell, NumberCell):
        return _code_from_number(column, cell, text)
    if len(text) > CODE_LENGTH_MAX:
        fault = Fault("too_long", f"{len(text)} characters", f"codes have at most {CODE_LENGTH_MAX}")
        return Cleaned(None, text, changed, fault=fault)
    warning = None
    if _EXPONENT.fullmatch(text) and ("e+" in text.lower()):
        fault = Fault(
            "code_destroyed",
            f"{text!r} is what a spreadsheet makes of a long number",
            "format the column as text in the source and export it again",
        )
        return Cleaned(None, text, changed, fault=fault)
    if not text.isascii() and unicodedata.normalize("NFKC", text) != unicodedata.normalize("NFC", text):
        warning = Fault("unusual_characters", f"{text!r} looks like another code", "see that scanners read it the same")
    return Cleaned(text, text, changed, warning)


def _code_from_number(column: Column, cell: NumberCell, text: str) -> Cleaned:
    digits = text.lstrip("-").replace(".", "")
    if len(digits) > QUANTITY_DIGITS_MAX or "." in text or "e" in text.lower():
        fault = Fault(
            "code_destroyed",
            "the cell is a number and spreadsheets keep 15 digits of one",
            "format the column as text and enter the code again",
        )
        return Cleaned(None, text, fault=fault)
    if cell.width > len(text) and text.isdigit():
        restored = text.zfill(cell.width)
        warning = Fault("zeros_restored", f"{text} is shown as {restored}", "format the column as text")
        return Cleaned(restored, text, (Changed.ZEROS_RESTORED,), warning)
    warning = Fault(
        "number_cell", "the cell is a number: leading zeros, had there been any, are gone", "format the column as text"
    )
    return Cleaned(text, text, (Changed.NUMBER_CELL,), warning)


def _free_text(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    return Cleaned(text, text, changed)


def _quantity(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    digits = text
    if _THOUSANDS.fullmatch(text):
        digits, changed = text.replace(",", ""), (*changed, Changed.THOUSANDS)
    elif _EXPONENT.fullmatch(text):
        if not isinstance(cell, NumberCell):
            changed = (*changed, Changed.EXPONENT)
    elif not _NUMBER.fullmatch(text):
        fault = Fault("not_a_number", f"{text!r} is no number", 'write digits and one ".", such as 1234.5')
        return Cleaned(None, text, changed, fault=fault)
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return Cleaned(None, text, changed, fault=Fault("not_a_number", f"{text!r} is no number", "write digits"))
    if value.adjusted() >= QUANTITY_DIGITS_MAX or -int(value.normalize().as_tuple().exponent) > QUANTITY_DECIMALS_MAX:
        fault = Fault("out_of_range", f"{text} has too many digits", "at most 15 before the point and 9 after it")
        return Cleaned(None, text, changed, fault=fault)
    return Cleaned(value, text, changed)


def _whole(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    found = _quantity(column, cell, text, changed)
    if found.fault is not None or not isinstance(found.value, Decimal):
        return found
    if found.value != int(found.value) or abs(found.value) >= 2**31:
        fault = Fault("not_whole", f"{text} is no whole number that fits", "write a whole number")
        return Cleaned(None, text, changed, fault=fault)
    return Cleaned(int(found.value), text, found.changed)


def _date(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    fault = Fault("not_a_date", f"{text!r} is no date that means one day", "write YYYY-MM-DD, such as 2026-03-01")
    if isinstance(cell, NumberCell) and len(text) != 8:
        fix = "give the column a date format in the spreadsheet, or write YYYY-MM-DD"
        fault = Fault("not_a_date", f"{text} is a number: a spreadsheet keeps days as such", fix)
        return Cleaned(None, text, changed, fault=fault)
    plain = _TIME_TAIL.sub("", text)
    match = _DATE.fullmatch(plain)
    if match:
        year, *parts = [int(part) for part in match.groups() if part is not None]
    elif len(plain) == 8 and plain.isascii() and plain.isdigit():
        year, parts = int(plain[:4]), [int(plain[4:6]), int(plain[6:])]
    else:
        return Cleaned(None, text, changed, fault=fault)
    try:
        value = date(year, parts[0], parts[1])
    except ValueError:
        return Cleaned(None, text, changed, fault=fault)
    if value.isoformat() != text:
        changed = (*changed, Changed.DATE_FORM)
    return Cleaned(value, text, changed)


def _flag(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    value = _FLAGS.get(text.lower())
    if value is None:
        fault = Fault("not_yes_or_no", f"{text!r} is neither yes nor no", "write yes or no (是 or 否)")
        return Cleaned(None, text, changed, fault=fault)
    return Cleaned(value, text, changed)


def _choice(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    value = column.choices.get(text.lower())
    if value is None:
        known = ", ".join(dict.fromkeys(column.choices.values()))
        return Cleaned(None, text, changed, fault=Fault("not_a_choice", f"{text!r} is not known", f"one of: {known}"))
    return Cleaned(value, text, changed if value == text else (*changed, Changed.WORD))


def _unit(column: Column, cell: Cell, text: str, changed: tuple[Changed, ...]) -> Cleaned:
    value = unit_code(text)
    return Cleaned(value, text, changed if value == text else (*changed, Changed.UNIT))


_BY_KIND: dict[Kind, Callable[[Column, Cell, str, tuple[Changed, ...]], Cleaned]] = {
    Kind.CODE: _code,
    Kind.TEXT: _free_text,
    Kind.QUANTITY: _quantity,
    Kind.WHOLE: _whole,
    Kind.DATE: _date,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.UNIT: _unit,
}
