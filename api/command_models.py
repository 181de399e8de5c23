"""Request bodies for the warehouse's commands, made from the commands themselves, with every text and list bounded.

The warehouse's dataclass is the one description of a command; here each field gets the JSON form a caller may send:
text without control characters, quantities as decimal text or whole numbers (a float has lost digits already), times
with their offset, tuples as lists of at most `LIST_MAX`. Unknown fields are refused.
"""

import dataclasses
import types
import typing
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from api.moments import Day, Moment
from warehouse.barcodes import LENGTH_MAX, ScannedText

LIST_MAX = 10_000

Text = Annotated[str, Field(max_length=256, pattern=r"^[^\u0000-\u001f\u007f]*$")]
Scan = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LENGTH_MAX,
        pattern=r"^[^\u0000-\u001c\u001e\u001f\u007f]+$",
        description="As the scanner sends it: with its symbology in front if it says it, FNC1 as U+001D.",
        examples=["]C10112345678901231\u001d10L-1"],
    ),
]
_LARGEST = 10**15 - 1


def _whole(value: Any) -> Any:
    """5.0 is an integer in JSON Schema (2020-12 validation, 6.1.1); JSON's true and text are not."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Quantity = (
    Annotated[int, Field(strict=True, ge=-_LARGEST, le=_LARGEST), BeforeValidator(_whole)]
    | Annotated[str, Field(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$", examples=["12.5"])]
)
SmallInteger = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1), BeforeValidator(_whole)]

_SIMPLE: dict[Any, Any] = {
    str: Text,
    ScannedText: Scan,
    Decimal: Quantity,
    datetime: Moment,
    int: SmallInteger,
    bool: Annotated[bool, Field(strict=True)],
    date: Day,
    UUID: UUID,
}

CommandT = TypeVar("CommandT")


def body_model(command: type, example: dict[str, Any]) -> type[BaseModel]:
    """The pydantic model of a command's body, documented with one example."""
    return _model(command, ConfigDict(extra="forbid", json_schema_extra={"examples": [example]}))


def to_command(command: type[CommandT], body: BaseModel) -> CommandT:
    """The command a checked body stands for."""
    plain = body.model_dump(mode="json")
    return msgspec.convert(_as_text(plain, command), type=command)


def _model(dataclass_type: type, config: ConfigDict) -> type[BaseModel]:
    hints = typing.get_type_hints(dataclass_type)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(dataclass_type):
        default = ... if field.default is dataclasses.MISSING else _plain_default(field.default)
        fields[field.name] = (_body_type(hints[field.name]), default)
    model: type[BaseModel] = create_model(
        dataclass_type.__name__, __config__=config, __doc__=_written_doc(dataclass_type), **fields
    )
    return model


def _written_doc(dataclass_type: type) -> str:
    """Its docstring, unless it is the signature that `dataclass` puts where none was written."""
    doc = dataclass_type.__doc__ or ""
    return "" if doc.startswith(f"{dataclass_type.__name__}(") else doc


def _plain_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _body_type(annotation: Any) -> Any:
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple:
        return Annotated[list[_body_type(arguments[0])], Field(max_length=LIST_MAX)]  # type: ignore[misc]
    if origin in (types.UnionType, typing.Union):
        inner = [argument for argument in arguments if argument is not type(None)]
        assert len(inner) == 1, f"only optional unions: {annotation}"
        return _body_type(inner[0]) | None
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return annotation
    assert dataclasses.is_dataclass(annotation), f"no body form for {annotation}"
    return _model(typing.cast(type, annotation), ConfigDict(extra="forbid"))


def _as_text(value: Any, annotation: Any) -> Any:
    """Whole numbers of decimal fields become text, which msgspec reads as Decimal exactly."""
    if dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation)
        return {name: _as_text(inner, hints[name]) for name, inner in value.items()}
    arguments = typing.get_args(annotation)
    if isinstance(value, list):
        return [_as_text(inner, arguments[0]) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and Decimal in (annotation, *arguments):
        return str(value)
    return value
