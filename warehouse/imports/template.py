"""What a template is: named columns, each with a kind that says how its cells are cleaned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds. Codes are kept as they are written; only full-width ASCII becomes ASCII in them."""

    CODE = "code"
    TEXT = "text"
    QUANTITY = "quantity"
    WHOLE = "whole number"
    DATE = "date"
    FLAG = "yes or no"
    CHOICE = "choice"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Column:
    """`other_names` are headers that mean the same. `choices` maps every accepted word to its value."""

    name: str
    kind: Kind
    meaning: str
    example: str = ""
    required: bool = False
    other_names: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """`key` are the columns that name a row: no two rows of a file may agree in them. Empty: rows may repeat."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
