"""What every command is, how it is written down, and the two kinds of answer.

Each is executed once per (source, client_event_id): the same command again gets the stored answer, another under the
same id is refused. A refusal has a code, the field it is about and a message.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from warehouse.commands.permission import NO_RIGHTS, Permission, Rights


@dataclass(frozen=True, slots=True)
class Command:
    """Asks the warehouse for one thing. `NEEDS` is the right its actor must have.

    `NEEDS_FOR` are rights needed beside it where a field of that name is set, `PLACES` the fields that hold codes of
    places; both hold for every command that has such a field.
    """

    NEEDS: ClassVar[Permission]
    NEEDS_FOR: ClassVar[Mapping[str, Permission]] = {"force": Permission.FORCE, "approve": Permission.APPROVE}
    PLACES: ClassVar[tuple[str, ...]] = ("location", "locations", "source", "sources", "target", "parent")


class RefusalCode(StrEnum):
    """Why a command is refused; the ledger's own reasons (`warehouse.ledger.LedgerRefusal`) come as they are."""

    REQUEST_ID_REUSED = "request_id_reused"
    FORBIDDEN = "forbidden"
    EXISTS = "exists"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    WRONG_STATE = "wrong_state"
    OLDER_VERSION = "older_version"
    DATED_AHEAD = "dated_ahead"
    OVER = "over"
    OWN_REQUEST = "own_request"
    NEEDS_APPROVAL = "needs_approval"
    COUNT_CONFLICT = "count_conflict"
    RECOUNT_NEEDED = "recount_needed"
    BEYOND_TOLERANCE = "beyond_tolerance"
    WRONG_GOODS = "wrong_goods"
    NO_ROOM = "no_room"
    OVERTAKEN = "overtaken"
    NOT_YOURS = "not_yours"
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command refused. `field` is the path of the command's field, such as `lines.0.item`; empty for the whole."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """A command done. `repeated`: it was done before and this is the stored answer."""

    request_id: UUID
    response: dict[str, Any]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person, device or system by name, with which device, and what it may do: nothing unless it is said.

    Rights only refuse (`forbidden`); they never change what a command does.
    """

    name: str
    device: str = ""
    rights: Rights = NO_RIGHTS


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit log keeps of a command's effect."""

    before: dict[str, Any] | None = None
    after: dict[str, Any] = field(default_factory=dict)


# `dataclasses.fields` looks anew each time. One entry a class.
_FIELDS: dict[type, tuple[tuple[str, Any], ...]] = {}


def fields_of(kind: type) -> tuple[tuple[str, Any], ...]:
    """Names and defaults of a dataclass's fields; of what is no dataclass, none."""
    known = _FIELDS.get(kind)
    if known is None:
        known = tuple((at.name, at.default) for at in fields(kind)) if is_dataclass(kind) else ()
        _FIELDS[kind] = known
    return known


def encode(command: Command) -> dict[str, Any]:
    """The command as JSON-able values, quantities normalised (5 and 5.0 are the same command)."""
    return {name: _encoded(getattr(command, name)) for name, _ in fields_of(type(command))}


def _encoded(value: Any) -> Any:
    if value is None or type(value) is str or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Decimal):
        return _plain(value)
    if isinstance(value, tuple | list):
        return [_encoded(inner) for inner in value]
    if is_dataclass(value):
        return {name: _encoded(getattr(value, name)) for name, _ in fields_of(type(value))}
    if isinstance(value, Mapping):
        return {str(key): _encoded(inner) for key, inner in value.items()}
    return _plain(value)


def digest(command: Command) -> str:
    """Of what was said: a field that a later version adds, and leaves at its default, changes nothing."""
    text = _DIGESTED.encode([type(command).__name__, _said(command)])
    return hashlib.sha256(text.encode()).hexdigest()


def _said(value: Any) -> Any:
    """The fields of a dataclass that are not at their defaults, in it and in all it holds."""
    if value is None or isinstance(value, str | Decimal):
        return value
    if is_dataclass(value):
        return {
            name: _said(said)
            for name, default in fields_of(type(value))
            if (said := getattr(value, name)) != default or default is MISSING
        }
    return [_said(inner) for inner in value] if isinstance(value, tuple) else value


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


_DIGESTED = json.JSONEncoder(sort_keys=True, default=_plain)
